"""Known techniques by how their code is written: rules over terms, kept as data in `idioms.txt`.

A rule names a technique and lists clauses, all of which must hold:

    call A|B          one of these functions is called (last name, whatever the library)
    expr PATTERN      the pattern occurs somewhere       (see `match.py`; `_x` stands for anything)
    set T = PATTERN   an assignment of that form
    if PATTERN        a condition of that form
    do PATTERN        ... in a place where it is done for its effect
    with NUMBERS      a condition on the numbers that the clause before bound (`_n1 + _n2 == 1`)
    kw NAME           a keyword of that name is passed
    str TEXT          a text that contains TEXT (an einsum, a mode)
    base A|B          a class descends from A or B
    break             a loop is left early
    hint              the rule never speaks alone, only where the claim's words agree
    not CLAUSE        the clause does not hold
    before CLAUSE     a pattern that the old side of a diff holds; never true of code that is no diff

Names of variables are never looked at.  In a diff a rule counts only if it holds after the change and did not
hold before.  What a rule says is strong, not confirmed: equal structure, not measured behaviour.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from leaderboard.errors import LocalError

from .formula import parse_formula
from .match import find
from .reading import read_terms, read_terms_and_calls
from .source import Source
from .terms import Term, subterms

__all__ = ["Idiom", "Reading", "idioms", "match_idioms", "read_source_terms"]


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition; `pattern` for those that look for a term, `words` for the others, `guard` on numbers."""

    kind: str
    words: tuple[str, ...] = ()
    pattern: Term = ()
    guard: str = ""
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Idiom:
    """A rule: the technique and its clauses."""

    technique: str
    clauses: tuple[Clause, ...]
    line: int
    hint: bool = False

    @property
    def calls_only(self) -> bool:
        """Whether the rule asks for nothing but names of functions and keywords."""
        return all(clause.kind in {"call", "kw"} for clause in self.clauses)

    @property
    def weight(self) -> float:
        """How much the rule asks for: what is said by few pieces of code weighs more."""
        return sum(_weight(clause) for clause in self.clauses if not clause.negated)


@dataclass(frozen=True, slots=True)
class Reading:
    """One side of the code as terms, with the words that rules ask for."""

    terms: tuple[Term, ...]
    calls: frozenset[str]
    texts: tuple[str, ...]


def read_source_terms(source: Source) -> tuple[Reading, Reading | None]:
    """Both sides of a diff, or the code and None."""
    return _reading(source.after.body), None if source.before is None else _reading(source.before.body)


def match_idioms(after: Reading, before: Reading | None) -> list[Idiom]:
    """Rules that hold (and did not before the change), most specific first, one a technique."""
    held = [
        rule
        for rule in idioms()
        if _holds(rule, after, before) and not (before and _holds(rule, before, None))
    ]
    best: dict[str, Idiom] = {}
    for rule in sorted(held, key=lambda rule: -rule.weight):
        best.setdefault(rule.technique, rule)
    return list(best.values())


_PLAIN_NUMBERS = (-1.0, 0.5, 1.0, 2.0)


def _weight(clause: Clause) -> float:
    """Weights by judgement: a function's name 2, an unusual number 2, an operator less, a wildcard nothing
    unless it has to be the same thing twice."""
    if not clause.pattern:
        return 1.0 if clause.kind in {"base", "break"} else 2.0
    total, seen = 1.0 if clause.guard else 0.0, set[object]()
    for part in subterms(clause.pattern):
        if part[0] == "name":
            total += 0.75 if part[1] in seen and part[1] != "__" else 0.0
            seen.add(part[1])
        elif part[0] == "num":
            total += 0.5 if part[1] in _PLAIN_NUMBERS else 2.0
        else:
            total += {"+": 0.5, "*": 0.25, "pow": 0.75, "set": 0.5, "item": 0.5}.get(str(part[0]), 1.5)
    return total


def _reading(statements: Sequence[ast.stmt]) -> Reading:
    terms, seen = read_terms_and_calls(statements)
    calls: set[str] = set(seen)
    texts: list[str] = []
    for term in terms:
        for part in subterms(term):
            if part[0] == "str":
                texts.append(str(part[1]))
            elif part[0] not in {"num", "name"}:
                calls.add(str(part[0]))
    return Reading(terms, frozenset(calls), tuple(texts))


