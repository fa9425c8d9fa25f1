"""What could be tried next: known recipes seen through their behaviour, and new ones made from them.

A candidate differs from its base (a tried recipe that did well, or the track's reference) in the expression
of one slot. Where the expression comes from is its origin: the library of short ones, a known shape at
another scale, a mutation, a cross. Only an origin that used a trial makes it a parent: lineage is what credit
is computed from.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Final, TypeAlias

import numpy as np

from experiments.expr import Binary, Expr, Num, parse
from experiments.recipe import Recipe
from experiments.space import Slot, Space
from leaderboard.errors import PeerError
from leaderboard.ids import ContentId

from .grammar import MAX_SIZE, Grammar, complexity, round_to
from .library import Entry, Library
from .proposer import Briefing, Trial
from .region import Region, Table, fingerprints

__all__ = ["Candidate", "Known", "Workshop"]

_PARENTS: Final = 8  # trials that evolution draws on
_OF_REFERENCE: Final = "a mutation of the reference"
_CHANGE: Final = 3.0  # complexity of one change of the reference: what, where and to what; a guess
_TEXTS: Final = 8192  # expressions of trials that are kept read, per slot
_LEVEL_SPREAD: Final = 0.1  # of the scale at which a shape is tried, as a logarithm


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A recipe and how its expressions behave, one per searched slot; with its trial if it was tried."""

    recipe: Recipe
    exprs: tuple[Expr, ...]
    tables: tuple[Table, ...]
    prints: tuple[bytes, ...]
    """Fingerprints of the tables."""
    rest: bytes
    """Everything that is not searched, as bytes."""
    sensible: bool
    """Are all its values in range, so that it has features?"""
    trial: Trial | None = None

    @property
    def mark(self) -> bytes:
        """Equal for recipes that behave alike."""
        return b"".join((*self.prints, self.rest))

    @property
    def merit(self) -> float:
        """The effect, shrunk for being measured with few seeds."""
        if self.trial is None or self.trial.effect is None:
            return -math.inf
        return self.trial.effect * self.trial.seeds / (self.trial.seeds + 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A recipe that nobody tried, in the form that the choice needs."""

    base: Recipe
    slot: Slot
    expr: Expr
    """What the slot says in place of the base's expression."""
    tables: tuple[Table, ...]
    complexity: float
    origin: str
    parents: tuple[ContentId, ...]
    mark: bytes

    def recipe(self, space: Space) -> Recipe | None:
        """The candidate as a recipe; None if its expression is over the language's bounds."""
        slots = {**dict(self.base.slots), self.slot.name: str(self.expr)}
        try:
            return Recipe.complete(space, dict(self.base.settings), slots, self.base.program)
        except PeerError:
            return None


@dataclass(frozen=True, slots=True, eq=False)
class _Idea:
    """An expression for a slot with what is known of it."""

    expr: Expr
    table: Table
    fingerprint: bytes
    complexity: float
    sensible: bool
    """Are its values in range, so that it has features?"""


class _Stall:
    """What is known of one slot whatever the briefing says: its region, its library, texts that were read."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.region = Region.of(slot)
        self.grammar = Grammar(slot.variables)
        self.read = lru_cache(maxsize=_TEXTS)(self._read)

    @cached_property
    def library(self) -> Library:
        """The short expressions of the slot; takes about a second the first time."""
        return Library(self.region)

    def _read(self, text: str) -> _Idea:
        expr = parse(text, self.slot.variables)
        table = self.region.values(expr)
        fits = bool(self.region.sensible(table))
        return _Idea(expr, table, fingerprints(table[None])[0], complexity(expr), fits)

    def ideas(self, exprs: Sequence[Expr]) -> list[_Idea | None]:
        """New expressions in their order; None for one that is too large or has a value out of range."""
        small = [place for place, expr in enumerate(exprs) if expr.size <= MAX_SIZE]
        found: list[_Idea | None] = [None] * len(exprs)
        if small:
            tables = np.array([self.region.values(exprs[place]) for place in small])
            fits = np.flatnonzero(self.region.sensible(tables))
            for row, mark in zip(fits, fingerprints(tables[fits]), strict=True):
                expr = exprs[small[row]]
                found[small[row]] = _Idea(expr, tables[row], mark, complexity(expr), True)
        return found


@lru_cache(maxsize=32)
def _stall(slot: Slot) -> _Stall:
    return _Stall(slot)


_Sketch: TypeAlias = tuple[Known, Expr, str, tuple[Known, ...]]
"""A base, what its slot might say instead, where that came from, and the trials it came from."""


class Workshop:
    """Known recipes and the tools to make new ones from them; lives for one proposal."""

    def __init__(self, briefing: Briefing) -> None:
        self.slots = [slot for slot in briefing.track.space.slots if slot.name in briefing.searched]
        self._stalls = [_stall(slot) for slot in self.slots]
        self._searched = frozenset(slot.name for slot in self.slots)
        self.reference = self._look(briefing.track.reference)
        known = [self._look(trial.recipe, trial) for trial in briefing.known]
        self.tried = [item for item in known if item.sensible]
        self._known = {item.mark: item for item in map(self._look, briefing.open_claims)}
        self._known.update((item.mark, item) for item in (*known, self.reference))
        least = briefing.track.manifest.delta_min
        ranked = sorted(self.tried, key=lambda item: -item.merit)
        self.parents = [item for item in ranked[:_PARENTS] if item.merit > least]

    def _look(self, recipe: Recipe, trial: Trial | None = None) -> Known:
        ideas = [stall.read(recipe.slot(stall.slot.name)) for stall in self._stalls]
        rest = [*recipe.settings, *(item for item in recipe.slots if item[0] not in self._searched)]
        return Known(
            recipe,
            tuple(idea.expr for idea in ideas),
            tuple(idea.table for idea in ideas),
            tuple(idea.fingerprint for idea in ideas),
            repr(rest).encode(),
            all(idea.sensible for idea in ideas),
            trial,
        )

    def namesake(self, recipe: Recipe) -> Known | None:
        """A known recipe, tried or being run by a peer, that behaves like this one."""
        return self._known.get(self._look(recipe).mark)

    def ancestors(self, recipe: Recipe) -> tuple[ContentId, ...]:
        """The best trial that shares a searched slot's text with a recipe of unknown descent, if any."""
        for item in self.parents:
            same = any(item.recipe.slot(slot.name) == recipe.slot(slot.name) for slot in self.slots)
            if same and item.trial is not None:
                return (item.trial.claim,)
        return ()

    def features(self, tables: Sequence[tuple[Table, ...]]) -> list[Table]:
        """For each slot the features of many recipes, shape (recipes, points)."""
        columns = zip(self._stalls, zip(*tables, strict=True), strict=True)
        return [stall.region.features(np.array(column)) for stall, column in columns]

    def short(self, place: int, count: int, rng: random.Random) -> Iterator[Candidate]:
        """Entries of the library of one slot, plain ones more often."""
        library = self._stalls[place].library
        base = self._parent(rng) if self.parents else self.reference
        for entry in dict.fromkeys(rng.choices(library.entries, cum_weights=library.entry_weights, k=count)):
            yield from self._made(base, place, entry, "a short expression that nobody tried")

    def scaled(self, place: int, count: int, rng: random.Random) -> Iterator[Candidate]:
        """Shapes from the library, at about the scale of a trial that did well."""
        if not self.parents or not self._stalls[place].region.positive:
            return
        library = self._stalls[place].library
        sketches: list[_Sketch] = []
        for shape in rng.choices(library.shapes, cum_weights=library.shape_weights, k=count):
            donor = self._parent(rng)
            gap = float(np.log(donor.tables[place]).mean()) - shape.level
            factor = round_to(math.exp(gap + rng.gauss(0.0, _LEVEL_SPREAD)), rng.choice((1, 1, 2)))
            origin = f"another shape at the scale of {donor.exprs[place]}"
            sketches.append((donor, _times(factor, shape.expr), origin, (donor,)))
        yield from self._new(place, sketches)

    def mutants(
        self, place: int, count: int, rng: random.Random, from_reference: float = 0.0
    ) -> Iterator[Candidate]:
        """Mutants and crosses of the best; a share of them, all while nothing is good, of the reference."""
        if not (self.parents or from_reference):
            return
        grammar = self._stalls[place].grammar
        sketches: list[_Sketch] = []
        for _ in range(count):
            if not self.parents or rng.random() < from_reference:
                expr = grammar.mutate(self.reference.exprs[place], rng)
                base = self._parent(rng) if self.parents else self.reference
                # It takes everything else from a trial; where there is nothing else, it takes nothing.
                alone = len(self.slots) == 1 and base.rest == self.reference.rest
                sketches.append((base, expr, _OF_REFERENCE, () if alone else (base,)))
                continue
            parent, mate = self._parent(rng), self._parent(rng)
            first, second = parent.exprs[place], mate.exprs[place]
            if mate is not parent and rng.random() < 0.5:
                origin = f"a cross of {first} and {second}"
                sketches.append((parent, grammar.cross(first, second, rng), origin, (parent, mate)))
            else:
                sketches.append((parent, grammar.mutate(first, rng), f"a mutation of {first}", (parent,)))
        yield from self._new(place, sketches)

    def changed(self, base: Known, rng: random.Random) -> Iterator[Candidate]:
        """One mutant of a recipe."""
        place = rng.randrange(len(self.slots))
        expr = self._stalls[place].grammar.mutate(base.exprs[place], rng)
        parents = () if base.trial is None else (base,)
        yield from self._new(place, [(base, expr, f"a change of {base.exprs[place]}", parents)])

    def _parent(self, rng: random.Random) -> Known:
        """One of the best, better ones more often."""
        return self.parents[min(int(rng.expovariate(0.5)), len(self.parents) - 1)]

    def _new(self, place: int, sketches: Sequence[_Sketch]) -> Iterator[Candidate]:
        """The candidates, without those whose expression is too large, out of range or known."""
        ideas = self._stalls[place].ideas([expr for _, expr, _, _ in sketches])
        for idea, (base, _, origin, parents) in zip(ideas, sketches, strict=True):
            if idea is not None:
                # A change of what everybody knows is told in few words, however long the whole is.
                plain = min(idea.complexity, _CHANGE) if origin is _OF_REFERENCE else idea.complexity
                yield from self._made(base, place, replace(idea, complexity=plain), origin, parents)

    def _made(
        self, base: Known, place: int, idea: _Idea | Entry, origin: str, parents: tuple[Known, ...] = ()
    ) -> Iterator[Candidate]:
        """The candidate of a sensible idea, or nothing if a known recipe behaves like it."""
        prints = (*base.prints[:place], idea.fingerprint, *base.prints[place + 1 :], base.rest)
        mark = b"".join(prints)
        if mark in self._known:
            return
        yield Candidate(
            base=base.recipe,
            slot=self.slots[place],
            expr=idea.expr,
            tables=(*base.tables[:place], idea.table, *base.tables[place + 1 :]),
            complexity=idea.complexity,
            origin=origin,
            parents=tuple(dict.fromkeys(known.trial.claim for known in parents if known.trial is not None)),
            mark=mark,
        )


def _times(factor: float, expr: Expr) -> Expr:
    """The expression times a number, written plainly where it begins with a number."""
    match expr:
        case Num(value):
            return Num(factor * value)
        case Binary("*" | "/" as operator, Num(value), right):
            return Binary(operator, Num(round_to(factor * value, 2)), right)
    return Binary("*", Num(factor), expr)
