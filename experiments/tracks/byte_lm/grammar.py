"""The language of the offline byte-lm track: a generated language whose entropy rate is known exactly.

Theory of operation. A paragraph is one derivation of a small grammar in Greibach normal form: every
alternative of a state begins with a word, and the words of one state are prefix-free. Reading from the left,
each word therefore names the alternative that was taken, and text and derivation determine each other. So the
entropy of a paragraph is the sum over the choices that made it, and since paragraphs are independent and
equally distributed, the renewal-reward theorem gives the entropy rate:

    bits per byte = E[bits of a paragraph] / E[bytes of a paragraph]
                  = sum_s v(s) H(s) / sum_s v(s) L(s)

with v(s) the expected visits of state s in a paragraph, H(s) the entropy of its choice and
L(s) the expected length of its words. Lengths and probabilities are frozen here; a trial's seed draws only
the *spelling* of the words, so every seed's language has this one entropy rate and shares no word with the
next: nothing about the words can be carried from trial to trial.

What a model has to learn, in about this order: letters and syllables; words; which words a state allows;
the number of the subject in its verb, across a bracket; the paragraph's topic, which says what nouns are
frequent; and the paragraph's name, drawn afresh and repeated later, which has to be copied.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

__all__ = [
    "CONSONANTS",
    "HERO",
    "LEXICON",
    "NAME_LETTERS",
    "START",
    "VOWELS",
    "Arc",
    "Word",
    "entropy_rate",
    "language_id",
    "states",
]

START: Final = "start"
HERO: Final = -1
"""Rank of the paragraph's own name, which has no fixed spelling."""

_TOPICS: Final = 4
CONSONANTS: Final = b"bdfghjklmnprstvz"
VOWELS: Final = b"aeiou"
NAME_LETTERS: Final = 4
_SWEEPS: Final = 300  # to the last digit; a test compares with the solution of the linear system

# Class -> length in letters of each word, frequent words first. Letters alternate, consonant first.
LEXICON: Final[Mapping[str, tuple[int, ...]]] = {
    "topic": (4, 4, 4, 4),
    "one": (2, 3),
    "many": (3, 2),
    "adjective": (3, 4, 4, 5, 4, 5, 6, 5, 6, 6, 7, 6),
    "noun": (3, 4, 3, 4, 5, 4, 5, 4, 5, 6, 5, 6, 4, 5, 6, 7, 5, 6, 7, 6, 7, 6, 7, 8),
    "verb": (3, 3, 4, 4, 5, 4, 5, 5, 6, 5, 6, 6, 7, 6, 7, 7),
    "preposition": (2, 2, 3, 3, 4),
}


@dataclass(frozen=True, slots=True)
class Word:
    """What an arc writes: a word of the lexicon with an ending, fixed bytes, or the name."""

    category: str
    """A key of LEXICON, or "" for fixed bytes and for the name."""
    rank: int
    ending: bytes

    @property
    def length(self) -> int:
        """Bytes, spaces included."""
        if self.rank == HERO:
            return NAME_LETTERS + len(self.ending)
        return (LEXICON[self.category][self.rank] if self.category else 0) + len(self.ending)


@dataclass(frozen=True, slots=True)
class Arc:
    """One alternative of a state: with this probability write the word, then do what follows."""

    probability: float
    word: Word
    follow: tuple[str, ...]
    """States, the next one first."""


def _zipf(count: int, turn: int = 0) -> list[float]:
    """Falling frequencies, their order turned round by `turn` places."""
    raw = [1.0 / (2.0 + (rank + turn) % count) for rank in range(count)]
    return [value / sum(raw) for value in raw]


def _class(name: str, mass: float, ending: bytes, follow: tuple[str, ...], turn: int = 0) -> Iterator[Arc]:
    """The words of a class as alternatives that share the probability `mass`."""
    for rank, share in enumerate(_zipf(len(LEXICON[name]), turn)):
        yield Arc(mass * share, Word(name, rank, ending), follow)


def _fixed(probability: float, text: bytes, follow: tuple[str, ...] = ()) -> Arc:
    return Arc(probability, Word("", 0, text), follow)


