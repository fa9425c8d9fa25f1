"""Short ways for a probe to state what it measured."""

from __future__ import annotations

from ..verdict import Channel, Evidence, Relation

__all__ = ["Numbers", "behaviour", "not_probed", "unmatched"]

Numbers = tuple[tuple[str, float], ...]

_SCORES = {
    Relation.EQUAL: 1.0,
    Relation.SPECIAL_CASE: 0.95,
    Relation.REPARAMETRISATION: 0.9,
    Relation.COMBINATION: 0.85,
    Relation.NEAR: 0.3,
}
"""Order between relations found by a probe; not probabilities."""


def behaviour(
    relation: Relation,
    technique: str,
    summary: str,
    *,
    numbers: Numbers = (),
    mode: str = "",
    gain: float | None = None,
    differs: str = "",
    parts: tuple[str, ...] = (),
) -> Evidence:
    """Evidence of the behaviour channel, scored by its relation."""
    return Evidence(
        channel=Channel.BEHAVIOUR,
        relation=relation,
        technique=technique,
        score=_SCORES.get(relation, 0.0),
        summary=summary,
        numbers=numbers,
        mode=mode,
        gain=gain,
        what_differs=differs,
        parts=parts,
    )


def not_probed(reason: str) -> Evidence:
    """The artefact could not be measured; `reason` says why in words for the user."""
    return behaviour(Relation.NOT_PROBED, "", reason)


def unmatched(summary: str, numbers: Numbers = ()) -> Evidence:
    """Measured, and unlike every reference of the probe."""
    return behaviour(Relation.UNMATCHED, "", summary, numbers=numbers)
