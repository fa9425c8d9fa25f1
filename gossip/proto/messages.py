"""The messages of the sync protocol (docs/spec/sync-v1.md), each with its one encoding.

The side that opened the stream asks, the other answers; every question gets exactly one answer. `Busy`
answers anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from leaderboard.codec import Value
from leaderboard.errors import PeerError

from .frames import frame, parse
from .ranges import KEY_BYTES, LEAF, WAYS, Listing, Part, Range, Split
from .riblt import MAX_SYMBOLS, PREFIX_BYTES, SYMBOL_BYTES
from .summary import NARROW_BYTES, WIDE_BYTES

__all__ = [
    "MAX_RANGES",
    "MAX_WANTED",
    "SALT_BYTES",
    "Answer",
    "Bucket",
    "Busy",
    "Compare",
    "Far",
    "Give",
    "More",
    "Open",
    "Parts",
    "Question",
    "Records",
    "Salt",
    "Same",
    "SymbolRun",
    "Took",
    "Want",
    "Whole",
    "read_answer",
    "read_question",
]

MAX_WANTED = 1024
"""Prefixes in one `Want`; a store finds them in about 10 ms."""
MAX_RANGES = 512
"""Ranges in one `Compare`; their descriptions have at most 300 kB."""
SALT_BYTES = 16
_MAX_SIZE = 1 << 40
_LANES = (NARROW_BYTES, WIDE_BYTES)


@dataclass(frozen=True, slots=True)
class Open:
    """Question: here is what my set looks like; how does yours differ?"""

    size: int
    digest: bytes
    lanes: bytes

    def encode(self) -> bytes:
        return frame(0, self.size, self.digest, self.lanes)


@dataclass(frozen=True, slots=True)
class More:
    """Question: the next `count` symbols, please."""

    count: int

    def encode(self) -> bytes:
        return frame(1, self.count)


@dataclass(frozen=True, slots=True)
class Want:
    """Question: the records with these id prefixes."""

    prefixes: tuple[bytes, ...]

    def encode(self) -> bytes:
        return frame(2, b"".join(self.prefixes))


@dataclass(frozen=True, slots=True)
class Give:
    """Question: do you take these records, which you seem to lack?"""

    pack: bytes

    def encode(self) -> bytes:
        return frame(3, self.pack)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Question: all records with `low` <= id < `high` (empty: no bound), in order of id."""

    low: bytes
    high: bytes

    def encode(self) -> bytes:
        return frame(4, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Salt:
    """Question: let us compare by ranges; here is my half of the salt. Describe your whole set."""

    half: bytes

    def encode(self) -> bytes:
        return frame(5, self.half)


@dataclass(frozen=True, slots=True)
class Compare:
    """Question: describe these ranges."""

    ranges: tuple[Range, ...]

    def encode(self) -> bytes:
        return frame(6, [[part.low, part.high] for part in self.ranges])


@dataclass(frozen=True, slots=True)
class Same:
    """Answer: our sets are equal, as far as a digest can tell."""

    def encode(self) -> bytes:
        return frame(16)


@dataclass(frozen=True, slots=True)
class SymbolRun:
    """Answer: the next coded symbols of my set, which has `size` records."""

    size: int
    symbols: bytes

    def encode(self) -> bytes:
        return frame(17, self.size, self.symbols)


@dataclass(frozen=True, slots=True)
class Far:
    """Answer: too many differences for symbols; my set has `size` records."""

    size: int

    def encode(self) -> bytes:
        return frame(18, self.size)


@dataclass(frozen=True, slots=True)
class Records:
    """Answer: records. `more` says that I have others of those you asked for: ask again for the rest."""

    pack: bytes
    more: bool

    def encode(self) -> bytes:
        return frame(19, self.pack, self.more)


@dataclass(frozen=True, slots=True)
class Took:
    """Answer: of the records you gave, so many were new to me."""

    new: int

    def encode(self) -> bytes:
        return frame(20, self.new)


@dataclass(frozen=True, slots=True)
class Whole:
    """Answer to `Salt`: my half of the salt, and the fingerprint of my whole set."""

    half: bytes
    fingerprint: int

    def encode(self) -> bytes:
        return frame(21, self.half, self.fingerprint)


@dataclass(frozen=True, slots=True)
class Parts:
    """Answer to `Compare`: each range described, in the order asked."""

    parts: tuple[Part, ...]

    def encode(self) -> bytes:
        return frame(22, [_write_part(part) for part in self.parts])


@dataclass(frozen=True, slots=True)
class Busy:
    """Answer: not now. Nobody's fault."""

    def encode(self) -> bytes:
        return frame(31)


Question: TypeAlias = Open | More | Want | Give | Bucket | Salt | Compare
Answer: TypeAlias = Same | SymbolRun | Far | Records | Took | Whole | Parts | Busy


def read_question(data: bytes) -> Question:  # noqa: PLR0911 - one for each kind
    """The question in a frame; raises PeerError on anything else."""
    kind, fields = parse(data)
    match kind, fields:
        case 0, [int(size), bytes(digest), bytes(lanes)] if len(digest) == 8 and len(lanes) in _LANES:
            return Open(_size(size), digest, lanes)
        case 1, [int(count)] if 0 < count <= MAX_SYMBOLS and not isinstance(count, bool):
            return More(count)
        case 2, [bytes(prefixes)] if 0 < len(prefixes) <= MAX_WANTED * PREFIX_BYTES:
            return Want(_split(prefixes))
        case 3, [bytes(pack)]:
            return Give(pack)
        case 4, [bytes(low), bytes(high)] if len(low) <= 32 and len(high) <= 32:
            return Bucket(low, high)
        case 5, [bytes(half)] if len(half) == SALT_BYTES:
            return Salt(half)
        case 6, [list(ranges)] if 0 < len(ranges) <= MAX_RANGES:
            return Compare(tuple(_read_range(item) for item in ranges))
    raise PeerError(f"not a question of the sync protocol: kind {kind} with {len(fields)} fields")


def read_answer(data: bytes) -> Answer:  # noqa: PLR0911 - one for each kind
    """The answer in a frame; raises PeerError on anything else."""
    kind, fields = parse(data)
    match kind, fields:
        case 16, []:
            return Same()
        case 17, [int(size), bytes(symbols)] if 0 < len(symbols) <= MAX_SYMBOLS * SYMBOL_BYTES:
            if len(symbols) % SYMBOL_BYTES == 0:
                return SymbolRun(_size(size), symbols)
        case 18, [int(size)]:
            return Far(_size(size))
        case 19, [bytes(pack), bool(more)]:
            return Records(pack, more)
        case 20, [int(new)]:
            return Took(_size(new))
        case 21, [bytes(half), int(fingerprint)] if len(half) == SALT_BYTES:
            return Whole(half, _fingerprint(fingerprint))
        case 22, [list(parts)] if len(parts) <= MAX_RANGES:
            return Parts(tuple(_read_part(item) for item in parts))
        case 31, []:
            return Busy()
    raise PeerError(f"not an answer of the sync protocol: kind {kind} with {len(fields)} fields")


def _size(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_SIZE:
        raise PeerError("a number of records that is not one")
    return value


def _split(prefixes: bytes) -> tuple[bytes, ...]:
    if len(prefixes) % PREFIX_BYTES:
        raise PeerError(f"prefixes have {PREFIX_BYTES} bytes each")
    return tuple(prefixes[at : at + PREFIX_BYTES] for at in range(0, len(prefixes), PREFIX_BYTES))


def _fingerprint(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64:
        raise PeerError("a fingerprint that is not one")
    return value


def _read_range(item: Value) -> Range:
    match item:
        case [bytes(low), bytes(high)] if len(low) <= KEY_BYTES and len(high) <= KEY_BYTES:
            return Range(low, high)
    raise PeerError("a range is two bounds")


def _write_part(part: Part) -> Value:
    if isinstance(part, Listing):
        return b"".join(part.prefixes)
    sums = b"".join(value.to_bytes(8, "big") for value in part.fingerprints)
    return [list(part.bounds), sums]


def _read_part(item: Value) -> Part:
    match item:
        case bytes(prefixes) if len(prefixes) <= LEAF * PREFIX_BYTES:
            return Listing(_split(prefixes))
        case [list(bounds), bytes(sums)] if len(sums) == 8 * WAYS and len(bounds) == WAYS - 1:
            values = [int.from_bytes(sums[at : at + 8], "big") for at in range(0, len(sums), 8)]
            return Split(tuple(_bound(bound) for bound in bounds), tuple(values))
    raise PeerError("a described range is a listing or a cut")


def _bound(item: Value) -> bytes:
    if not isinstance(item, bytes) or not 0 < len(item) <= KEY_BYTES:
        raise PeerError("a bound is 1 to 24 bytes")
    return item
