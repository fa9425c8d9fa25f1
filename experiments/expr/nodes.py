"""The nodes of an expression tree: frozen values that know their shape and nothing about text.

Public constructors check what they are given (operator, arity, finite numbers), so that a search which
builds or mutates trees can never make one that the parser would refuse for its shape. The size of a whole
tree is bounded by `Expr.check`, which the parser and `Expr.canonical` call; a search that grows trees calls
it (or reads `size` and `depth`) itself.

Bounds: a tree has at most MAX_NODES nodes and MAX_DEPTH levels. They are guesses that leave room for a table
of one number per layer and for every published activation that we know, and keep one evaluation short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from leaderboard.errors import PeerError

__all__ = [
    "ARITY",
    "BINARY",
    "COMPARISONS",
    "MAX_ARGUMENTS",
    "MAX_DEPTH",
    "MAX_NAME",
    "MAX_NODES",
    "Binary",
    "Call",
    "Expr",
    "ExprError",
    "Neg",
    "Num",
    "Operations",
    "Var",
    "bound",
]

MAX_NODES: Final = 128
MAX_DEPTH: Final = 64
MAX_ARGUMENTS: Final = 64  # of one call: a lookup table
MAX_NAME: Final = 24  # characters of a variable's name

ARITHMETIC: Final = ("+", "-", "*", "/", "**")
COMPARISONS: Final = ("<", "<=", ">", ">=")
BINARY: Final = ARITHMETIC + COMPARISONS

# Fewest and most arguments of each function.
ARITY: Final[Mapping[str, tuple[int, int]]] = {
    "abs": (1, 1),
    "cos": (1, 1),
    "erf": (1, 1),
    "exp": (1, 1),
    "floor": (1, 1),
    "log": (1, 1),
    "lookup": (2, MAX_ARGUMENTS),  # lookup(i, a, b, c, ...): the entry floor(i), the ends repeated
    "max": (2, MAX_ARGUMENTS),
    "min": (2, MAX_ARGUMENTS),
    "sigmoid": (1, 1),
    "sin": (1, 1),
    "sqrt": (1, 1),
    "tanh": (1, 1),
    "where": (3, 3),  # where(c, a, b): a where c > 0, else b
}

T = TypeVar("T")


class ExprError(PeerError):
    """An expression that cannot be read, is too large, or has no finite value at a point."""


class Operations(Protocol[T]):
    """What `Expr.apply` needs to work on values of another kind, such as tensors."""

    def constant(self, value: float) -> T:
        """The number as a value."""

    def negate(self, value: T) -> T:
        """The value with the other sign."""

    def binary(self, operator: str, left: T, right: T) -> T:
        """`operator` is one of BINARY; a comparison gives 1 or 0."""

    def call(self, function: str, arguments: tuple[T, ...]) -> T:
        """`function` is a key of ARITY, with a right number of arguments."""


def bound(name: str, environment: Mapping[str, T]) -> T:
    """The variable's value; ExprError if the environment has none."""
    if name not in environment:
        raise ExprError(f"the variable {name!r} has no value here")
    return environment[name]


class Expr:
    """Root of the five kinds of node: Num, Var, Neg, Binary and Call."""

    __slots__ = ()

    @property
    def children(self) -> tuple[Expr, ...]:
        """The operands, left to right; empty for a leaf."""
        return ()

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        """The same node over other operands: the one step that every mutation is made of."""
        if children:
            raise ExprError("a number or a variable has no operands")
        return self

    @property
    def size(self) -> int:
        """Number of nodes."""
        return 1 + sum(child.size for child in self.children)

    @property
    def depth(self) -> int:
        """Number of levels; 1 for a leaf."""
        return 1 + max((child.depth for child in self.children), default=0)

    @property
    def variables(self) -> frozenset[str]:
        """Names of the variables that occur."""
        return frozenset().union(*(child.variables for child in self.children))

    def check(self) -> Expr:
        """Return the tree itself, or raise ExprError if it is larger than the bounds of this module."""
        if self.size > MAX_NODES:
            raise ExprError(f"the expression has {self.size} nodes; write it with at most {MAX_NODES}")
        if self.depth > MAX_DEPTH:
            raise ExprError(f"the expression is nested {self.depth} deep; at most {MAX_DEPTH} is allowed")
        return self

    def canonical(self) -> str:
        """The one text of this expression and of its plain rewritings; see `canonical`."""
        from .canonical import canonical_text

        return canonical_text(self)

    def evaluate(self, environment: Mapping[str, float]) -> float:
        """The finite value at a point; ExprError where there is none."""
        from .evaluate import evaluate

        return evaluate(self, environment)

    def apply(self, environment: Mapping[str, T], operations: Operations[T]) -> T:
        """The value over any kind of operand; every branch of `where` and `lookup` is computed."""
        match self:
            case Num(value):
                return operations.constant(value)
            case Var(name):
                return bound(name, environment)
            case Neg(operand):
                return operations.negate(operand.apply(environment, operations))
            case Binary(operator, left, right):
                first = left.apply(environment, operations)
                return operations.binary(operator, first, right.apply(environment, operations))
            case Call(function, arguments):
                values = tuple(argument.apply(environment, operations) for argument in arguments)
                return operations.call(function, values)
        raise ExprError(f"unknown node {type(self).__name__}")

    def __str__(self) -> str:
        from .render import render

        return render(self)


@dataclass(frozen=True, slots=True)
class Num(Expr):
    """A finite number."""

    value: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ExprError("a number in an expression must be finite")
        # + 0.0 turns -0.0 into 0.0: one text per number.
        object.__setattr__(self, "value", float(self.value) + 0.0)

    __str__ = Expr.__str__


@dataclass(frozen=True, slots=True)
class Var(Expr):
    """A variable that the environment gives a value."""

    name: str

    def __post_init__(self) -> None:
        if not (self.name.isascii() and self.name.isidentifier() and len(self.name) <= MAX_NAME):
            raise ExprError(f"{self.name[:MAX_NAME]!r} is not a variable's name")

    @property
    def variables(self) -> frozenset[str]:
        return frozenset((self.name,))

    __str__ = Expr.__str__


@dataclass(frozen=True, slots=True)
class Neg(Expr):
    """Unary minus."""

    operand: Expr

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.operand,)

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        (operand,) = children
        return Neg(operand)

    __str__ = Expr.__str__


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """An infix operator of BINARY; comparisons give 1 or 0."""

    operator: str
    left: Expr
    right: Expr

    def __post_init__(self) -> None:
        if self.operator not in BINARY:
            raise ExprError(f"unknown operator {self.operator[:8]!r}; there are {' '.join(BINARY)}")

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.left, self.right)

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        left, right = children
        return Binary(self.operator, left, right)

    __str__ = Expr.__str__


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A function of ARITY over its arguments."""

    function: str
    arguments: tuple[Expr, ...]

    def __post_init__(self) -> None:
        if self.function not in ARITY:
            raise ExprError(f"unknown function {self.function[:24]!r}; there are {', '.join(sorted(ARITY))}")
        fewest, most = ARITY[self.function]
        if not fewest <= len(self.arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise ExprError(f"{self.function} takes {wanted} arguments, not {len(self.arguments)}")

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.arguments

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Call(self.function, children)

    __str__ = Expr.__str__
