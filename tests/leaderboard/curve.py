"""The curve of Ed25519 in a few lines of slow arithmetic, to make signatures that no library would make."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

__all__ = ["BASE", "L", "P", "Point", "challenge", "decompress", "order_eight"]

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


@dataclass(frozen=True, slots=True)
class Point:
    """Affine coordinates of a point of -x^2 + y^2 = 1 + d x^2 y^2."""

    x: int
    y: int

    def __add__(self, other: Point) -> Point:
        across = _D * self.x * other.x * self.y * other.y % P
        x = (self.x * other.y + self.y * other.x) * pow(1 + across, -1, P)
        y = (self.y * other.y + self.x * other.x) * pow(1 - across, -1, P)
        return Point(x % P, y % P)

    def __mul__(self, times: int) -> Point:
        total, power = Point(0, 1), self
        while times:
            if times & 1:
                total = total + power
            power, times = power + power, times >> 1
        return total

    def encode(self) -> bytes:
        """Its canonical 32 bytes."""
        return (self.y | (self.x & 1) << 255).to_bytes(32, "little")


def decompress(y: int, sign: int) -> Point | None:
    """The point with this y (below P) and sign of x; None if there is none."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * _ROOT_OF_MINUS_ONE % P
    if x * x % P != square or (x == 0 and sign):
        return None
    return Point(x if x & 1 == sign else P - x, y)


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    """The k of RFC 8032."""
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L


def order_eight() -> Point:
    """A point of order 8."""
    for y in range(2, 100):
        point = decompress(y, 0)
        if point is not None and (point * (4 * L)) != Point(0, 1):
            return point * L
    raise AssertionError("there are such points")


_BASE = decompress(4 * pow(5, -1, P) % P, 0)
assert _BASE is not None
BASE = _BASE
