"""A track as this machine has it installed: manifest, space, reference recipe, and who runs and judges it.

Loading a track imports neither torch nor any data. The two parts that do work are named, not imported:

- `runner` is a module that worker processes import. It turns a recipe, a seed and arrays into arrays and
  never sees a held-out label (`experiments.harness.worker` says what it must define).
- `examiner` is a module that the parent imports when a trial starts: it owns data, split, labels and metric
  (`experiments.harness.exam` says what it must define).

Third parties add tracks through the entry point group `consilience.tracks`: each entry point names a
function without arguments that returns a `Track`. Built-in names win over installed ones, so a package cannot
put itself in the place of a track that others know.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import entry_points
from typing import Any, Final

from leaderboard.errors import LocalError
from leaderboard.ids import TrackId
from leaderboard.manifest import TrackManifest

from .data import corpora
from .recipe import Recipe
from .space import Space, nearest

__all__ = ["ENTRY_POINT_GROUP", "Track", "installed_tracks", "load_track"]

ENTRY_POINT_GROUP: Final = "consilience.tracks"

# Where each built-in track's function is; imported only when asked for.
_BUILT_IN: Final = {
    "byte-lm": "experiments.tracks.byte_lm:track",
    "byte-lm-gpu": "experiments.tracks.byte_lm:gpu_track",
    "deep-mlp": "experiments.tracks.deep_mlp:track",
    "kernels": "experiments.tracks.kernels:track",
}
# Tracks that run on a text of this machine are called NAME:TEXT; where the functions for them are.
_ON_TEXTS: Final = {
    "byte-lm": "experiments.tracks.byte_lm:corpus_track",
    "byte-lm-gpu": "experiments.tracks.byte_lm:gpu_corpus_track",
}


@dataclass(frozen=True, slots=True)
class Track:
    """An installed track."""

    manifest: TrackManifest
    space: Space
    reference: Recipe
    runner: str
    """Module that workers import."""
    examiner: str
    """Module that the parent imports when a trial starts, or MODULE:ARGUMENT; see `harness.exam`."""
    runs_on: tuple[str, ...] = ("cpu",)
    """Kinds of device that its runner computes on: `cpu`, `cuda` (`harness.kinds`)."""
    limit_s: float = 60.0
    """Wall seconds after which a trial is hung and is killed: generous, many times what one takes."""

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def id(self) -> TrackId:
        """Hash of the manifest."""
        return self.manifest.id


def installed_tracks() -> tuple[str, ...]:
    """Names of the tracks that this machine can run, sorted; imports none of them."""
    texts = (f"{name}:{corpus.name}" for corpus in corpora() for name in _ON_TEXTS)
    return tuple(
        sorted({*_BUILT_IN, *texts, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP))})
    )


@cache
def load_track(name: str) -> Track:
    """The installed track of that name; LocalError names the nearest one if there is none."""
    track = _maker(name)()
    if not isinstance(track, Track) or track.name != name:
        raise LocalError(f"the package that installs the track {name!r} does not return it; remove it")
    return track


def _maker(name: str) -> Callable[[], object]:
    family, _, text = name.partition(":")
    if name in _BUILT_IN:
        found: object = _named(_BUILT_IN[name])
    elif text and family in _ON_TEXTS:
        found = partial(_named(_ON_TEXTS[family]), text)
    else:
        points = tuple(entry_points(group=ENTRY_POINT_GROUP, name=name))
        if not points:
            raise LocalError(f"the track {name[:64]!r} is not installed; {nearest(name, installed_tracks())}")
        found = points[0].load()
    if not callable(found):
        raise LocalError(f"the package that installs the track {name!r} names no function for it; remove it")
    return found


def _named(place: str) -> Any:
    """The function at MODULE:NAME."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
