"""Sentences whose numbers are citations, and the check that they are.

    sentence    := text and {KEY SUBJECT}
    {effect su47od3crq}      the median effect of the claim whose id starts so
    {claims track}           how many claims the track has
    {recipe su47od3crq}      words that a record says: quoted, never believed

Whoever writes, a template or a language model, writes no number: it names one, and the report puts in what
the records say. So a sentence is refused if it names what the records do not say, or if it says a number by
itself, in digits or in words. What this cannot check is the rest of the sentence: "A beats B" with two true
numbers may still be false, and the reader sees the numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from leaderboard.ids import ContentId

from .book import Book, Figure, Words

__all__ = ["Cited", "Quoted", "Refusal", "Sentence", "read_sentence", "shown"]

_PLACE = re.compile(r"\{([a-z][a-z0-9_]{0,23}) ([a-z2-7]{4,52})\}")
_NUMBER_WORDS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|millions?|"
    "billions?|twice|thrice|double[ds]?|triple[ds]?|halve[ds]?|half|quarters?|percent|per cent|tenfold|"
    "twofold|threefold|orders? of magnitude"
)
_NUMBER = re.compile(rf"[0-9\u0660-\u0669\u00b2\u00b3\u00b9%]|\b(?:{_NUMBER_WORDS})\b", re.IGNORECASE)
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Cited:
    """A number in a sentence."""

    key: str
    subject: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Quoted:
    """A record's words in a sentence."""

    key: str
    subject: str
    words: Words


@dataclass(frozen=True, slots=True)
class Sentence:
    """Checked parts, in order."""

    parts: tuple[str | Cited | Quoted, ...]

    @property
    def cited(self) -> tuple[tuple[ContentId, ...], ...]:
        """The records behind each citation."""
        figures = (part.figure.sources for part in self.parts if isinstance(part, Cited))
        words = (part.words.sources for part in self.parts if isinstance(part, Quoted))
        return (*figures, *words)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A sentence that does not enter the report."""

    text: str
    reason: str


def read_sentence(text: str, book: Book) -> Sentence | Refusal:
    """The sentence with its numbers from the records, or why it is refused."""
    if len(text) > _LONGEST:
        return Refusal(text[:200], f"it has more than {_LONGEST} characters")
    parts: list[str | Cited | Quoted] = []
    place = 0
    for found in _PLACE.finditer(text):
        parts.append(text[place : found.start()])
        part = _look_up(found[1], found[2], book)
        if part is None:
            return Refusal(text, f"the records say no {found[1]} of {found[2]}")
        parts.append(part)
        place = found.end()
    parts.append(text[place:])
    for plain in parts:
        if isinstance(plain, str):
            said = _NUMBER.search(plain)
            if said is not None:
                return Refusal(text, f"it says {said[0]!r} without a record")
            if "{" in plain or "}" in plain:
                return Refusal(text, "a citation is not of the form {key id}")
    return Sentence(tuple(part for part in parts if part != ""))


def _look_up(key: str, subject: str, book: Book) -> Cited | Quoted | None:
    figure = book.figure(key, subject)
    if figure is not None:
        return Cited(key, subject, figure)
    words = book.words(key, subject)
    return None if words is None else Quoted(key, subject, words)


def shown(value: float) -> str:
    """A number as reports show it: whole ones in full, others in four digits."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.4g}"
