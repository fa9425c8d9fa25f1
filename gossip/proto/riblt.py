"""Rateless invertible Bloom lookup tables: the difference of two sets, at its own price.

Theory of operation (Yang, Gilad, Alizadeh 2024, arXiv 2402.02668). A set is encoded as an endless sequence
of coded symbols; each holds the sums (XOR here) of some of the items: their 16-byte id prefixes, their
8-byte checks, and how many there are. Item x belongs to symbol i with probability about 1/(1+i/2), at
positions that x alone determines. Subtract my symbols from yours and what remains encodes the difference
of the sets; a symbol with one item left in it gives that item away, which frees others. About 1.35
symbols per difference suffice for large differences, whatever the size of the sets.

One cached `Sketch` answers every peer, so the check has one key per swarm and not one per session. Whoever
knows the key (every member) can craft a few hundred records that make a decoder report an item nobody has
(a phantom) or stall; hence callers treat results as hints, take partial results, never blame a peer for a
phantom, and fall back to `ranges`. Rejected: keys per session, which would cost a pass over the whole set
for each peer; minisketch, whose decoding is quadratic.

Not covered: proof against crafted records (see above); sets that hold two ids with one 16-byte prefix.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leaderboard.errors import PeerError
from leaderboard.ids import SwarmId

__all__ = [
    "MAX_SYMBOLS",
    "NO_DIFFERENCE",
    "PREFIX_BYTES",
    "SYMBOL_BYTES",
    "Difference",
    "Keys",
    "Sketch",
    "Symbols",
    "difference",
    "enough_symbols",
]

PREFIX_BYTES = 16
"""How much of an id reconciliation handles; two honest ids collide in it with probability 2^-128."""
SYMBOL_BYTES = PREFIX_BYTES + 8 + 1
"""A symbol on the wire: prefix sum, check sum, count modulo 256."""
MAX_SYMBOLS = 16_384
"""Length of a cached sketch: 540 kB of memory, enough for about 12,000 differences."""

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

_SKIP = 8
"""The first symbols hold so many items that their counts, modulo 256, tell nothing."""
_STRIDE = np.uint64(0xDA942042E4DD58B5)
"""Multiplier of the position generator, that of the paper's reference implementation."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_TWO_32 = 4294967296.0
_FAR = float(1 << 40)
"""Positions are cut off here between blocks of steps: beyond any sketch, and `_STEPS` jumps of at most 2^32
times the position stay far below the largest double."""
_STEPS = 16
"""Steps of the generator computed at once; an item is in 2 ln(m) of m symbols, in 20 of a whole sketch."""
_WALKERS = 4096
"""Items walked at once: 0.5 MB a table of steps."""
_POWERS = np.multiply.accumulate(np.full(_STEPS, _STRIDE))


def mix(x: U64) -> U64:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection that scatters its input."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@dataclass(frozen=True, slots=True)
class Keys:
    """The two words that key checks and positions; equal for all members of a swarm."""

    first: np.uint64
    second: np.uint64

    @classmethod
    def of(cls, swarm: SwarmId) -> Keys:
        digest = hashlib.sha256(b"consilience/sync/v1\x00" + swarm).digest()
        words = np.frombuffer(digest[:16], dtype="<u8")
        return cls(np.uint64(words[0]), np.uint64(words[1]))

    def checks(self, prefixes: U64) -> U64:
        """The keyed check of each prefix; `prefixes` has shape (k, 2)."""
        return mix(mix(mix(prefixes[:, 0] ^ self.first) + prefixes[:, 1]) ^ self.second)


