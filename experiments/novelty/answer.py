"""One verdict as one line of the batch format.

    in   {"id": ..., "claim": "...", "code_or_diff": "..."}            further fields as in `artefact.Query`
    out  {"id", "verdict", "name", "aliases", "score", "top5", "evidence", "headline", "relation",
          "strength", "citation", "memory", "finding"}
    or   {"id", "error", "verdict": "unmatched", ...}                  for a line that cannot be answered

`verdict` is `rediscovery`, `variant` or `unmatched`.  A mere move of a setting is a rediscovery of tuning
that setting; `relation` says so.  `memory` lists trials of the swarm that did the same.  `finding` is the
whole verdict, the body of a signed record.
"""

from __future__ import annotations

import json

from leaderboard.errors import PeerError

from .payload import to_payload
from .verdict import Channel, Evidence, Relation, Verdict

__all__ = ["answer", "dump", "refusal"]

_LEAST_WORTH_SHOWING = 0.05


def answer(query_id: object, verdict: Verdict) -> dict[str, object]:
    """The line for one verdict; `query_id` is returned as it came."""
    known = verdict.technique
    named = known is not None and (verdict.flagged or verdict.relation is Relation.TUNING)
    return {
        "id": query_id,
        "verdict": _coarse(verdict),
        "name": known.name if known and named else None,
        "aliases": list(known.aliases) if known and named else [],
        "score": round(verdict.score, 4),
        "top5": [{"name": c.name, "id": c.technique, "score": round(c.score, 4)} for c in verdict.top],
        "evidence": [_sentence(item) for item in verdict.evidence if _telling(item)],
        "headline": verdict.headline,
        "relation": verdict.relation.value,
        "strength": verdict.strength.value if verdict.strength else None,
        "citation": verdict.citation,
        "memory": [_remembered(item) for item in verdict.evidence if item.channel is Channel.MEMORY],
        "finding": to_payload(verdict),
    }


def refusal(query_id: object, error: PeerError) -> dict[str, object]:
    """The line for a query that could not be read or checked: nothing matched, and `error` says why."""
    nothing: dict[str, object] = {"name": None, "aliases": [], "score": 0.0, "top5": [], "evidence": []}
    return {"id": query_id, "error": str(error), "verdict": "unmatched", **nothing}


def dump(line: dict[str, object]) -> str:
    """One line of JSON, ASCII only, so that no terminal or splitter is surprised."""
    return json.dumps(line, ensure_ascii=True, allow_nan=False)


def _coarse(verdict: Verdict) -> str:
    if verdict.relation is Relation.TUNING:
        return "rediscovery"
    return verdict.label if verdict.flagged else "unmatched"


def _telling(item: Evidence) -> bool:
    """Words always have five candidates; one that is hardly likely is no evidence for anything."""
    return item.channel not in (Channel.TEXT, Channel.LIKENESS) or item.score >= _LEAST_WORTH_SHOWING


def _sentence(item: Evidence) -> str:
    about = f" {item.technique}" if item.technique else ""
    return f"{item.channel.value}: {item.relation.value}{about}: {item.summary}"


def _remembered(item: Evidence) -> dict[str, object]:
    return {"words": item.summary, "run": item.mode, **dict(item.numbers)}
