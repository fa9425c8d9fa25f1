"""One expression slot as a search sees it, and how a candidate behaves there.

A region knows the points at which trials really evaluate the slot (for an initialisation: the layers of the
track's own nets) and the range in which a value makes sense at all. `table` evaluates an expression at all
points at once. Two expressions with equal tables are one idea in two spellings, whatever their algebra says,
so duplicates are recognised by behaviour; and distance between tables is what the surrogate learns from.

The screen is numeric and generic: a value at every point, finite, inside the range the track names. It knows
nothing about what a good value would be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.expr import Expr, ExprError
from experiments.expr.evaluate import lookup_index
from experiments.space import Slot

__all__ = ["ArrayOperations", "Region", "Table", "fingerprints"]

Table = NDArray[np.float64]
"""Values of an expression at the points of a slot, shape (points,), or of many, (expressions, points)."""

_MANTISSA_BITS: Final = 30  # tables that agree to 1e-9 of each value are one behaviour
_NO_VALUE: Final = -1e300  # stands for NaN and infinity in a fingerprint
_GRID: Final = tuple(step / 4 for step in range(-12, 13))  # where a track names no points; a guess
_WIDEST: Final = 1e6  # no slot that we know has a use for larger values


def _erf(x: Table) -> Table:
    from scipy.special import erf  # imported where drawn: 30 ms that most processes never need

    value: Table = erf(x)
    return value


_BINARY: Final = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_CALLS: Final[Mapping[str, Callable[[Table], Table]]] = {
    "abs": np.abs,
    "cos": np.cos,
    "erf": _erf,
    "exp": np.exp,
    "floor": np.floor,
    "log": np.log,
    "sigmoid": lambda x: 0.5 * (1.0 + np.tanh(0.5 * x)),
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}


class ArrayOperations:
    """The operations of the expression language over arrays; no value is NaN or infinity."""

    def constant(self, value: float) -> Table:
        return np.array([value])

    def negate(self, value: Table) -> Table:
        return -value

    def binary(self, operator: str, left: Table, right: Table) -> Table:
        result: Table = _BINARY[operator](left, right)
        return result.astype(np.float64)

    def call(self, function: str, arguments: tuple[Table, ...]) -> Table:
        if function == "where":
            return np.where(arguments[0] > 0, arguments[1], arguments[2])
        if function == "lookup":
            return _lookup(*np.broadcast_arrays(*arguments))
        if function in ("max", "min"):
            reduced = arguments[0]
            for argument in arguments[1:]:
                reduced = (np.maximum if function == "max" else np.minimum)(reduced, argument)
            return reduced
        return _CALLS[function](*arguments)


def _lookup(index: Table, *entries: Table) -> Table:
    places = [lookup_index(place, len(entries)) if math.isfinite(place) else 0 for place in index]
    return np.array([entries[place][point] for point, place in enumerate(places)])


def fingerprints(tables: Table) -> list[bytes]:
    """One key per row of (expressions, points), equal for tables that agree to about nine digits.

    Values that straddle the edge of a bin get two keys; that costs a repeated trial, very rarely.
    """
    mantissas, exponents = np.frexp(np.where(np.isfinite(tables), tables, _NO_VALUE))
    bins = np.rint(mantissas * 2.0**_MANTISSA_BITS).astype(np.int64) + (exponents.astype(np.int64) << 40)
    return [row.tobytes() for row in np.ascontiguousarray(bins)]


@dataclass(frozen=True)
class Region:
    """One slot: its variables, their values at the points, and the range of sensible values."""

    name: str
    variables: tuple[str, ...]
    columns: Mapping[str, Table]
    """For each variable its value at every point, shape (points,)."""
    low: float
    high: float

    @classmethod
    def of(cls, slot: Slot) -> Region:
        """The region of a track's slot; a plain grid where the track names no points."""
        rows = np.array(slot.points or [(x,) * len(slot.variables) for x in _GRID])
        columns = {name: rows[:, place] for place, name in enumerate(slot.variables)}
        return cls(slot.name, slot.variables, columns, max(slot.low, -_WIDEST), min(slot.high, _WIDEST))

    @cached_property
    def points(self) -> int:
        """How many points there are."""
        return len(next(iter(self.columns.values())))

    @property
    def positive(self) -> bool:
        """Values are scales, compared by ratio rather than by difference."""
        return self.low > 0.0

    def values(self, expr: Expr) -> Table:
        """Values at all points, NaN or infinite where there is none."""
        try:
            with np.errstate(all="ignore"):
                return np.broadcast_to(expr.apply(self.columns, ArrayOperations()), (self.points,))
        except ExprError:
            return np.full(self.points, math.nan)

    def sensible(self, tables: Table) -> NDArray[np.bool_]:
        """Which rows have a value in range everywhere."""
        with np.errstate(invalid="ignore"):
            inside = (tables >= self.low) & (tables <= self.high)
        return np.asarray(inside.all(axis=-1))

    def features(self, tables: Table) -> Table:
        """Coordinates in which distance means difference in behaviour."""
        return np.log(tables) if self.positive else np.arcsinh(tables)