@dataclass(frozen=True, slots=True)
class Symbols:
    """A run of coded symbols from position 0 on."""

    prefixes: U64
    """(m, 2): XOR of the id prefixes, as little-endian words."""
    checks: U64
    """(m,): XOR of the checks."""
    counts: I64
    """(m,): number of items, known modulo 256 once it has travelled."""

    def __len__(self) -> int:
        return len(self.checks)

    def wire(self, start: int, stop: int) -> bytes:
        """Symbols `start` to `stop` as bytes: all prefixes, then all checks, then all counts."""
        part = slice(start, stop)
        return b"".join(
            (
                self.prefixes[part].astype("<u8").tobytes(),
                self.checks[part].astype("<u8").tobytes(),
                self.counts[part].astype(np.uint8).tobytes(),
            )
        )

    @classmethod
    def empty(cls) -> Symbols:
        return cls(np.zeros((0, 2), np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int64))

    def extended(self, wire: bytes) -> Symbols:
        """These symbols and those that `wire` holds after them; raises PeerError if it is not whole."""
        count, rest = divmod(len(wire), SYMBOL_BYTES)
        if rest or not count or len(self) + count > MAX_SYMBOLS:
            raise PeerError(f"{len(wire)} bytes of symbols are not 1 to {MAX_SYMBOLS} whole ones")
        prefixes = np.frombuffer(wire, "<u8", 2 * count).reshape(count, 2)
        checks = np.frombuffer(wire, "<u8", count, PREFIX_BYTES * count)
        counts = np.frombuffer(wire, np.uint8, count, 24 * count)
        return Symbols(
            np.concatenate((self.prefixes, prefixes)),
            np.concatenate((self.checks, checks)),
            np.concatenate((self.counts, counts.astype(np.int64))),
        )


class Sketch:
    """The first `MAX_SYMBOLS` coded symbols of a set that only grows; 1.4 us per item added in bulk."""

    def __init__(self, keys: Keys, length: int = MAX_SYMBOLS) -> None:
        self._keys = keys
        self._prefixes = np.zeros((length, 2), np.uint64)
        self._checks = np.zeros(length, np.uint64)
        self._counts = np.zeros(length, np.int64)
        self._snapshot: Symbols | None = None

    def add(self, prefixes: U64) -> None:
        """Add items that are not in the set yet; shape (k, 2)."""
        if not len(prefixes):
            return
        checks = self._keys.checks(prefixes)
        items, positions = _walk(checks, len(self._checks))
        np.bitwise_xor.at(self._prefixes[:, 0], positions, prefixes[items, 0])
        np.bitwise_xor.at(self._prefixes[:, 1], positions, prefixes[items, 1])
        np.bitwise_xor.at(self._checks, positions, checks[items])
        np.add.at(self._counts, positions, 1)
        self._snapshot = None

    def symbols(self) -> Symbols:
        """A snapshot that later additions do not touch; copied once per change, shared by sessions."""
        if self._snapshot is None:
            self._snapshot = Symbols(self._prefixes.copy(), self._checks.copy(), self._counts.copy())
        return self._snapshot


@dataclass(frozen=True, slots=True)
class Difference:
    """What a decoder recovered."""

    theirs: tuple[bytes, ...]
    """Prefixes of what only the other set has."""
    ours: tuple[bytes, ...]
    """Prefixes of what only our set has."""
    complete: bool
    """False: more symbols are needed, or somebody tampers; what was recovered is still worth using."""


NO_DIFFERENCE = Difference((), (), complete=False)
"""What no symbols tell."""


def enough_symbols(differences: float) -> int:
    """How many symbols decode so many differences about half of the time, or oftener if they are few.

    1.35 per difference is the paper's asymptote; small differences need more, hence the root.
    """
    return min(MAX_SYMBOLS, math.ceil(1.33 * differences + 1.6 * math.sqrt(differences)) + 4)


def apart(ours: Symbols, theirs: Symbols, ahead: int) -> float:
    """Estimate of the number of differences from counts alone; `ahead` is by how many items theirs are more.

    Symbol i holds an item with probability p = 1/(1+i/2), so its count differs by p*ahead on average with a
    variance of p(1-p) per difference: each symbol is one sample, several hundred give five percent.
    """
    size = len(theirs)
    odds = 1.0 / (1.0 + np.arange(_SKIP, size) / 2.0)
    counts = (theirs.counts[_SKIP:] - ours.counts[_SKIP:size]).astype(np.int8)
    return float(np.mean((counts - odds * ahead) ** 2 / (odds * (1.0 - odds)))) if len(counts) else 0.0


