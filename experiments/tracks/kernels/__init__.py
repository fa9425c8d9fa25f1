"""kernels: how fast can five standard kernels be, at equal correctness, on one thread of this machine?

A candidate is a program that defines some of `softmax`, `layer_norm`, `cumsum`, `matmul_gelu`, `topk`; the
others count as the reference. The metric is the mean over the five tasks of log2 of the speed-up over eager
torch, so 0 is the reference and 1 means twice as fast throughout. docs/tracks/kernels.md says how it is
measured and what it does not show.
"""

from __future__ import annotations

from typing import Final

from leaderboard.manifest import TrackManifest

from ...recipe import Recipe
from ...space import Space
from ...track import Track
from .baseline import baseline

__all__ = ["SPACE", "track"]

SPACE: Final = Space(settings=(), slots=(), programs=True)


def track() -> Track:
    """The track; imports no torch."""
    reference = Recipe.complete(SPACE, {}, {})
    manifest = TrackManifest(
        name="kernels",
        version=1,
        question="How fast can standard kernels be made at equal correctness?",
        metric="mean log2 speed-up over eager torch, one thread",
        direction="max",
        data=baseline().id,
        budget={"tasks": 5, "threads": 1},
        reference=reference.to_payload(),
        space=SPACE.describe(),
        tolerance="D3",
        delta_min=0.02,
        effect_bound=4.0,
        author_seeds=8,
        replicator_seeds=8,
        evaluator=3,
    )
    return Track(
        manifest=manifest,
        space=SPACE,
        reference=reference,
        runner="experiments.tracks.kernels.runner",
        examiner="experiments.tracks.kernels.examiner",
    )
