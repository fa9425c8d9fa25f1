"""A swarm of any size in one process, seeded: the same protocol machines over a heap of events."""
