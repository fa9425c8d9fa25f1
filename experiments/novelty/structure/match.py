"""Find a pattern inside terms.

A pattern is a term whose names that begin with an underscore stand for anything, the same thing everywhere
(`__` for anything at all); `_f(_x)` is a call of any one function.  In sums and products a pattern's parts
may be any of the parts, in any order, and others may be left over: `_l*_x + (1 - _l)*_y` is found inside a
longer sum.  Work is bounded by a count of comparisons; running out means "not found".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from .terms import Term, operands, subterms

__all__ = ["find"]

_BUDGET = 60_000  # comparisons for one pattern in one piece of code
_OPEN = frozenset({"+", "*"})  # parts in any order, more allowed
_UNORDERED = frozenset({"max", "min", "and", "or"})

_FORMS = frozenset(
    {"pow", "num", "name", "str", "item", "list", "slice", "where", "part", "set", "return", "do"}
)
"""Operators that are no functions: a wildcard in a function's place does not stand for them."""

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
    elif str(pattern[0]).startswith("_") and str(term[0]).isidentifier() and term[0] not in _FORMS:
        held = ("op", str(term[0]))
        if binding.get(str(pattern[0]), held) == held and len(operands(pattern)) <= len(operands(term)):
            bound = {**binding, str(pattern[0]): held}
            yield from _match_in_order(operands(pattern), operands(term), bound, budget)
    elif pattern[0] == term[0]:
        if pattern[0] == "str":
            if pattern == term:
                yield binding
        elif len(operands(pattern)) <= len(operands(term)):
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
        if binding[name] == term:
            yield binding
    elif not (name.startswith("_n") and term[0] != "num"):
        yield {**binding, name: term}


def _match_in_order(
    patterns: tuple[Term, ...], terms: tuple[Term, ...], binding: Binding, budget: _Budget
) -> Iterator[Binding]:
    """Operands in order; the pattern may leave off trailing ones (keywords, axes)."""
    if not patterns:
        yield binding
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
