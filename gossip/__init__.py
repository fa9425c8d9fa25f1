"""How knowledge travels: pure protocol in `proto`, libp2p in `net`, a seeded simulator in `sim`."""
