"""The tracks that this node's configuration names, as they are installed on this machine."""

from __future__ import annotations

import sys

from experiments.track import Track, installed_tracks, load_track

from .config import Config

__all__ = ["configured_tracks"]


def configured_tracks(config: Config) -> list[Track]:
    """Tracks to work on. A missing one is an error for a researcher; an observer only shows boards."""
    for folder in map(str, config.track_folders()):
        if folder not in sys.path:
            sys.path.append(folder)
    names = config.agent.tracks
    if not config.agent.enabled:
        names = tuple(name for name in names if name in installed_tracks())
    return [load_track(name) for name in names]
