"""Blobs: big things beside the records, named by what they hold (docs/spec/blobs-v1.md).

A blob is cut into chunks of 128 KiB. Its head is its size and the digests of its chunks, and its id is the
hash of its head: whoever has the id can check a head, and with the head every chunk by itself, in any order
and from anybody. A list of digests rather than a tree of them, because the longest list is as long as one
chunk; a tree would let a reader start in the middle without the list, which nobody here does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NewType

from .errors import LocalError, PeerError

__all__ = ["CHUNK_BYTES", "MAX_BLOB_BYTES", "MAX_CHUNKS", "BlobHead", "BlobId", "blob_id", "head_of"]

BlobId = NewType("BlobId", bytes)
"""SHA-256 of a blob's head; its text form is that of every id (`leaderboard.ids`)."""

CHUNK_BYTES = 128 * 1024
"""All chunks but the last have this size: 1 MB/s for a second, and a fourth of the longest frame."""
MAX_CHUNKS = 4096
"""The list of digests then has at most 128 KiB, as much as one chunk."""
MAX_BLOB_BYTES = MAX_CHUNKS * CHUNK_BYTES
"""512 MiB."""
_DIGEST_BYTES = 32
_BLOB_DOMAIN = b"consilience/blob/v1\x00"
_CHUNK_DOMAIN = b"consilience/chunk/v1\x00"


@dataclass(frozen=True, slots=True)
class BlobHead:
    """What a blob's id stands for: its size in bytes and the digests of its chunks, joined."""

    size: int
    digests: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_BLOB_BYTES:
            raise PeerError(f"a blob has at most {MAX_BLOB_BYTES} bytes")
        if len(self.digests) != _DIGEST_BYTES * self.chunks:
            raise PeerError(f"a blob of {self.size} bytes has {self.chunks} digests of {_DIGEST_BYTES} bytes")

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.size // CHUNK_BYTES)

    @property
    def id(self) -> BlobId:
        """The id of the blob that has this head."""
        return BlobId(hashlib.sha256(_BLOB_DOMAIN + self.size.to_bytes(8, "big") + self.digests).digest())

    def length(self, index: int) -> int:
        """Bytes of chunk `index`."""
        return min(CHUNK_BYTES, self.size - index * CHUNK_BYTES)

    def holds(self, index: int, chunk: bytes) -> bool:
        """Whether `chunk` is this blob's chunk number `index`."""
        start = index * _DIGEST_BYTES
        return (
            0 <= index < self.chunks
            and len(chunk) == self.length(index)
            and _digest(chunk) == self.digests[start : start + _DIGEST_BYTES]
        )


def head_of(data: bytes) -> BlobHead:
    """The head of the blob that holds `data`; LocalError if that is too long for one."""
    if len(data) > MAX_BLOB_BYTES:
        raise LocalError(f"{len(data)} bytes do not fit into a blob of {MAX_BLOB_BYTES}; cut them up")
    view = memoryview(data)
    cuts = range(0, len(data), CHUNK_BYTES)
    return BlobHead(len(data), b"".join(_digest(view[at : at + CHUNK_BYTES]) for at in cuts))


def blob_id(data: bytes) -> BlobId:
    """The id of the blob that holds `data`."""
    return head_of(data).id


def _digest(chunk: bytes | memoryview) -> bytes:
    hashed = hashlib.sha256(_CHUNK_DOMAIN)
    hashed.update(chunk)
    return hashed.digest()