def _hero(probability: float, follow: tuple[str, ...] = ()) -> Arc:
    return Arc(probability, Word("", HERO, b" "), follow)


def _letters(name: str, letters: bytes, follow: str) -> tuple[str, tuple[Arc, ...]]:
    return name, tuple(_fixed(1.0 / len(letters), bytes([letter]), (follow,)) for letter in letters)


@cache
def states() -> Mapping[str, tuple[Arc, ...]]:
    """All states with their alternatives. States of a topic end in its number."""
    found: dict[str, tuple[Arc, ...]] = {
        START: tuple(
            Arc(1.0 / _TOPICS, Word("topic", topic, b": "), ("name", f"sentence{topic}"))
            for topic in range(_TOPICS)
        ),
        "close": (_fixed(1.0, b") "),),
        "named": (_fixed(1.0, b". "),),
    }
    found |= dict(
        (
            _letters("name", CONSONANTS.upper(), "name1"),
            _letters("name1", VOWELS, "name2"),
            _letters("name2", CONSONANTS, "name3"),
            _letters("name3", VOWELS, "named"),
        )
    )
    for topic in range(_TOPICS):
        found |= _topic(topic)
    return found


def _topic(topic: int) -> dict[str, tuple[Arc, ...]]:
    """The states of a paragraph on one topic. "one" and "many" are the numbers of nouns and verbs."""

    def at(*names: str) -> tuple[str, ...]:
        return tuple(f"{name}{topic}" for name in names)

    found = {
        "sentence": (
            _hero(0.3, at("verb-one", "object", "end")),
            *_class("one", 0.45, b" ", at("noun-one", "verb-one", "object", "end")),
            *_class("many", 0.25, b" ", at("noun-many", "verb-many", "object", "end")),
        ),
        "object": (
            _hero(0.2),
            *_class("one", 0.5, b" ", at("noun-one")),
            *_class("many", 0.3, b" ", at("noun-many")),
        ),
        "end": (
            *_class("preposition", 0.3, b" ", at("object", "end")),
            _fixed(0.55, b". ", at("sentence")),
            _fixed(0.15, b".\n"),
        ),
    }
    for number, ending in (("one", b" "), ("many", b"n ")):
        found[f"noun-{number}"] = (
            *_class("adjective", 0.3, b" ", at(f"noun-{number}")),
            *_class("noun", 0.7, ending, (), turn=6 * topic),
        )
    for number, ending in (("one", b"s "), ("many", b" ")):
        found[f"verb-{number}"] = (
            _fixed(0.12, b"( ", (*at(f"verb-{number}", "object"), "close", *at(f"verb-{number}"))),
            *_class("verb", 0.88, ending, ()),
        )
    return {f"{name}{topic}": arcs for name, arcs in found.items()}


@cache
def entropy_rate() -> float:
    """Bits per byte of the language: no predictor does better in the long run."""
    bits, length = _expected(_choice_bits), _expected(_word_bytes)
    return bits / length


def _choice_bits(arc: Arc) -> float:
    return -math.log2(arc.probability)


def _word_bytes(arc: Arc) -> float:
    return float(arc.word.length)


def _expected(worth: Callable[[Arc], float]) -> float:
    """Expected sum of an arc's worth over a paragraph: the fixed point of total = own + flow total."""
    own = {name: sum(arc.probability * worth(arc) for arc in arcs) for name, arcs in states().items()}
    flows: dict[str, dict[str, float]] = {name: {} for name in states()}
    for name, arcs in states().items():
        for arc in arcs:
            for following in arc.follow:
                flows[name][following] = flows[name].get(following, 0.0) + arc.probability
    total = dict(own)
    for _ in range(_SWEEPS):
        for name, flow in flows.items():
            total[name] = own[name] + sum(weight * total[following] for following, weight in flow.items())
    return total[START]


@cache
def language_id() -> bytes:
    """SHA-256 over all states, words' lengths and probabilities: what a manifest pins as its data."""
    spelled = [
        f"{name} {arc.probability:.12g} {arc.word} {arc.word.length} {arc.follow}"
        for name, arcs in states().items()
        for arc in arcs
    ]
    return hashlib.sha256("\n".join(spelled).encode()).digest()
