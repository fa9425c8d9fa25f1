"""Give a candidate's parameters values: by what their names hint at, and by position where they do not.

Hints only choose what to try.  What a technique is called is decided by behaviour alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError, Value, as_tensor, is_tensor

__all__ = ["Array", "array_of", "hinted", "number_of", "outcome", "tensor_of", "tokens"]

Array = NDArray[np.float64]


def tensor_of(array: Array) -> Value:
    """A numpy array as a value of interpreted code (a copy: code may write into it)."""
    import torch

    return torch.from_numpy(np.array(array, dtype=np.float64))


def array_of(value: Value) -> Array:
    """A value of interpreted code as a numpy array."""
    return np.asarray(as_tensor(value).detach().numpy(), dtype=np.float64)


def number_of(value: Value) -> float:
    """A value that must be one number."""
    tensor = as_tensor(value)
    if tensor.numel() != 1:
        raise CodeError("not one number")
    return float(tensor.item())


def outcome(candidate: Candidate, values: Mapping[str, Value]) -> Value:
    """What the candidate computes: its result, what a snippet set last, or what it did to its first input."""
    before = {name: value.clone() for name, value in values.items() if is_tensor(value)}
    result = candidate.run(values)
    if candidate.kind == "snippet":
        filled = next((n for n, old in before.items() if not _equal(old, values[n])), None)
        if filled is not None:
            return values[filled]
        names: Mapping[str, Value] = result
        if names["return"] is not None:
            return names["return"]
        for name in reversed(candidate.written):
            if name in names and (is_tensor(names[name]) or isinstance(names[name], (int, float))):
                return names[name]
        result = None
    if result is None:
        changed = [value for value in values.values() if is_tensor(value)]
        if not changed:
            raise CodeError("it gives nothing back")
        return changed[0]
    return result


def _equal(one: Value, other: Value) -> bool:
    return bool(one.shape == other.shape and (one == other).all())


def tokens(name: str) -> frozenset[str]:
    """The words of an identifier: `lrMax_1` gives lr, max and the whole; single letters keep their case."""
    if len(name) == 1:
        return frozenset({name})
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return frozenset({word.lower() for word in words} | {name.lower()})


def hinted(names: Sequence[str], hints: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Name to role, for the names whose words hint at one; earlier roles are asked first."""
    found: dict[str, str] = {}
    for name in names:
        words = tokens(name)
        role = next((role for role, known in hints.items() if words & known), None)
        if role is not None:
            found[name] = role
    return found
