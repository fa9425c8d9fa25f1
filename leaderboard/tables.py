"""Ordered tables: the shape in which everything that is derived from the record set is kept.

Views are folded record by record, and at a million records what they fold into is larger than memory. So
they keep it in tables from byte strings to values, in order of the keys, and do not care where those rest:
`MemoryTables` holds them as they are, `node.store_views` in a file. Keys are made so that what is read
together lies together: a prefix names the set, the rest orders it.

A value is never changed, only replaced. Who scans a table does not change it before the scan has ended.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

import msgpack

from .ids import ContentId

__all__ = ["CLAIM", "FLAG", "NUMBER", "Codec", "MemoryTables", "Table", "Tables", "mark", "ordered", "packed"]

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Codec(Generic[V]):
    """How values of one table are written to a file and read again."""

    write: Callable[[V], bytes]
    read: Callable[[bytes], V]


class Table(Protocol[V]):
    """One map in order of its keys."""

    def get(self, key: bytes) -> V | None:
        """The value of a key; None if it has none."""

    def put(self, key: bytes, value: V) -> None:
        """Give a key its value."""

    def drop(self, key: bytes) -> None:
        """Take a key out; nothing happens if it is not in."""

    def scan(self, prefix: bytes, *, backwards: bool = False) -> Iterator[tuple[bytes, V]]:
        """Keys that begin with `prefix` and their values, in order or in the opposite one."""


class Tables(Protocol):
    """Where tables rest."""

    def table(self, name: str, codec: Codec[V]) -> Table[V]:
        """The table of that name, empty if it is new."""


class MemoryTables:
    """Tables that end with the process."""

    def __init__(self) -> None:
        self._tables: dict[str, _MemoryTable[Any]] = {}

    def table(self, name: str, codec: Codec[V]) -> Table[V]:  # noqa: ARG002 - nothing is written
        """The table of that name, empty if it is new."""
        return cast("_MemoryTable[V]", self._tables.setdefault(name, _MemoryTable()))


class _MemoryTable(Generic[V]):
    def __init__(self) -> None:
        self._values: dict[bytes, V] = {}
        self._keys: list[bytes] | None = None
        """In order, from the first scan on: many tables are never scanned."""

    def get(self, key: bytes) -> V | None:
        return self._values.get(key)

    def put(self, key: bytes, value: V) -> None:
        if self._keys is not None and key not in self._values:
            insort(self._keys, key)
        self._values[key] = value

    def drop(self, key: bytes) -> None:
        if self._values.pop(key, None) is not None and self._keys is not None:
            del self._keys[bisect_left(self._keys, key)]

    def scan(self, prefix: bytes, *, backwards: bool = False) -> Iterator[tuple[bytes, V]]:
        keys = self._keys
        if keys is None:
            keys = self._keys = sorted(self._values)
        first = bisect_left(keys, prefix)
        if backwards:
            last = bisect_left(keys, prefix + _BEYOND)
            for index in range(last - 1, first - 1, -1):
                yield keys[index], self._values[keys[index]]
            return
        for index in range(first, len(keys)):
            if not keys[index].startswith(prefix):
                return
            yield keys[index], self._values[keys[index]]


_BEYOND = b"\xff" * 128
"""Longer than any key."""

FLAG: Codec[bool] = Codec(lambda _: b"", lambda _: True)
"""Of tables in which being there is all that a key says."""
NUMBER: Codec[int] = Codec(msgpack.packb, msgpack.unpackb)
CLAIM: Codec[ContentId] = Codec(bytes, ContentId)


def packed(write: Callable[[V], tuple[object, ...]], read: Callable[..., V]) -> Codec[V]:
    """A codec of values that are made from, and taken apart into, a tuple of plain values."""
    return Codec(
        lambda value: cast("bytes", msgpack.packb(write(value), use_bin_type=True)),
        lambda data: read(*msgpack.unpackb(data, use_list=False, raw=False)),
    )


def mark(table: Table[bool], key: bytes, *, present: bool) -> None:
    """Put a key into a table of flags, or take it out."""
    if present:
        table.put(key, True)
    else:
        table.drop(key)


def ordered(number: float) -> bytes:
    """Eight bytes in the order of the numbers; both zeros are one."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    return int.to_bytes(bits ^ (_ALL if bits >> 63 else _SIGN), 8, "big")


_SIGN, _ALL = 1 << 63, (1 << 64) - 1
