"""The values of interpreted code, and the objects that stand for functions, classes and modules."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from leaderboard.errors import PeerError

if TYPE_CHECKING:
    import torch

__all__ = [
    "ClassValue",
    "CodeError",
    "Function",
    "Instance",
    "Module",
    "Scope",
    "Value",
    "as_tensor",
    "is_tensor",
]

Value: TypeAlias = Any
"""Interpreted code is dynamically typed, so its values are: numbers, text, containers, float64 tensors, and
the objects below.  Nothing else may be in a scope; `machine.py` keeps that so."""


class CodeError(PeerError):
    """Foreign code that cannot be interpreted: a forbidden name, a wrong type, too much work."""


def is_tensor(value: Value) -> bool:
    """Whether a value is an array of interpreted code."""
    import torch

    return isinstance(value, torch.Tensor)


def as_tensor(value: Value) -> torch.Tensor:
    """A value as a tensor; numbers and nested lists become float64."""
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, (bool, int, float)):
        return torch.tensor(float(value), dtype=torch.float64)
    if isinstance(value, (list, tuple)):
        return _of_numbers(value) if _leaf_is_number(value) else _stacked([as_tensor(item) for item in value])
    raise CodeError(f"a {type(value).__name__} is not an array")


def _leaf_is_number(value: Value) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (int, float))


def _of_numbers(value: Sequence[Value]) -> torch.Tensor:
    """Nested lists that begin with a number: all at once where they hold nothing else."""
    import torch

    try:
        return torch.from_numpy(np.array(value, dtype=np.float64))
    except (ValueError, TypeError):
        return _stacked([as_tensor(item) for item in value])


def _stacked(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    import torch

    if any(part.shape != parts[0].shape for part in parts):
        raise CodeError("a list of arrays of different shapes is no array")
    return torch.stack([part.double() for part in parts]) if parts else torch.zeros(0, dtype=torch.float64)


@dataclass(slots=True)
class Scope:
    """Names of a function call or a module; reads fall through to the enclosing scope."""

    names: dict[str, Value] = field(default_factory=dict)
    parent: Scope | None = None

    def find(self, name: str) -> Scope | None:
        """The innermost scope that has the name."""
        scope: Scope | None = self
        while scope is not None and name not in scope.names:
            scope = scope.parent
        return scope


@dataclass(slots=True, eq=False)
class Function:
    """A function or lambda; `owner` is bound as its first argument where it is a method."""

    name: str
    arguments: ast.arguments
    body: Sequence[ast.stmt] | ast.expr
    scope: Scope
    defaults: Mapping[str, Value]
    owner: Value = None
    kind: str = "function"  # or staticmethod, classmethod, property

    @property
    def parameters(self) -> tuple[str, ...]:
        """Positional parameters, without the bound one."""
        names = tuple(arg.arg for arg in (*self.arguments.posonlyargs, *self.arguments.args))
        return names[1:] if self.owner is not None else names

    @property
    def required(self) -> tuple[str, ...]:
        """Parameters without a default value, keyword-only ones included."""
        only = tuple(arg.arg for arg in self.arguments.kwonlyargs)
        return tuple(name for name in (*self.parameters, *only) if name not in self.defaults)


@dataclass(slots=True, eq=False)
class ClassValue:
    """A class of interpreted code; `bases` are classes, or names of permitted library classes."""

    name: str
    bases: tuple[Value, ...]
    members: dict[str, Value]

    def find(self, name: str) -> Value:
        """A member of the class or its interpreted bases, or None."""
        if name in self.members:
            return self.members[name]
        found = (base.find(name) for base in self.bases if isinstance(base, ClassValue))
        return next((member for member in found if member is not None), None)

    def is_a(self, name: str) -> bool:
        """Whether the class descends from a library class of this name."""
        return any(base.is_a(name) if isinstance(base, ClassValue) else base == name for base in self.bases)


@dataclass(slots=True, eq=False)
class Instance:
    """An object of an interpreted class."""

    cls: ClassValue
    fields: dict[str, Value] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Record:
    """An object whose attributes spring into being: `s.m` starts as what `fresh` makes of its name."""

    fresh: Callable[[str], Value]
    fields: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Module:
    """A library name such as `torch.nn`; its attributes are looked up by last name, never imported."""

    path: str


@dataclass(frozen=True, slots=True)
class Super:
    """What `super()` gives inside a method."""

    instance: Instance
