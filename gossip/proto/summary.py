"""A node's standing summary of its record set: what a sync starts from, kept up to date record by record.

Besides the sketch it holds the size, a digest and tug-of-war lanes. The digest is a sum modulo 2^64 of a
keyed mix of the ids, not their XOR, which is linear and free to forge; sums can be forged too, with some
work, so that two sets that differ only in the forger's own records look equal. Sessions therefore skip the
digest now and then and compare by salted ranges (see `session`). Lanes estimate how many records differ
(Alon, Matias, Szegedy 1996): each record adds +1 or -1, by a bit of its mix, to each of 128 counters; the
mean square of the difference of two nodes' counters has the number of differences as expectation, with a
relative error of sqrt(2/k) for k counters. A node that expects a difference sends all of them (12.5 %, 144
bytes), one that expects none sends 32 (25 %, 36 bytes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .replica import Replica
from .riblt import MAX_SYMBOLS, PREFIX_BYTES, U64, Keys, Sketch, Symbols, as_words, mix

__all__ = ["NARROW_BYTES", "WIDE_BYTES", "Summary", "View", "estimate"]

LANES = 128
LANE_BITS = 9
"""Lanes travel modulo 2^9: exact up to 5,000 differences; far beyond that, lanes are evenly spread and the
estimate stays near 2^18/12 = 21,845, which is all the asking side needs to know: too many for symbols."""
WIDE_BYTES = LANES * LANE_BITS // 8
NARROW_BYTES = WIDE_BYTES // 4
"""What an `Open` holds of the lanes: all of them, or the first 32."""
PAGE = 16_384
"""Records taken in at a time, about 15 ms of work."""

_DIGEST = np.uint64(0xA0761D6478BD642F)
_LANES = np.uint64(0xE7037ED1A0B428DB)
_MORE_LANES = np.uint64(0x8EBC6AF09C88C6E3)
"""Three arbitrary odd words that separate the uses of one check."""


@dataclass(frozen=True, slots=True)
class View:
    """An immutable summary of the set at one moment; what a session works from to its end."""

    size: int
    digest: bytes
    lanes: bytes
    symbols: Symbols


class Summary:
    """Follows a replica's log. One per node; sessions share its views."""

    def __init__(self, keys: Keys, length: int = MAX_SYMBOLS) -> None:
        """`length`: symbols in the sketch; shorter ones are for simulated crowds."""
        self.keys = keys
        self._length = length
        self._reset(0)

    def _reset(self, epoch: int) -> None:
        self._epoch = epoch
        self._cursor = 0
        self._size = 0
        self._digest = np.uint64(0)
        self._lanes = np.zeros(LANES, np.int64)
        self._sketch = Sketch(self.keys, self._length)
        self._view: View | None = None

    def catch_up(self, replica: Replica) -> bool:
        """Take in one page of the log; True while there is more (checkpoint in between)."""
        page = replica.log(self._cursor, PAGE)
        if page.epoch != self._epoch:
            self._reset(page.epoch)
            return True
        self._cursor = page.cursor
        if not page.ids:
            return False
        self._add(as_words(b"".join(content_id[:PREFIX_BYTES] for content_id in page.ids)))
        return len(page.ids) >= PAGE

    def _add(self, prefixes: U64) -> None:
        checks = self.keys.checks(prefixes)
        self._sketch.add(prefixes)
        self._size += len(prefixes)
        with np.errstate(over="ignore"):
            self._digest = self._digest + mix(checks ^ _DIGEST).sum(dtype=np.uint64)
        for half, separator in enumerate((_LANES, _MORE_LANES)):
            bits = mix(checks ^ separator)[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
            self._lanes[64 * half : 64 * half + 64] += 2 * bits.sum(axis=0, dtype=np.int64) - len(prefixes)
        self._view = None

    def view(self) -> View:
        """The summary as of the last `catch_up`."""
        if self._view is None:
            self._view = View(
                self._size,
                int(self._digest).to_bytes(8, "little"),
                _pack(self._lanes),
                self._sketch.symbols(),
            )
        return self._view


def estimate(mine: View, size: int, lanes: bytes) -> int:
    """About how many records differ between `mine` and a set of `size` records with `lanes`; at least 1."""
    half = 1 << (LANE_BITS - 1)
    apart = (_unpack(lanes) - _unpack(mine.lanes[: len(lanes)]) + half) % (2 * half) - half
    return max(1, abs(size - mine.size), round(float(np.mean(apart.astype(np.float64) ** 2))))


def _pack(lanes: npt.NDArray[np.int64]) -> bytes:
    number = 0
    for lane in lanes:
        number = number << LANE_BITS | int(lane) % (1 << LANE_BITS)
    return number.to_bytes(WIDE_BYTES, "big")


def _unpack(lanes: bytes) -> npt.NDArray[np.int64]:
    number = int.from_bytes(lanes, "big")
    shifts = range(8 * len(lanes) - LANE_BITS, -1, -LANE_BITS)
    return np.array([number >> shift & ((1 << LANE_BITS) - 1) for shift in shifts], np.int64)
