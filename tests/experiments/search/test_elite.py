"""Drawing from the elite: within the domains, where the best lie, and better for being shared."""

from __future__ import annotations

import hashlib
import itertools
import math
import random
import statistics
from collections import Counter

import pytest

from experiments.recipe import Recipe
from experiments.search.dials import Dial
from experiments.search.elite import Elite, ask_elite
from experiments.search.proposer import Briefing, Trial
from experiments.space import Choice, FloatRange, IntRange, Scalar, Setting, Space, Switch
from experiments.track import Track
from leaderboard.ids import ContentId
from leaderboard.manifest import TrackManifest

DIALS = (
    Dial("x", FloatRange(0.0, 1.0)),
    Dial("lr", FloatRange(1e-5, 1.0, log=True)),
    Dial("width", IntRange(1, 64, log=True)),
    Dial("kind", Choice(("a", "b", "c"))),
    Dial("tied", Switch()),
)
Values = dict[str, Scalar]


def draws(told: list[tuple[Values, float]], count: int, seed: int = 1) -> list[Values]:
    return list(itertools.islice(ask_elite(DIALS, told, random.Random(seed)), count))


def good(x: float) -> Values:
    return {"x": x, "lr": 1e-3, "width": 8, "kind": "b", "tied": True}


def bad(x: float) -> Values:
    return {"x": x, "lr": 1.0, "width": 64, "kind": "c", "tied": False}


@pytest.mark.parametrize("told", [[], [(good(0.5), 1.0)] * 7, [(good(0.0), 1.0)] * 9, [(bad(1.0), -9.0)] * 9])
def test_every_draw_is_in_its_domain(told: list[tuple[Values, float]]) -> None:
    for values in draws(told, 200):
        assert 0.0 <= float(values["x"]) <= 1.0
        assert 1e-5 <= float(values["lr"]) <= 1.0
        assert values["width"] in range(1, 65)
        assert values["kind"] in ("a", "b", "c")
        assert isinstance(values["tied"], bool)


def test_without_an_elite_it_looks_everywhere() -> None:
    xs = [float(values["x"]) for values in draws([(good(0.5), 1.0)] * 7, 300)]
    assert min(xs) < 0.05
    assert max(xs) > 0.95


def test_with_one_it_looks_where_the_best_are_and_sometimes_elsewhere() -> None:
    told = [(good(0.3 + n / 100), 1.0) for n in range(8)] + [(bad(n / 20), -1.0) for n in range(20)]
    found = draws(told, 400)
    assert statistics.fmean(float(values["x"]) for values in found) == pytest.approx(0.33, abs=0.03)
    assert statistics.median(float(values["lr"]) for values in found) == pytest.approx(1e-3, rel=0.1)
    kinds = Counter(values["kind"] for values in found)
    assert kinds["b"] > 350
    assert kinds["a"] > 0  # which nobody has tried yet


def test_half_of_the_draws_follow_how_the_best_hang_together() -> None:
    """Two numbers that go together in the elite go together in most draws, but not in all."""
    dials = (Dial("x", FloatRange(0.0, 1.0)), Dial("y", FloatRange(0.0, 1.0)))
    told = [({"x": at, "y": at}, 1.0) for at in (0.35, 0.4, 0.45, 0.5, 0.5, 0.55, 0.6, 0.65)]
    found = list(itertools.islice(ask_elite(dials, told, random.Random(3)), 800))
    xs, ys = ([float(values[key]) for values in found] for key in "xy")
    assert 0.2 < statistics.correlation(xs, ys) < 0.6


SPACE = Space(tuple(Setting(f"x{n}", FloatRange(0.0, 1.0), "") for n in range(4)), ())
REFERENCE = Recipe.complete(SPACE, {setting.name: 0.5 for setting in SPACE.settings}, {})
MANIFEST = TrackManifest(
    name="hill", version=1, question="?", metric="m", direction="max", data=bytes(32), budget={},
    reference=REFERENCE.to_payload(), space=SPACE.describe(), tolerance="D0", delta_min=0.001,
    effect_bound=1.0, author_seeds=1, replicator_seeds=1, evaluator=1,
)  # fmt: skip
TRACK = Track(MANIFEST, SPACE, REFERENCE, "none", "none")


def height(recipe: Recipe) -> float:
    return math.exp(-sum((recipe.number(f"x{n}") - 0.2 - 0.15 * n) ** 2 for n in range(4)) / 0.05)


def rounds_to_the_top(agents: int, seed: int) -> int:
    """Rounds until somebody is near the top, each agent with its own history and the best eight of all."""
    minds = [random.Random(seed * 100 + n) for n in range(agents)]
    histories: list[list[Trial]] = [[] for _ in minds]
    pool: list[Trial] = []
    for rounds in range(1, 500):
        for chance, history in zip(minds, histories, strict=True):
            proposal = Elite.choose(Briefing(TRACK, tuple(history), tuple(pool)), chance)
            assert proposal is not None
            effect = height(proposal.recipe)
            claim = ContentId(hashlib.sha256(proposal.recipe.id).digest())
            history.append(Trial(proposal.recipe, effect, claim))
        everything = [trial for history in histories for trial in history]
        pool = sorted(everything, key=lambda trial: -(trial.effect or 0.0))[:8]
        if (pool[0].effect or 0.0) > 0.9:
            return rounds
    return 500


def test_four_that_share_need_a_fraction_of_the_rounds_of_one() -> None:
    alone = statistics.fmean(rounds_to_the_top(1, seed) for seed in range(3))
    together = statistics.fmean(rounds_to_the_top(4, seed) for seed in range(3))
    assert alone < 120  # random draws need thousands
    assert together < alone / 2
