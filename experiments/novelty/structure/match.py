"""Find a pattern inside terms.

A pattern is a term whose names that begin with an underscore stand for anything, the same thing everywhere
(`__` for anything at all, `_n1` for a number); `_f(_x)` is a call of any one function.  In sums and products
a pattern's parts may be any of the parts, in any order, and others may be left over: `_l*_x + (1 - _l)*_y` is
found inside a longer sum, and `0.9*m + 0.1*g` is one with _l = 0.9.  Work is bounded by a count of
comparisons; running out means "not found".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from .code.names import PERMITTED
from .terms import Term, operands, subterms

__all__ = ["find"]

_BUDGET = 60_000  # comparisons for one pattern in one piece of code
_OPEN = frozenset({"+", "*"})  # parts in any order, more allowed
_UNORDERED = frozenset({"max", "min", "and", "or"})

_FORMS = frozenset(
    {"pow", "num", "name", "str", "item", "list", "slice", "where", "part", "set", "return", "do"}
)
"""Operators that are no functions: a wildcard in a function's place does not stand for them."""

_NUMERIC = re.compile(r"_n\d")
_LIBRARY = frozenset(PERMITTED)

Binding = dict[str, Term]


class _Budget:
    """Counts comparisons down."""

    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self) -> bool:
        self._left -= 1
        return self._left > 0


def find(pattern: Term, terms: Sequence[Term], bound: Mapping[str, Term] | None = None) -> Binding | None:
    """The first way in which the pattern occurs in any of the terms, or None."""
    budget = _Budget(_BUDGET)
    for term in terms:
        for part in subterms(term):
            for binding in _match(pattern, part, dict(bound or {}), budget):
                return binding
    return None


def _match(pattern: Term, term: Term, binding: Binding, budget: _Budget) -> Iterator[Binding]:
    if not budget.spend():
        return
    if pattern[0] == "name":
        yield from _match_name(str(pattern[1]), term, binding)
    elif pattern[0] == "num":
        if term[0] == "num" and _close(pattern[1], term[1]):
            yield binding
    elif pattern[0] == term[0] and (pattern[0] in _OPEN or _same_length(pattern, term)):
        yield from _match_open(operands(pattern), operands(term), binding, budget)
    elif str(pattern[0]).startswith("_"):
        yield from _match_function(pattern, term, binding, budget)
    elif term[0] == "num" and _solvable(pattern):
        yield from _solve(pattern, term, binding)
    elif pattern[0] == term[0]:
        if pattern[0] == "str":
            if pattern == term:
                yield binding
        else:
            yield from _match_in_order(operands(pattern), operands(term), binding, budget)


def _same_length(pattern: Term, term: Term) -> bool:
    return pattern[0] in _UNORDERED and len(pattern) == len(term)


def _match_name(name: str, term: Term, binding: Binding) -> Iterator[Binding]:
    if name == "__":
        yield binding
    elif not name.startswith("_"):
        if term == ("name", name):
            yield binding
    elif name in binding:
        held = binding[name]
        if held == term or (held[0] == term[0] == "num" and _close(held[1], term[1])):
            yield binding
    elif not (_NUMERIC.fullmatch(name) and term[0] != "num"):
        yield {**binding, name: term}


def _match_function(pattern: Term, term: Term, binding: Binding, budget: _Budget) -> Iterator[Binding]:
    """`_f(...)` is any function; another wildcard is another function; `_own...` is none of a library's."""
    wildcard, held = str(pattern[0]), ("op", str(term[0]))
    taken = any(value == held for key, value in binding.items() if key != wildcard)
    if not str(term[0]).isidentifier() or term[0] in _FORMS or taken or binding.get(wildcard, held) != held:
        return
    if wildcard.startswith("_own") and term[0] in _LIBRARY:
        return
    yield from _match_in_order(operands(pattern), operands(term), {**binding, wildcard: held}, budget)


def _solvable(pattern: Term) -> bool:
    """Sums, powers, and products of numbers with one name: a product of names has too many solutions."""
    if pattern[0] == "*":
        return sum(part[0] != "num" for part in operands(pattern)) == 1
    return pattern[0] in {"+", "pow"}


def _solve(pattern: Term, term: Term, binding: Binding) -> Iterator[Binding]:
    """A pattern with at most one open name that a number satisfies: `1 - _l` is 0.1 for _l = 0.9."""
    target = term[1]
    names = {str(part[1]) for part in subterms(pattern) if part[0] == "name"}
    unbound = [name for name in names if name not in binding]
    if not isinstance(target, float) or len(unbound) > 1 or "__" in names:
        return
    values = {name: binding[name][1] if len(binding[name]) > 1 else None for name in names if name in binding}
    known = {name: value for name, value in values.items() if isinstance(value, float)}
    if len(known) < len(values):
        return
    if not unbound:
        if _close(_number_of(pattern, known), target):
            yield binding
        return
    root = _root(pattern, unbound[0], known, target)
    if root is not None:
        yield {**binding, unbound[0]: ("num", root)}


def _root(pattern: Term, name: str, known: Mapping[str, float], target: float) -> float | None:
    """The value of a name for which a linear or power pattern has the target's value."""
    if pattern[0] == "pow" and operands(pattern)[0] == ("name", name) and target > 0.0:
        exponent = _number_of(operands(pattern)[1], known)
        return target ** (1.0 / exponent) if exponent else None
    low, middle, high = (_number_of(pattern, {**known, name: value}) for value in (1.0, 2.0, 3.0))
    if low is None or middle is None or high is None or abs(high - 2 * middle + low) > 1e-9 or middle == low:
        return None
    return 1.0 + (target - low) / (middle - low)


def _number_of(pattern: Term, known: Mapping[str, float]) -> float | None:
    """The value of a pattern of numbers and known names."""
    if pattern[0] == "num":
        return pattern[1] if isinstance(pattern[1], float) else None
    if pattern[0] == "name":
        return known.get(str(pattern[1]))
    values = [_number_of(part, known) for part in operands(pattern)]
    numbers = [value for value in values if value is not None]
    if len(numbers) != len(values) or pattern[0] not in {"+", "*", "pow"}:
        return None
    if pattern[0] == "pow":
        return math.pow(*numbers) if numbers[0] > 0.0 and abs(numbers[1]) < 100 else None
    return math.fsum(numbers) if pattern[0] == "+" else math.prod(numbers)


def _match_in_order(
    patterns: tuple[Term, ...], terms: tuple[Term, ...], binding: Binding, budget: _Budget
) -> Iterator[Binding]:
    """Operands in order; the pattern may leave off trailing ones (axes), and `__` need not be there."""
    if not terms and all(part == ("name", "__") for part in patterns):
        patterns = ()
    if not patterns:
        yield binding
        return
    if not terms:
        return
    for first in _match(patterns[0], terms[0], binding, budget):
        yield from _match_in_order(patterns[1:], terms[1:], first, budget)


def _match_open(
    patterns: tuple[Term, ...], terms: tuple[Term, ...], binding: Binding, budget: _Budget
) -> Iterator[Binding]:
    """Each part of the pattern is some part of the term; bare wildcards last, because they fit anything."""
    if not patterns:
        yield binding
        return
    ordered = sorted(patterns, key=lambda part: (part[0] == "name", -len(part)))
    first, rest = ordered[0], tuple(ordered[1:])
    for at, part in enumerate(terms):
        for found in _match(first, part, binding, budget):
            yield from _match_open(rest, terms[:at] + terms[at + 1 :], found, budget)


def _close(one: object, other: object) -> bool:
    return (
        isinstance(one, float)
        and isinstance(other, float)
        and math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-9)
    )
