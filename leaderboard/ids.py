"""Names of things: 32-byte ids and the text form that people see.

Text is RFC 4648 base32 in lower case without padding (52 characters for 32 bytes); the first ten
characters are the short form, and every interface accepts any unique prefix.
"""

from __future__ import annotations

import base64
import binascii
from typing import NewType

from .errors import PeerError

__all__ = [
    "ID_BYTES",
    "AuthorId",
    "ContentId",
    "RecipeId",
    "SwarmId",
    "TrackId",
    "from_text",
    "short",
    "to_text",
]

ID_BYTES = 32
_TEXT_LENGTH = 52
_SHORT_LENGTH = 10

AuthorId = NewType("AuthorId", bytes)
"""An Ed25519 public key: who signed a record, and the key behind that node's libp2p PeerId."""
ContentId = NewType("ContentId", bytes)
"""SHA-256 of the domain-separated signed bytes of an envelope."""
RecipeId = NewType("RecipeId", bytes)
"""SHA-256 of a recipe's canonical encoding."""
SwarmId = NewType("SwarmId", bytes)
"""SHA-256 of a swarm's public name: records of one swarm mean nothing in another."""
TrackId = NewType("TrackId", bytes)
"""SHA-256 of a track manifest's canonical encoding: change anything and it is another board."""


def to_text(identifier: bytes) -> str:
    """The full text form of a 32-byte id."""
    return base64.b32encode(identifier).decode("ascii").rstrip("=").lower()


def short(identifier: bytes) -> str:
    """The form for tables and logs: the first ten characters (50 bits)."""
    return to_text(identifier)[:_SHORT_LENGTH]


def from_text(text: str) -> bytes:
    """Parse the full text form; raises PeerError on anything but one canonical spelling."""
    if len(text) != _TEXT_LENGTH:
        raise PeerError(f"an id has {_TEXT_LENGTH} characters, this has {len(text)}")
    try:
        raw = base64.b32decode(text.upper() + "====")
    except (binascii.Error, ValueError) as error:
        raise PeerError(f"not a base32 id: {error}") from None
    if to_text(raw) != text:
        raise PeerError("not the canonical spelling of an id")
    return raw
