"""The built-in tracks, one folder each; `experiments.track` finds them by name."""
