"""The small part of JSON Schema that all endpoints understand, and the local check of every answer.

Objects with all fields required and no others, strings, numbers, integers, booleans, enumerations, null in
place of a missing value, arrays. No patterns, formats or bounds go to the endpoint (some reject them, one
crashes on them); bounds are checked here. Strictness of a server is never relied upon.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from .errors import AnswerError

__all__ = ["Array", "Json", "JsonSchema", "Number", "Object", "OneOf", "Scale", "Text", "read_json"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_TEXT: Final = 4000  # characters of one string
_MAX_DEPTH: Final = 16
_MAX_DIGITS: Final = 32  # characters of a number that is said as text
_MAX_ANSWER: Final = 64 * 1024  # characters of an answer that is read as JSON


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    most: int = MAX_TEXT
    nullable: bool = False

    def schema(self) -> dict[str, Json]:
        return {"type": ["string", "null"] if self.nullable else "string"}

    def check(self, value: Json, where: str) -> Json:
        if value is None and self.nullable:
            return None
        if not isinstance(value, str):
            raise _wrong(where, "a string")
        if len(value) > self.most:
            raise _wrong(where, f"at most {self.most} characters long")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise _wrong(where, "text without halves of characters (\\ud800 to \\udfff)")
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number, or an integer."""

    low: float = -math.inf
    high: float = math.inf
    integer: bool = False
    nullable: bool = False

    def schema(self) -> dict[str, Json]:
        kind = "integer" if self.integer else "number"
        return {"type": [kind, "null"] if self.nullable else kind}

    def check(self, value: Json, where: str) -> Json:
        if value is None and self.nullable:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(where, "a number")
        if not self.low <= value <= self.high:  # refuses NaN too
            raise _wrong(where, f"from {self.low:g} to {self.high:g}")
        if self.integer and value != int(value):
            raise _wrong(where, "an integer")
        return int(value) if self.integer else value


@dataclass(frozen=True, slots=True)
class Scale:
    """A number from the first to the last of some marks, in ascending order; read as that number.

    The endpoint may say a mark and nothing else. Where no schema is enforced, any number within the range is
    taken, spelled as a number or as text: the marks are there to bound the answer, not to coarsen it.
    """

    marks: tuple[float, ...]
    integer: bool = False

    def schema(self) -> dict[str, Json]:
        return {"type": "string", "enum": [_spelled(mark) for mark in self.marks]}

    def check(self, value: Json, where: str) -> Json:
        if isinstance(value, str) and len(value) <= _MAX_DIGITS:
            with suppress(ValueError):
                value = float(value)  # what is not finite is outside of every range
        return Number(self.marks[0], self.marks[-1], self.integer).check(value, where)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few strings or truth values."""

    options: tuple[str | bool, ...]

    def schema(self) -> dict[str, Json]:
        if all(isinstance(option, bool) for option in self.options):
            return {"type": "boolean"}
        return {"type": "string", "enum": list(self.options)}

    def check(self, value: Json, where: str) -> Json:
        # `1 == True` in Python, so the type is compared as well.
        if not any(value == option and type(value) is type(option) for option in self.options):
            raise _wrong(where, "one of " + ", ".join(json.dumps(option) for option in self.options[:32]))
        return value


@dataclass(frozen=True, slots=True)
class Array:
    """A list."""

    items: JsonSchema
    most: int = 64

    def schema(self) -> dict[str, Json]:
        return {"type": "array", "items": self.items.schema()}

    def check(self, value: Json, where: str) -> Json:
        if not isinstance(value, list) or len(value) > self.most:
            raise _wrong(where, f"a list of at most {self.most}")
        return [self.items.check(item, f"{where}[{place}]") for place, item in enumerate(value)]


@dataclass(frozen=True, slots=True)
class Object:
    """All of these fields and no others."""

    fields: Mapping[str, JsonSchema]

    def schema(self) -> dict[str, Json]:
        return {
            "type": "object",
            "properties": {name: field.schema() for name, field in self.fields.items()},
            "required": list(self.fields),
            "additionalProperties": False,
        }

    def check(self, value: Json, where: str = "the answer") -> dict[str, Json]:
        """The value with every field checked; AnswerError says what to change."""
        if not isinstance(value, dict):
            raise _wrong(where, "an object")
        for name in value:
            if name not in self.fields:
                raise AnswerError("invalid", f"{where} has a field {name[:40]!r} of its own")
        for name in self.fields:
            if name not in value:
                raise AnswerError("invalid", f"{where} lacks the field {name!r}")
        return {name: field.check(value[name], name) for name, field in self.fields.items()}


JsonSchema: TypeAlias = "Text | Number | Scale | OneOf | Array | Object"


def _spelled(mark: float) -> str:
    short = f"{mark:g}"
    return short if float(short) == mark else repr(mark)


def _wrong(where: str, wanted: str) -> AnswerError:
    return AnswerError("invalid", f"{where} must be {wanted}")


def _reject_constant(name: str) -> float:
    raise AnswerError("invalid", f"{name} is not a number that can be used")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AnswerError("invalid", "an object of the answer names a field twice")
    return found


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise AnswerError("invalid", "a number of the answer is too large")
    return value


def read_json(text: str, most: int = _MAX_ANSWER) -> Json:
    """Strict JSON of at most `most` characters: no NaN, infinity or duplicate fields; else AnswerError."""
    if len(text) > most:
        raise AnswerError("too_large", f"the answer has {len(text)} characters; at most {most} are read")
    if _depth(text) > _MAX_DEPTH:
        raise AnswerError("invalid", f"the answer is nested more than {_MAX_DEPTH} deep")
    try:
        value: Json = json.loads(
            text,
            parse_constant=_reject_constant,
            parse_float=_number,
            parse_int=_integer,
            object_pairs_hook=_object,
        )
    except ValueError as error:
        raise AnswerError("not_json", f"the answer is not JSON: {error}") from error
    return value


def _integer(text: str) -> int:
    if len(text) > 20:  # beyond 64 bits; also bounds the cost of the conversion
        raise AnswerError("invalid", "an integer of the answer is too large")
    return int(text)


def _depth(text: str) -> int:
    """An upper bound of the nesting, before the reader recurses (brackets in strings count too)."""
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest
