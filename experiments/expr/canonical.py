"""One text for an expression and its plain rewritings.

Theory of operation. The tree is rebuilt bottom-up out of sums and products whose operands are flattened,
sorted by their text and stripped of their signs:

- `a - b` is a sum with a signed term, `a/b` a product with a factor below the line; `a/(b/c)` is `a*c/b`.
- `x**0.5` is `sqrt(x)`, `x**1` is `x`, `x**-p` is `1/x**p`; `a > b` is `b < a`.
- `max` and `min` are flattened, sorted and freed of duplicates.
- The constants of a sum become one, and so do those above and those below the line of a product, rounded
  once. A quotient of constants and a function of a constant are folded only if the result is exactly a double
  (checked with rational numbers): `x/2` is `0.5*x`, while `x/3` stays and `x/1.5` is `2*x/3`. Factors 1 and
  terms 0 go; `0*x` stays, since it may have no value.

In exact arithmetic the value is kept wherever the given expression has one (it may gain points: `a/(b/c)` has
no value at c = 0). In doubles it is kept up to rounding, and to overflow between the factors of one product.
Every node runs the canonical text, so all run the same arithmetic.

The result is a fixed point: reading the canonical text and asking again gives the same text.
Not covered, on purpose: collecting equal terms or factors, distributing, powers of products, identities of
functions. Those are for the novelty checker, which compares values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import Final

from .evaluate import SCALAR_BINARY, SCALAR_CALLS, lookup_index
from .nodes import Binary, Call, Expr, ExprError, Neg, Num, Var
from .render import render, render_number

__all__ = ["canonical_text", "simplify"]

ONE: Final = Num(1.0)
_MAX_EXPONENT: Final = 64  # largest integer exponent that is folded over a constant
_EXACT_POINTS: Final = {(name, 0.0) for name in ("cos", "erf", "exp", "sigmoid", "sin", "tanh")} | {
    ("log", 1.0)
}
_MAX_SHIFT: Final = 64  # scalings by a power of two that are tried: past the 53 bits of a double


def canonical_text(expr: Expr) -> str:
    """The canonical text of a tree; ExprError if the tree or its canonical form is over the bounds."""
    return render(simplify(expr.check()).check())


def simplify(expr: Expr) -> Expr:
    """The tree of the canonical text."""
    match expr:
        case Num() | Var():
            return expr
        case Neg(operand):
            return _negated(simplify(operand))
        case Binary(operator, left, right):
            return _simplify_binary(operator, simplify(left), simplify(right))
        case Call(function, arguments):
            return _simplify_call(function, tuple(simplify(argument) for argument in arguments))
    raise ExprError(f"unknown node {type(expr).__name__}")


def _simplify_binary(operator: str, left: Expr, right: Expr) -> Expr:
    match operator:
        case "+" | "-":
            return _sum([*_terms(left, 1), *_terms(right, 1 if operator == "+" else -1)])
        case "*":
            return _product(_factors(left).times(_factors(right)))
        case "/":
            return _product(_factors(left).over(_factors(right)))
        case "**":
            return _power(left, right)
    if operator in (">", ">="):
        operator, left, right = operator.replace(">", "<"), right, left
    if isinstance(left, Num) and isinstance(right, Num):
        return Num(SCALAR_BINARY[operator](left.value, right.value))
    return Binary(operator, left, right)


# --- sums ---------------------------------------------------------------------------------------------------


def _terms(expr: Expr, sign: int) -> list[tuple[int, Expr]]:
    """Signed terms of a simplified tree; the terms themselves carry no sign."""
    match expr:
        case Num(value) if value < 0:
            return [(-sign, Num(-value))]
        case Neg(operand):
            return _terms(operand, -sign)
        case Binary("+", left, right):
            return [*_terms(left, sign), *_terms(right, sign)]
        case Binary("-", left, right):
            return [*_terms(left, sign), *_terms(right, -sign)]
    return [(sign, expr)]


def _sum(terms: list[tuple[int, Expr]]) -> Expr:
    signed = [(sign, term) for sign, term in terms if not isinstance(term, Num)]
    constants = [sign * term.value for sign, term in terms if isinstance(term, Num)]
    constant = _rounded(sum(map(Fraction, constants), Fraction(0)))
    if constant != 0 or not signed:
        signed.append((1, Num(constant)) if constant >= 0 else (-1, Num(-constant)))
    # What is added comes before what is taken away, and in each part the constant comes last.
    signed.sort(key=lambda item: (-item[0], *_order(item[1])))
    return _join_terms(signed)


def _join_terms(signed: list[tuple[int, Expr]]) -> Expr:
    sign, first = signed[0]
    joined = first if sign > 0 else _negated(first)  # which leaves no sign on a product with 0
    for sign, term in signed[1:]:
        joined = Binary("+" if sign > 0 else "-", joined, term)
    return joined


def _negated(expr: Expr) -> Expr:
    match expr:
        case Num(value):
            return Num(-value)
        case Neg() | Binary("+" | "-"):
            return _sum(_terms(expr, -1))
    return _product(_factors(expr).times(_Factors(sign=-1)))


# --- products -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Factors:
    """A product: sign, constants and other factors above and below the line."""

    sign: int = 1
    above: tuple[float, ...] = ()
    below: tuple[float, ...] = ()
    numerator: tuple[Expr, ...] = ()
    denominator: tuple[Expr, ...] = field(default=())

    def times(self, other: _Factors) -> _Factors:
        return _Factors(
            self.sign * other.sign,
            self.above + other.above,
            self.below + other.below,
            self.numerator + other.numerator,
            self.denominator + other.denominator,
        )

    def over(self, other: _Factors) -> _Factors:
        return self.times(_Factors(other.sign, other.below, other.above, other.denominator, other.numerator))


def _factors(expr: Expr) -> _Factors:
    match expr:
        case Num(value):
            return _Factors(sign=-1 if value < 0 else 1, above=(abs(value),))
        case Neg(operand):
            return _factors(operand).times(_Factors(sign=-1))
        case Binary("*", left, right):
            return _factors(left).times(_factors(right))
        case Binary("/", left, right):
            return _factors(left).over(_factors(right))
    return _Factors(numerator=(expr,))


def _product(parts: _Factors) -> Expr:
    above, below = _fold_product(parts.above, parts.below)
    numerator = sorted(parts.numerator, key=_order)
    denominator = sorted(parts.denominator, key=_order)
    top = _chain([*map(Num, above), *numerator])
    bottom = [*map(Num, below), *denominator]
    joined = Binary("/", top, _chain(bottom)) if bottom else top
    if parts.sign > 0 or 0.0 in above:
        return joined
    if isinstance(joined, Num):
        return Num(-joined.value)
    # A bare sum takes the sign into its terms, as it does everywhere else.
    return _sum(_terms(joined, -1)) if isinstance(joined, Binary) and joined.operator in "+-" else Neg(joined)


def _chain(factors: list[Expr]) -> Expr:
    return reduce(lambda left, right: Binary("*", left, right), factors) if factors else ONE


def _fold_product(above: tuple[float, ...], below: tuple[float, ...]) -> tuple[list[float], list[float]]:
    top, bottom = _multiply(above), _multiply(below)
    if bottom == 0:
        return _without_one([top]), [bottom]
    total = Fraction(top) / Fraction(bottom)
    whole = _exact(total)
    if whole is not None:
        return _without_one([whole]), []
    top, bottom = _shortest_ratio(total) or (top, bottom)
    return _without_one([top]), _without_one([bottom])


def _shortest_ratio(total: Fraction) -> tuple[float, float] | None:
    """The doubles with this quotient that print shortest: 2/3, or 1/0.3; None if there are none."""
    odd = total.denominator // (total.denominator & -total.denominator)
    shared = total * odd
    pairs = ((_exact(shared / 2**shift), _exact(Fraction(odd, 2**shift))) for shift in range(_MAX_SHIFT))
    exact = [(top, bottom) for top, bottom in pairs if top is not None and bottom is not None]
    return min(exact, key=lambda pair: len(render_number(pair[0]) + render_number(pair[1])), default=None)


def _without_one(constants: list[float]) -> list[float]:
    return [constant for constant in constants if constant != 1.0]


def _multiply(constants: Iterable[float]) -> float:
    return _rounded(math.prod(map(Fraction, constants), start=Fraction(1)))


# --- powers and calls ---------------------------------------------------------------------------------------


def _power(base: Expr, exponent: Expr) -> Expr:
    if not isinstance(exponent, Num):
        return Binary("**", base, exponent)
    value = exponent.value
    if value == 1.0:
        return base
    if value == 0.5:
        return _simplify_call("sqrt", (base,))
    if value < 0:
        return _product(_factors(ONE).over(_factors(_power(base, Num(-value)))))
    if isinstance(base, Num) and value == int(value) and value <= _MAX_EXPONENT:
        folded = _exact(Fraction(base.value) ** int(value))
        if folded is not None:
            return Num(folded)
    return Binary("**", base, exponent)


def _simplify_call(function: str, arguments: tuple[Expr, ...]) -> Expr:
    first = arguments[0]
    if function in ("max", "min"):
        return _simplify_extreme(function, arguments)
    if isinstance(first, Num):
        folded = _fold_call(function, first.value, arguments[1:])
        if folded is not None:
            return folded
    return Call(function, arguments)


def _fold_call(function: str, value: float, rest: tuple[Expr, ...]) -> Expr | None:
    """The call over a constant first argument, where the result is exact; None elsewhere."""
    match function:
        case "where":
            return rest[0] if value > 0 else rest[1]
        case "lookup":
            return rest[lookup_index(value, len(rest))]
        case "sqrt" if value >= 0:
            root = math.sqrt(value)
            return Num(root) if Fraction(root) ** 2 == Fraction(value) else None
    exact = function in ("abs", "floor") or (function, value) in _EXACT_POINTS
    return Num(SCALAR_CALLS[function](value)) if exact else None


def _simplify_extreme(function: str, arguments: tuple[Expr, ...]) -> Expr:
    flat: list[Expr] = []
    for argument in arguments:
        nested = isinstance(argument, Call) and argument.function == function
        flat.extend(argument.children if nested else [argument])
    constants = [argument.value for argument in flat if isinstance(argument, Num)]
    others = sorted({argument for argument in flat if not isinstance(argument, Num)}, key=_order)
    if constants:
        others.append(Num(max(constants) if function == "max" else min(constants)))
    return others[0] if len(others) == 1 else Call(function, tuple(others))


def _order(expr: Expr) -> tuple[bool, float, str]:
    """Sort key: constants last and by value, the rest by text."""
    return (True, expr.value, "") if isinstance(expr, Num) else (False, 0.0, render(expr))


def _exact(value: Fraction) -> float | None:
    """The double that equals `value`, if there is one."""
    try:
        rounded = float(value)
    except OverflowError:
        return None
    return rounded if Fraction(rounded) == value else None


def _rounded(value: Fraction) -> float:
    """The double nearest to `value`; ExprError if it is too large, or too small to be told from 0."""
    try:
        rounded = float(value)
    except OverflowError:
        rounded = 0.0
    if rounded == 0 and value != 0:
        raise ExprError("the constants of this expression are too large or too small when taken together")
    return rounded
