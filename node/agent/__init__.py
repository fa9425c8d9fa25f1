"""The research agent: proposes, measures, replicates, checks for novelty; its device is never idle."""
