"""What a track has found, written so that every number is a citation; and what the next gain will cost."""
