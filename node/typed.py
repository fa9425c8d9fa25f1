"""Reads plain data (TOML, JSON) into our frozen dataclasses, with complaints that a person can act on.

Two readers of the same kind of value: configuration, where an unknown key is an error that names the
nearest known one, and answers of the daemon, where a newer daemon may say more than this CLI knows.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import Misuse

__all__ = ["nearest", "plain", "read"]

T = TypeVar("T")


def read(kind: type[T], value: object, *, where: str = "", strict: bool = True) -> T:
    """`value` as a `kind` (a dataclass or any type its fields use); raises Misuse naming `where`.

    With `strict`, mappings must not have keys that the dataclass lacks.
    """
    made: T = _read(kind, value, where, strict)
    return made


def plain(value: object) -> Any:
    """The JSON form of a value made of dataclasses, tuples, mappings and scalars."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def nearest(word: str, known: list[str]) -> str:
    """A hint that names the known word most like `word`, or all of them."""
    import difflib  # only who mistypes pays for it

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else f"known are: {', '.join(sorted(known))}"


def _read(kind: Any, value: object, where: str, strict: bool) -> Any:
    origin = get_origin(kind)
    if is_dataclass(kind):
        return _read_dataclass(kind, value, where, strict)
    if origin in (Union, types.UnionType):
        return _read_union(kind, value, where, strict)
    if origin is not None:
        return _read_collection(kind, value, where, strict)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if (
        isinstance(kind, type)
        and isinstance(value, kind)
        and (kind in (bool, object) or not isinstance(value, bool))
    ):
        return value
    raise Misuse(f"{where}: {value!r} is not {_spell(kind)}")


def _read_collection(kind: Any, value: object, where: str, strict: bool) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_read(arguments[0], item, f"{where}[{n}]", strict) for n, item in enumerate(value))
    if origin in (dict, Mapping) and isinstance(value, Mapping):
        return {str(key): _read(arguments[1], item, f"{where}.{key}", strict) for key, item in value.items()}
    if origin is list and isinstance(value, list):
        return [_read(arguments[0], item, f"{where}[{n}]", strict) for n, item in enumerate(value)]
    raise Misuse(f"{where}: {value!r} is not {_spell(kind)}")


def _read_union(kind: Any, value: object, where: str, strict: bool) -> Any:
    for option in get_args(kind):
        if option is type(None):
            if value is None:
                return None
            continue
        try:
            return _read(option, value, where, strict)
        except Misuse:
            continue
    raise Misuse(f"{where}: {value!r} is not {_spell(kind)}")


def _read_dataclass(kind: Any, value: object, where: str, strict: bool) -> Any:
    if not isinstance(value, Mapping):
        raise Misuse(f"{where or 'the whole'}: expected a table of {kind.__name__}, found {value!r}")
    prefix = f"{where}." if where else ""
    hints = _hints(kind)
    unknown = [key for key in value if key not in hints]
    if strict and unknown:
        raise Misuse(f"unknown key `{prefix}{unknown[0]}`", nearest(str(unknown[0]), list(hints)))
    found = {
        key: _read(hint, value[key], f"{prefix}{key}", strict) for key, hint in hints.items() if key in value
    }
    for item in fields(kind):
        if item.name not in found and item.default is MISSING and item.default_factory is MISSING:
            raise Misuse(f"`{prefix}{item.name}` is missing")
    return kind(**found)


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {item.name: hints[item.name] for item in fields(kind)}


def _spell(kind: Any) -> str:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    if kind in words:
        return words[kind]
    origin = get_origin(kind)
    if origin in (tuple, list):
        return "a list"
    if origin in (Union, types.UnionType):
        return " or ".join(_spell(option) for option in get_args(kind) if option is not type(None))
    return "a table"
