"""Records and frames that are almost right, to see whether two implementations judge them alike."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

from leaderboard.codec import decode, encode
from leaderboard.errors import LocalError

__all__ = ["frame_mutants", "mutants"]

_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    *(0, 1, -1, 127, 128, 255, 256, 257, -33, 2**31, 2**31 + 1, 2**53, 2**53 + 1),
    *(2**63 - 1, 2**63, 2**64 - 1, -(2**63)),
    *(0.0, 1.0, -1.0, 0.5, 1e308, 5e-324, 2.0**53),
    *("", "x", "min", "max", "D0", "D4", "x" * 32, "x" * 33, "x" * 64, "x" * 65, "x" * 121, "x" * 401),
    *("x" * 4000, "x" * 4001, "é" * 4000, "\U0001f9ea" * 4000, "\U0001f9ea" * 64, "e\u0301" * 32, "\0"),
    *(b"", b"x", bytes(15), bytes(16), bytes(17), bytes(31), bytes(32), b"\xff" * 32, bytes(33), bytes(64)),
    *([], [None], [0], [0.0], [True], [""], [bytes(32)], [bytes(32), bytes(32)], [0] * 257, [0.0] * 257),
    *(36 * b"x", 144 * b"x", 25 * b"x", 50 * b"x", bytes(128), bytes(24), bytes(512), bytes(528)),
    *("/", "/ip4/1.2.3.4/tcp/1", "/ x", "/\x7f", "/" + "x" * 255, "/" + "x" * 256, "/é"),
    *({}, {"a": 1}, {"": None}, {"x": [{"y": {}}]}),
)


def mutants(envelopes: list[bytes], count: int, random: Random) -> Iterator[bytes]:
    """Envelopes with one or a few changes, of bytes or of values; most are malformed, some are not."""
    made = 0
    while made < count:
        raw = random.choice(envelopes)
        changed = _bytes(raw, random) if random.random() < 0.3 else _values(raw, random)
        if changed is not None:
            made += 1
            yield changed


def frame_mutants(frames: list[bytes], count: int, random: Random) -> Iterator[bytes]:
    """As `mutants`, of frames."""
    made = 0
    while made < count:
        raw = random.choice(frames)
        if random.random() < 0.2:
            made += 1
            yield _bytes(raw, random)
            continue
        content = copy.deepcopy(_plain(decode(raw[1:], limit=1 << 20)))
        for _ in range(random.choice((1, 1, 2))):
            _change(content, random)
        changed = _encoded(content)
        if changed is not None:
            made += 1
            yield raw[:1] + changed


def _bytes(raw: bytes, random: Random) -> bytes:
    data = bytearray(raw)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        at = random.randrange(len(data))
        match random.randrange(4):
            case 0:
                data[at] ^= 1 << random.randrange(8)
            case 1:
                data[at] = random.randrange(256)
            case 2:
                del data[at : at + random.randrange(1, 4)]
            case _:
                data[at:at] = random.randbytes(random.randrange(1, 4))
        if not data:
            return b"\xc0"
    return bytes(data)


def _values(raw: bytes, random: Random) -> bytes | None:
    parts: Any = decode(raw)
    version, body, signature = parts
    content = copy.deepcopy(_plain(decode(body)))
    if random.random() < 0.05:
        return _encoded([random.choice(_VALUES), body, signature])
    if random.random() < 0.05:
        return _encoded([version, body, random.choice(_VALUES)])
    for _ in range(random.choice((1, 1, 1, 2))):
        _change(content, random)
    body = _encoded(content)
    return None if body is None else _encoded([version, body, signature])


def _change(value: Any, random: Random) -> None:
    """Change something somewhere inside a map or an array."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        inner = [key for key in keys if isinstance(value[key], dict | list) and value[key]]
        if not inner or random.random() < 0.35:
            break
        value = value[random.choice(inner)]
    key = random.choice(keys) if keys else None
    match random.randrange(6):
        case 0 if key is not None:
            del value[key]
        case 1 if isinstance(value, dict):
            value[random.choice(("a", "zzz", "work", "text", "about", ""))] = random.choice(_VALUES)
        case 1:
            value.append(random.choice((*_VALUES, *value)))
        case 2 if key is not None and isinstance(value[key], str | bytes):
            value[key] = value[key][:-1] if random.random() < 0.5 else value[key] + value[key][:1]
        case 3 if key is not None and type(value[key]) in (int, float):
            value[key] = random.choice((-value[key], value[key] + 1, value[key] * 2, float(value[key])))
        case _ if key is not None:
            value[key] = copy.deepcopy(random.choice(_VALUES))


def _plain(value: Any) -> Any:
    """With lists and dictionaries that can be changed."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _encoded(value: Any) -> bytes | None:
    try:
        return encode(value)
    except LocalError:
        return None
