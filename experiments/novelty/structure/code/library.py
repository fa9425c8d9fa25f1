"""The functions that interpreted code may call, and nothing else.

One table by last name serves torch, numpy, jax.numpy, math and methods of arrays alike (`np.exp(x)`,
`x.exp()`, `torch.exp(x)`): arrays are always float64 torch tensors, so a snippet in any of these dialects
runs.  Keywords are translated (`axis` to `dim`); those that only say where or how precisely are dropped.

Nothing here touches files, processes, the network, pickles or raw memory.  Sizes of new arrays are checked
before they are made.  torch is imported on first use: only worker processes interpret code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from .names import ALIASES, DROPPED, PERMITTED, RENAMED
from .values import CodeError, Value, as_tensor, is_tensor

if TYPE_CHECKING:
    import torch

__all__ = ["MAX_ENTRIES", "lookup", "plain", "shape_of", "tensor_attribute"]

MAX_ENTRIES = 1 << 21  # of one new array

_FACTS = frozenset({"ndim", "dtype", "device", "requires_grad", "is_cuda", "is_sparse"})
_LINALG = frozenset({"qr", "svd", "eigh", "svdvals", "solve"})  # torch has deprecated forms of these
_TAKES_SHAPES = frozenset({"reshape", "view", "transpose", "permute", "expand", "repeat", "roll", "flip"})
_TAKES_LISTS = frozenset(
    {"meshgrid", "einsum", "cat", "stack", "broadcast_to", "tensordot"}
    | {"hstack", "vstack", "dstack", "column_stack", "block_diag"}
)
_LIFTS_SECOND = frozenset(
    {"atan2", "copysign", "fmod", "hypot", "logaddexp", "maximum", "minimum", "remainder", "true_divide"}
    | {
        "xlogy",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "logical_and",
        "logical_or",
        "logical_xor",
        "matmul",
        "dot",
    }
)
_FAILURES = (
    TypeError,
    ValueError,
    RuntimeError,
    IndexError,
    AttributeError,
    OverflowError,
    NotImplementedError,
)


def lookup(name: str) -> Callable[..., Value] | None:
    """The permitted function with this last name, or None."""
    return _table().get(name)


def tensor_attribute(tensor: torch.Tensor, name: str) -> Value:
    """An attribute of an array: its shape, a view, or a permitted method bound to it."""
    match name:
        case "shape":
            return tuple(tensor.shape)
        case "T" | "mT":
            return tensor.transpose(-1, -2) if tensor.dim() >= 2 else tensor
        case "data":
            return tensor
        case "grad":
            return getattr(tensor, "foreign_grad", None)
    if name in _FACTS:
        return tensor.dim() if name == "ndim" else name == "requires_grad"
    function = lookup(name)
    if function is None:
        raise CodeError(f"arrays have no permitted attribute {name!r}")
    return lambda *args, **kwargs: function(tensor, *args, **kwargs)


def shape_of(given: Sequence[Value]) -> tuple[int, ...]:
    """A checked shape from `zeros(2, 3)`, `zeros((2, 3))` or `size=(2, 3)`."""
    while len(given) == 1 and isinstance(given[0], (list, tuple)):
        given = given[0]
    if not all(isinstance(n, (int, float)) or (is_tensor(n) and n.numel() == 1) for n in given):
        raise CodeError("a shape must be whole numbers")
    shape = tuple(int(n) for n in given)
    if any(n < 0 for n in shape) or math.prod(shape) > MAX_ENTRIES:
        raise CodeError(f"an array of shape {shape} is too large")
    return shape


def plain(result: Value) -> Value:
    """Results as the machine keeps them: tuples without names, floating point in double precision."""
    import torch

    if isinstance(result, torch.Tensor):
        single = result.is_floating_point() and result.dtype != torch.float64
        return result.double() if single else result
    return tuple(plain(item) for item in result) if isinstance(result, (tuple, list)) else result


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Callable[..., Value]]:
    import torch
    from torch.nn import functional, init

    from .makers import casts, makers, python_functions

    torch.set_num_threads(1)  # arrays are small here, and the process is one of several on its machine

    homes = (init, functional, torch, torch.Tensor, torch.linalg, torch.fft)
    table: dict[str, Callable[..., Value]] = {}
    for name in PERMITTED:
        if name in _TAKES_SHAPES:
            places: tuple[object, ...] = (torch.Tensor,)  # methods take the sizes one by one
        else:
            places = homes if name.endswith("_") else (torch.linalg,) if name in _LINALG else homes[1:]
        home = next((place for place in places if hasattr(place, name)), None)
        if home is not None:
            table[name] = _guarded(name, getattr(home, name))
    table.update({alias: table[name] for alias, name in ALIASES.items() if name in table})
    return table | makers() | casts() | python_functions()


def _guarded(name: str, function: Callable[..., Value]) -> Callable[..., Value]:
    """Translate keywords and numbers, and turn every failure into CodeError."""

    def call(*args: Value, **kwargs: Value) -> Value:
        import torch

        named = {RENAMED.get(k, k): v for k, v in kwargs.items() if k not in DROPPED}
        numbers_only = not any(_holds_tensor(value) for value in (*args, *named.values()))
        try:
            with torch.no_grad():
                result = function(*_prepared(name, args), **named)
        except _FAILURES as error:
            raise CodeError(f"{name}: {str(error)[:120]}") from None
        if numbers_only and name not in _TAKES_SHAPES and is_tensor(result) and result.dim() == 0:
            return result.item()
        return plain(result)

    return call


def _prepared(name: str, args: Sequence[Value]) -> list[Value]:
    """Arguments with numbers lifted to arrays where torch insists on arrays."""
    ready = list(args)
    if name == "repeat" and is_tensor(ready[0]):
        grown = ready[0].numel() * math.prod(abs(int(n)) for n in _flat(ready[1:]))
        if grown > MAX_ENTRIES:
            raise CodeError("the array would be too large")
    if name == "where" and len(ready) == 3:
        return [as_tensor(ready[0]) != 0, _double(ready[1]), _double(ready[2])]
    if ready and name not in _TAKES_LISTS:
        ready[0] = _lifted(ready[0])
    if len(ready) > 1 and name in _LIFTS_SECOND:
        ready[1] = _lifted(ready[1])
    return ready


def _double(value: Value) -> torch.Tensor:
    return as_tensor(value).double()


def _flat(values: Sequence[Value]) -> list[Value]:
    return [part for item in values for part in (item if isinstance(item, (list, tuple)) else (item,))]


def _holds_tensor(value: Value) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_tensor(item) for item in value)
    return is_tensor(value)


def _lifted(value: Value) -> Value:
    """Numbers and lists of numbers as tensors, truth values as numbers; everything else as it is."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.double() if value.dtype == torch.bool else value
    if isinstance(value, (int, float)) or (isinstance(value, (list, tuple)) and value):
        return as_tensor(value)
    return value
