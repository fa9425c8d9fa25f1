"""The value of an expression at a point, in double precision, as a finite number or an ExprError.

`where` and `lookup` compute only the operand that they select, so `where(x, log(x), 0)` has a value at
x = -1. (On tensors every branch is computed and the selection comes after; see `tensors`.)
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Final

from .nodes import Binary, Call, Expr, ExprError, Neg, Num, Var, bound

__all__ = ["SCALAR_BINARY", "SCALAR_CALLS", "evaluate", "lookup_index"]


def _sigmoid(x: float) -> float:
    # Two forms, each of which only ever exponentiates a number <= 0.
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


SCALAR_CALLS: Final[Mapping[str, Callable[..., float]]] = {
    "abs": abs,
    "cos": math.cos,
    "erf": math.erf,
    "exp": math.exp,
    "floor": lambda x: float(math.floor(x)),
    "log": math.log,
    "max": max,
    "min": min,
    "sigmoid": _sigmoid,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
}

SCALAR_BINARY: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": math.pow,  # unlike **, a negative base with a broken exponent is an error and never complex
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
}


def lookup_index(index: float, entries: int) -> int:
    """Which of the entries `lookup` takes: floor(index), clamped to the table."""
    return max(0, min(entries - 1, math.floor(index)))


def evaluate(expr: Expr, environment: Mapping[str, float]) -> float:
    """The finite value of `expr`; ExprError for a domain error, an overflow or a missing variable."""
    try:
        value = _value(expr, environment)
    except (ArithmeticError, ValueError) as error:
        raise ExprError(f"{str(expr)[:80]} has no value here: {error}") from error
    if not math.isfinite(value):
        raise ExprError(f"{str(expr)[:80]} is not finite here")
    return value


def _value(expr: Expr, environment: Mapping[str, float]) -> float:
    match expr:
        case Num(value):
            return value
        case Var(name):
            return float(bound(name, environment))
        case Neg(operand):
            return -_value(operand, environment)
        case Binary(sign, left, right):
            return SCALAR_BINARY[sign](_value(left, environment), _value(right, environment))
        case Call(function, arguments):
            return _call(function, arguments, environment)
    raise ExprError(f"unknown node {type(expr).__name__}")


def _call(function: str, arguments: tuple[Expr, ...], environment: Mapping[str, float]) -> float:
    first = _value(arguments[0], environment)
    if function == "where":
        return _value(arguments[1 if first > 0 else 2], environment)
    if function == "lookup":
        return _value(arguments[1 + lookup_index(first, len(arguments) - 1)], environment)
    return SCALAR_CALLS[function](first, *(_value(argument, environment) for argument in arguments[1:]))