def difference(keys: Keys, ours: Symbols, theirs: Symbols, before: Difference = NO_DIFFERENCE) -> Difference:
    """Decode as much as `theirs` allows; `ours` must be at least as long.

    `before`: what fewer symbols of the same two sets gave, which need not be found again.
    """
    size = len(theirs)
    prefixes = ours.prefixes[:size] ^ theirs.prefixes
    checks = ours.checks[:size] ^ theirs.checks
    counts = (theirs.counts - ours.counts[:size]).astype(np.int8)
    found: dict[bytes, int] = {}
    known = dict.fromkeys(before.theirs, 1) | dict.fromkeys(before.ours, -1)
    if known:
        _peel(known, found, keys, (prefixes, checks, counts))
    suspects = np.arange(size)
    # Honest tables took at most 85 rounds, 1.1 sqrt(size). A crafted one frees one item a round and would
    # take thousands; cut short, it is as if it had stalled.
    for _ in range(16 + 2 * math.isqrt(size)):
        pure = suspects[np.abs(counts[suspects]) == 1]
        pure = pure[keys.checks(prefixes[pure]) == checks[pure]]
        items = _fresh(prefixes[pure], counts[pure], found)
        if not items:
            break
        suspects = _peel(items, found, keys, (prefixes, checks, counts))
    complete = not (prefixes.any() or checks.any() or counts.any())
    return Difference(
        tuple(prefix for prefix, side in found.items() if side > 0),
        tuple(prefix for prefix, side in found.items() if side < 0),
        complete,
    )


def _fresh(prefixes: U64, sides: npt.NDArray[np.int8], found: dict[bytes, int]) -> dict[bytes, int]:
    """The distinct items among pure symbols that were not recovered before, with the side they are on."""
    raw = prefixes.astype("<u8").tobytes()
    keys = (raw[i : i + PREFIX_BYTES] for i in range(0, len(raw), PREFIX_BYTES))
    return {key: int(side) for key, side in zip(keys, sides, strict=True) if key not in found}


def _peel(
    items: dict[bytes, int],
    found: dict[bytes, int],
    keys: Keys,
    table: tuple[U64, U64, npt.NDArray[np.int8]],
) -> I64:
    """Take `items` out of every symbol of `table`; returns the positions that changed."""
    prefixes, checks, counts = table
    found.update(items)
    words = as_words(b"".join(items))
    sides = np.fromiter(items.values(), np.int8, len(items))
    item_checks = keys.checks(words)
    rows, positions = _walk(item_checks, len(checks))
    np.bitwise_xor.at(prefixes[:, 0], positions, words[rows, 0])
    np.bitwise_xor.at(prefixes[:, 1], positions, words[rows, 1])
    np.bitwise_xor.at(checks, positions, item_checks[rows])
    np.subtract.at(counts, positions, sides[rows])
    touched = np.zeros(len(checks), np.bool_)
    touched[positions] = True
    return np.flatnonzero(touched)


def as_words(prefixes: bytes) -> U64:
    """Concatenated 16-byte prefixes as words of shape (k, 2)."""
    return np.frombuffer(prefixes, "<u8").reshape(-1, 2).astype(np.uint64)


def _walk(checks: U64, length: int) -> tuple[I64, I64]:
    """Where items go: rows of `checks`, and for each the position of a symbol below `length`.

    Position 0 takes every item. From position i the next is i + ceil((i + 3/2)(2^32/sqrt(r+1) - 1)) with r
    the next word of a multiplicative generator seeded by the check. Products of doubles, a square root and
    a division: exactly rounded everywhere, so all machines agree. Doubles hold every position exactly.

    The words of all steps are computed at once, so that a step costs five calls on short arrays; decoding a
    thousand differences takes some fifteen rounds of few items, where calls are the whole cost.
    """
    parts = [
        _walk_some(checks[at : at + _WALKERS], length, at) for at in range(0, max(1, len(checks)), _WALKERS)
    ]
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([places for _, places in parts])


def _walk_some(checks: U64, length: int, first: int) -> tuple[I64, I64]:
    """`_walk` for few enough items to hold all their steps; `first` is the row of the first."""
    walk = [np.zeros((1, len(checks)))]
    state = checks
    while len(checks) and walk[-1][-1].min() < length:
        words = state * _POWERS[:, None]
        state = words[-1]
        factors = _TWO_32 / np.sqrt(words.astype(np.float64) + 1.0) - 1.0
        places = np.empty_like(factors)
        before = np.minimum(walk[-1][-1], _FAR)
        for factor, place in zip(factors, places, strict=True):
            np.add(before, 1.5, out=place)
            np.multiply(place, factor, out=place)
            np.ceil(place, out=place)
            np.maximum(place, 1.0, out=place)
            np.add(place, before, out=place)
            before = place
        walk.append(places)
    steps = np.concatenate(walk)
    taken, rows = np.nonzero(steps < length)
    return rows + first, steps[taken, rows].astype(np.int64)
