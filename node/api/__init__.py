"""The daemon's HTTP face: ports (what it asks of the node), app (routes), server (sockets, limits)."""
