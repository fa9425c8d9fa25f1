"""Canonical MessagePack: a bijection between values and bytes, and garbage is a PeerError only."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.codec import MAX_DEPTH, MAX_RECORD_BYTES, decode, encode
from leaderboard.errors import LocalError, PeerError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)
    | st.text(max_size=20)
    | st.binary(max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda v: st.lists(v, max_size=5) | st.dictionaries(st.text(max_size=8), v, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_a_value_survives_the_round_trip(value):
    data = encode(value)
    assert decode(data) == value
    assert encode(decode(data)) == data


@given(st.binary(max_size=200))
def test_garbage_is_a_peer_error_or_the_only_encoding_of_its_value(data):
    try:
        value = decode(data)
    except PeerError:
        return
    assert encode(value) == data


@given(VALUES, st.data())
def test_every_single_byte_change_is_refused_or_another_value(value, data):
    good = encode(value)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    try:
        other = decode(bytes(bad))
    except PeerError:
        return
    assert encode(other) == bytes(bad) != good


@pytest.mark.parametrize(
    "data",
    [
        b"\xcc\x01",  # an integer in two bytes that fits in one
        b"\xd1\x00\x05",  # a signed form of a positive integer
        b"\xca\x3f\x80\x00\x00",  # float32
        b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",  # NaN
        b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",  # infinity
        b"\xcb\x80\x00\x00\x00\x00\x00\x00\x00",  # -0.0
        b"\x82\xa1b\x01\xa1a\x02",  # keys out of order
        b"\x82\xa1a\x01\xa1a\x02",  # a key twice
        b"\x81\x01\x02",  # a key that is not text
        b"\x82\xc4\x01a\x01\xc4\x01b\x02",  # keys of bytes
        b"\x82\xa1a\x01\xc4\x01b\x02",  # text and bytes as keys
        b"\x92\xcb\x3f\xf0\0\0\0\0\0\0\xcb\x7f\xf8\0\0\0\0\0\0",  # NaN among floats
        b"\x92\xcb\x3f\xf0\0\0\0\0\0\0\xcb\xff\xf0\0\0\0\0\0\0",  # minus infinity among floats
        b"\x92\xcb\x3f\xf0\0\0\0\0\0\0\xcb\x80\0\0\0\0\0\0\0",  # -0.0 among floats
        b"\x93\xc0\xcb\x3f\xf0\0\0\0\0\0\0\xcb\x7f\xf8\0\0\0\0\0\0",  # NaN among floats and nulls
        b"\x92\xcb\x3f\xf0\0\0\0\0\0\0\xd6\xff\0\0\0\0",  # a timestamp among floats
        b"\xd4\x01\x00",  # an extension type
        b"\xd6\xff\x00\x00\x00\x00",  # a timestamp
        b"\xd9\x01a",  # a long header for short text
        b"\xc4",  # truncated
        b"\xc0\xc0",  # trailing bytes
        b"\xa1\xff",  # not UTF-8
        b"\xdd\xff\xff\xff\xff",  # an array that claims four billion elements
        b"\xc6\xff\xff\xff\xff",  # bytes that claim four gigabytes
        b"\x91" * (MAX_DEPTH + 1) + b"\xc0",
        b"\x91" * 60_000 + b"\xc0",
        b"",
    ],
)
def test_other_spellings_and_bombs_are_refused(data):
    with pytest.raises(PeerError):
        decode(data)


def test_deepest_allowed_nesting_is_read():
    data = b"\x91" * MAX_DEPTH + b"\xc0"
    assert encode(decode(data)) == data


def test_oversized_input_is_refused_before_it_is_parsed():
    with pytest.raises(PeerError, match="limit"):
        decode(msgpack.packb(b"x" * MAX_RECORD_BYTES))


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -0.0, 2**64, -(2**63) - 1, {1: 2}, {1, 2}, object()]
)
def test_what_has_no_canonical_form_is_our_own_error(value):
    with pytest.raises(LocalError):
        encode(value)
