"""The embedded researcher: pure in its briefing, never repeats, keeps away, finds what is hidden."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from experiments.recipe import Recipe
from experiments.search.baselines import Greedy, RandomSearch
from experiments.search.candidates import Workshop
from experiments.search.evolution import Evolution
from experiments.search.proposer import Briefing, Trial
from experiments.track import Track, load_track

Make = Callable[..., Recipe]
MakeTrial = Callable[..., Trial]
Landscape = Callable[[Recipe], float | None]
Searcher = Evolution | Greedy | RandomSearch


def run(
    searcher: Searcher, track: Track, landscape: Landscape, trial: MakeTrial, seed: int, steps: int
) -> list[Trial]:
    history: list[Trial] = []
    rng = random.Random(seed)
    for _ in range(steps):
        proposal = searcher.choose(Briefing(track, tuple(history)), rng)
        assert proposal is not None
        effect = landscape(proposal.recipe)
        history.append(trial(proposal.recipe, effect, proposer=proposal.proposer))
    return history


def test_the_same_briefing_and_draw_give_the_same_proposal(
    track: Track, recipe: Make, trial: MakeTrial
) -> None:
    history = (trial(recipe("a/b"), 0.8), trial(recipe("7*a"), None), trial(recipe("0.1"), 0.0))
    first, second = (Evolution().choose(Briefing(track, history), random.Random(5)) for _ in range(2))
    assert first is not None
    assert first == second


@pytest.mark.parametrize("searcher", [Evolution(), Greedy(), RandomSearch()], ids=lambda s: s.name)
def test_nothing_is_proposed_twice_even_in_another_spelling(
    searcher: Searcher, track: Track, landscape: Landscape, trial: MakeTrial
) -> None:
    history = run(searcher, track, landscape, trial, seed=3, steps=25)
    assert len({t.recipe.id for t in history}) == 25


def test_what_behaves_like_a_known_recipe_is_known(track: Track, recipe: Make, trial: MakeTrial) -> None:
    plain = Evolution().choose(Briefing(track), random.Random(2))
    assert plain is not None
    other_spelling = recipe(f"exp(log({plain.recipe.slot('law')}))")
    assert other_spelling.id != plain.recipe.id
    for briefing in (
        Briefing(track, (trial(other_spelling, 0.0),)),
        Briefing(track, open_claims=(other_spelling,)),
        Briefing(track, taken=frozenset({plain.recipe.id})),
    ):
        again = Evolution().choose(briefing, random.Random(2))
        assert again is not None
        assert again.recipe.slot("law") != plain.recipe.slot("law")


@pytest.mark.parametrize("searcher", [Evolution(), Greedy(), RandomSearch()], ids=lambda s: s.name)
def test_recipes_with_programs_are_nobodys_raw_material(searcher: Searcher, trial: MakeTrial) -> None:
    track = load_track("deep-mlp")
    plain = track.reference
    coded = Recipe.complete(track.space, dict(plain.settings), dict(plain.slots), bytes(32))
    briefing = Briefing(track, (trial(plain, 0.5), trial(coded, 5.0)))
    for seed in range(6):
        proposal = searcher.choose(briefing, random.Random(seed))
        assert proposal is not None
        assert proposal.recipe.program is None


@pytest.mark.slow
def test_evolution_finds_the_hidden_law(track: Track, landscape: Landscape, trial: MakeTrial) -> None:
    found = []
    for seed in range(3):
        history = run(Evolution(), track, landscape, trial, seed=seed, steps=30)
        found.append(max(t.effect or 0.0 for t in history))
    assert sorted(found)[1] > 1.8


def test_the_confirmed_pool_of_peers_steers(track: Track, recipe: Make, trial: MakeTrial) -> None:
    good = trial(recipe("2*a/b"), 1.6, own=False, standing="confirmed", seeds=8)
    own = trial(recipe("a + b"), 0.4)
    workshop = Workshop(Briefing(track, (own,), pool=(good,)))
    assert [known.trial for known in workshop.parents] == [good, own]
    lineages = {candidate.parents for candidate in workshop.mutants(0, 200, random.Random(1))}
    assert {(good.claim,), (own.claim,), (good.claim, own.claim), (own.claim, good.claim)} <= lineages
    assert {claim for c in workshop.scaled(0, 50, random.Random(1)) for claim in c.parents} >= {good.claim}


def test_a_share_of_the_mutants_begins_with_the_reference(
    track: Track, recipe: Make, trial: MakeTrial
) -> None:
    blank = Workshop(Briefing(track))
    assert list(blank.mutants(0, 50, random.Random(1))) == []
    assert len(list(blank.mutants(0, 50, random.Random(1), 0.2))) > 20
    workshop = Workshop(Briefing(track, (trial(recipe("2*a/b"), 1.6),)))
    changed = [c for c in workshop.mutants(0, 400, random.Random(1), 0.2) if c.origin.endswith("reference")]
    assert 40 < len(changed) < 120
    assert all(c.parents == () and c.complexity <= 3.0 for c in changed)  # nothing of the trial is in them


def test_odd_recipes_of_peers_do_no_harm(track: Track, recipe: Make, trial: MakeTrial) -> None:
    odd = [trial(recipe(text), 1.0, own=False) for text in ("-a", "1/(a - 3)", "log(a - 50)", "0", "1e300*a")]
    proposal = Evolution().choose(Briefing(track, pool=tuple(odd)), random.Random(1))
    assert proposal is not None


def test_several_slots_change_one_at_a_time(track: Track, recipe: Make, trial: MakeTrial) -> None:
    base = recipe("2*a/b", rate=0.3)
    changed = set()
    for seed in range(12):
        briefing = Briefing(track, (trial(base, 1.5),), slots=("law", "shape"))
        proposal = Evolution().choose(briefing, random.Random(seed))
        assert proposal is not None
        different = [n for n in ("law", "shape") if proposal.recipe.slot(n) != base.slot(n)]
        assert len(different) == 1
        assert proposal.recipe.setting("rate") == 0.3
        changed.update(different)
    assert changed == {"law", "shape"}


def test_nothing_to_search_is_no_proposal(track: Track) -> None:
    assert Evolution().choose(Briefing(track, slots=("rate",)), random.Random(1)) is None


def test_a_long_history_stays_quick_and_bounded(track: Track, recipe: Make, trial: MakeTrial) -> None:
    history = tuple(trial(recipe(f"{n}*a/100"), n / 400) for n in range(1, 400))
    assert Evolution().choose(Briefing(track, history), random.Random(1)) is not None


async def test_propose_is_choose_in_a_thread(track: Track) -> None:
    proposed = await Evolution().propose(Briefing(track), random.Random(4))
    assert proposed == Evolution().choose(Briefing(track), random.Random(4))


def test_greedy_starts_from_the_reference_and_keeps_what_is_better(
    track: Track, recipe: Make, trial: MakeTrial
) -> None:
    first = Greedy().choose(Briefing(track), random.Random(1))
    assert first is not None
    assert first.parents == ()
    better = trial(recipe("2*a/b"), 1.0)
    second = Greedy().choose(Briefing(track, (trial(recipe("5"), -1.0), better)), random.Random(1))
    assert second is not None
    assert second.parents == (better.claim,)
