"""A small, bounded, safe expression language for the slots of a recipe.

    >>> law = parse("(fan_in/2)**-0.5", {"fan_in", "fan_out"})
    >>> law.evaluate({"fan_in": 128.0})
    0.125
    >>> law.canonical()
    '1/sqrt(0.5*fan_in)'

Any node can re-run a recipe made of these without a sandbox: there are no loops, no names beyond those of the
slot, no attribute access, and a bound on size. A tree is data: `nodes` has its public constructors, `parse`
reads text, `canonical` gives plain rewritings one text, `evaluate` works on floats, and `Expr.apply` works on
any operations (`tensors` has those of torch, for workers only).

Not covered: canonical text does not decide equality (`sqrt(2)/sqrt(n)` and `sqrt(2/n)` stay two texts); the
novelty checker compares behaviour for that.
"""

from __future__ import annotations

from .nodes import MAX_DEPTH, MAX_NODES, Binary, Call, Expr, ExprError, Neg, Num, Operations, Var
from .parse import MAX_TEXT, parse

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "MAX_TEXT",
    "Binary",
    "Call",
    "Expr",
    "ExprError",
    "Neg",
    "Num",
    "Operations",
    "Var",
    "parse",
]
