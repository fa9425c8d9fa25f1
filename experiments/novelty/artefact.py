"""What a check is given: words, and whatever of the thing itself there is to look at.

Every measurement can yield artefacts: the expressions of its recipe, the initial weights (reduced to a dozen
numbers a layer where they are), the learning rates of the actual run, the settings that differ from the
baseline.  The track's runner derives them; nobody lifts code out by hand.  What is missing is not probed.

A query travels as one JSON object; `decode_query` bounds and checks it, because claims come from peers,
models and files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from leaderboard.errors import PeerError

from .probes.init_laws import Layer
from .probes.init_weights import WeightSummary

__all__ = ["MAX_LINE", "Query", "Setting", "decode_query", "encode_query"]

Setting = bool | int | float | str

MAX_LINE = 256 * 1024  # bytes of one query as JSON
_MAX_CLAIM = 20_000  # characters
_MAX_CODE = 100_000
_MAX_NAME = 64
_MAX_ITEMS = 512  # expressions, settings, layers
_MAX_LOG = 4_096  # learning rates


@dataclass(frozen=True, slots=True)
class Query:
    """One thing to check.  Empty fields are simply absent.

    `expressions` are (slot, text) pairs of a recipe, with slots such as `init_std`, `activation` and `lr`;
    `reference` those of the recipe it is compared with: a slot that does the same as there is no change.
    `layers` are those of the track that uses them; `weights` describe real initial weights; `lr_log` is the
    learning rate of every step of a real run.  `settings` and `baseline` are compared key by key.  With
    `track`, the name of an installed one, `expressions` and `settings` are a whole recipe of that track, and
    its runner's artefacts are derived and probed too; with `recall`, trials that did the same are evidence.
    """

    claim: str = ""
    code: str = ""
    track: str = ""
    recall: bool = False
    expressions: tuple[tuple[str, str], ...] = ()
    reference: tuple[tuple[str, str], ...] = ()
    layers: tuple[Layer, ...] = ()
    weights: tuple[WeightSummary, ...] = ()
    lr_log: tuple[float, ...] = ()
    settings: tuple[tuple[str, Setting], ...] = ()
    baseline: tuple[tuple[str, Setting], ...] = ()


def encode_query(query: Query) -> dict[str, object]:
    """The query as plain data, the inverse of `decode_query`."""
    return {
        "claim": query.claim,
        "code_or_diff": query.code,
        "track": query.track,
        "recall": query.recall,
        "expressions": dict(query.expressions),
        "reference": dict(query.reference),
        "layers": [[at.fan_in, at.fan_out, at.layer, at.depth] for at in query.layers],
        "weights": [_weight_out(item) for item in query.weights],
        "lr_log": list(query.lr_log),
        "settings": dict(query.settings),
        "baseline": dict(query.baseline),
    }


def decode_query(value: object) -> Query:
    """Read a query from decoded JSON; anything odd is a `PeerError` that names the field."""
    if not isinstance(value, Mapping):
        raise PeerError("a query must be a JSON object with at least a `claim`")
    return Query(
        claim=_text(value, "claim", _MAX_CLAIM),
        code=_text(value, "code_or_diff", _MAX_CODE) or _text(value, "code", _MAX_CODE),
        track=_text(value, "track", _MAX_NAME),
        recall=value.get("recall") is True,
        expressions=tuple((slot, _string(text, slot)) for slot, text in _pairs(value, "expressions")),
        reference=tuple((slot, _string(text, slot)) for slot, text in _pairs(value, "reference")),
        layers=tuple(_layer(row) for row in _list(value, "layers", _MAX_ITEMS)),
        weights=tuple(_weight_in(row) for row in _list(value, "weights", _MAX_ITEMS)),
        lr_log=tuple(_number(row, "lr_log") for row in _list(value, "lr_log", _MAX_LOG)),
        settings=tuple((key, _setting(item, key)) for key, item in _pairs(value, "settings")),
        baseline=tuple((key, _setting(item, key)) for key, item in _pairs(value, "baseline")),
    )


_NUMBER_FIELDS = tuple(field.name for field in fields(WeightSummary) if field.name != "layer")


def _weight_out(item: WeightSummary) -> dict[str, object]:
    at = item.layer
    numbers = {name: getattr(item, name) for name in _NUMBER_FIELDS}
    finite = {name: value for name, value in numbers.items() if math.isfinite(value)}
    return {"layer": [at.fan_in, at.fan_out, at.layer, at.depth], **finite}


def _weight_in(value: object) -> WeightSummary:
    if not isinstance(value, Mapping):
        raise PeerError("each of `weights` must be an object of numbers")
    number = {name: _number(value.get(name, math.inf), name, finite=False) for name in _NUMBER_FIELDS}
    return WeightSummary(
        layer=_layer(value.get("layer")),
        entries=_count(number["entries"], "entries"),
        zeros=_count(number["zeros"], "zeros"),
        rms=number["rms"],
        fourth=number["fourth"],
        largest=number["largest"],
        spread=number["spread"],
        off_gram=number["off_gram"],
        isometry=number["isometry"],
        corner=number["corner"],
        off_eye=number["off_eye"],
    )


def _layer(value: object) -> Layer:
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        raise PeerError("a layer must be [fan_in, fan_out, layer, depth]")
    fan_in, fan_out, layer, depth = (_count(_number(item, "layer"), "layer") for item in value)
    if min(fan_in, fan_out, depth) < 1:
        raise PeerError("fan_in, fan_out and depth of a layer must be at least 1")
    return Layer(fan_in, fan_out, layer, depth)


def _count(value: float, what: str) -> int:
    if not (0 <= value < 1 << 40 and value == int(value)):
        raise PeerError(f"`{what}` must be a whole number")
    return int(value)


def _number(value: object, what: str, *, finite: bool = True) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or (isinstance(value, int) and abs(value) >> 64)
    ):
        raise PeerError(f"`{what}` must be a number")
    if finite and not math.isfinite(value):
        raise PeerError(f"`{what}` must be finite")
    return float(value)


def _text(value: Mapping[object, object], key: str, limit: int) -> str:
    return _string(value.get(key) or "", key, limit)


def _string(value: object, what: str, limit: int = _MAX_CLAIM) -> str:
    if not isinstance(value, str) or len(value) > limit:
        raise PeerError(f"`{what}` must be text of at most {limit} characters")
    return value.encode("utf-8", "replace").decode()  # JSON can carry halves of surrogate pairs


def _list(value: Mapping[object, object], key: str, limit: int) -> list[object]:
    found = value.get(key) or []
    if not isinstance(found, (list, tuple)) or len(found) > limit:
        raise PeerError(f"`{key}` must be a list of at most {limit} items")
    return list(found)


def _pairs(value: Mapping[object, object], key: str) -> list[tuple[str, object]]:
    found = value.get(key) or {}
    if not isinstance(found, Mapping) or len(found) > _MAX_ITEMS:
        raise PeerError(f"`{key}` must be an object of at most {_MAX_ITEMS} entries")
    return [(_string(name, key, 200), item) for name, item in found.items()]


def _setting(value: object, what: str) -> Setting:
    if isinstance(value, (bool, str)):
        return value if isinstance(value, bool) else _string(value, what, 2_000)
    if isinstance(value, int) and not abs(value) >> 64:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise PeerError(f"the setting `{what}` must be a number, text, true or false")
