"""Which part can a piece of foreign code play?  Each role runs it as such and hands it to its probe."""
