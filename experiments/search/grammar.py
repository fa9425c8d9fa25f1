"""Random expressions: growth from nothing, mutation, crossover.

Everything here is blind to what the expression is for. Constants come from a grid that any subject would use
(the integers 1 to 9 and decimal powers), operators are weighted by how elementary they are, size by a
geometric law: shorter first. No published formula, no exponent and no factor of one is listed anywhere.

Sizes are counted in nodes; `complexity` adds the digits that a constant needs, so that `0.1732` is dearer
than `2` although both are one node.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from experiments.expr import Binary, Call, Expr, Neg, Num, Var

__all__ = ["BINARY", "MAX_SIZE", "UNARY", "Grammar", "complexity", "replace_at", "round_to", "subtrees"]

MAX_SIZE: Final = 15  # nodes; larger ideas are left to models and people
_SHRINK: Final = 0.8  # each node more is that much rarer; a guess
_UNARY_SHARE: Final = 0.35  # of the inner nodes with room for both; a guess

# Weights by how elementary an operation is: four basic ones, powers and roots, then the rest.
BINARY: Final = {"+": 4.0, "-": 4.0, "*": 4.0, "/": 4.0, "**": 2.0}
UNARY: Final = {
    "sqrt": 2.0,
    "abs": 1.0,
    "exp": 1.0,
    "log": 1.0,
    "cos": 0.5,
    "sigmoid": 0.5,
    "sin": 0.5,
    "tanh": 0.5,
}
_INTEGERS: Final = tuple(float(n) for n in range(1, 10))
_DECIMAL_POWERS: Final = (0.001, 0.01, 0.1, 10.0, 100.0)


def _pick(weights: dict[str, float], rng: random.Random) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def round_to(value: float, digits: int) -> float:
    """The number nearest to `value` that has so many significant digits."""
    return float(f"{value:.{digits - 1}e}")


def complexity(expr: Expr) -> float:
    """Nodes, half a node for each further digit of a constant, more for less elementary functions."""
    own = 2.0 / UNARY.get(expr.function, 2.0) if isinstance(expr, Call) else 1.0
    if isinstance(expr, Num) and expr.value:
        mantissa = f"{abs(expr.value):.15e}".split("e")[0].replace(".", "").rstrip("0")
        own += 0.5 * (len(mantissa) - 1)
    return own + sum(complexity(child) for child in expr.children)


def subtrees(expr: Expr) -> list[tuple[tuple[int, ...], Expr]]:
    """Every node with the path that leads to it from the root."""
    found: list[tuple[tuple[int, ...], Expr]] = [((), expr)]
    for index, child in enumerate(expr.children):
        found.extend(((index, *path), node) for path, node in subtrees(child))
    return found


def replace_at(expr: Expr, path: tuple[int, ...], new: Expr) -> Expr:
    """The tree with another node at `path`."""
    if not path:
        return new
    children = list(expr.children)
    children[path[0]] = replace_at(children[path[0]], path[1:], new)
    return expr.rebuild(tuple(children))


@dataclass(frozen=True, slots=True)
class Grammar:
    """Random trees over one slot's variables."""

    variables: tuple[str, ...]

    def constant(self, rng: random.Random) -> Expr:
        """A number from the generic grid."""
        if rng.random() < 0.75:
            return Num(rng.choice(_INTEGERS))
        return Num(rng.choice(_DECIMAL_POWERS))

    def leaves(self) -> list[Expr]:
        """Every variable and every number of the grid."""
        return [*map(Var, self.variables), *map(Num, _INTEGERS), *map(Num, _DECIMAL_POWERS)]

    def leaf(self, rng: random.Random) -> Expr:
        """A variable or a number, with equal odds."""
        if self.variables and rng.random() < 0.5:
            return Var(rng.choice(self.variables))
        return self.constant(rng)

    def grow(self, size: int, rng: random.Random) -> Expr:
        """A random tree of exactly `size` nodes."""
        if size <= 1:
            return self.leaf(rng)
        if size == 2 or rng.random() < _UNARY_SHARE:
            return Call(_pick(UNARY, rng), (self.grow(size - 1, rng),))
        left = rng.randint(1, size - 2)
        return Binary(_pick(BINARY, rng), self.grow(left, rng), self.grow(size - 1 - left, rng))

    def sample(self, rng: random.Random, largest: int = MAX_SIZE) -> Expr:
        """A random tree, shorter ones more often."""
        sizes = range(1, largest + 1)
        return self.grow(rng.choices(sizes, [_SHRINK**size for size in sizes])[0], rng)

    def mutate(self, expr: Expr, rng: random.Random) -> Expr:
        """One random change: a subtree, a constant, an operator, a variable, a wrap or a hoist."""
        change: Callable[[Expr, random.Random], Expr] = rng.choice(
            (self._regrow, self._nudge, self._nudge, self._swap, self._wrap, self._hoist)
        )
        mutant = change(expr, rng)
        return mutant if mutant.size <= MAX_SIZE else self._hoist(expr, rng)

    def cross(self, first: Expr, second: Expr, rng: random.Random) -> Expr:
        """The first with one of its subtrees replaced by one of the second."""
        path, _ = rng.choice(subtrees(first))
        _, graft = rng.choice(subtrees(second))
        child = replace_at(first, path, graft)
        return child if child.size <= MAX_SIZE else graft

    def _regrow(self, expr: Expr, rng: random.Random) -> Expr:
        path, _ = rng.choice(subtrees(expr))
        return replace_at(expr, path, self.sample(rng, largest=4))

    def _nudge(self, expr: Expr, rng: random.Random) -> Expr:
        """Another value for one constant: from the grid, a simple multiple, or near by."""
        numbers = [(path, node) for path, node in subtrees(expr) if isinstance(node, Num)]
        if not numbers:
            return self._wrap(expr, rng)
        path, node = rng.choice(numbers)
        kind = rng.randrange(3)
        if kind == 0:
            return replace_at(expr, path, self.constant(rng))
        factor = rng.choice((2.0, 3.0, 0.5)) if kind == 1 else math.exp(rng.gauss(0.0, 0.3))
        return replace_at(expr, path, Num(round_to(node.value * factor, 2)))

    def _swap(self, expr: Expr, rng: random.Random) -> Expr:
        """Another operator or variable in place of one."""
        path, node = rng.choice(subtrees(expr))
        match node:
            case Binary(_, left, right):
                new: Expr = Binary(_pick(BINARY, rng), left, right)
            case Call(_, (operand,)):
                new = Call(_pick(UNARY, rng), (operand,))
            case Neg(operand):
                new = operand
            case _:
                new = self.leaf(rng)
        return replace_at(expr, path, new)

    def _wrap(self, expr: Expr, rng: random.Random) -> Expr:
        """A node becomes the operand of a new one."""
        path, node = rng.choice(subtrees(expr))
        if rng.random() < _UNARY_SHARE:
            return replace_at(expr, path, Call(_pick(UNARY, rng), (node,)))
        operands = [node, self.leaf(rng)]
        rng.shuffle(operands)
        return replace_at(expr, path, Binary(_pick(BINARY, rng), *operands))

    def _hoist(self, expr: Expr, rng: random.Random) -> Expr:
        """A node is replaced by one of its operands: the change that simplifies."""
        inner: Sequence[tuple[tuple[int, ...], Expr]] = [
            (path, node) for path, node in subtrees(expr) if node.children
        ]
        if not inner:
            return self.leaf(rng)
        path, node = rng.choice(inner)
        return replace_at(expr, path, rng.choice(node.children))
