"""`make demo`: a real swarm on this machine, from nothing to a board that five nodes agree on."""
