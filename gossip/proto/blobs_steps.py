"""What goes into the machine that fetches a blob, and what comes out of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from leaderboard.blob import BlobHead

from .peerid import PeerId

__all__ = [
    "Begun",
    "Blame",
    "Dial",
    "FetchEffect",
    "FetchEvent",
    "Finish",
    "Heard",
    "Lost",
    "Part",
    "Ready",
    "Reserve",
    "Reserved",
    "Tell",
    "Tick",
    "Write",
    "Written",
]


@dataclass(frozen=True, slots=True)
class Begun:
    """Event: begin."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Event: a stream to the peer is open."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Heard:
    """Event: the peer sent this frame, and `expects` said that it owed one."""

    peer: PeerId
    frame: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """Event: the peer could not be reached, kept us waiting too long, or ended the stream."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Reserved:
    """Event: there is room for the blob."""

    have: Collection[int] = ()
    """Chunks that are there already, from a fetch that stopped half way."""


@dataclass(frozen=True, slots=True)
class Written:
    """Event: this chunk has been written."""

    index: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Event: about a second has passed."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Effect: open a stream to the peer, and say `Ready` or `Lost`."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Tell:
    """Effect: send this frame to the peer, then read while `expects` says so."""

    peer: PeerId
    frame: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """Effect: close the stream to the peer; nothing more is heard of it."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Blame:
    """Effect: the peer broke the protocol."""

    peer: PeerId
    reason: str


@dataclass(frozen=True, slots=True)
class Reserve:
    """Effect: reserve room and say `Reserved`."""

    head: BlobHead


@dataclass(frozen=True, slots=True)
class Write:
    """Effect: write a chunk, which has been checked, and say `Written`."""

    index: int
    chunk: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """Effect: the end. `why` it failed, or empty if every chunk is written."""

    why: str


FetchEvent: TypeAlias = Begun | Ready | Heard | Lost | Reserved | Written | Tick
FetchEffect: TypeAlias = Dial | Tell | Part | Blame | Reserve | Write | Finish
