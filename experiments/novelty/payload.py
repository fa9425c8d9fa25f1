"""A verdict as the body of a signed `Finding`, out and in.

The way in is a decoder of hostile data: every field is checked for type, length and range, and everything it
does not understand is a `PeerError`, never another exception.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from leaderboard.errors import PeerError

from .verdict import Candidate, Channel, Evidence, Known, Relation, Strength, Verdict

__all__ = ["from_payload", "to_payload"]

# Bounds on what a peer may put into a Finding; generous against what the checker produces.
_MAX_TEXT = 2_000  # characters in one field
_MAX_LIST = 64  # items in one list


def to_payload(verdict: Verdict) -> dict[str, object]:
    """The verdict as plain maps, lists, text, integers and finite floats, ready for a signed record."""
    payload: dict[str, object] = {
        "relation": verdict.relation.value,
        "catalogue": verdict.catalogue_version,
        "catalogue_size": verdict.catalogue_size,
        "strength": verdict.strength.value if verdict.strength else "",
        "score": _finite(verdict.score),
        "mode": verdict.mode,
        "what_differs": verdict.what_differs[:_MAX_TEXT],
        "parts": [_known_out(part) for part in verdict.parts],
        "top": [[c.technique, c.name, _finite(c.score)] for c in verdict.top],
        "evidence": [_evidence_out(item) for item in verdict.evidence[:_MAX_LIST]],
    }
    if verdict.technique is not None:
        payload["technique"] = _known_out(verdict.technique)
    if verdict.gain is not None:
        payload["gain"] = _finite(verdict.gain)
    return payload


def _finite(value: float) -> float:
    """Records carry neither NaN nor infinities nor a negative zero."""
    return float(value) + 0.0 if math.isfinite(value) else 0.0


def _known_out(known: Known) -> dict[str, object]:
    return {
        "id": known.id,
        "name": known.name,
        "aliases": list(known.aliases[:_MAX_LIST]),
        "year": known.year or 0,
        "paper": known.paper[:_MAX_TEXT],
        "symbol": known.symbol,
    }


def _evidence_out(item: Evidence) -> dict[str, object]:
    out: dict[str, object] = {
        "channel": item.channel.value,
        "relation": item.relation.value,
        "technique": item.technique,
        "score": _finite(item.score),
        "summary": item.summary[:_MAX_TEXT],
        "numbers": [[name, _finite(value)] for name, value in item.numbers[:_MAX_LIST]],
        "mode": item.mode,
        "what_differs": item.what_differs[:_MAX_TEXT],
        "parts": list(item.parts[:_MAX_LIST]),
    }
    if item.gain is not None:
        out["gain"] = _finite(item.gain)
    return out


def from_payload(payload: object) -> Verdict:
    """Read the body of a Finding that somebody else signed; anything odd is a `PeerError`."""
    top = _map(payload, "a verdict")
    try:
        relation = Relation(_text(top, "relation"))
        strength = Strength(text) if (text := _text(top, "strength")) else None
    except ValueError as exc:
        raise PeerError(f"unknown word in a verdict: {exc}; is the peer's version newer?") from None
    return Verdict(
        relation=relation,
        catalogue_version=_text(top, "catalogue"),
        catalogue_size=_whole(top, "catalogue_size"),
        technique=_known_in(top["technique"]) if "technique" in top else None,
        strength=strength,
        score=_number(top.get("score"), "score"),
        mode=_text(top, "mode"),
        gain=_number(top["gain"], "gain") if "gain" in top else None,
        what_differs=_text(top, "what_differs"),
        parts=tuple(_known_in(part) for part in _list(top.get("parts"), "parts")),
        top=tuple(_candidate_in(row) for row in _list(top.get("top"), "top")),
        evidence=tuple(_evidence_in(row) for row in _list(top.get("evidence"), "evidence")),
    )


def _known_in(value: object) -> Known:
    fields = _map(value, "a technique")
    year = _whole(fields, "year")
    aliases = tuple(_string(alias, "alias") for alias in _list(fields.get("aliases"), "aliases"))
    return Known(
        id=_text(fields, "id"),
        name=_text(fields, "name"),
        aliases=aliases,
        year=year or None,
        paper=_text(fields, "paper"),
        symbol=_text(fields, "symbol"),
    )


def _candidate_in(value: object) -> Candidate:
    match _list(value, "top"):
        case [technique, name, score]:
            return Candidate(_string(technique, "top"), _string(name, "top"), _number(score, "top"))
    raise PeerError("a line of `top` needs exactly technique, name and score")


def _evidence_in(value: object) -> Evidence:
    fields = _map(value, "evidence")
    try:
        channel, relation = Channel(_text(fields, "channel")), Relation(_text(fields, "relation"))
    except ValueError as exc:
        raise PeerError(f"unknown word in evidence: {exc}; is the peer's version newer?") from None
    return Evidence(
        channel=channel,
        relation=relation,
        technique=_text(fields, "technique"),
        score=_number(fields.get("score"), "score"),
        summary=_text(fields, "summary"),
        numbers=tuple(_named_number(row) for row in _list(fields.get("numbers"), "numbers")),
        mode=_text(fields, "mode"),
        gain=_number(fields["gain"], "gain") if "gain" in fields else None,
        what_differs=_text(fields, "what_differs"),
        parts=tuple(_string(part, "parts") for part in _list(fields.get("parts"), "parts")),
    )


def _named_number(value: object) -> tuple[str, float]:
    match _list(value, "numbers"):
        case [name, number]:
            return _string(name, "numbers"), _number(number, "numbers")
    raise PeerError("a line of `numbers` needs exactly a name and a number")


def _map(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise PeerError(f"{what} must be a map with text keys")
    return value


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, (list, tuple)) or len(value) > _MAX_LIST:
        raise PeerError(f"`{what}` must be a list of at most {_MAX_LIST} items")
    return list(value)


def _string(value: object, what: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise PeerError(f"`{what}` must be text of at most {_MAX_TEXT} characters")
    return value


def _text(fields: Mapping[str, object], key: str) -> str:
    return _string(fields.get(key), key)


def _whole(fields: Mapping[str, object], key: str) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 31:
        raise PeerError(f"`{key}` must be a whole number from 0 to 2**31 - 1")
    return value


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise PeerError(f"`{what}` must be a finite number")
    return float(value)
