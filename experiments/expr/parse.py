"""From text to tree: a hand-written reader for a small grammar, bounded before it works.

    comparison := sum (("<" | "<=" | ">" | ">=") sum)?
    sum        := product (("+" | "-") product)*
    product    := unary (("*" | "/") unary)*
    unary      := "-" unary | "+" unary | power
    power      := atom ("**" unary)?                    right associative, binds tighter than unary minus
    atom       := number | name | name "(" comparison ("," comparison)* ")" | "(" comparison ")"

`pow(a, b)` is read as `a**b`; `pi` and `e` are numbers unless the caller has variables of that name.
Nothing is ever handed to Python's own compiler. Text is refused for its length before it is split, nesting
is counted before it recurses, and nodes are counted as they are made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from typing import Final

from .nodes import ARITY, COMPARISONS, MAX_NODES, Binary, Call, Expr, ExprError, Neg, Num, Var

__all__ = ["MAX_TEXT", "parse"]

MAX_TEXT: Final = 4096  # characters; MAX_NODES numbers of 24 characters and their separators fit
_MAX_NESTING: Final = 32  # brackets, signs and exponents that are open at once
_CONSTANTS: Final = {"pi": math.pi, "e": math.e}
_TOKEN: Final = re.compile(
    r"[ \t\r\n]*(?:((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|([A-Za-z_][A-Za-z0-9_]*)|(\*\*|<=|>=|[-+*/(),<>]))"
)
_END: Final = ("", "end")


def parse(text: str, variables: Collection[str]) -> Expr:
    """Read an expression over the named variables; ExprError (a PeerError) says what to change."""
    if len(text) > MAX_TEXT:
        raise ExprError(f"the expression has {len(text)} characters; write it with at most {MAX_TEXT}")
    return _Reader(_split(text), frozenset(variables)).read().check()


def _split(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position, text = 0, text.rstrip(" \t\r\n")
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ExprError(f"cannot read {text[position : position + 12]!r} at character {position + 1}")
        number, name, sign = found.groups()
        tokens.append((number, "number") if number else (name, "name") if name else (sign, "sign"))
        position = found.end()
    return tokens


class _Reader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, tokens: list[tuple[str, str]], variables: frozenset[str]) -> None:
        self._tokens = tokens
        self._variables = variables
        self._position = 0
        self._nodes = 0
        self._nesting = 0

    def read(self) -> Expr:
        if not self._tokens:
            raise ExprError("the expression is empty")
        expr = self._comparison()
        if self._peek() != _END:
            raise ExprError(f"cannot read on at {self._peek()[0][:24]!r}: an operator is missing")
        return expr

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        place = self._position + ahead
        return self._tokens[place] if place < len(self._tokens) else _END

    def _take(self, *signs: str) -> str | None:
        text, kind = self._peek()
        if kind != "sign" or text not in signs:
            return None
        self._position += 1
        return text

    def _expect(self, sign: str) -> None:
        if self._take(sign) is None:
            raise ExprError(f"expected {sign!r} but found {self._peek()[0][:24] or 'the end'!r}")

    def _count(self, expr: Expr) -> Expr:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ExprError(f"the expression has more than {MAX_NODES} numbers, names and operators")
        return expr

    def _nested(self, part: Callable[[], Expr]) -> Expr:
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise ExprError(f"more than {_MAX_NESTING} brackets or signs are nested; flatten the expression")
        expr = part()
        self._nesting -= 1
        return expr

    def _comparison(self) -> Expr:
        left = self._sum()
        operator = self._take(*COMPARISONS)
        return left if operator is None else self._count(Binary(operator, left, self._sum()))

    def _sum(self) -> Expr:
        left = self._product()
        while operator := self._take("+", "-"):
            left = self._count(Binary(operator, left, self._product()))
        return left

    def _product(self) -> Expr:
        left = self._unary()
        while operator := self._take("*", "/"):
            left = self._count(Binary(operator, left, self._unary()))
        return left

    def _unary(self) -> Expr:
        if self._take("+"):
            return self._nested(self._unary)
        if not self._take("-"):
            return self._power()
        if self._peek()[1] == "number" and self._peek(1)[0] != "**":
            return self._number(-1.0)
        return self._count(Neg(self._nested(self._unary)))

    def _power(self) -> Expr:
        base = self._atom()
        if not self._take("**"):
            return base
        return self._count(Binary("**", base, self._nested(self._unary)))

    def _atom(self) -> Expr:
        text, kind = self._peek()
        if kind == "number":
            return self._number(1.0)
        if kind == "name":
            self._position += 1
            return self._call(text) if self._take("(") else self._name(text)
        self._expect("(")
        expr = self._nested(self._comparison)
        self._expect(")")
        return expr

    def _number(self, sign: float) -> Expr:
        text, _ = self._peek()
        self._position += 1
        return self._count(Num(sign * float(text)))

    def _name(self, name: str) -> Expr:
        if name in self._variables:
            return self._count(Var(name))
        if name in _CONSTANTS:
            return self._count(Num(_CONSTANTS[name]))
        known = ", ".join(sorted(self._variables)) or "none"
        raise ExprError(f"unknown name {name[:24]!r}; the variables here are: {known}")

    def _call(self, name: str) -> Expr:
        if name not in ARITY and name != "pow":
            raise ExprError(f"unknown function {name[:24]!r}; there are {', '.join(sorted(ARITY))}, pow")
        arguments = [self._nested(self._comparison)]
        while self._take(","):
            arguments.append(self._nested(self._comparison))
        self._expect(")")
        if name != "pow":
            return self._count(Call(name, tuple(arguments)))
        if len(arguments) != 2:
            raise ExprError(f"pow takes 2 arguments, not {len(arguments)}")
        return self._count(Binary("**", *arguments))
