"""The libp2p edge: everything that touches py-libp2p, its sockets and its faults lives here."""
