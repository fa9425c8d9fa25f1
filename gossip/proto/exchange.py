"""Peer exchange (docs/spec/peers-v1.md): one question, one answer, so that a star becomes a mesh.

The asker tells where it listens, the answerer tells of up to `count` peers that it has reached itself.
py-libp2p's own means (peer exchange on PRUNE, bootstrap) leave a star a star, and a star loses messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.codec import Value
from leaderboard.errors import PeerError

from .book import MAX_ADDRESSES
from .frames import frame, parse
from .peerid import PeerId, public_key_of

__all__ = ["MAX_TOLD", "Acquaintance", "Ask", "Tell", "read_ask", "read_tell"]

MAX_TOLD = 32
_MAX_ADDRESS = 256
"""Characters of a multiaddr; a DNS name has at most 253."""


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """A peer and where to find it."""

    peer: PeerId
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """I listen here (with these addresses, of unknown worth to you); tell me of up to `count` peers."""

    listening: tuple[str, ...]
    count: int

    def encode(self) -> bytes:
        return frame(96, list(self.listening[:MAX_ADDRESSES]), self.count)


@dataclass(frozen=True, slots=True)
class Tell:
    """Where I listen, and whom I know."""

    listening: tuple[str, ...]
    peers: tuple[Acquaintance, ...]

    def encode(self) -> bytes:
        peers = [[told.peer, list(told.addresses[:MAX_ADDRESSES])] for told in self.peers[:MAX_TOLD]]
        return frame(97, list(self.listening[:MAX_ADDRESSES]), peers)


def read_ask(data: bytes) -> Ask:
    """The question in a frame; raises PeerError on anything else."""
    match parse(data):
        case 96, [list(listening), int(count)] if 0 <= count <= MAX_TOLD and not isinstance(count, bool):
            return Ask(_addresses(listening), count)
    raise PeerError("not a question of the peer exchange")


def read_tell(data: bytes) -> Tell:
    """The answer in a frame; raises PeerError on anything else."""
    match parse(data):
        case 97, [list(listening), list(peers)] if len(peers) <= MAX_TOLD:
            return Tell(_addresses(listening), tuple(_acquaintance(item) for item in peers))
    raise PeerError("not an answer of the peer exchange")


def _acquaintance(item: Value) -> Acquaintance:
    match item:
        case [str(peer), list(addresses)]:
            public_key_of(peer)
            return Acquaintance(PeerId(peer), _addresses(addresses))
    raise PeerError("an acquaintance is a PeerId and its addresses")


def _addresses(items: Sequence[Value]) -> tuple[str, ...]:
    if len(items) > MAX_ADDRESSES:
        raise PeerError(f"more than {MAX_ADDRESSES} addresses for one peer")
    return tuple(_address(item) for item in items)


def _address(item: Value) -> str:
    if not isinstance(item, str) or not 0 < len(item) <= _MAX_ADDRESS or not item.startswith("/"):
        raise PeerError("not a multiaddr")
    if not item.isascii() or not item.isprintable():
        raise PeerError("a multiaddr is printable ASCII")
    return item
