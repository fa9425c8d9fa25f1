"""What a claim says about how something works, without what it says about how well it went.

Claims come with a commit's prefix, with "our agent discovered that", and with sentences that hold nothing but
results ("val 3.31 -> 3.24, 3 of 3 seeds, 5 % faster").  None of that describes a technique, but it weighs on
similarities.  On 69 claims of the kind, the right name came first in 81 % without it and in 74 % with it.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["mechanism_of"]

_LEAD = re.compile(
    r"^\s*(?:[*_#>`-]+\s*)*(?:(?:feat|fix|perf|refactor|chore|exp|docs)(?:\([\w./-]*\))?\s*:|"
    r"\*{0,2}(?:results?|hypothesis|claim|finding|mutation(?: accepted)?|idea|discovery|insight|conclusion|"
    r"update|note|prediction)\b\*{0,2}\s*:)\s*(?:\*{2})?\s*",
    re.I,
)
_SAYING = re.compile(
    r"\b(?:i|we|(?:our|my|the) agent|this run|the loop)\s+(?:hypothesi[sz]e|believe|think|suspect|discovered|"
    r"found|find|noticed|observed|propose|claim|conjecture|learned|saw|show)(?:\s+out)?\s+that\b|"
    r"\b(?:it )?turns out(?: that)?\b|\bwhat if\b|\bmy hypothesis is(?: that)?\b|"
    r"\b(?:after|out of) \d+ (?:proposals|experiments|runs|trials|attempts)\b",
    re.I,
)
_OUTCOME_WORDS: Final = """
    loss val valid validation bpb val_bpb ppl perplexity acc accuracy auc map bleu ece nll score reward top-1
    point points pts seed seeds faster slower better worse quicker cheaper fewer token tokens step steps epoch
    epochs throughput memory param params speedup speed-up wall time curve run runs baseline nan nans quality
    confidence
"""
_OUTCOMES: Final = frozenset(_OUTCOME_WORDS.split())
_FILLING_WORDS: Final = """
    the and for with was were are has had now all but not our its this that than then from into same very much
    more less still let makes made gives gave nothing lost equal each only before after
"""
_FILLING: Final = frozenset(_FILLING_WORDS.split())
_NUMBER = re.compile(r"[-+~<>]?\d[\d.,]*\s*(?:%|x|k|m|b)?(?=\W|$)", re.I)
_WORD = re.compile(r"[A-Za-z][\w-]*")
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+|\s+[-\u2013\u2014]{1,2}\s+")
_LEAST_CONTENT: Final = 3  # words of content that a sentence with numbers or outcomes must have
_LEAST_LEFT: Final = 3  # words; if less is left, the claim stays as it is


def mechanism_of(claim: str) -> str:
    """The claim without prefix, sayings, and sentences that only tell results."""
    parts = (_SAYING.sub(" ", part).strip() for part in _SENTENCE.split(_LEAD.sub("", claim)))
    left = " ".join(part for part in parts if part and not _only_results(part))
    return left if len(left.split()) >= _LEAST_LEFT else claim


def _only_results(part: str) -> bool:
    words = [word.lower() for word in _WORD.findall(_NUMBER.sub(" ", part))]
    content = [w for w in words if len(w) > 2 and w not in _OUTCOMES and w not in _FILLING]
    told = len(content) < len(words) or _NUMBER.search(part) is not None
    return told and len(content) < _LEAST_CONTENT
