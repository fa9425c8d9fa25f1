"""Numeric optimisers turn the dials of the space, remember through the briefing, and get better."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import pytest

from experiments.expr import parse
from experiments.recipe import Recipe
from experiments.search.dials import Dials
from experiments.search.numeric import CmaEs, Numeric, Tpe, TpeSettings
from experiments.search.proposer import Briefing, Trial
from experiments.search.refine import Refine
from experiments.track import Track

Make = Callable[..., Recipe]
MakeTrial = Callable[..., Trial]


def test_dials_read_what_they_write(track: Track) -> None:
    dials = Dials(track, ("law", "rate", "flag"))
    keys = {dial.key for dial in dials.all}
    assert keys == {"setting:rate", "setting:flag", "slot:law:scale", "slot:law:a", "slot:law:b"}
    values = {
        "setting:rate": 0.02,
        "setting:flag": True,
        "slot:law:scale": 3.0,
        "slot:law:a": 0.5,
        "slot:law:b": -1.0,
    }
    written = dials.write(values, track.reference)
    assert written is not None
    assert dials.read(written) == pytest.approx(values, rel=1e-3)


@pytest.mark.parametrize("text", ["a + b", "-a", "1/(a - 3)", "exp(a)"])
def test_behaviours_outside_of_the_family_are_not_read(track: Track, recipe: Make, text: str) -> None:
    assert Dials(track, ("law",)).read(recipe(text)) is None


@pytest.mark.parametrize("text", ["3*a/b", "sqrt(9*a*a)/b", "exp(log(a) - log(b))*3"])
def test_a_law_is_recognised_by_what_it_does(track: Track, recipe: Make, text: str) -> None:
    values = Dials(track, ("law",)).read(recipe(text))
    assert values is not None
    assert (values["slot:law:a"], values["slot:law:b"]) == pytest.approx((1.0, -1.0))


def test_a_law_out_of_range_is_not_written(track: Track) -> None:
    dials = Dials(track, ("law",))
    values = {"slot:law:scale": 900.0, "slot:law:a": 2.0, "slot:law:b": 2.0}
    assert dials.write(values, track.reference) is None


@pytest.mark.parametrize("proposer", [Tpe, CmaEs], ids=lambda p: p.name)
def test_they_get_better(
    proposer: Numeric, track: Track, landscape: Callable[[Recipe], float | None], trial: MakeTrial
) -> None:
    history: list[Trial] = []
    rng = random.Random(7)
    for _ in range(60):
        proposal = proposer.choose(Briefing(track, tuple(history)), rng)
        assert proposal is not None
        history.append(trial(proposal.recipe, landscape(proposal.recipe)))
    first, last = (statistics.fmean(t.effect or 0.0 for t in part) for part in (history[:20], history[-20:]))
    assert last > first
    assert len({t.recipe.id for t in history}) == 60


def test_they_are_pure_in_the_briefing(track: Track, recipe: Make, trial: MakeTrial) -> None:
    history = tuple(trial(recipe(f"{n}*a/b"), 1 / n) for n in range(1, 15))
    for proposer in (Tpe, CmaEs, Refine()):
        one, two = (proposer.choose(Briefing(track, history), random.Random(3)) for _ in range(2))
        assert one is not None
        assert one == two


def test_settings_alone_keep_the_best_law(track: Track, recipe: Make, trial: MakeTrial) -> None:
    best = trial(recipe("2*a/b"), 1.5)
    briefing = Briefing(track, (trial(recipe("a"), 0.1), best), slots=("law", "rate", "flag"))
    proposal = TpeSettings.choose(briefing, random.Random(1))
    assert proposal is not None
    assert proposal.recipe.slots == best.recipe.slots
    assert proposal.recipe.settings != best.recipe.settings
    assert proposal.parents == (best.claim,)
    assert TpeSettings.choose(Briefing(track), random.Random(1)) is None  # no setting is searched by default


def test_refinement_changes_numbers_only_and_keeps_two_digits(
    track: Track, recipe: Make, trial: MakeTrial
) -> None:
    best = trial(recipe("2.7*a**0.8/b"), 1.2, seeds=4)
    seen = set()
    for seed in range(6):
        proposal = Refine().choose(Briefing(track, (best, trial(recipe("a"), 0.3))), random.Random(seed))
        assert proposal is not None
        if proposal.parents == (best.claim,):
            law = proposal.recipe.slot("law")
            seen.add(law)
            assert {"a", "b"} == parse(law, ("a", "b")).variables
            numbers = [part for part in law.replace("*", " ").replace("/", " ").split() if part[0].isdigit()]
            assert all(len(number.replace(".", "").strip("0")) <= 2 for number in numbers)
    assert len(seen) > 1


def test_refinement_closes_in_on_better_numbers(track: Track, recipe: Make, trial: MakeTrial) -> None:
    def effect(candidate: Recipe) -> float:
        scale = parse(candidate.slot("law"), ("a", "b")).evaluate({"a": 1.0, "b": 1.0})
        return 2.0 - abs(math.log(scale / 7.0))

    start = recipe("20*a/b")
    history = [trial(start, effect(start))]
    rng = random.Random(2)
    for _ in range(25):
        proposal = Refine().choose(Briefing(track, tuple(history)), rng)
        if proposal is None:
            break  # all numbers of two digits around here were tried
        history.append(trial(proposal.recipe, effect(proposal.recipe)))
    assert max(t.effect or 0.0 for t in history) > (history[0].effect or 0.0) + 0.5


def test_nothing_to_refine_is_no_proposal(track: Track, recipe: Make, trial: MakeTrial) -> None:
    assert Refine().choose(Briefing(track), random.Random(1)) is None
    assert Refine().choose(Briefing(track, (trial(recipe("a"), 1.0),)), random.Random(1)) is None
