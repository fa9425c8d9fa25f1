"""Reads typed, bounded fields out of a decoded map; every complaint names the field.

A reader takes each field exactly once and ends with `done()`, so an unknown field is refused: within one
version of the record format there are no optional extras that some nodes see and others do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeGuard, cast

from .codec import Value, ValueMap
from .errors import PeerError
from .ids import ID_BYTES

__all__ = ["Fields"]


_ABSENT: Final = cast("Value", object())
"""Stands for a field that is not there; of no type that a field may have."""


class Fields:
    """One map of a payload, being taken apart."""

    __slots__ = ("_children", "_left", "_where")

    def __init__(self, source: ValueMap, where: str) -> None:
        self._left = dict(source)
        self._where = where
        self._children: list[Fields] = []

    def done(self) -> None:
        """Raise PeerError if a field was never asked for, here or in a nested map."""
        if self._left:
            raise PeerError(f"{self._where}: unknown field {min(self._left)[:32]!r}")
        for child in self._children:
            child.done()

    def require(self, condition: bool, complaint: str) -> None:
        """Raise PeerError with `complaint` unless the fields read so far agree."""
        if not condition:
            raise PeerError(f"{self._where}: {complaint}")

    def has(self, name: str) -> bool:
        """Whether a field is there that only some swarms have."""
        return name in self._left

    def _bad(self, name: str, value: Value, wanted: str) -> PeerError:
        """The complaint about a field that is not as wanted, or not there at all."""
        if value is _ABSENT:
            return PeerError(f"{self._where}: field {name!r} is missing")
        return PeerError(f"{self._where}: field {name!r} is not {wanted}")

    def fields(self, name: str) -> Fields:
        """A nested map, to be read in turn."""
        child = Fields(self.mapping(name), f"{self._where}.{name}")
        self._children.append(child)
        return child

    def optional_fields(self, name: str) -> Fields | None:
        return None if self._none(name) else self.fields(name)

    def mapping(self, name: str) -> ValueMap:
        value = self._left.pop(name, _ABSENT)
        if not isinstance(value, dict | Mapping):
            raise self._bad(name, value, "a map")
        return value

    def sequence(self, name: str, most: int) -> Sequence[Value]:
        value = self._left.pop(name, _ABSENT)
        if type(value) is not list and (not isinstance(value, Sequence) or isinstance(value, str | bytes)):
            raise self._bad(name, value, "an array")
        if len(value) > most:
            raise self._bad(name, value, f"an array of at most {most} elements")
        return value

    def binary(self, name: str, least: int, most: int) -> bytes:
        value = self._left.pop(name, _ABSENT)
        if not isinstance(value, bytes) or not least <= len(value) <= most:
            raise self._bad(name, value, f"{least} to {most} bytes")
        return value

    def id(self, name: str) -> bytes:
        return self.binary(name, ID_BYTES, ID_BYTES)

    def optional_id(self, name: str) -> bytes | None:
        return None if self._none(name) else self.id(name)

    def ids(self, name: str, most: int) -> tuple[bytes, ...]:
        value = self.sequence(name, most)
        found = tuple(item for item in value if isinstance(item, bytes) and len(item) == ID_BYTES)
        if len(found) != len(value) or len(set(found)) != len(found):
            raise self._bad(name, value, "an array of distinct ids")
        return found

    def text(self, name: str, most: int) -> str:
        value = self._left.pop(name, _ABSENT)
        if not isinstance(value, str) or len(value) > most:
            raise self._bad(name, value, f"text of at most {most} characters")
        return value

    def optional_text(self, name: str, most: int) -> str | None:
        return None if self._none(name) else self.text(name, most)

    def texts(self, name: str, items: int, most: int) -> tuple[str, ...]:
        value = self.sequence(name, items)
        found = tuple(item for item in value if isinstance(item, str) and len(item) <= most)
        if len(found) != len(value):
            raise self._bad(name, value, f"an array of texts of at most {most} characters")
        return found

    def boolean(self, name: str) -> bool:
        value = self._left.pop(name, _ABSENT)
        if not isinstance(value, bool):
            raise self._bad(name, value, "true or false")
        return value

    def booleans(self, name: str, most: int) -> tuple[bool, ...]:
        value = self.sequence(name, most)
        if not {*map(type, value)} <= _BOOLEANS:
            raise self._bad(name, value, "an array of true and false")
        return cast("tuple[bool, ...]", tuple(value))

    def integer(self, name: str, least: int, most: int) -> int:
        value = self._left.pop(name, _ABSENT)
        if not _is_integer(value) or not least <= value <= most:
            raise self._bad(name, value, f"an integer from {least} to {most}")
        return value

    def integers(self, name: str, items: int, least: int, most: int) -> tuple[int, ...]:
        value = self.sequence(name, items)
        if {*map(type, value)} <= _INTEGERS:
            found = cast("tuple[int, ...]", tuple(value))
            if not found or (least <= min(found) and max(found) <= most):
                return found
        raise self._bad(name, value, f"an array of integers from {least} to {most}")

    def number(self, name: str) -> float:
        """A float; integers are refused, because 1 and 1.0 are different records."""
        value = self._left.pop(name, _ABSENT)
        if not isinstance(value, float):
            raise self._bad(name, value, "a 64-bit float")
        return value

    def optional_number(self, name: str) -> float | None:
        return None if self._none(name) else self.number(name)

    def optional_numbers(self, name: str, most: int) -> tuple[float | None, ...]:
        value = self.sequence(name, most)
        if not {*map(type, value)} <= _OPTIONAL_NUMBERS:
            raise self._bad(name, value, "an array of floats and nulls")
        return cast("tuple[float | None, ...]", tuple(value))

    def _none(self, name: str) -> bool:
        if self._left.get(name, _ABSENT) is None:
            del self._left[name]
            return True
        return False


_BOOLEANS, _INTEGERS, _OPTIONAL_NUMBERS = frozenset({bool}), frozenset({int}), frozenset({float, type(None)})
"""Types of decoded values, which have no subclasses: comparing sets of them is half of the time of a loop."""


def _is_integer(value: Value) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
