"""Canonical MessagePack: one encoding per value, and nothing else is accepted.

Rules (docs/spec/record-v1.md, section 2): maps have string keys sorted by their UTF-8 bytes; integers
take the shortest form and lie in [-2^63, 2^64); floats are 64-bit, finite and never -0.0; no extension
types. Signatures and hashes are taken over received bytes, never over a re-encoding; re-encoding serves
only to check that the received bytes were the canonical ones, which costs about 1.5 us a record and is
the simplest check that cannot disagree with the encoder.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from typing import Any, TypeAlias

import msgpack

from .errors import LocalError, PeerError

__all__ = ["MAX_DEPTH", "MAX_RECORD_BYTES", "Value", "ValueMap", "decode", "encode"]

Value: TypeAlias = "bool | int | float | str | bytes | Sequence[Value] | Mapping[str, Value] | None"
ValueMap: TypeAlias = "Mapping[str, Value]"

MAX_RECORD_BYTES = 64 * 1024
"""Largest encoded value that is decoded by default, in bytes."""
MAX_DEPTH = 12
"""Deepest nesting of arrays and maps; a scalar has depth 0."""
MAX_ITEMS = 16_384
"""Most elements in one array or map."""
_HARMLESS_BYTES = 512
"""Arrays in so few bytes take 0.7 MB and 0.3 ms at most, whatever they announce."""
_PLAIN = frozenset({bool, bytes, int, str, type(None)})
"""Types whose every value has a canonical form (the range of integers is msgpack's own)."""
_FLOATS = frozenset({float})


def encode(value: Value) -> bytes:
    """Canonical bytes of `value`; raises LocalError if it has no canonical form."""
    try:
        packed: bytes = msgpack.packb(_canonical(value, 0), use_bin_type=True)
    except (ValueError, OverflowError) as error:
        raise LocalError(f"cannot be encoded canonically: {error}") from None
    return packed


def decode(data: bytes, *, limit: int = MAX_RECORD_BYTES) -> Value:
    """The value that `data` encodes; raises PeerError unless `data` is canonical and within limits."""
    if len(data) > limit:
        raise PeerError(f"encoded value has {len(data)} bytes, the limit is {limit}")
    try:
        if len(data) > _HARMLESS_BYTES:
            _walk(data)
        value: Value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            max_array_len=min(MAX_ITEMS, len(data)),
            max_map_len=min(MAX_ITEMS, len(data)),
            max_str_len=limit,
            max_bin_len=limit,
            max_ext_len=0,
        )
        _check(value, 0)
        again: bytes = msgpack.packb(value, use_bin_type=True)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise PeerError(f"not canonical MessagePack: {type(error).__name__}: {error}") from None
    if again != data:
        raise PeerError("not canonical MessagePack: another encoding of the same value exists")
    return value


def _walk(data: bytes) -> None:
    """Raise unless every array holds what it announces: room for it is made before its elements are read.

    Three bytes of an array of 16,384 take 128 kB; a thousand of them, one in another, stopped us for 50 ms.
    """
    walker = msgpack.Unpacker(max_buffer_size=len(data))
    walker.feed(data)
    walker.skip()


def _check(value: Any, depth: int) -> None:
    """Raise ValueError where a decoded value has no canonical form, or its maps another order than that.

    What passes is repacked as it is: a copy with sorted maps, as `_canonical` makes one, would be equal.
    Decoding is half of what ingest costs beside verification, so types are looked at all at once.
    """
    kind = type(value)
    if kind is float:
        _check_float(value)
    elif kind is dict or kind is list:
        if depth >= MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        if kind is dict:
            _check_keys(list(value))
            value = value.values()
        odd = {*map(type, value)} - _PLAIN
        if odd == _FLOATS and len(value) > 1 and _are_plain_floats(value):
            return
        if odd:
            for item in value:
                if type(item) not in _PLAIN:
                    _check(item, depth + 1)
    elif kind not in _PLAIN:
        raise ValueError(f"type {kind.__name__} has no encoding")


def _check_keys(keys: list[Any]) -> None:
    ordered = sorted(keys)  # a TypeError where strings and bytes are mixed
    if keys and type(ordered[0]) is not str:
        raise ValueError("map keys must be strings")
    if keys != ordered:
        raise ValueError("map keys are not sorted")


def _are_plain_floats(items: Collection[Any]) -> bool:
    """Whether these are finite floats, none of them a zero: what measurements mostly consist of."""
    try:
        return all(map(isfinite, items)) and 0.0 not in items
    except TypeError:  # something else among them
        return False


def _check_float(value: float) -> None:
    if not isfinite(value) or (value == 0.0 and math.copysign(1.0, value) < 0.0):
        raise ValueError("floats must be finite and not -0.0")


def _canonical(value: Value, depth: int) -> Value:
    """A copy of `value` with sorted maps; raises ValueError where there is no canonical form."""
    kind = type(value)
    if kind is str or kind is bytes or kind is bool or value is None:
        return value
    if kind is int:
        return value
    if kind is float:
        assert isinstance(value, float)
        _check_float(value)
        return value
    if depth >= MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        if any(type(key) is not str for key in value):
            raise ValueError("map keys must be strings")
        # Sorting by code point equals sorting by UTF-8 bytes: UTF-8 preserves that order.
        return {key: _canonical(value[key], depth + 1) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_canonical(item, depth + 1) for item in value]
    raise ValueError(f"type {kind.__name__} has no encoding")
