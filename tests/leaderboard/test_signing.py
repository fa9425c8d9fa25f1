"""One strict Ed25519 rule: the edge cases on which libraries disagree are decided by us."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from leaderboard.errors import LocalError
from leaderboard.signing import Signer, is_strict, verify

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = (-121665 * pow(121666, P - 2, P)) % P


def _x(y: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return None if (x * x - square) % P else x


def _add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    k = D * a[0] * b[0] * a[1] * b[1] % P
    return (
        (a[0] * b[1] + b[0] * a[1]) * pow(1 + k, P - 2, P) % P,
        (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, P - 2, P) % P,
    )


def _encodings(point: tuple[int, int]) -> list[bytes]:
    """The canonical encoding and every other spelling (y + p, the other sign where x is 0)."""
    x, y = point
    ys = [y] + ([y + P] if y + P < 2**255 else [])
    signs = {x & 1} | ({0, 1} if x == 0 else set())
    return [(v | s << 255).to_bytes(32, "little") for v in ys for s in signs]


def small_order_points() -> set[tuple[int, int]]:
    """All eight points of the torsion subgroup, generated from one of order eight found by search."""
    y = 2
    while True:
        x = _x(y)
        if x is not None:
            point = (0, 1)  # [L] (x, y) lies in the torsion subgroup
            base, n = (x, y), L
            while n:
                point = _add(point, base) if n & 1 else point
                base, n = _add(base, base), n >> 1
            multiples = [point]
            for _ in range(7):
                multiples.append(_add(multiples[-1], point))
            if len(set(multiples)) == 8:
                return set(multiples)
        y += 1


def test_all_small_order_keys_and_nonces_are_refused_in_every_spelling():
    points = small_order_points()
    assert len(points) == 8
    signature = Signer(b"\x07" * 32).sign(b"m")
    for encoding in [e for p in points for e in _encodings(p)]:
        assert not is_strict(encoding, signature)
        assert not is_strict(Signer(b"\x07" * 32).author, encoding + signature[32:])


def test_signatures_agree_with_an_independent_library():
    for number in range(20):
        seed = bytes([number]) * 32
        message = b"message %d" % number
        other = Ed25519PrivateKey.from_private_bytes(seed)
        signer = Signer(seed)
        assert signer.sign(message) == other.sign(message)
        assert signer.author == other.public_key().public_bytes_raw()
        assert verify(signer.author, message, signer.sign(message))


def test_s_above_the_group_order_is_refused():
    signer = Signer(b"\x01" * 32)
    signature = signer.sign(b"m")
    s = int.from_bytes(signature[32:], "little")
    malleated = signature[:32] + (s + L).to_bytes(32, "little")
    assert verify(signer.author, b"m", signature)
    assert not verify(signer.author, b"m", malleated)


@pytest.mark.parametrize("at", [0, 31, 32, 63])
def test_a_changed_bit_breaks_the_signature(at):
    signer = Signer(b"\x01" * 32)
    signature = bytearray(signer.sign(b"m"))
    signature[at] ^= 1
    assert not verify(signer.author, b"m", bytes(signature))


def test_wrong_message_key_and_lengths_are_refused():
    one, two = Signer(b"\x01" * 32), Signer(b"\x02" * 32)
    signature = one.sign(b"m")
    assert not verify(one.author, b"n", signature)
    assert not verify(two.author, b"m", signature)
    assert not verify(one.author, b"m", signature[:-1])
    assert not verify(one.author[:-1], b"m", signature)
    with pytest.raises(LocalError):
        Signer(b"short")
