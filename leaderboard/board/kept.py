"""The first rows of a board as they were last shown, so that a start need not read their records again.

Rows are frozen values of frozen values, and are written as that: each class has a number, under which its
fields follow in order (MessagePack's extension types). Only the classes named here can come out again. What
is kept is of use to one version of the code alone, as every table of views is (node.boards), so there is no
format to look after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from operator import attrgetter
from typing import Any, TypeAlias, cast

import msgpack

from ..codec import ValueMap, decode, encode
from ..evidence.causes import Cause
from ..evidence.effects import Count
from ..evidence.electorate import Weight
from ..evidence.pool import Share
from ..evidence.replay import Check
from ..evidence.standing import Assessment, AuthorSummary, Standing
from ..fields import Fields
from ..records import Claim
from ..tables import Codec
from .ranking import Margin
from .rows import ClaimView, FindingView, Row

__all__ = ["ROWS", "Rows"]

Rows: TypeAlias = "tuple[Row, ...]"

_RECORDS = (Row, ClaimView, Margin, FindingView, Cause, Assessment, AuthorSummary, Share, Count, Check)

_Taken: TypeAlias = "Callable[[Any], object]"
_Made: TypeAlias = "Callable[[Any], object]"


def _of_integers(pair: tuple[bytes, bytes]) -> Fraction:
    return Fraction(*(int.from_bytes(part, "big", signed=True) for part in pair))


def _to_integers(value: Fraction) -> tuple[bytes, ...]:
    return tuple(
        part.to_bytes(part.bit_length() // 8 + 1, "big", signed=True)
        for part in (value.numerator, value.denominator)
    )


def _of_claim(data: bytes) -> Claim:
    return Claim.read(Fields(cast("ValueMap", decode(data)), "claim"))


def _shape(record: type) -> tuple[type, _Taken, _Made]:
    return record, attrgetter(*(item.name for item in fields(record))), lambda values: record(*values)


_SHAPES: tuple[tuple[type, _Taken, _Made], ...] = (
    (Claim, lambda claim: encode(claim.payload()), _of_claim),
    (Fraction, _to_integers, _of_integers),
    (set, sorted, set),
    *((enum, attrgetter("value"), enum) for enum in (Standing, Weight)),
    *map(_shape, _RECORDS),
)
"""How values of each class are taken apart into plain ones, and made from them; its place is its number."""
_NUMBERS = {shape[0]: number for number, shape in enumerate(_SHAPES)}


def _write(value: object) -> bytes:
    return cast("bytes", msgpack.packb(value, use_bin_type=True, default=_extension))


def _extension(value: object) -> msgpack.ExtType:
    number = _NUMBERS[type(value)]
    return msgpack.ExtType(number, _write(_SHAPES[number][1](value)))


def _read(data: bytes) -> Any:
    return msgpack.unpackb(data, raw=False, use_list=False, ext_hook=_value)


def _value(number: int, data: bytes) -> object:
    return _SHAPES[number][2](_read(data))


ROWS: Codec[Rows] = Codec(_write, _read)
