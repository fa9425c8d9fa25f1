"""The answering side of a blob stream: at most one chunk in memory, one lookup at a time.

`handle(event, now) -> effects`: a question gives a `Look`, what was looked up gives the answer. A question
that comes while another is being answered is our driver's bug, since it reads one frame at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from leaderboard.blob import BlobHead, BlobId

from .blobs import Absent, Chunk, Find, Head, Read, read_blob_question
from .messages import Busy
from .steps import Received, Send

__all__ = ["BlobServer", "Found", "Load", "Loaded", "Look", "ServerEffect", "ServerEvent"]

_SESSION_QUESTIONS = 4096
_SESSION_BYTES = 1 << 30
"""Two of the largest blobs; a peer that wants more opens another stream."""


@dataclass(frozen=True, slots=True)
class Look:
    """Effect: look up the head of a blob and hand back `Found`."""

    blob: BlobId


@dataclass(frozen=True, slots=True)
class Found:
    """What `Look` found."""

    head: BlobHead | None


@dataclass(frozen=True, slots=True)
class Load:
    """Effect: read a chunk and hand back `Loaded`."""

    blob: BlobId
    index: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `Load` read."""

    chunk: bytes | None


ServerEvent: TypeAlias = Received | Found | Loaded
ServerEffect: TypeAlias = Send | Look | Load


class BlobServer:
    """Answers one stream."""

    def __init__(self) -> None:
        self._run: Read | None = None
        """What is left of the `Read` that is being answered."""
        self._questions = 0
        self._bytes = 0

    def handle(self, event: ServerEvent, now: float) -> list[ServerEffect]:
        """Answer; raises PeerError on what the protocol does not allow. `now` is unused: no timers here."""
        del now
        match event:
            case Received(frame):
                return self._ask(frame)
            case Found(head):
                return [self._send((Absent() if head is None else Head(head)).encode())]
            case Loaded(chunk):
                return self._next(chunk)

    def _ask(self, frame: bytes) -> list[ServerEffect]:
        question = read_blob_question(frame)
        self._questions += 1
        if self._questions > _SESSION_QUESTIONS or self._bytes > _SESSION_BYTES:
            return [Send(Busy().encode())]
        match question:
            case Find(blob):
                return [Look(blob)]
            case Read(blob, first, _):
                self._run = question
                return [Load(blob, first)]

    def _next(self, chunk: bytes | None) -> list[ServerEffect]:
        run = self._run
        if run is None or chunk is None:
            self._run = None
            return [self._send(Absent().encode())]
        sent = self._send(Chunk(chunk).encode())
        if run.count == 1:
            self._run = None
            return [sent]
        self._run = Read(run.blob, run.first + 1, run.count - 1)
        return [sent, Load(run.blob, run.first + 1)]

    def _send(self, frame: bytes) -> Send:
        self._bytes += len(frame)
        return Send(frame)
