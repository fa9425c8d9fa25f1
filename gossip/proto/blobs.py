"""The messages of the blob protocol (docs/spec/blobs-v1.md), and what it needs of a node's storage."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from leaderboard.blob import CHUNK_BYTES, MAX_CHUNKS, BlobHead, BlobId
from leaderboard.errors import PeerError
from leaderboard.ids import ID_BYTES

from .frames import frame, parse
from .messages import Busy

__all__ = [
    "MAX_RUN",
    "Absent",
    "BlobAnswer",
    "BlobQuestion",
    "BlobShelf",
    "Chunk",
    "Find",
    "Head",
    "Incoming",
    "Read",
    "read_blob_answer",
    "read_blob_question",
]

MAX_RUN = 64
"""Chunks that one `Read` may ask for: 8 MiB."""


@dataclass(frozen=True, slots=True)
class Find:
    """Question: do you have this blob? Its head, please."""

    blob: BlobId

    def encode(self) -> bytes:
        return frame(112, self.blob)


@dataclass(frozen=True, slots=True)
class Read:
    """Question: `count` chunks of a blob from number `first` on, please."""

    blob: BlobId
    first: int
    count: int

    def encode(self) -> bytes:
        return frame(113, self.blob, self.first, self.count)


@dataclass(frozen=True, slots=True)
class Head:
    """Answer to `Find`: I have it, and this is its head."""

    head: BlobHead

    def encode(self) -> bytes:
        return frame(120, self.head.size, self.head.digests)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Part of the answer to `Read`: the next chunk."""

    data: bytes

    def encode(self) -> bytes:
        return frame(121, self.data)


@dataclass(frozen=True, slots=True)
class Absent:
    """Answer: I do not have it (any more). Ends the answer to `Read` early. Nobody's fault."""

    def encode(self) -> bytes:
        return frame(122)


BlobQuestion: TypeAlias = Find | Read
BlobAnswer: TypeAlias = Head | Chunk | Absent | Busy


class Incoming(Protocol):
    """A blob that is being written; nobody sees it until it is whole."""

    @property
    def have(self) -> Collection[int]:
        """The chunks that an earlier fetch left, checked: they need not be fetched again."""
        ...

    async def write(self, index: int, chunk: bytes) -> None:
        """Keep a chunk that was checked; Refused if the disk is full."""
        ...

    async def keep(self) -> None:
        """All chunks are written: make the blob durable, then visible."""
        ...

    async def drop(self) -> None:
        """Stop; what was written may stay for the next fetch. Harmless after `keep`."""
        ...


class BlobShelf(Protocol):
    """A node's blobs. What it hands out was checked against the id when it was read."""

    async def head(self, blob: BlobId) -> BlobHead | None:
        """The head of a blob that is here."""
        ...

    async def chunk(self, blob: BlobId, index: int) -> bytes | None:
        """A chunk of a blob that is here; None if the blob has gone or is damaged."""
        ...

    async def begin(self, head: BlobHead) -> Incoming:
        """Reserve room for a blob, and go on with what there is of it; Refused if there is no room."""
        ...


def read_blob_question(data: bytes) -> BlobQuestion:
    """The question in a frame; raises PeerError on anything else."""
    kind, fields = parse(data)
    match kind, fields:
        case 112, [bytes(blob)] if len(blob) == ID_BYTES:
            return Find(BlobId(blob))
        case 113, [bytes(blob), int(first), int(count)] if len(blob) == ID_BYTES:
            numbers = not isinstance(first, bool) and not isinstance(count, bool)
            if numbers and 0 <= first < MAX_CHUNKS and 1 <= count <= MAX_RUN:
                return Read(BlobId(blob), first, count)
    raise PeerError(f"not a question of the blob protocol: kind {kind} with {len(fields)} fields")


def read_blob_answer(data: bytes) -> BlobAnswer:
    """The answer in a frame; raises PeerError on anything else."""
    kind, fields = parse(data)
    match kind, fields:
        case 120, [int(size), bytes(digests)] if not isinstance(size, bool):
            return Head(BlobHead(size, digests))
        case 121, [bytes(chunk)] if 0 < len(chunk) <= CHUNK_BYTES:
            return Chunk(chunk)
        case 122, []:
            return Absent()
        case 31, []:
            return Busy()
    raise PeerError(f"not an answer of the blob protocol: kind {kind} with {len(fields)} fields")
