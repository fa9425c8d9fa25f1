"""Entries of the notebook as rows of its tables, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from leaderboard.codec import decode, encode
from leaderboard.ids import ContentId, TrackId

from .notebook_entries import Attempt, Lesson, Outcome

__all__ = ["ATTEMPT", "LESSON", "attempt_values", "read_attempt", "read_lesson", "words_of"]

ATTEMPT: Final = (
    "track, recipe, proposer, hypothesis, mechanism, predicted, claim, outcome, effect, low, high, seeds,"
    " standing, why, because, time"
)
"""Columns of an attempt, in the order of `attempt_values` and `read_attempt`."""
LESSON: Final = "track, key, kind, text, support, revision, withdrawn, imported, time"
"""Columns of a lesson, in the order of `read_lesson`."""


def words_of(attempt: Attempt) -> Iterator[str]:
    """What an attempt can be found by."""
    for part in ("slots", "settings"):
        table = attempt.recipe.get(part)
        if isinstance(table, dict):
            yield from (f"{name} {value}" for name, value in table.items())
    yield attempt.proposer
    yield attempt.outcome.value
    yield attempt.standing
    yield from (attempt.hypothesis, attempt.mechanism, attempt.why)


def attempt_values(attempt: Attempt) -> tuple[object, ...]:
    """The columns of an attempt."""
    low, high = attempt.interval or (None, None)
    return (
        *(attempt.track, encode(attempt.recipe), attempt.proposer, attempt.hypothesis, attempt.mechanism),
        *(attempt.predicted, attempt.claim, attempt.outcome.value, attempt.effect, low, high),
        *(attempt.seeds, attempt.standing, attempt.why, attempt.because, attempt.time_ms),
    )


def read_attempt(row: Sequence[Any]) -> Attempt:
    """The attempt in a row."""
    track, recipe, proposer, hypothesis, mechanism, predicted, claim, outcome, effect, low, high, *rest = row
    seeds, standing, why, because, time_ms = rest
    payload = decode(recipe)
    assert isinstance(payload, dict)
    return Attempt(
        track=TrackId(track),
        recipe=payload,
        proposer=proposer,
        hypothesis=hypothesis,
        mechanism=mechanism,
        predicted=predicted,
        claim=None if claim is None else ContentId(claim),
        outcome=Outcome(outcome),
        effect=effect,
        interval=None if low is None else (low, high),
        seeds=seeds,
        standing=standing,
        why=why,
        because=None if because is None else ContentId(because),
        time_ms=time_ms,
    )


def read_lesson(row: Sequence[Any]) -> Lesson:
    """The lesson in a row."""
    track, key, kind, text, support, revision, withdrawn, imported, time_ms = row
    records = decode(support)
    assert isinstance(records, list)
    return Lesson(
        track=TrackId(track),
        key=key,
        kind=kind,
        text=text,
        support=tuple(ContentId(record) for record in records),
        revision=revision,
        withdrawn=bool(withdrawn),
        imported=bool(imported),
        time_ms=time_ms,
    )
