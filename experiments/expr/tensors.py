"""The operations of an expression on torch tensors, differentiable. Imported in worker processes only.

`TensorOperations` serves `Expr.apply`. `staged` walks a tree once and returns a function, which is what a
training loop wants: walking `max(x, 0)` for each layer of each step was 5 % of a deep-mlp trial.

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
from .nodes import Expr, ExprError

__all__ = ["Operand", "TensorOperations", "staged"]

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


# --- staging ------------------------------------------------------------------------------------------------

_Stage = Callable[[torch.Tensor], Operand] | float


def staged(expr: Expr, variable: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """The expression in one variable as a function on tensors; a constant gives a tensor full of it."""
    stage = expr.apply({variable: _identity}, _Staging())
    if not callable(stage):
        return lambda x: torch.full_like(x, stage)

    def function(x: torch.Tensor) -> torch.Tensor:
        value = stage(x)
        return value if isinstance(value, torch.Tensor) else torch.full_like(x, value)

    return function


def _identity(x: torch.Tensor) -> Operand:
    return x


def _at(stage: _Stage, x: torch.Tensor) -> Operand:
    return stage(x) if callable(stage) else stage


class _Staging:
    """Operations whose values are functions of one tensor, or plain numbers."""

    def __init__(self) -> None:
        self._tensors = TensorOperations()

    def constant(self, value: float) -> _Stage:
        return value

    def negate(self, value: _Stage) -> _Stage:
        return (lambda x: -value(x)) if callable(value) else -value

    def binary(self, operator: str, left: _Stage, right: _Stage) -> _Stage:
        if not callable(left) and not callable(right):
            return _scalar(SCALAR_BINARY[operator], left, right)
        compute = self._tensors.binary
        return lambda x: compute(operator, _at(left, x), _at(right, x))

    def call(self, function: str, arguments: tuple[_Stage, ...]) -> _Stage:
        compute = self._tensors.call
        numbers = tuple(argument for argument in arguments if not callable(argument))
        if len(numbers) == len(arguments):
            value = compute(function, numbers)
            assert isinstance(value, float)  # numbers in, number out
            return value
        first = arguments[0]
        if function == "max" and numbers == (0.0,) and callable(first) and len(arguments) == 2:
            return lambda x: _extreme("max", first(x), 0.0)
        return lambda x: compute(function, tuple(_at(argument, x) for argument in arguments))