def _holds(rule: Idiom, code: Reading, before: Reading | None) -> bool:
    return all(
        _clause_holds(clause, before if clause.kind == "before" else code) != clause.negated
        for clause in rule.clauses
    )


def _clause_holds(clause: Clause, code: Reading | None) -> bool:  # noqa: PLR0911 - one for each kind
    if code is None:
        return False
    match clause.kind:
        case "call":
            return any(word in code.calls or f"{word}_" in code.calls for word in clause.words)
        case "kw":
            return any(f"{word}=" in code.calls for word in clause.words)
        case "str":
            return any(word in text for word in clause.words for text in code.texts)
        case "base":
            names = {
                str(term[1][1]) for term in code.terms if term[0] == "base" and isinstance(term[1], tuple)
            }
            return any(word in names for word in clause.words)
        case "break":
            return ("break",) in code.terms
    found = find(clause.pattern, code.terms)
    return found is not None and (not clause.guard or _guarded(clause.guard, found))


def _guarded(guard: str, found: dict[str, Term]) -> bool:
    formula = parse_formula(guard)
    values = {name: found.get(name, ("num", float("nan")))[1] for name in formula.names}
    if not all(isinstance(value, float) for value in values.values()):
        return False
    return bool(formula(**{name: value for name, value in values.items() if isinstance(value, float)}))


# --- the rules file -------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def idioms() -> tuple[Idiom, ...]:
    """All rules, read once."""
    text = resources.files(__package__).joinpath("idioms.txt").read_text(encoding="utf-8")
    rules: list[Idiom] = []
    name, clauses, start = "", list[Clause](), 0
    for at, raw in enumerate([*text.splitlines(), "end"], start=1):
        line = raw.partition("#")[0].rstrip()
        if not line:
            continue
        if line[0] != " ":
            if name:
                kept = tuple(clause for clause in clauses if clause.kind != "hint")
                rules.append(Idiom(name, kept, start, hint=len(kept) < len(clauses)))
            name, clauses, start = line.strip(), [], at
        else:
            _read_clause(line.strip(), clauses, at)
    return tuple(rules)


def _read_clause(line: str, clauses: list[Clause], at: int) -> None:
    kind, _, rest = line.partition(" ")
    if kind == "with":
        last = clauses.pop()
        clauses.append(Clause(last.kind, last.words, last.pattern, rest, last.negated))
        return
    negated = kind == "not"
    old = kind == "before"
    if negated or old:
        kind, _, rest = rest.partition(" ")
    match kind:
        case "call" | "kw" | "base":
            clauses.append(Clause(kind, tuple(rest.split("|")), negated=negated))
        case "str":
            clauses.append(Clause(kind, (rest.strip("'"),), negated=negated))
        case "break" | "hint":
            clauses.append(Clause(kind, negated=negated))
        case "expr" | "set" | "if" | "do" | "return" | "for":
            pattern = _pattern(kind, rest, at)
            clauses.append(Clause("before" if old else "expr", pattern=pattern, negated=negated))
        case _ if old:
            clauses.append(Clause("before", pattern=_pattern("expr", f"{kind} {rest}".strip(), at)))
        case _:
            raise LocalError(f"idioms.txt line {at}: unknown clause {kind!r}")


def _pattern(kind: str, text: str, at: int) -> Term:
    left, _, right = text.partition(" = ") if kind == "set" else ("", "", text)
    try:
        value = _single(right)
        target = _single(left) if kind == "set" else ()
    except (SyntaxError, IndexError) as error:
        raise LocalError(f"idioms.txt line {at}: not a pattern: {text!r} ({error})") from None
    if kind == "expr":
        return value
    return ("set", target, value) if kind == "set" else (kind, value)


def _single(text: str) -> Term:
    """The term of one expression, read as code is."""
    term = read_terms(ast.parse(f"return_ = {text}").body)[0][2]
    assert isinstance(term, tuple)  # the value of an assignment
    return term
