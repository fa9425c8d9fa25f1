"""One Ed25519 key per node: it signs records, and libp2p derives the node's PeerId from it.

The file `identity.key` is two lines of ASCII, mode 0600:

    consilience-identity-v1 ed25519
    <64 lower-case hex digits: the 32-byte seed of RFC 8032>

Whoever can read the file can speak as this node, so a file that others may read is refused rather than
repaired: it may have been read already, and only its owner can judge that. The key is not encrypted at
rest; protect the disk or the account instead.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from gossip.proto.peerid import peer_id_of
from leaderboard.ids import AuthorId
from leaderboard.signing import SEED_BYTES, Signer

from .errors import AuthFailed, Misuse
from .files import create_file

__all__ = ["Identity", "create", "load", "load_or_create"]

_HEADER = "consilience-identity-v1 ed25519"
_FILE_BYTES = len(_HEADER) + 1 + 2 * SEED_BYTES + 1


@dataclass(frozen=True, slots=True)
class Identity:
    """A node's key in memory."""

    signer: Signer = field(repr=False)
    seed: bytes = field(repr=False)
    """The 32-byte Ed25519 seed, for libp2p's own key object."""

    @property
    def author(self) -> AuthorId:
        return self.signer.author

    @property
    def peer_id(self) -> str:
        """The node's libp2p PeerId in text (`12D3Koo...`)."""
        return peer_id_of(self.author)


def load_or_create(path: Path) -> Identity:
    """The identity in `path`, made on first use."""
    return load(path) if path.exists() or path.is_symlink() else create(path)


def create(path: Path) -> Identity:
    """Write a new identity; raises Misuse if the file exists, because a key is never overwritten."""
    seed = secrets.token_bytes(SEED_BYTES)
    create_file(path, f"{_HEADER}\n{seed.hex()}\n")
    return Identity(Signer(seed), seed)


def load(path: Path) -> Identity:
    """The identity in `path`; raises AuthFailed on lax permissions and Misuse on a malformed file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # never waits on a pipe
    except FileNotFoundError:
        raise Misuse(f"there is no identity at {path}", "run `consilience init` first") from None
    except OSError as error:
        raise Misuse(
            f"cannot read {path}: {error.strerror}", "it must be a regular file of this user"
        ) from None
    try:
        _check_private(path, os.fstat(descriptor))
        content = os.read(descriptor, _FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    seed = _parse(content)
    if seed is None:
        raise Misuse(f"{path} is not an identity file", "restore it from a backup, or move it away")
    return Identity(Signer(seed), seed)


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Misuse(f"{path} is not a regular file", "an identity is a file of two lines")
    if status.st_uid != os.geteuid():
        raise AuthFailed(f"{path} belongs to another user", "run the node as the user that owns its identity")
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise AuthFailed(
            f"{path} can be read or written by other users (mode {mode:04o})",
            f"if nobody else has seen it, run `chmod 600 {path}`; else move it away and make a new one",
        )


def _parse(content: bytes) -> bytes | None:
    try:
        header, digits, rest = content.decode("ascii").split("\n")
        seed = bytes.fromhex(digits)
    except ValueError:
        return None
    well_formed = header == _HEADER and not rest and len(seed) == SEED_BYTES and seed.hex() == digits
    return seed if well_formed else None
