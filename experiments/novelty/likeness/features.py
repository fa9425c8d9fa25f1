"""What a program is made of, as counted features in groups, for comparing it with other programs.

    called    names of functions and methods, whichever library they come from, and kinds of statement
    edges     operator under operator in the normal form (`structure/terms.py`), where names have disappeared
    chains    three operators under one another, and statement after statement
    shapes    whole small subterms, names numbered, constants exact to three digits
    outlines  the same with constants left open
    numbers   constants to three digits, and each under its operator
    syntax    node under node in the syntax tree, which keeps what the normal form drops
    words     pieces of all identifiers
    fixed     pieces of what people seldom rename: attributes, keywords, texts, imports

In a diff what it adds counts in full, what stays a little, what it removes not at all.  Code of which nothing
parses has words and operators only.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from ..structure.code.names import ALIASES, LAYERS, MODULES, PERMITTED
from ..structure.reading import read_terms
from ..structure.source import read_source
from ..structure.terms import Term, operands
from ..text.words import tokens
from .arrays import as_arrays

__all__ = ["GROUPS", "Features", "features_of"]

GROUPS: Final = (
    "called", "edges", "chains", "shapes", "outlines", "numbers", "syntax", "words", "fixed",
    "array edges", "array chains", "array shapes", "array outlines",
)  # fmt: skip
Features: TypeAlias = dict[str, Counter[str]]

_MOST_CODE: Final = 12_000  # characters read; a program of the usual kind has 500
_STAYED: Final = 0.25  # weight in a diff of what was there before
_MOST_SUBTERMS: Final = 4_000
_LEAST: Final = 3  # nodes of a subterm that is a feature by itself
_MOST: Final = 14
_LEAVES: Final = frozenset({"num", "name", "str"})
_UNORDERED: Final = frozenset({"+", "*", "max", "min", "and", "or", "eq"})
_WORD = re.compile(r"[A-Za-z_]\w*")
_SIGN = re.compile(r"[-+*/@%<>=!]+")
_SPECIAL = frozenset({"True", "False", "None", "Ellipsis"})
_LIBRARY = frozenset(dir(builtins)) | frozenset(PERMITTED) | frozenset(ALIASES) | LAYERS


def features_of(code: str) -> Features:
    """Counted features of a program, a fragment or a diff, by group; never raises for what the code is."""
    source = read_source(code[:_MOST_CODE])
    if source is None:
        return _of_text(code[:_MOST_CODE])
    found = _of_tree(source.after)
    if source.before is None or not source.before.body:
        return found
    return _added(found, _of_tree(source.before))


def _added(after: Features, before: Features) -> Features:
    """What a diff adds in full, what stays a little."""
    return {
        group: Counter(
            {key: n - (1.0 - _STAYED) * min(n, before[group][key]) for key, n in after[group].items()}
        )
        for group in GROUPS
    }


def _of_text(code: str) -> Features:
    found = {group: Counter[str]() for group in GROUPS}
    found["words"].update(tokens(" ".join(_WORD.findall(code))))
    found["called"].update(_SIGN.findall(code))
    return found


def _of_tree(tree: ast.Module) -> Features:
    found = {group: Counter[str]() for group in GROUPS}
    own = frozenset(_own(tree))
    _syntax(tree, found, own)
    _Terms(found, own).read(read_terms(tree.body))
    arrays = {group: Counter[str]() for group in GROUPS}
    _Terms(arrays, own).read(read_terms(as_arrays(tree).body))
    for group in ("edges", "chains", "shapes", "outlines"):
        found[f"array {group}"] = arrays[group]
    return found


def _own(tree: ast.Module) -> Iterator[str]:
    """Names of functions that are the program's own: people call them what they like."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif _plain_call(node) not in _LIBRARY:
            yield _plain_call(node)


def _plain_call(node: ast.AST) -> str:
    """The name that is called, where that is all that stands before the bracket; else one of a library."""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name
    return "print"


# --- the syntax tree ------------------------------------------------------------------------------------


def _syntax(tree: ast.Module, found: Features, own: frozenset[str]) -> None:
    for node in ast.walk(tree):
        kind = _kind(node, own)
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)):
                found["syntax"][f"{kind}>{_kind(child, own)}"] += 1
        found["called"][kind] += 1
        _named(node, found)


def _kind(node: ast.AST, own: frozenset[str]) -> str:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return "own()" if name in own else f"{_same_name(name)}()"
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.UnaryOp(op=op) | ast.BoolOp(op=op):
            return type(op).__name__
        case ast.Compare(ops=[op, *_]):
            return type(op).__name__
        case ast.Constant(value=value):
            return _constant(value)
        case ast.Attribute(attr=name):
            return f".{name}"
    return type(node).__name__


