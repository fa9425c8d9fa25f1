"""Asking whether a recipe is known, before compute is spent on it and afterwards, and the signed answer.

A known idea is run only as what it is: the first time a technique turns up on a track it is measured as a
reproduction and flagged from the start; once it is confirmed there, proposing it again is a waste. The
recipe's expressions are probed by what they do; a person's or a model's words are looked at too, the embedded
search's own sentences are not, because they describe nothing that is not in the expressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.recipe import Recipe
from experiments.track import Track
from leaderboard.board.rows import ClaimView, Row
from leaderboard.ids import ContentId
from leaderboard.records import Finding

__all__ = ["confirmed_already", "finding_of", "headline_of", "is_known", "question", "reproduction"]

_EMBEDDED = "search/"


def question(recipe: Recipe, track: Track, hypothesis: str, proposer: str) -> dict[str, object]:
    """A recipe against its track's reference, as the checker wants to be asked."""
    return {
        "claim": "" if proposer.startswith(_EMBEDDED) else hypothesis,
        "track": track.name,
        "expressions": dict(recipe.slots),
        "reference": dict(track.reference.slots),
        "settings": dict(recipe.settings),
        "baseline": dict(track.reference.settings),
    }


def is_known(answer: Mapping[str, object]) -> bool:
    """Whether the checker recognised a technique by what the recipe does or how it is built."""
    return answer.get("verdict") == "rediscovery" and answer.get("strength") in ("confirmed", "strong")


def reproduction(hypothesis: str, answer: Mapping[str, object]) -> str:
    """The hypothesis of a recipe that is known before it is run, saying so."""
    headline = headline_of(answer).removeprefix("rediscovery of ")
    return f"reproduction of {headline}: {hypothesis}"


def headline_of(answer: Mapping[str, object]) -> str:
    """What the checker recognised, in a line."""
    return _text(answer, "headline", 400)


def confirmed_already(answer: Mapping[str, object], rows: Sequence[Row]) -> ClaimView | None:
    """The claim among `rows` (confirmed ones) that is the same technique in the same form, if any."""
    verdict = _map(answer.get("finding"))
    known, mode = _text(_map(verdict.get("technique")), "id", 64), _text(verdict, "mode", 64)
    for row in rows:
        for finding in row.view.findings:
            if finding.relation == "equal" and finding.technique == known and finding.mode == mode:
                return row.view
    return None


def finding_of(claim: ContentId, recipe: Recipe, track: Track, answer: Mapping[str, object]) -> Finding:
    """The signed form of the checker's answer about a claim, cut to the record's bounds."""
    slot = _changed_slots(recipe, track)
    verdict = _map(answer.get("finding"))
    known = _map(verdict.get("technique"))
    evidence = answer.get("evidence")
    lines = [str(line)[:400] for line in evidence[:16]] if isinstance(evidence, list) else []
    gain = verdict.get("gain")
    return Finding(
        claim=claim,
        relation=_text(verdict, "relation", 32),
        label=_text(answer, "headline", 400),
        technique=_text(known, "id", 64) or None,
        paper=_paper(known),
        symbol=_text(known, "symbol", 200),
        mode=_text(verdict, "mode", 64),
        slot=slot[:64],
        gain=gain if isinstance(gain, float) else None,
        strength=_text(verdict, "strength", 32),
        evidence=tuple(lines),
        catalogue=_text(verdict, "catalogue", 64),
    )


def _paper(known: Mapping[str, object]) -> str:
    """Who, what and when; the symbol stands in a field of its own."""
    paper, year = _text(known, "paper", 380), known.get("year")
    return (
        f"{paper} ({year})" if paper and isinstance(year, int) and year and str(year) not in paper else paper
    )


def _changed_slots(recipe: Recipe, track: Track) -> str:
    before = dict(track.reference.slots)
    return ",".join(slot for slot, text in recipe.slots if before.get(slot) != text)


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(source: Mapping[str, object], key: str, limit: int) -> str:
    value = source.get(key)
    return value[:limit] if isinstance(value, str) else ""
