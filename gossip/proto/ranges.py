"""Range-based set reconciliation: slower than `riblt` and impossible to stop.

Theory of operation (Meyer 2022, arXiv 2212.13567). Both sides keep their ids in one order, by the author's
clock and then by id, so that what is new lies together. A range whose fingerprints agree is equal; one that
differs is cut in parts and asked about again; a small one is listed. This ends for any two sets, in about
log16(n) rounds, and needs no luck and no honest keys.

The fingerprint of a range is the sum modulo 2^64 of a salted mix of its ids. The salt is made by both sides
when the session opens, so nobody can prepare records whose sums agree. XOR instead of a sum, or a fixed
salt, would make that a matter of linear algebra or of a few hours. Prefix sums answer any range in O(log n).

Here only the asking side decides: the answering side cuts and lists, and keeps nothing but its sorted view.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from leaderboard.errors import PeerError

from .replica import Replica
from .riblt import PREFIX_BYTES, U64, as_words, mix

__all__ = [
    "KEY_BYTES",
    "LEAF",
    "WAYS",
    "Listing",
    "Order",
    "Part",
    "Range",
    "Salted",
    "Split",
    "session_salt",
]

KEY_BYTES = 8 + PREFIX_BYTES
"""An element's place in the order: milliseconds, big-endian, then the prefix of its id."""
LEAF = 32
"""Ranges of at most this many ids are listed rather than cut: 512 bytes, as much as a cut."""
WAYS = 16
"""Parts that a range is cut into."""
PAGE = 16_384
_KEY = f"S{KEY_BYTES}"

Arrangement = npt.NDArray[np.bytes_]
"""Keys in order; shared, never written to."""


@dataclass(frozen=True, slots=True)
class Range:
    """Elements with `low` <= key < `high`; an empty `high` means no bound. Bounds may be cut short."""

    low: bytes
    high: bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """All prefixes of a range."""

    prefixes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A range cut in parts: the bounds between them, and the fingerprint of each."""

    bounds: tuple[bytes, ...]
    fingerprints: tuple[int, ...]

    def parts(self, whole: Range) -> list[tuple[Range, int]]:
        """The parts with their fingerprints; PeerError unless the bounds lie in order inside `whole`."""
        if len(self.fingerprints) != len(self.bounds) + 1:
            raise PeerError("a cut range has one fingerprint per part")
        last = whole.low
        for bound in self.bounds:
            if bound <= last or (whole.high and bound >= whole.high):
                raise PeerError("the bounds of a cut range are not in order")
            last = bound
        ranges = map(Range, (whole.low, *self.bounds), (*self.bounds, whole.high))
        return list(zip(ranges, self.fingerprints, strict=True))


Part = Listing | Split


class Order:
    """A replica's ids in order. Follows the log like `Summary`, but only once somebody needs it."""

    def __init__(self) -> None:
        self._reset(0)

    def _reset(self, epoch: int) -> None:
        self._epoch = epoch
        self._cursor = 0
        self._keys: Arrangement = np.zeros(0, _KEY)
        self._fresh: list[bytes] = []

    def catch_up(self, replica: Replica) -> bool:
        """Take in one page of the log; True while there is more (checkpoint in between)."""
        page = replica.log(self._cursor, PAGE)
        if page.epoch != self._epoch:
            self._reset(page.epoch)
            return True
        self._cursor = page.cursor
        self._fresh.extend(
            time.to_bytes(8, "big") + content_id[:PREFIX_BYTES]
            for time, content_id in zip(page.times, page.ids, strict=True)
        )
        return len(page.ids) >= PAGE

    def keys(self) -> Arrangement:
        """All keys, sorted; not to be written to."""
        if self._fresh:
            fresh = np.frombuffer(b"".join(self._fresh), _KEY)
            self._keys = np.sort(np.concatenate((self._keys, fresh)), kind="stable")
            self._fresh = []
        return self._keys


class Salted:
    """The order of one moment with the fingerprints of one session."""

    def __init__(self, keys: Arrangement, salt: bytes) -> None:
        self._keys = keys
        self._sums = _prefix_sums(keys, salt)

    def size(self, part: Range) -> int:
        """Number of elements in a range."""
        start, stop = self._span(part)
        return stop - start

    def fingerprint(self, part: Range) -> int:
        """The sum of a range."""
        start, stop = self._span(part)
        return self._sum(start, stop)

    def prefixes(self, part: Range) -> tuple[bytes, ...]:
        """All prefixes of a range."""
        start, stop = self._span(part)
        return tuple(self._prefix(index) for index in range(start, stop))

    def describe(self, part: Range) -> Part:
        """A listing of a small range, a cut of a large one."""
        start, stop = self._span(part)
        if stop - start <= LEAF:
            return Listing(self.prefixes(part))
        cuts = [start + (stop - start) * way // WAYS for way in range(WAYS + 1)]
        bounds = tuple(_between(self._key(cut - 1), self._key(cut)) for cut in cuts[1:-1])
        sums = tuple(self._sum(low, high) for low, high in pairwise(cuts))
        return Split(bounds, sums)

    def _span(self, part: Range) -> tuple[int, int]:
        start = int(np.searchsorted(self._keys, np.bytes_(part.low)))
        if not part.high:
            return start, len(self._keys)
        return start, max(start, int(np.searchsorted(self._keys, np.bytes_(part.high))))

    def _sum(self, start: int, stop: int) -> int:
        return (int(self._sums[stop]) - int(self._sums[start])) % (1 << 64)

    def _key(self, index: int) -> bytes:
        return bytes(self._keys[index]).ljust(KEY_BYTES, b"\0")

    def _prefix(self, index: int) -> bytes:
        return self._key(index)[8:]


def session_salt(asking: bytes, answering: bytes) -> bytes:
    """The salt of a session, from the halves of both sides."""
    return hashlib.sha256(b"consilience/ranges/v1\x00" + asking + answering).digest()[:16]


def _prefix_sums(keys: Arrangement, salt: bytes) -> U64:
    raw = keys.tobytes()
    rows = np.frombuffer(raw, np.uint8).reshape(len(keys), KEY_BYTES)
    words = as_words(np.ascontiguousarray(rows[:, 8:]).tobytes())
    first, second = (np.uint64(int.from_bytes(half, "little")) for half in (salt[:8], salt[8:]))
    mixed = mix(mix(mix(words[:, 0] ^ first) + words[:, 1]) ^ second)
    return np.concatenate((np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)))


def _between(below: bytes, above: bytes) -> bytes:
    """The shortest byte string s with `below` < s <= `above`: a bound in nine bytes rather than 24."""
    for index, (left, right) in enumerate(zip(below, above, strict=True)):
        if left != right:
            return above[: index + 1]
    return above