def _same_name(name: str) -> str:
    plain = ALIASES.get(name, name)
    return plain.rstrip("_") or plain


def _constant(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, (int, float)):
        return f"#{_rounded(float(value))}"
    return "str" if isinstance(value, str) else "constant"


def _rounded(value: float) -> str:
    return f"{value:.3g}"


def _named(node: ast.AST, found: Features) -> None:
    """Pieces of the names that stand at a node."""
    words: Sequence[str] = ()
    fixed: Sequence[str] = ()
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            words = (name,)
        case ast.Attribute(attr=name):
            fixed = (name,)
        case ast.keyword(arg=str(name)) | ast.alias(name=name):
            fixed = (name,)
        case ast.Constant(value=str(text)):
            fixed = (text[:80],)
    found["words"].update(tokens(" ".join((*words, *fixed))))
    found["fixed"].update(tokens(" ".join(name for name in fixed if name not in MODULES)))


# --- the normal form ------------------------------------------------------------------------------------


class _Terms:
    """Collects features of terms; work is bounded by a number of subterms."""

    def __init__(self, found: Features, own: frozenset[str]) -> None:
        self._found = found
        self._own = own
        self._left = _MOST_SUBTERMS

    def read(self, terms: Sequence[Term]) -> None:
        last = "start"
        for named in terms:
            term = self._anonymous(named)
            self._walk(term, "", "")
            here = _label(term) + ":" + _label(operands(term)[-1]) if operands(term) else _label(term)
            self._found["chains"][f"{last};{here}"] += 1
            if term[0] == "set":
                self._update(term)
            last = here

    def _anonymous(self, term: Term) -> Term:
        """The term with the program's own functions without their names."""
        if term[0] in _LEAVES:
            return term
        head = "own" if term[0] in self._own else term[0]
        return (head, *(self._anonymous(part) if isinstance(part, tuple) else part for part in term[1:]))

    def _update(self, term: Term) -> None:
        """An assignment whose target stands in its own value."""
        target, value = operands(term)
        depth = _depth_of(target, value)
        if depth:
            self._found["edges"][f"update {_label(value)} {depth}"] += 1

    def _walk(self, term: Term, parent: str, grand: str) -> int:
        """Counts the term and everything inside it; returns its number of nodes, counted up to a limit."""
        self._left -= 1
        if self._left <= 0:
            return _MOST + 1
        label = _label(term)
        if parent:
            self._found["edges"][f"{parent}>{label}"] += 1
            self._found["chains"][f"{grand}>{parent}>{label}"] += 1
        if term[0] == "num":
            self._found["numbers"][label] += 1
            self._found["numbers"][f"{parent}>{label}"] += 1
        parts = operands(term)
        size = 1 + sum(self._walk(part, label, parent) for part in parts)
        if _LEAST <= size <= _MOST:
            self._found["shapes"][_outline(term, exact=True)] += 1
            self._found["outlines"][_outline(term, exact=False)] += 1
        return size


def _depth_of(target: Term, value: Term) -> int:
    """At which depth of the value the target stands, from 1; 0 if nowhere down to 4."""
    level: list[Term] = [value]
    for depth in range(1, 5):
        if target in level:
            return depth
        level = [part for term in level for part in operands(term)][:50]
    return 0


def _label(term: Term) -> str:
    """A term's operator; leaves by kind, numbers to three digits."""
    match term[0], term[1:]:
        case "num", (float(value),):
            return f"#{_rounded(value)}"
        case "name", (str(name),):
            return name if name in _SPECIAL else "self" if name.startswith("self.") else "v"
        case "str", _:
            return "str"
    return str(term[0])


def _outline(term: Term, *, exact: bool) -> str:
    """A term as text: operands of sums and products in an order of their own, names numbered as they come."""
    names: dict[object, str] = {}
    return "".join(_pieces(term, names, exact))


def _pieces(term: Term, names: dict[object, str], exact: bool) -> Iterator[str]:
    if term[0] == "name":
        label = _label(term)
        yield names.setdefault(term[1], f"v{len(names)}") if label in {"v", "self"} else label
        return
    if term[0] == "num":
        yield _label(term) if exact or term[1] in (0.0, 1.0, -1.0, 2.0, 0.5) else "#"
        return
    parts = operands(term)
    if term[0] in _UNORDERED:
        parts = tuple(sorted(parts, key=_bare))
    yield _label(term)
    if parts:
        yield "("
        for part in parts:
            yield from _pieces(part, names, exact)
            yield ","
        yield ")"


def _bare(term: Term) -> str:
    """A term as text without names, for ordering."""
    parts = operands(term)
    inner = ",".join(_bare(part) for part in parts)
    return f"{_label(term)}({inner})" if parts else _label(term)
