"""The operations of an expression on torch tensors, differentiable. Imported in worker processes only.

Numbers stay Python floats until they meet a tensor, so constants cost nothing per element. Outside of its
domain a function gives NaN, as torch does, and the trial ends as diverged; nothing is raised.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Final

import torch

from .evaluate import SCALAR_BINARY, SCALAR_CALLS, lookup_index
from .nodes import ExprError

__all__ = ["Operand", "TensorOperations"]

Operand = torch.Tensor | float

_CALLS: Final[Mapping[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "abs": torch.abs,
    "cos": torch.cos,
    "erf": torch.erf,
    "exp": torch.exp,
    "floor": torch.floor,
    "log": torch.log,
    "sigmoid": torch.sigmoid,
    "sin": torch.sin,
    "sqrt": torch.sqrt,
    "tanh": torch.tanh,
}

_COMPARE: Final[Mapping[str, Callable[[Operand, Operand], Operand]]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class TensorOperations:
    """Operations of `Expr.apply` on float64 tensors of one shape, mixed with floats."""

    def constant(self, value: float) -> Operand:
        return value

    def negate(self, value: Operand) -> Operand:
        return -value

    def binary(self, operator: str, left: Operand, right: Operand) -> Operand:
        if isinstance(left, float) and isinstance(right, float):
            return _scalar(SCALAR_BINARY[operator], left, right)
        if operator in _COMPARE:
            outcome = _COMPARE[operator](left, right)
            assert isinstance(outcome, torch.Tensor)
            return outcome.to(torch.float64)
        if operator == "**":
            return left**right
        return SCALAR_BINARY[operator](left, right)  # type: ignore[arg-type]

    def call(self, function: str, arguments: tuple[Operand, ...]) -> Operand:
        first = arguments[0]
        if function == "where":
            return _where(*arguments)
        if function == "lookup":
            return _lookup(first, arguments[1:])
        if function in ("max", "min"):
            return reduce(lambda a, b: _extreme(function, a, b), arguments)
        if isinstance(first, float):
            return _scalar(SCALAR_CALLS[function], first)
        return _CALLS[function](first)


def _scalar(function: Callable[..., float], *arguments: float) -> float:
    try:
        return float(function(*arguments))
    except (ArithmeticError, ValueError):
        return math.nan


def _extreme(function: str, left: Operand, right: Operand) -> Operand:
    if isinstance(left, float):
        left, right = right, left
    if isinstance(left, float):
        return _scalar(SCALAR_CALLS[function], left, right)  # type: ignore[arg-type]
    if isinstance(right, torch.Tensor):
        return torch.maximum(left, right) if function == "max" else torch.minimum(left, right)
    if function == "min":
        return torch.clamp(left, max=right)
    # relu has the slope 0 at 0, where clamp has 1; a unit that gets exactly 0 should stay silent.
    return torch.relu(left) if right == 0.0 else torch.clamp(left, min=right)


def _where(condition: Operand, yes: Operand, no: Operand) -> Operand:
    if isinstance(condition, float):
        return yes if condition > 0 else no
    return torch.where(condition > 0, yes, no)


def _lookup(index: Operand, entries: tuple[Operand, ...]) -> Operand:
    if isinstance(index, float):
        if not math.isfinite(index):
            return math.nan
        return entries[lookup_index(index, len(entries))]
    place = torch.floor(index)
    chosen = entries[-1]
    for position in range(len(entries) - 2, -1, -1):
        chosen = torch.where(place <= position, entries[position], chosen)
    if isinstance(chosen, float):
        raise ExprError("a lookup needs at least two entries to select by a tensor")
    return torch.where(torch.isnan(index), math.nan, chosen)
