"""Arithmetic and comparison of interpreted values, with bounds on numbers that could grow without end."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

from .library import plain
from .values import CodeError, Value, as_tensor, is_tensor

__all__ = ["binary", "compare", "in_place", "index", "truth", "unary"]

_MAX_BITS = 4_096  # of a whole number
_MAX_LENGTH = 100_000  # of a list or text made by multiplication
_FAILURES = (TypeError, ValueError, RuntimeError, IndexError, KeyError, ArithmeticError, AttributeError)

_BINARY: Mapping[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Value, Value], Value]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def binary(operation: ast.operator, left: Value, right: Value) -> Value:
    """`left op right`, with truth values as numbers wherever an array is involved."""
    arrays = is_tensor(left) or is_tensor(right)
    if arrays:
        left, right = _array_operands(operation, left, right)
    else:
        _bound_numbers(operation, left, right)
    try:
        result = _BINARY[type(operation)](left, right)
        return plain(result) if arrays else result
    except _FAILURES as error:
        raise CodeError(f"{type(operation).__name__}: {str(error)[:100]}") from None


def in_place(operation: ast.operator, target: Value, value: Value) -> Value:
    """`target op= value`: an array keeps its identity where its shape allows, everything else is replaced."""
    result = binary(operation, target, value)
    if (
        is_tensor(target)
        and is_tensor(result)
        and target.shape == result.shape
        and target.is_floating_point()
    ):
        target.copy_(result)
        return target
    return result


def unary(operation: ast.unaryop, value: Value) -> Value:
    """`-x`, `+x`, `~x` and `not x`."""
    match operation:
        case ast.Not():
            return not truth(value)
        case ast.Invert():
            return ~value if is_tensor(value) or isinstance(value, int) else not value
    if not is_tensor(value) and not isinstance(value, (int, float)):
        raise CodeError("a sign before something that is no number")
    return -value if isinstance(operation, ast.USub) else value


def compare(operation: ast.cmpop, left: Value, right: Value) -> Value:
    """One comparison; arrays compare element by element."""
    match operation:
        case ast.Is():
            return left is right
        case ast.IsNot():
            return left is not right
        case ast.In() | ast.NotIn():
            inside = _contains(right, left)
            return inside if isinstance(operation, ast.In) else not inside
    try:
        return _COMPARE[type(operation)](left, right)
    except _FAILURES as error:
        raise CodeError(f"comparison: {str(error)[:100]}") from None


def truth(value: Value) -> bool:
    """Whether a condition holds; an array with several elements has no truth."""
    if is_tensor(value) and value.numel() != 1:
        raise CodeError("an array as a condition")
    return bool(value)


def index(value: Value) -> Value:
    """A subscript as torch takes it: whole-valued arrays and numbers become integers."""
    if is_tensor(value):
        return value.long() if value.is_floating_point() else value
    if isinstance(value, float):
        return int(value)
    if isinstance(value, tuple):
        return tuple(index(part) for part in value)
    if isinstance(value, list):
        return index(as_tensor(value)) if value else value
    if isinstance(value, slice):
        return slice(*(None if part is None else int(part) for part in (value.start, value.stop, value.step)))
    return value


def _array_operands(operation: ast.operator, left: Value, right: Value) -> tuple[Value, Value]:
    import torch

    logical = isinstance(operation, (ast.BitAnd, ast.BitOr, ast.BitXor))
    pair = []
    for value in (left, right):
        array = as_tensor(value) if isinstance(value, (list, tuple)) or is_tensor(value) else value
        if isinstance(array, torch.Tensor) and array.dtype == torch.bool and not logical:
            array = array.double()
        pair.append(array)
    if isinstance(operation, ast.MatMult):
        pair = [as_tensor(value).double() for value in pair]
    return pair[0], pair[1]


def _bound_numbers(operation: ast.operator, left: Value, right: Value) -> None:
    sized = (list, tuple, str)
    if isinstance(operation, ast.Pow) and isinstance(left, int) and isinstance(right, int):
        if abs(left) > 1 and right * left.bit_length() > _MAX_BITS:
            raise CodeError("a whole number would grow too large")
    elif isinstance(operation, ast.LShift) and isinstance(right, int) and right > _MAX_BITS:
        raise CodeError("a whole number would grow too large")
    elif isinstance(operation, ast.Mult):
        for one, other in ((left, right), (right, left)):
            if isinstance(one, sized) and isinstance(other, int) and len(one) * other > _MAX_LENGTH:
                raise CodeError("a list would grow too long")
    elif isinstance(operation, ast.Mod) and isinstance(left, str):
        raise CodeError("text formatting")


def _contains(container: Value, item: Value) -> bool:
    if isinstance(container, (list, tuple)):
        return any(
            item is part or (not is_tensor(part) and not is_tensor(item) and item == part)
            for part in container
        )
    if isinstance(container, (dict, str, range)):
        try:
            return item in container
        except TypeError:
            return False
    raise CodeError("`in` something that is no container")
