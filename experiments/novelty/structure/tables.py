"""Tables of numbers that are themselves the technique: a code book is known by its values.

The values come from the papers; a list in code counts if it has the same numbers in any order, to the digits
that people copy.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["known_tables"]

_CLOSE = 2e-3  # absolute, for tables between -1 and 1

_TABLES: tuple[tuple[str, tuple[float, ...]], ...] = (
    (  # arXiv:2305.14314, appendix E
        "nf4-quantization",
        (
            *(-1.0, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0.0),
            *(0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.7230, 1.0),
        ),
    ),
)


def known_tables(tree: ast.AST) -> list[str]:
    """Techniques whose table of numbers stands in the code."""
    lists = list(_number_lists(tree))
    return [technique for technique, table in _TABLES if any(_same(table, found) for found in lists)]


def _number_lists(tree: ast.AST) -> Iterator[tuple[float, ...]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple)):
            numbers = [_number(part) for part in node.elts]
            known = tuple(number for number in numbers if number is not None)
            if known and len(known) == len(numbers):
                yield known


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    return None


def _same(table: tuple[float, ...], found: tuple[float, ...]) -> bool:
    pairs = zip(sorted(table), sorted(found), strict=False)
    return len(table) == len(found) and all(abs(a - b) <= _CLOSE for a, b in pairs)
