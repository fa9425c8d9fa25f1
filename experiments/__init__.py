"""How something becomes known: tracks, the harness that measures, search, and the novelty checker."""
