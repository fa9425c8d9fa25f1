"""The outer form of all our messages: a version byte, then one canonical MessagePack array.

The first element of the array is the kind. On a stream a frame follows its length as an unsigned varint.
Envelopes travel in packs: zlib over the canonical array of envelopes.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from leaderboard.codec import MAX_RECORD_BYTES, Value, decode, encode
from leaderboard.errors import PeerError

__all__ = ["MAX_FRAME_BYTES", "PACK_BYTES", "VERSION", "frame", "pack", "parse", "unpack"]

VERSION = 1
MAX_FRAME_BYTES = 512 * 1024
"""No frame is longer; a full sketch (410 kB) is the longest honest one."""
PACK_BYTES = 256 * 1024
"""A pack is closed once its envelopes reach this size together; about 20 ms to read from a store."""
_MAX_UNPACKED = PACK_BYTES + MAX_RECORD_BYTES + 16 * 1024
"""The last envelope may overshoot; the rest is headers."""
_MAX_ENVELOPES = 4096


def frame(kind: int, *fields: Value) -> bytes:
    """The bytes of a message."""
    return bytes((VERSION,)) + encode([kind, *fields])


def parse(data: bytes) -> tuple[int, list[Value]]:
    """Kind and fields of a message; raises PeerError unless it is one of this version within the limits."""
    if not data or len(data) > MAX_FRAME_BYTES:
        raise PeerError(f"a frame has 1 to {MAX_FRAME_BYTES} bytes, this has {len(data)}")
    if data[0] != VERSION:
        raise PeerError(f"protocol version {data[0]}; this node speaks version {VERSION}")
    match decode(data[1:], limit=MAX_FRAME_BYTES):
        case [int(kind), *fields] if kind is not True and kind is not False:
            return kind, fields
    raise PeerError("a message is an array that begins with its kind")


def pack(envelopes: Sequence[bytes]) -> bytes:
    """Envelopes, compressed. Level 1: the sixth part of level 6's time for 5 % more bytes."""
    return zlib.compress(encode(list(envelopes)), 1)


def unpack(packed: bytes) -> tuple[bytes, ...]:
    """The envelopes in a pack; raises PeerError before more than the limit is unpacked."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, _MAX_UNPACKED)
    except zlib.error as error:
        raise PeerError(f"a pack that does not decompress: {error}") from None
    if not inflater.eof or inflater.unused_data:
        raise PeerError(f"a pack longer than {_MAX_UNPACKED} bytes, cut short, or with bytes after it")
    envelopes = decode(raw, limit=_MAX_UNPACKED)
    if not isinstance(envelopes, list) or len(envelopes) > _MAX_ENVELOPES:
        raise PeerError(f"a pack is an array of at most {_MAX_ENVELOPES} envelopes")
    return tuple(_envelope(item) for item in envelopes)


def _envelope(item: Value) -> bytes:
    if not isinstance(item, bytes) or not 0 < len(item) <= MAX_RECORD_BYTES:
        raise PeerError(f"an envelope is 1 to {MAX_RECORD_BYTES} bytes")
    return item
