"""From tree to text, with no more parentheses than the grammar of `parse` needs.

Numbers print as the shortest decimal that reads back as the same double.
"""

from __future__ import annotations

from typing import Final

from .nodes import Binary, Call, Expr, ExprError, Neg, Num, Var

__all__ = ["render", "render_number"]

# Binding strength, loosest first. A comparison does not chain, so it is bracketed on both sides.
COMPARE, SUM, PRODUCT, UNARY, POWER, ATOM = range(6)
_STRENGTH: Final = {
    "<": COMPARE,
    "<=": COMPARE,
    ">": COMPARE,
    ">=": COMPARE,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "**": POWER,
}
_EXACT_INTEGERS: Final = 1e15  # below this an integral double prints as an integer


def render_number(value: float) -> str:
    """Shortest text that reads back as `value`."""
    if value == int(value) and abs(value) < _EXACT_INTEGERS:
        return str(int(value))
    return repr(value)


def render(expr: Expr) -> str:
    """The text of a tree as it stands."""
    return _render(expr)[0]


def _render(expr: Expr) -> tuple[str, int]:
    match expr:
        case Num(value):
            return render_number(value), UNARY if value < 0 else ATOM
        case Var(name):
            return name, ATOM
        case Neg(operand):
            return "-" + _at_least(operand, UNARY), UNARY
        case Call(function, arguments):
            return f"{function}({', '.join(render(argument) for argument in arguments)})", ATOM
        case Binary(operator, left, right):
            return _render_binary(operator, left, right)
    raise ExprError(f"unknown node {type(expr).__name__}")


def _render_binary(operator: str, left: Expr, right: Expr) -> tuple[str, int]:
    strength = _STRENGTH[operator]
    if operator == "**":  # right associative, and its exponent may carry a sign
        return f"{_at_least(left, ATOM)}**{_at_least(right, UNARY)}", POWER
    first = _at_least(left, SUM if strength == COMPARE else strength)
    second = _at_least(right, strength + 1)
    gap = "" if strength == PRODUCT else " "
    return f"{first}{gap}{operator}{gap}{second}", strength


def _at_least(expr: Expr, strength: int) -> str:
    text, own = _render(expr)
    return text if own >= strength else f"({text})"
