"""The text channel: what a claim says, against what the catalogue's descriptions say."""
