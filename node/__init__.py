"""The daemon and what people touch: it composes gossip, experiments and the leaderboard."""
