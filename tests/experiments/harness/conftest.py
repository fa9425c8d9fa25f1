"""A track whose runner behaves as its recipe says."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.recipe import Recipe
from experiments.space import Choice, FloatRange, Setting, Space
from experiments.track import Track
from leaderboard.manifest import TrackManifest

CONDUCTS = (
    *("sums", "wobbles", "counts", "raises", "exits", "hangs", "floods", "diverges", "peeks"),
    *("wrong_shape", "wrong_type", "wrong_name", "objects", "nothing"),
    *("huge_frame", "garbage", "odd_progress", "swells"),
)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's own folder of tracks, importable in this process as in workers."""
    path = Path(__file__).parent / "folder"
    monkeypatch.syspath_prepend(path)
    return path


@pytest.fixture
def drill() -> Track:
    space = Space(
        (
            Setting("conduct", Choice(CONDUCTS), "what the runner does"),
            Setting("shift", FloatRange(-10, 10), "added to the answer"),
        ),
        (),
    )
    reference = Recipe.complete(space, {"conduct": "sums", "shift": 0.0}, {})
    manifest = TrackManifest(
        name="drill",
        version=1,
        question="Does the harness hold?",
        metric="mean",
        direction="min",
        data=bytes(32),
        budget={"steps": 1},
        reference=reference.to_payload(),
        space=space.describe(),
        tolerance="D0",
        delta_min=0.0,
        effect_bound=1.0,
        author_seeds=4,
        replicator_seeds=4,
        evaluator=1,
    )
    return Track(manifest, space, reference, "drill_runner", "drill_examiner")


@pytest.fixture
def behaving(drill: Track):
    """A recipe for each conduct."""

    def recipe(conduct: str, shift: float = 0.0) -> Recipe:
        return Recipe.from_payload({"settings": {"conduct": conduct, "shift": shift}}, drill)

    return recipe
