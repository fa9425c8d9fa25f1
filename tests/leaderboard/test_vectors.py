"""Vectors of the strict Ed25519 rule and of the canonical codec; WRITE_VECTORS=1 writes them anew.

Every edge case is built, not found: keys and nonces with a part of small order, other spellings of points,
S beyond the order. Libraries disagree about most of them; under the strict rule none may.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nacl.bindings
import nacl.exceptions
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from leaderboard.codec import decode, encode
from leaderboard.errors import PeerError
from leaderboard.signing import Signer, is_strict, verify

from .curve import BASE, L, P, Point, challenge, decompress, order_eight

VECTORS = Path(__file__).parents[1] / "vectors"
SECRET = 0x1234567890ABCDEF1234567890ABCDEF
NONCE = 0xFEDCBA0987654321FEDCBA0987654321
MESSAGE = b"consilience/record/v1\x00vector"
IDENTITY = Point(0, 1)


def scalar(value: int) -> bytes:
    return value.to_bytes(32, "little")


def signed(key: Point, nonce: Point, r: int, message: bytes, encoded: bytes | None = None) -> list[bytes]:
    """Key, message, signature with S = r + k a, where a is SECRET."""
    a, point = key.encode() if encoded is None else encoded, nonce.encode()
    return [a, message, point + scalar((r + challenge(point, a, message) * SECRET) % L)]


def message_with(residue: int, a: bytes, r: bytes) -> bytes:
    """A message whose k leaves `residue` (modulo 8, 8 meaning anything but 0)."""
    for number in range(1000):
        message = MESSAGE + b"%d" % number
        k = challenge(r, a, message) % 8
        if (k != 0) if residue == 8 else (k == residue):
            return message
    raise AssertionError("k is spread evenly")


def cases() -> Iterator[tuple[str, list[bytes]]]:
    key, nonce, eighth = BASE * SECRET, BASE * NONCE, order_eight()
    a, r = key.encode(), nonce.encode()
    good = signed(key, nonce, NONCE, MESSAGE)
    s = int.from_bytes(good[2][32:], "little")
    yield "good", good
    yield "good, of RFC 8032 by a library", _by_library()
    yield "another message", [a, MESSAGE + b".", good[2]]
    yield "S + L", [a, MESSAGE, r + scalar(s + L)]
    yield "S = L, R = kA negated", [a, MESSAGE, r + scalar(L)]
    yield "S with its highest bit set", [a, MESSAGE, r + scalar(s | 1 << 255)]
    yield "S = 0", [a, MESSAGE, r + scalar(0)]
    yield "signature of 63 bytes", [a, MESSAGE, good[2][:63]]
    yield "key of 31 bytes", [a[:31], MESSAGE, good[2]]
    for number in range(8):
        small = eighth * number
        message = message_with(0, small.encode(), r)
        yield f"A of small order, number {number}, k = 0 mod 8", [small.encode(), message, r + scalar(NONCE)]
        yield f"R of small order, number {number}", signed(key, small, 0, MESSAGE)
    yield (
        "A of small order and R of small order, S = 0",
        [IDENTITY.encode(), MESSAGE, IDENTITY.encode() + scalar(0)],
    )
    for y, sign in ((0, 0), (0, 1), (1, 0), (1, 1)):
        other = (y + P | sign << 255).to_bytes(32, "little")
        yield f"A spelled y + p, y = {y}, sign {sign}", [other, MESSAGE, r + scalar(NONCE)]
        yield (
            f"R spelled y + p, y = {y}, sign {sign}",
            [a, MESSAGE, other + scalar(challenge(other, a, MESSAGE) * SECRET % L)],
        )
    yield "A spelled y + p, not of small order", [scalar(_spelled_twice() + P), MESSAGE, good[2]]
    yield "R spelled y + p, not of small order", [a, MESSAGE, scalar(_spelled_twice() + P) + good[2][32:]]
    for y in (1, P - 1):
        wrong = (y | 1 << 255).to_bytes(32, "little")
        yield (
            f"A with x = 0 and a sign, y = {'1' if y == 1 else 'p - 1'}",
            [wrong, MESSAGE, r + scalar(NONCE)],
        )
    mixed = key + eighth
    for residue, how in (
        (0, "k = 0 mod 8: without and with cofactor"),
        (8, "k not 0 mod 8: with the cofactor only"),
    ):
        message = message_with(residue, mixed.encode(), r)
        yield f"A with a part of small order, {how}", signed(mixed, nonce, NONCE, message)
    yield "R with a part of small order: with the cofactor only", signed(key, nonce + eighth, NONCE, MESSAGE)
    both = key + eighth
    skewed = (nonce + eighth * 7).encode()
    message = message_with(1, both.encode(), skewed)
    k = challenge(skewed, both.encode(), message)
    yield "A and R with parts of small order that cancel out", [
        both.encode(), message, skewed + scalar((NONCE + k * SECRET) % L),
    ]  # fmt: skip
    off = scalar(_off_curve())
    yield "A is no point of the curve", [off, MESSAGE, good[2]]
    yield "R is no point of the curve", [a, MESSAGE, off + good[2][32:]]


def _by_library() -> list[bytes]:
    signer = Signer(b"\x2a" * 32)
    return [signer.author, MESSAGE, signer.sign(MESSAGE)]


def _spelled_twice() -> int:
    """A y below 19 of a point that is not of small order: y + p is its other spelling."""
    return next(y for y in range(2, 19) if decompress(y, 0) is not None)


def _off_curve() -> int:
    return next(y for y in range(20, 100) if decompress(y, 0) is None)


def ed25519() -> dict[str, Any]:
    rows = []
    for what, (key, message, signature) in cases():
        rows.append(
            {
                "what": what,
                "public_key": key.hex(),
                "message": message.hex(),
                "signature": signature.hex(),
                "strict": is_strict(key, signature),
                "holds": verify(key, message, signature),
            }
        )
    return {"rule": "docs/spec/record-v1.md, section 4", "cases": rows}


ACCEPTED: dict[str, Any] = {
    "null": None,
    "false": False,
    "true": True,
    "empty text": "",
    "empty bytes": b"",
    "empty array": [],
    "empty map": {},
    "1 and 1.0": [1, 1.0],
    "0.0": 0.0,
    "least float": 5e-324,
    "text that begins with a byte order mark": "\ufeffx",
    "text beyond the first plane": "\U0001f9ea",
    "keys in the order of bytes": {"": 0, "Z": 1, "a": 2, "aa": 3, "ä": 4, "\uffff": 5, "\U00010000": 6},
    "text of 31 and 32 bytes": ["x" * 31, "x" * 32],
    "text of 255 and 256 bytes": ["x" * 255, "x" * 256],
    "bytes of 255 and 256": [bytes(255), bytes(256)],
    "arrays of 15 and 16": [[None] * 15, [None] * 16],
    "maps of 15 and 16": [{f"{i:02}": i for i in range(n)} for n in (15, 16)],
    "nested 12 deep": [[[[[[[[[[[["deep"]]]]]]]]]]]],
    "integers at every border": [
        sign * (1 << bits) + step
        for bits in (5, 7, 8, 15, 16, 31, 32, 63)
        for sign in (1, -1)
        for step in (-1, 0, 1)
        if sign * (1 << bits) + step >= -(1 << 63)
    ] + [(1 << 64) - 1],
}  # fmt: skip
REFUSED = {
    "nothing": "",
    "bytes after the value": "c0c0",
    "cut short": "92c0",
    "1 as uint8": "cc01",
    "255 as uint16": "cd00ff",
    "65535 as uint32": "ce0000ffff",
    "1 as uint64": "cf0000000000000001",
    "1 as int8": "d001",
    "128 as int16": "d10080",
    "-1 as int8": "d0ff",
    "-128 as int16": "d1ff80",
    "2^31 as int64": "d30000000080000000",
    "float32": "ca3f800000",
    "NaN": "cb7ff8000000000000",
    "infinity": "cb7ff0000000000000",
    "minus infinity": "cbfff0000000000000",
    "-0.0": "cb8000000000000000",
    "text with an 8-bit header where a short one does": "d90178",
    "text with a 16-bit header": "da000178",
    "bytes with a 16-bit header": "c5000100",
    "bytes with a 32-bit header": "c60000000100",
    "array with a 16-bit header": "dc0001c0",
    "array with a 32-bit header": "dd00000001c0",
    "map with a 16-bit header": "de0001a161c0",
    "map with a 32-bit header": "df00000001a161c0",
    "a key twice": "82a161c0a161c0",
    "keys out of order": "82a162c0a161c0",
    "keys ordered by UTF-16": "82" + "a4f0908080" + "c0" + "a3efbfbf" + "c0",
    "an integer as a key": "8101c0",
    "bytes as a key": "81c40161c0",
    "null as a key": "81c0c0",
    "text that is not UTF-8": "a1ff",
    "text with half a surrogate pair": "a3eda080",
    "text in overlong UTF-8": "a2c080",
    "a type that does not exist": "c1",
    "fixext 1": "d40100",
    "ext 8": "c7010100",
    "a timestamp": "d6ff00000000",
    "nested 13 deep": "91" * 13 + "c0",
    "an array that announces 2^32 - 1 elements": "ddffffffff",
    "a map that announces 2^32 - 1 entries": "dfffffffff",
    "text that announces 2^32 - 1 bytes": "dbffffffff",
    "an array of 16,385 elements": "dc4001" + "c0" * 16_385,
}


def codec() -> dict[str, Any]:
    return {
        "rule": "docs/spec/record-v1.md, section 2",
        "accepted": [{"what": what, "bytes": encode(value).hex()} for what, value in ACCEPTED.items()],
        "refused": [{"what": what, "bytes": data} for what, data in REFUSED.items()],
    }


@pytest.mark.parametrize("name", ["ed25519", "codec"])
def test_published_vectors(name: str) -> None:
    path = VECTORS / f"{name}-v1.json"
    made = {"ed25519": ed25519, "codec": codec}[name]()
    if os.environ.get("WRITE_VECTORS"):
        path.write_text(json.dumps(made, indent=1) + "\n")
    assert json.loads(path.read_text()) == made


def by_openssl(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def by_libsodium(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        nacl.bindings.crypto_sign_open(signature + message, key)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def by_arithmetic(key: bytes, message: bytes, signature: bytes) -> bool:
    """RFC 8032 without the cofactor, by the definition: S B = R + k A."""
    points = []
    for encoded in (key, signature[:32]):
        value = int.from_bytes(encoded, "little")
        points.append(decompress(value % 2**255 % P, value >> 255))
    a, r = points
    if a is None or r is None:
        return False
    k = challenge(signature[:32], key, message)
    return BASE * int.from_bytes(signature[32:], "little") == r + a * k


def test_under_the_strict_rule_no_library_disagrees() -> None:
    seen = set()
    for row in json.loads((VECTORS / "ed25519-v1.json").read_text())["cases"]:
        key, message, signature = (
            bytes.fromhex(row[name]) for name in ("public_key", "message", "signature")
        )
        if row["strict"]:
            for library in (by_openssl, by_libsodium, by_arithmetic):
                assert library(key, message, signature) == row["holds"], (library.__name__, row["what"])
            seen.add(row["holds"])
        else:
            assert not row["holds"], row["what"]
    assert seen == {True, False}


def test_the_rule_is_needed() -> None:
    """Without it the same libraries would split the network over these very vectors."""
    split = [
        row["what"]
        for row in json.loads((VECTORS / "ed25519-v1.json").read_text())["cases"]
        if len(row["signature"]) == 128
        and len(row["public_key"]) == 64
        and len(
            {
                library(*(bytes.fromhex(row[name]) for name in ("public_key", "message", "signature")))
                for library in (by_openssl, by_libsodium, by_arithmetic)
            }
        )
        > 1
    ]
    assert split


def test_the_codec_vectors() -> None:
    vectors = json.loads((VECTORS / "codec-v1.json").read_text())
    for row in vectors["accepted"]:
        data = bytes.fromhex(row["bytes"])
        assert encode(decode(data)) == data
    for row in vectors["refused"]:
        with pytest.raises(PeerError):
            decode(bytes.fromhex(row["bytes"]))
