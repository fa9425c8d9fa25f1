"""The catalogue: one JSON file a category."""
