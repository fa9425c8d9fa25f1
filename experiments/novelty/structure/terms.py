"""Terms: the normal form in which code is compared.

A term is a tuple (operator, operands...); leaves are ("num", x), ("name", n) and ("str", s).  Construction
normalises: sums and products are flat and have their numbers folded, differences and quotients are sums and
products, roots and squares are powers, `1/(1+exp(-x))` is a sigmoid, `max(x, 0)` is a relu.  So spelling,
order, and constants split in pieces disappear; what is computed stays.

This is no computer algebra: nothing is expanded or factored.  Identity of formulae is decided by values
(`formula.py`); terms are for finding a known pattern inside larger code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

__all__ = [
    "Term",
    "add",
    "call",
    "is_number",
    "multiply",
    "name",
    "negate",
    "number",
    "power",
    "size",
    "subterms",
]

Term: TypeAlias = tuple[object, ...]
"""(operator, operand, ...): operands are terms, but for the payload of a leaf."""

_LEAVES = frozenset({"num", "name", "str"})


def number(value: float) -> Term:
    """A numeric leaf."""
    return ("num", float(value))


def name(text: str) -> Term:
    """A variable, or a dotted path of `self`."""
    return ("name", text)


def is_number(term: Term, value: float | None = None) -> bool:
    """Whether a term is a number (this one, to nine digits)."""
    return term[0] == "num" and (
        value is None or math.isclose(_number(term), value, rel_tol=1e-9, abs_tol=1e-12)
    )


def operands(term: Term) -> tuple[Term, ...]:
    """The operands that are terms themselves."""
    return () if term[0] in _LEAVES else tuple(part for part in term[1:] if isinstance(part, tuple))


def subterms(term: Term) -> Iterator[Term]:
    """The term and everything inside it, outermost first."""
    stack = [term]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(operands(current)))


def size(term: Term, limit: int = 10_000) -> int:
    """Number of nodes, counted no further than the limit."""
    count = 0
    for _ in subterms(term):
        count += 1
        if count >= limit:
            break
    return count


def add(*parts: Term) -> Term:
    """A flat sum with its numbers folded into one."""
    constant, terms = 0.0, []
    for part in parts:
        for item in operands(part) if part[0] == "+" else (part,):
            if item[0] == "num":
                constant += _number(item)
            else:
                terms.append(item)
    terms = _without_opposites(terms)
    if constant or not terms:
        terms.append(number(constant))
    return terms[0] if len(terms) == 1 else ("+", *_ordered(terms))


def _without_opposites(terms: list[Term]) -> list[Term]:
    """Without pairs of a term and its negative: `x - x` is nothing."""
    kept: list[Term] = []
    for term in terms:
        opposite = multiply(number(-1.0), term)
        if opposite in kept:
            kept.remove(opposite)
        else:
            kept.append(term)
    return kept


def multiply(*parts: Term) -> Term:
    """A flat product with its numbers folded and equal factors collected into powers."""
    constant, exponents = 1.0, dict[Term, float]()
    others: list[Term] = []
    for part in parts:
        for item in operands(part) if part[0] == "*" else (part,):
            if item[0] == "num":
                constant *= _number(item)
            elif item[0] == "pow" and is_number(operands(item)[1]):
                base, exponent = operands(item)
                exponents[base] = exponents.get(base, 0.0) + _number(exponent)
            else:
                exponents[item] = exponents.get(item, 0.0) + 1.0
    factors = [power(base, number(n)) for base, n in exponents.items() if n != 0.0] + others
    if constant == 0.0:
        return number(0.0)
    if constant != 1.0 or not factors:
        factors.append(number(constant))
    return factors[0] if len(factors) == 1 else ("*", *_ordered(factors))


def negate(term: Term) -> Term:
    """The term with the other sign; a sum is negated part by part."""
    if term[0] == "+":
        return add(*(multiply(number(-1.0), part) for part in operands(term)))
    return multiply(number(-1.0), term)


def power(base: Term, exponent: Term) -> Term:
    """A power; powers of powers and of products with numeric exponents are joined."""
    if is_number(exponent, 1.0):
        return base
    if base[0] == "num" and exponent[0] == "num":
        return _numeric_power(base, exponent)
    if base[0] == "pow" and is_number(exponent) and is_number(operands(base)[1]):
        inner, first = operands(base)
        return power(inner, number(_number(first) * _number(exponent)))
    if base[0] == "*" and is_number(exponent):
        return multiply(*(power(part, exponent) for part in operands(base)))
    if is_number(exponent, -1.0) and (logistic := _sigmoid_of(base)) is not None:
        return logistic
    return ("pow", base, exponent)


def call(function: str, *arguments: Term) -> Term:
    """A function's value, with the usual identities applied."""
    match function, arguments:
        case "max", (x, ("num", zero)) if zero == 0.0:
            return ("relu", x)
        case "max", (("num", zero), x) if zero == 0.0:
            return ("relu", x)
        case "log", (("+", *parts),) if (inner := _one_plus_exp(tuple(parts))) is not None:
            return ("softplus", inner)
        case (("sum" | "mean"), ((inner, *rest),)) if inner == function and len(rest) == 1:
            return (function, *rest)  # axis after axis
        case (("max" | "min"), _):
            return (function, *_ordered(list(arguments)))
    return (function, *arguments)


def _numeric_power(base: Term, exponent: Term) -> Term:
    try:
        value = _number(base) ** _number(exponent)
    except (OverflowError, ZeroDivisionError):
        return ("pow", base, exponent)
    return number(value) if isinstance(value, float) else ("pow", base, exponent)


def _sigmoid_of(base: Term) -> Term | None:
    """`(1 + exp(-x))^-1` is the logistic sigmoid of x."""
    if base[0] != "+":
        return None
    inner = _one_plus_exp(operands(base))
    return None if inner is None else ("sigmoid", negate(inner))


def _one_plus_exp(parts: tuple[object, ...]) -> Term | None:
    match parts:
        case (("exp", tuple(inner)), ("num", one)) | (("num", one), ("exp", tuple(inner))) if one == 1.0:
            return tuple(inner)
    return None


def _ordered(terms: list[Term]) -> list[Term]:
    """A fixed order that does not depend on the text's: by kind, then by content."""
    return sorted(terms, key=repr)


def _number(term: Term) -> float:
    value = term[1]
    assert isinstance(value, float)
    return value
