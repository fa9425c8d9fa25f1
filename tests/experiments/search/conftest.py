"""A track that costs nothing: a hidden law in two variables decides, without any training."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np
import pytest

from experiments.expr import ExprError, parse
from experiments.recipe import Recipe
from experiments.search.proposer import Trial
from experiments.space import FloatRange, Setting, Slot, Space, Switch
from experiments.track import Track
from leaderboard.ids import ContentId
from leaderboard.manifest import TrackManifest

POINTS = tuple((float(a), float(b)) for a in (3, 10, 40, 100) for b in (2, 7, 30))


def _space() -> Space:
    law = Slot("law", ("a", "b"), "a scale", low=1e-4, high=1e3, points=POINTS)
    shape = Slot("shape", ("x",), "a function", searched=False)
    rate = Setting("rate", FloatRange(0.001, 1.0, log=True), "a rate", searched=False)
    return Space((rate, Setting("flag", Switch(), "a flag", searched=False)), (law, shape))


@pytest.fixture(scope="session")
def track() -> Track:
    space = _space()
    reference = Recipe.complete(space, {"rate": 0.1, "flag": False}, {"law": "0.001", "shape": "x"})
    manifest = TrackManifest(
        name="hidden-law",
        version=1,
        question="Which law is hidden?",
        metric="distance",
        direction="min",
        data=bytes(32),
        budget={"samples": 1},
        reference=reference.to_payload(),
        space=space.describe(),
        tolerance="D0",
        delta_min=0.01,
        effect_bound=2.0,
        author_seeds=4,
        replicator_seeds=4,
        evaluator=1,
    )
    return Track(manifest, space, reference, "none", "none")


@pytest.fixture
def recipe(track: Track) -> Callable[..., Recipe]:
    """A recipe from the text of its law and, if wanted, settings."""

    def make(law: str, **settings: object) -> Recipe:
        return Recipe.from_payload({"slots": {"law": law}, "settings": settings}, track)

    return make


@pytest.fixture
def trial() -> Callable[..., Trial]:
    """A trial of a recipe under a claim that its id decides."""

    def make(recipe: Recipe, effect: float | None, **more: object) -> Trial:
        claim = ContentId(hashlib.sha256(recipe.id).digest())
        return Trial(recipe, effect, claim, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def landscape() -> Callable[[Recipe], float | None]:
    """The effect of a recipe: 2 at the hidden law 3*a/b, nothing far below it, divergence far above."""
    target = np.log(np.array([3 * a / b for a, b in POINTS]))

    def effect(recipe: Recipe) -> float | None:
        law = parse(recipe.slot("law"), ("a", "b"))
        try:
            values = [law.evaluate({"a": a, "b": b}) for a, b in POINTS]
        except ExprError:
            return None
        if min(values) <= 0:
            return None
        gap = np.log(values) - target
        if gap.mean() > 1.0:
            return None
        distance = math.sqrt(float(gap.var()) + 4 * float(gap.mean()) ** 2)
        return max(0.0, 2.0 * math.exp(-(distance**2)) - 0.05)

    return effect
