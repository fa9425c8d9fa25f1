"""What could be tried next: tried recipes seen through their behaviour, and new ones made from them.

A candidate differs from its base (a tried recipe that did well, or the track's reference) in the expression of
one slot. Where the expression comes from is its origin: the library of short ones, a known shape at another
scale, a mutation, a cross. Only an origin that used a trial makes it a parent: lineage is what credit is
computed from.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from experiments.expr import Binary, Expr, Num, parse
from experiments.recipe import Recipe
from experiments.space import Slot
from leaderboard.ids import ContentId

from .grammar import MAX_SIZE, Grammar, complexity, round_to
from .library import Entry, Library
from .proposer import Briefing, Trial
from .region import Region, Table, fingerprints

__all__ = ["Candidate", "Tried", "Workshop"]

_PLAIN: Final = 0.7  # each unit of complexity makes an entry of the library half as likely; a guess
_PARENTS: Final = 8  # trials that evolution draws on
_LEVEL_SPREAD: Final = 0.1  # of the scale at which a shape is tried, as a logarithm


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """A trial and how its expressions behave, one per searched slot."""

    trial: Trial
    exprs: tuple[Expr, ...]
    tables: tuple[Table, ...]
    mark: bytes

    @property
    def merit(self) -> float:
        """The effect, shrunk for being measured with few seeds."""
        effect = self.trial.effect
        return -math.inf if effect is None else effect * self.trial.seeds / (self.trial.seeds + 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A recipe that nobody tried, in the form that the choice needs."""

    base: Recipe
    place: int
    """Which of the searched slots differs from the base."""
    expr: Expr
    tables: tuple[Table, ...]
    complexity: float
    origin: str
    parents: tuple[ContentId, ...]
    mark: bytes


@lru_cache(maxsize=32)
def _region(slot: Slot) -> Region:
    return Region.of(slot)


@lru_cache(maxsize=32)
def _library(slot: Slot) -> Library:
    return Library(_region(slot))


