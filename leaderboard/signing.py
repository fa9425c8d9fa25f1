"""Ed25519 under one strict rule, so that no choice of library can split the network.

Libraries disagree about edge cases (identity keys, small-order or non-canonical points). We therefore
decide those cases ourselves, before any library is asked: S < L, A and R encode a y-coordinate below p in
its only spelling, and neither is one of the eight points of small order. What remains is RFC 8032
verification without the cofactor, on which libsodium, OpenSSL and the Rust libraries agree.
"""

from __future__ import annotations

import nacl.bindings
import nacl.exceptions

from .errors import LocalError
from .ids import AuthorId

__all__ = ["SEED_BYTES", "SIGNATURE_BYTES", "Signer", "holds", "is_strict", "verify"]

SEED_BYTES = 32
SIGNATURE_BYTES = 64

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_SIGN_BIT = 1 << 255

# y-coordinates of the points of order 1, 2, 4 and 8 (x takes both signs where it is not zero).
_ORDER_8_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y = frozenset({0, 1, _P - 1, _ORDER_8_Y, _P - _ORDER_8_Y})


class Signer:
    """A private key in memory. Exactly one place signs records: `leaderboard.envelope.seal`."""

    __slots__ = ("_secret", "author")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise LocalError(f"an Ed25519 seed has {SEED_BYTES} bytes, this has {len(seed)}")
        public, self._secret = nacl.bindings.crypto_sign_seed_keypair(seed)
        self.author = AuthorId(public)

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`."""
        signed: bytes = nacl.bindings.crypto_sign(message, self._secret)
        return signed[:SIGNATURE_BYTES]


def is_strict(public: bytes, signature: bytes) -> bool:
    """Whether key and signature are in the one spelling that every library reads alike."""
    if len(public) != 32 or len(signature) != SIGNATURE_BYTES:
        return False
    if int.from_bytes(signature[32:], "little") >= _L:
        return False
    for point in (public, signature[:32]):
        y = int.from_bytes(point, "little") & ~_SIGN_BIT
        if y >= _P or y in _SMALL_ORDER_Y:
            return False
    return True


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is a strict Ed25519 signature of `message` under `public`."""
    return is_strict(public, signature) and holds(public, signature + message)


def holds(public: bytes, signed: bytes) -> bool:
    """Whether `signed`, a signature with its message, is by `public`, both being in strict form already."""
    try:
        nacl.bindings.crypto_sign_open(signed, public)
    except nacl.exceptions.BadSignatureError:
        return False
    return True
