"""A language of the grammar with the words of one seed: writing text, and the ideal reader of it.

The ideal reader knows grammar and words. Reading byte by byte it keeps the stack of the derivation and the
part of a word that it has seen, and predicts the next byte by the probability of the alternatives that
still fit. Its mean loss on a text is what no predictor can beat by luck for long: if p is the source and q
any predictor that does not see the future, then P(q's bits < p's bits - b) <= 2**-b (the no-hypercompression
inequality: Gruenwald, The Minimum Description Length Principle, 2007, section 3.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from .draws import stream
from .grammar import CONSONANTS, HERO, LEXICON, NAME_LETTERS, START, VOWELS, Word, states

__all__ = ["Language", "Reader"]

FloatArray: TypeAlias = npt.NDArray[np.float64]

_WORDS, _TEXT = 101, 102  # purposes of random streams
_HERO_MARK: Final = bytes([HERO % 256])  # stands for the name in tries; no word has this byte
_CHUNK: Final = 65536


@dataclass(frozen=True, slots=True)
class _State:
    """A state with its words spelled."""

    cumulative: FloatArray
    words: tuple[bytes, ...]
    """_HERO_MARK + ending for the name."""
    follow: tuple[tuple[str, ...], ...]
    masses: dict[bytes, float]
    """Probability of the words that begin so, for every beginning of a word."""
    places: dict[bytes, int]


class Language:
    """The language whose words the seed draws."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        words = _spell(seed)
        self._states = {name: _State(*_compiled(name, words)) for name in states()}

    def write(self, length: int, part: int) -> bytes:
        """A text of that many bytes from the start of a paragraph; parts are independent of each other."""
        draw = stream(self._seed, _TEXT, part)
        pieces: list[bytes] = []
        size, hero, stack = 0, b"", [START]
        luck, place = draw.random_sample(_CHUNK), 0
        while size < length:
            if place == _CHUNK:
                luck, place = draw.random_sample(_CHUNK), 0
            name = stack.pop()
            state = self._states[name]
            arc = int(np.searchsorted(state.cumulative, luck[place], side="right"))
            place += 1
            word = state.words[arc]
            hero = _remembered(hero, name, word)
            if word.startswith(_HERO_MARK):
                word = hero + word[1:]
            stack.extend(reversed(state.follow[arc]))
            if not stack:
                stack.append(START)
            pieces.append(word)
            size += len(word)
        return b"".join(pieces)[:length]

    def reader(self) -> Reader:
        """The ideal reader, at the start of a text."""
        return Reader(self._states)

    def bits(self, text: bytes) -> FloatArray:
        """What each byte of a text of this language costs its ideal reader, in bits."""
        reader = self.reader()
        return np.array([reader.read(byte) for byte in text])


@dataclass(slots=True)
class Reader:
    """Predicts the next byte as well as anything can."""

    _states: dict[str, _State]
    _stack: list[str] = field(default_factory=lambda: [START])
    _seen: bytes = b""
    """What has been read of the present word; its first byte is _HERO_MARK within the name."""
    _hero: bytes = b""
    _due: int = 0
    """How many letters of the name have been read, within the name."""

    def predict(self) -> FloatArray:
        """The distribution of the next byte, shape (256,); sums to 1."""
        chances = np.zeros(256)
        if self._due:
            chances[self._hero[self._due]] = 1.0
            return chances
        masses = self._states[self._stack[-1]].masses
        whole = masses[self._seen]
        for byte in range(256):
            mass = masses.get(self._seen + bytes([byte]))
            if mass is not None:
                chances[self._hero[0] if bytes([byte]) == _HERO_MARK else byte] += mass / whole
        return chances

    def read(self, byte: int) -> float:
        """Take the next byte; its cost in bits (infinite for what the language cannot say)."""
        if self._due:
            fits = self._hero[self._due] == byte
            self._due = (self._due + 1) % NAME_LETTERS
            return 0.0 if fits else math.inf
        name = self._stack[-1]
        masses = self._states[name].masses
        mark = bytes([byte])
        if self._hero and not self._seen and byte == self._hero[0] and _HERO_MARK in masses:
            mark, self._due = _HERO_MARK, 1
        before, after = masses[self._seen], masses.get(self._seen + mark)
        if after is None:
            return math.inf
        self._seen += mark
        if self._seen in self._states[name].places:
            self._take(name)
        return math.log2(before / after)

    def _take(self, name: str) -> None:
        """A word is complete: do what follows it."""
        state = self._states[name]
        self._hero = _remembered(self._hero, name, self._seen)
        self._stack.pop()
        self._stack.extend(reversed(state.follow[state.places[self._seen]]))
        self._stack = self._stack or [START]
        self._seen = b""


def _remembered(hero: bytes, state: str, word: bytes) -> bytes:
    """The paragraph's name after a word was written in a state."""
    if state == START:
        return b""
    return hero + word if state.startswith("name") and state != "named" else hero


def _spell(seed: int) -> dict[tuple[str, int], bytes]:
    """A spelling for every word, all different."""
    draw = stream(seed, _WORDS)
    found: dict[tuple[str, int], bytes] = {}
    taken: set[bytes] = set()
    for category, lengths in LEXICON.items():
        for rank, length in enumerate(lengths):
            while (spelling := _syllables(length, draw)) in taken:
                pass
            taken.add(spelling)
            found[category, rank] = spelling
    return found


def _syllables(length: int, draw: np.random.RandomState) -> bytes:
    return bytes(
        letters[draw.randint(len(letters))]
        for letters in (VOWELS if place % 2 else CONSONANTS for place in range(length))
    )


def _compiled(
    name: str, spellings: dict[tuple[str, int], bytes]
) -> tuple[FloatArray, tuple[bytes, ...], tuple[tuple[str, ...], ...], dict[bytes, float], dict[bytes, int]]:
    arcs = states()[name]
    words = tuple(_written(arc.word, spellings) for arc in arcs)
    masses: dict[bytes, float] = {}
    for arc, word in zip(arcs, words, strict=True):
        for end in range(len(word) + 1):
            masses[word[:end]] = masses.get(word[:end], 0.0) + arc.probability
    cumulative = np.cumsum([arc.probability for arc in arcs])
    cumulative[-1] = 1.0
    places = {word: index for index, word in enumerate(words)}
    return cumulative, words, tuple(arc.follow for arc in arcs), masses, places


def _written(word: Word, spellings: dict[tuple[str, int], bytes]) -> bytes:
    if word.rank == HERO:
        return _HERO_MARK + word.ending
    return (spellings[word.category, word.rank] if word.category else b"") + word.ending