class Workshop:
    """Tried recipes and the tools to make new ones from them; lives for one proposal."""

    def __init__(self, briefing: Briefing) -> None:
        space = briefing.track.space
        self.slots = [slot for slot in space.slots if slot.name in briefing.searched]
        self.regions = [_region(slot) for slot in self.slots]
        self._reference = briefing.track.reference
        tried = [self._read(trial) for trial in briefing.known]
        self.tried = [known for known in tried if self._sensible(known.tables)]
        self.seen = {known.mark for known in tried}
        self.seen.update(self._mark(recipe, self._tables(recipe)) for recipe in briefing.open_claims)
        floor = briefing.track.manifest.delta_min
        ranked = sorted(self.tried, key=lambda known: -known.merit)
        self.parents = [known for known in ranked[:_PARENTS] if known.merit > floor]

    def _read(self, trial: Trial) -> Tried:
        tables = self._tables(trial.recipe)
        return Tried(trial, self._exprs(trial.recipe), tables, self._mark(trial.recipe, tables))

    def _exprs(self, recipe: Recipe) -> tuple[Expr, ...]:
        return tuple(parse(recipe.slot(slot.name), slot.variables) for slot in self.slots)

    def _tables(self, recipe: Recipe) -> tuple[Table, ...]:
        return tuple(_behaviour(slot, recipe.slot(slot.name)) for slot in self.slots)

    def _sensible(self, tables: Sequence[Table]) -> bool:
        return all(region.sensible(table) for region, table in zip(self.regions, tables, strict=True))

    def _mark(self, recipe: Recipe, tables: Sequence[Table]) -> bytes:
        searched = {slot.name for slot in self.slots}
        rest = [*recipe.settings, *(item for item in recipe.slots if item[0] not in searched)]
        return b"".join([*(fingerprints(table[None])[0] for table in tables), repr(rest).encode()])

    def features(self, tables: Sequence[Sequence[Table]]) -> list[Table]:
        """For each slot the features of many recipes, shape (recipes, points)."""
        return [
            region.features(np.array(column))
            for region, column in zip(self.regions, zip(*tables, strict=True), strict=True)
        ]

    def short(self, count: int, rng: random.Random) -> Iterator[Candidate]:
        """Entries of the library, plain ones more often."""
        place = rng.randrange(len(self.slots))
        library = _library(self.slots[place])
        base, tables = self._base(rng)
        for entry in set(rng.choices(library.entries, cum_weights=_weights(library, scaled=False), k=count)):
            yield from self._candidate(
                base, tables, place, entry.expr, "a short expression nobody tried", (), entry.table
            )

    def scaled(self, count: int, rng: random.Random) -> Iterator[Candidate]:
        """Shapes from the library, at about the scale of a trial that did well."""
        places = [place for place, region in enumerate(self.regions) if region.positive]
        if not places or not self.parents:
            return
        for _ in range(count):
            place, donor = rng.choice(places), self._parent(rng)
            library = _library(self.slots[place])
            (shape,) = rng.choices(library.shapes, cum_weights=_weights(library, scaled=True))
            gap = float(np.log(donor.tables[place]).mean() - np.log(shape.table).mean())
            factor = round_to(math.exp(gap + rng.gauss(0.0, _LEVEL_SPREAD)), rng.choice((1, 1, 2)))
            expr = _times(factor, shape.expr)
            yield from self._from(
                donor, place, expr, f"a shape at the scale of {donor.exprs[place]}", (donor,)
            )

    def mutants(self, count: int, rng: random.Random) -> Iterator[Candidate]:
        """Mutants and crosses of the best."""
        if not self.parents:
            return
        for _ in range(count):
            place, parent = rng.randrange(len(self.slots)), self._parent(rng)
            grammar = Grammar(self.slots[place].variables)
            mate = self._parent(rng)
            if mate is not parent and rng.random() < 0.5:
                expr = grammar.cross(parent.exprs[place], mate.exprs[place], rng)
                origin = f"a cross of {parent.exprs[place]} and {mate.exprs[place]}"
                yield from self._from(parent, place, expr, origin, (parent, mate))
            else:
                expr = grammar.mutate(parent.exprs[place], rng)
                yield from self._from(parent, place, expr, f"a mutation of {parent.exprs[place]}", (parent,))

    def _parent(self, rng: random.Random) -> Tried:
        """One of the best, better ones more often."""
        return self.parents[min(int(rng.expovariate(0.5)), len(self.parents) - 1)]

    def _base(self, rng: random.Random) -> tuple[Recipe, tuple[Table, ...]]:
        if self.parents:
            parent = self._parent(rng)
            return parent.trial.recipe, parent.tables
        return self._reference, self._tables(self._reference)

    def _from(
        self, base: Tried, place: int, expr: Expr, origin: str, parents: tuple[Tried, ...]
    ) -> Iterator[Candidate]:
        claims = tuple(parent.trial.claim for parent in parents)
        return self._candidate(base.trial.recipe, base.tables, place, expr, origin, claims)

    def _candidate(
        self,
        base: Recipe,
        tables: tuple[Table, ...],
        place: int,
        expr: Expr,
        origin: str,
        parents: tuple[ContentId, ...],
        table: Table | None = None,
    ) -> Iterator[Candidate]:
        """The candidate, or nothing if it is too large, out of range or known."""
        if expr.size > MAX_SIZE:
            return
        table = self.regions[place].values(expr) if table is None else table
        if not self.regions[place].sensible(table):
            return
        changed = (*tables[:place], table, *tables[place + 1 :])
        mark = self._mark(base, changed)
        if mark not in self.seen:
            yield Candidate(base, place, expr, changed, complexity(expr), origin, parents, mark)


@lru_cache(maxsize=4096)
def _behaviour(slot: Slot, text: str) -> Table:
    return _region(slot).values(parse(text, slot.variables))


@lru_cache(maxsize=64)
def _weights(library: Library, *, scaled: bool) -> list[float]:
    """Cumulative weights of the library's entries or shapes."""
    entries: Sequence[Entry] = library.shapes if scaled else library.entries
    return list(itertools.accumulate(math.exp(-_PLAIN * entry.complexity) for entry in entries))


def _times(factor: float, expr: Expr) -> Expr:
    """The expression times a number, written plainly where it begins with a number."""
    match expr:
        case Num(value):
            return Num(factor * value)
        case Binary("*" | "/" as operator, Num(value), right):
            return Binary(operator, Num(round_to(factor * value, 2)), right)
    return Binary("*", Num(factor), expr)
