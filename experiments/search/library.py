"""All short expressions over a slot's variables: the plainest ideas there are, each behaviour once.

The enumeration goes by size, from the leaves up: every operator over every pair of shorter behaviours. Of
spellings with equal values at the slot's points only the first and shortest stays. The list knows no
subject: leaves are the variables and the generic constants of `grammar`, and nothing is left out but what
has no value somewhere. For four variables it holds about 24,000 behaviours up to four nodes.

`shapes` are the behaviours up to a factor: what a law says besides its scale. A search scales them to the
level at which the track is known to come alive (linear scaling, Keijzer 2003, doi:10.1007/3-540-36599-0_7).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from experiments.expr import Binary, Call, Expr

from .grammar import BINARY, UNARY, Grammar, complexity
from .region import ArrayOperations, Region, Table, fingerprints

__all__ = ["LARGEST", "Entry", "Library"]

_PLAIN: Final = 0.7  # each unit of complexity makes an entry half as likely to be drawn; a guess
LARGEST: Final = 4  # nodes; five are a hundred times as many and are left to evolution
_OPERATIONS: Final = ArrayOperations()


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A behaviour with its shortest spelling."""

    expr: Expr
    table: Table
    fingerprint: bytes
    complexity: float

    @property
    def level(self) -> float:
        """Mean logarithm of a positive behaviour."""
        return float(np.log(self.table).mean())


@dataclass(slots=True)
class _Level:
    """All new behaviours of one size."""

    exprs: list[Expr] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    marks: list[bytes] = field(default_factory=list)


class Library:
    """The short expressions of a region."""

    def __init__(self, region: Region) -> None:
        entries = list(_enumerate(region))
        fits = region.sensible(np.array([entry.table for entry in entries]))
        self.entries = [entry for entry, fit in zip(entries, fits, strict=True) if fit]
        """Those whose values are in the slot's range, shortest first."""
        self.shapes = _shapes(entries) if region.positive else []
        """One positive behaviour per shape, shortest first; empty where values are no scales."""
        self.entry_weights = _weights(self.entries)
        self.shape_weights = _weights(self.shapes)


def _enumerate(region: Region) -> Iterator[Entry]:
    seen: set[bytes] = set()
    levels: list[_Level] = [_Level()]
    for size in range(1, LARGEST + 1):
        level = _Level()
        for exprs, tables in _combinations(region, levels, size):
            finite = np.isfinite(tables).all(axis=1)
            for place, mark in zip(np.flatnonzero(finite), fingerprints(tables[finite]), strict=True):
                if mark not in seen:
                    seen.add(mark)
                    level.exprs.append(exprs[place])
                    level.tables.append(tables[place])
                    level.marks.append(mark)
        levels.append(level)
        for expr, table, mark in zip(level.exprs, level.tables, level.marks, strict=True):
            yield Entry(expr, table, mark, complexity(expr))


def _combinations(region: Region, levels: list[_Level], size: int) -> Iterator[tuple[list[Expr], Table]]:
    """Batches of trees of one size over known behaviours, with their tables (trees, points)."""
    if size == 1:
        leaves = Grammar(region.variables).leaves()
        yield leaves, np.array([region.values(leaf) for leaf in leaves])
        return
    with np.errstate(all="ignore"):
        inner = levels[size - 1]
        stacked = np.array(inner.tables)
        for function in UNARY:
            yield [Call(function, (e,)) for e in inner.exprs], _OPERATIONS.call(function, (stacked,))
        for split in range(1, size - 1):
            left, right = levels[split], levels[size - 1 - split]
            pairs = list(itertools.product(range(len(left.exprs)), range(len(right.exprs))))
            first = np.array([left.tables[a] for a, _ in pairs])
            second = np.array([right.tables[b] for _, b in pairs])
            for operator in BINARY:
                exprs: list[Expr] = [Binary(operator, left.exprs[a], right.exprs[b]) for a, b in pairs]
                yield exprs, _OPERATIONS.binary(operator, first, second)


def _weights(entries: list[Entry]) -> list[float]:
    """Cumulative weights: plain ones are likelier."""
    return list(itertools.accumulate(math.exp(-_PLAIN * entry.complexity) for entry in entries))


def _shapes(entries: list[Entry]) -> list[Entry]:
    positive = [entry for entry in entries if entry.table.min() > 0.0]
    tables = np.array([entry.table for entry in positive])
    logs = np.log(tables)
    marks = fingerprints(np.round(logs - logs.mean(axis=1, keepdims=True), 9) + 1.0)
    first: dict[bytes, Entry] = {}
    for mark, entry in zip(marks, positive, strict=True):
        first.setdefault(mark, entry)
    return list(first.values())
