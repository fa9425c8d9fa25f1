"""Numeric refinement: the numbers in somebody's good idea, turned by CMA-ES.

The skeleton of a recipe is its expressions with the numbers left out, and its settings. Refinement takes the
skeleton of one of the best trials, reads where its numbers have been in all trials of that skeleton, and asks
CMA-ES for the next position, around the best. What it writes is rounded to two digits (Occam again: a third
digit has never been measured by a few seeds), so positions that round to something tried are passed over.

This is the numeric half of the hybrid of Ferreira et al. (arXiv 2603.24647): ideas by a model, numbers by an
optimiser.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import trio

from experiments.expr import Expr, Num, parse
from experiments.recipe import Recipe
from experiments.space import FloatRange, Scalar
from leaderboard.errors import PeerError

from .dials import Dial
from .grammar import replace_at, round_to, subtrees
from .numeric import Ask, ask_cmaes
from .proposer import Briefing, Proposal, Trial

__all__ = ["Refine"]

_REACH: Final = 3.0  # a number is sought from a third to three times of where it was best
_DIGITS: Final = 2
_LEADERS: Final = 3  # skeletons that take turns
_ATTEMPTS: Final = 60


@dataclass(frozen=True, slots=True)
class _Number:
    """One number in one slot."""

    slot: str
    path: tuple[int, ...]
    value: float

    @property
    def key(self) -> str:
        return f"{self.slot}:{'.'.join(map(str, self.path))}"


class Refine:
    """The numbers of the best recipes, refined."""

    name: Final = "search/refine"

    def __init__(self, ask: Ask = ask_cmaes) -> None:
        self._ask = ask

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The next recipe; computed in a thread."""
        return await trio.to_thread.run_sync(partial(self.choose, briefing, rng))

    def choose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The same without a thread; None if nothing that beats the reference has a number in it."""
        least = briefing.track.manifest.delta_min
        good = [trial for trial in briefing.known if trial.effect is not None and trial.effect > least]
        good.sort(key=lambda trial: -_shrunk(trial))
        leaders = good[:_LEADERS]
        rng.shuffle(leaders)
        for leader in leaders:
            if proposal := self._refine(leader, briefing, rng):
                return proposal
        return None

    def _refine(self, leader: Trial, briefing: Briefing, rng: random.Random) -> Proposal | None:
        numbers = _numbers(leader.recipe, briefing)
        if not numbers:
            return None
        dials = [Dial(n.key, FloatRange(1 / _REACH, _REACH, log=True)) for n in numbers]
        skeleton = _skeleton(leader.recipe, briefing)
        told = [
            (factors, _shrunk(trial))
            for trial in briefing.known
            if _skeleton(trial.recipe, briefing) == skeleton
            and (factors := _factors(trial.recipe, numbers, briefing)) is not None
        ]
        tried = {trial.recipe for trial in briefing.known}
        asked: Iterator[dict[str, Scalar]] = self._ask(dials, told, rng)
        for _ in range(_ATTEMPTS):
            recipe = _write(leader.recipe, numbers, next(asked), briefing)
            if recipe is not None and recipe not in tried and recipe.id not in briefing.taken:
                text = f"better numbers in {', '.join(leader.recipe.slot(slot) for slot in _slots(briefing))}"
                return Proposal(recipe, text, leader.effect, self.name, (leader.claim,))
        return None


def _shrunk(trial: Trial) -> float:
    return 0.0 if trial.effect is None else trial.effect * trial.seeds / (trial.seeds + 1.0)


def _slots(briefing: Briefing) -> list[str]:
    return [slot.name for slot in briefing.track.space.slots if slot.name in briefing.searched]


def _exprs(recipe: Recipe, briefing: Briefing) -> Iterator[tuple[str, Expr]]:
    space = briefing.track.space
    for name in _slots(briefing):
        yield name, parse(recipe.slot(name), space.slot(name).variables)


def _numbers(recipe: Recipe, briefing: Briefing) -> list[_Number]:
    return [
        _Number(slot, path, node.value)
        for slot, expr in _exprs(recipe, briefing)
        for path, node in subtrees(expr)
        if isinstance(node, Num) and node.value != 0.0
    ]


def _skeleton(recipe: Recipe, briefing: Briefing) -> str:
    """The recipe with every number of its searched slots replaced by 1."""
    parts: list[str] = [repr(recipe.settings)]
    for _, expr in _exprs(recipe, briefing):
        bare = expr
        for path, node in subtrees(expr):
            if isinstance(node, Num):
                bare = replace_at(bare, path, Num(1.0))
        parts.append(str(bare))
    return "\n".join(parts)


def _factors(recipe: Recipe, numbers: list[_Number], briefing: Briefing) -> dict[str, Scalar] | None:
    """Where another recipe of the same skeleton has its numbers, relative to these; None if out of reach."""
    factors: dict[str, Scalar] = {}
    for ours, theirs in zip(numbers, _numbers(recipe, briefing), strict=False):
        ratio = theirs.value / ours.value
        if not 1 / _REACH <= ratio <= _REACH:
            return None
        factors[ours.key] = ratio
    return factors if len(factors) == len(numbers) else None


def _write(
    base: Recipe, numbers: list[_Number], factors: dict[str, Scalar], briefing: Briefing
) -> Recipe | None:
    slots = dict(base.slots)
    for name, expr in _exprs(base, briefing):
        turned = expr
        for number in numbers:
            if number.slot == name:
                value = round_to(number.value * float(factors[number.key]), _DIGITS)
                turned = replace_at(turned, number.path, Num(value))
        slots[name] = str(turned)
    try:
        return Recipe.complete(briefing.track.space, dict(base.settings), slots, base.program)
    except PeerError:
        return None
