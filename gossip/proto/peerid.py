"""The libp2p PeerId of an Ed25519 public key, without libp2p.

A PeerId is the identity multihash of the protobuf-encoded public key in base58btc, so it holds the key
and the two convert into each other (libp2p specification, peer-ids). The CLI needs this text and must not
pay half a second for importing libp2p.
"""

from __future__ import annotations

from typing import NewType

from leaderboard.errors import PeerError

__all__ = ["PeerId", "peer_id_of", "public_key_of"]

PeerId = NewType("PeerId", str)
"""Text form, `12D3Koo…`."""

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {letter: digit for digit, letter in enumerate(_ALPHABET)}
_PREFIX = bytes.fromhex("002408011220")
"""Identity multihash of 36 bytes; protobuf key type Ed25519, then 32 bytes of key."""
_TEXT_LENGTH = 52
"""Every identity multihash of an Ed25519 key has this many base58 digits."""


def peer_id_of(public_key: bytes) -> PeerId:
    """The PeerId of a 32-byte Ed25519 public key."""
    if len(public_key) != 32:
        raise PeerError(f"an Ed25519 public key has 32 bytes, this has {len(public_key)}")
    raw = _PREFIX + public_key
    number = int.from_bytes(raw, "big")
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    return PeerId("1" * zeros + digits)


def public_key_of(peer_id: str) -> bytes:
    """The public key inside a PeerId; raises PeerError unless it is that of an Ed25519 key."""
    if len(peer_id) != _TEXT_LENGTH:
        raise PeerError(f"not the PeerId of an Ed25519 key: {len(peer_id)} characters, not {_TEXT_LENGTH}")
    number = 0
    for letter in peer_id:
        if letter not in _DIGITS:
            raise PeerError("not a PeerId: it holds a character outside base58")
        number = number * 58 + _DIGITS[letter]
    raw = number.to_bytes(39, "big")[1:]
    if not raw.startswith(_PREFIX) or peer_id_of(raw[len(_PREFIX) :]) != peer_id:
        raise PeerError("not the PeerId of an Ed25519 key")
    return raw[len(_PREFIX) :]
