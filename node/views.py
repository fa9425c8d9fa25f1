"""Records as people and programs read them: one line, a table of fields, or a JSON object.

Pure: the same functions serve the daemon's answers and the CLI that reads a store without a daemon.
Nothing is escaped here; a terminal and a page have different dangers.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from statistics import median

from leaderboard.codec import Value, ValueMap
from leaderboard.envelope import Envelope
from leaderboard.ids import ID_BYTES, short, to_text
from leaderboard.measurement import Measurement
from leaderboard.records import (
    Ablation,
    Accept,
    Claim,
    Finding,
    Note,
    Profile,
    Replication,
    Result,
    Retraction,
    Track,
)

from .api.values import BoardRow, Event, Json, JsonMap, RecordRef, RecordView, TrackView

__all__ = ["json_line", "recipe_line", "record_event", "record_ref", "record_view", "summary", "track_view"]

_LONGEST_SUMMARY = 160


def summary(envelope: Envelope) -> str:
    """What a record says, in one line of at most 160 characters."""
    match envelope.record:
        case Track(manifest):
            text = f"{manifest.name} v{manifest.version}: {manifest.question}"
        case Claim(recipe=recipe):
            text = recipe_line(recipe)
        case Accept(claim=claim, seeds=seeds):
            text = f"promises {seeds} seeds on {short(claim)}"
        case Result(claim=claim, measurement=measurement):
            text = f"own measurement of {short(claim)}: {_spread(measurement)}"
        case Replication(claim=claim, own=own):
            text = f"replicates {short(claim)}: {_spread(own)}"
        case Ablation(claim=claim, changes=changes):
            text = f"what caused the gain of {short(claim)}: {', '.join(change.name for change in changes)}"
        case Finding(claim=claim, label=label):
            text = f"{label} (of {short(claim)})"
        case Note(text=words):
            text = words
        case Retraction(target=target, reason=reason):
            text = f"takes back {short(target)}: {reason}"
        case Profile(name=name, software=software):
            text = f"{name} ({software})"
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SUMMARY else line[: _LONGEST_SUMMARY - 1] + "…"


def recipe_line(recipe: ValueMap, reference: ValueMap | None = None) -> str:
    """A recipe's slots, then its settings, as `name=value` words; with `reference`, only what differs."""
    words = []
    for part in ("slots", "settings"):
        table, usual = recipe.get(part), (reference or {}).get(part)
        if isinstance(table, Mapping):
            known = usual if isinstance(usual, Mapping) else {}
            changed = {name: value for name, value in table.items() if known.get(name) != value}
            words += [f"{name}={_brief(value)}" for name, value in sorted(changed.items())]
    return "  ".join(words) or "as the reference"


def record_ref(envelope: Envelope) -> RecordRef:
    """The record as a line of a list."""
    return RecordRef(
        id=to_text(envelope.id),
        kind=envelope.kind,
        author=to_text(envelope.author),
        time_ms=envelope.time_ms,
        summary=summary(envelope),
    )


def record_view(
    envelope: Envelope,
    author_name: str = "",
    related: Sequence[Envelope] = (),
    standing: BoardRow | None = None,
    explanation: Sequence[str] = (),
) -> RecordView:
    """The record with its fields; where a claim stands and why is for the daemon to say."""
    in_time = sorted(related, key=lambda item: (item.time_ms, item.id))
    return RecordView(
        id=to_text(envelope.id),
        kind=envelope.kind,
        author=to_text(envelope.author),
        author_name=author_name,
        time_ms=envelope.time_ms,
        chain=envelope.chain.hex(),
        seq=envelope.seq,
        prev=None if envelope.prev is None else to_text(envelope.prev),
        size=len(envelope.raw),
        payload=_json_map(envelope.record.payload()),
        standing=standing,
        explanation=tuple(explanation),
        related=tuple(record_ref(item) for item in in_time),
    )


def record_event(row: int, envelope: Envelope) -> Event:
    """A record's arrival, as listeners see it."""
    subject = envelope.subject
    data: JsonMap = {
        "id": to_text(envelope.id),
        "kind": envelope.kind,
        "author": to_text(envelope.author),
        "time_ms": envelope.time_ms,
        "summary": summary(envelope),
        "subject": None if subject is None else to_text(subject),
    }
    return Event(row, "record", data)


def track_view(track: Track, *, installed: bool, claims: int, confirmed: int) -> TrackView:
    """A track as `consilience track ls` shows it."""
    manifest = track.manifest
    return TrackView(
        id=to_text(manifest.id),
        name=manifest.name,
        version=manifest.version,
        question=manifest.question,
        metric=manifest.metric,
        direction=manifest.direction,
        tolerance=manifest.tolerance,
        installed=installed,
        claims=claims,
        confirmed=confirmed,
        space=_json_map(manifest.space),
    )


def json_line(envelope: Envelope) -> JsonMap:
    """A record for export: readable fields, and `raw` (base64) from which everything can be checked."""
    return {
        "id": to_text(envelope.id),
        "kind": envelope.kind,
        "author": to_text(envelope.author),
        "chain": envelope.chain.hex(),
        "seq": envelope.seq,
        "prev": None if envelope.prev is None else to_text(envelope.prev),
        "time_ms": envelope.time_ms,
        "payload": _json_map(envelope.record.payload()),
        "raw": base64.b64encode(envelope.raw).decode("ascii"),
    }


def _json_map(value: ValueMap) -> JsonMap:
    return {key: _json(item) for key, item in value.items()}


def _json(value: Value) -> Json:
    """JSON has no bytes: ids of 32 bytes become base32 text, other bytes `hex:...`."""
    if isinstance(value, bytes):
        return to_text(value) if len(value) == ID_BYTES else f"hex:{value.hex()}"
    if isinstance(value, Mapping):
        return _json_map(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_json(item) for item in value]
    return value


def _spread(measurement: Measurement) -> str:
    """Candidate against opponent over the seeds, by their medians."""
    candidate = [value for value in measurement.candidate if value is not None]
    opponent = [value for value in measurement.opponent if value is not None]
    if not candidate or not opponent:
        return f"{len(measurement.seeds)} seeds, diverged"
    return f"{median(candidate):.4g} against {median(opponent):.4g} over {len(measurement.seeds)} seeds"


def _brief(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
