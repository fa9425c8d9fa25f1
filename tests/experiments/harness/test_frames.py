"""Frames: round trips, and garbage gives FrameError and nothing else."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.harness.exam import Form
from experiments.harness.frames import (
    HEADER,
    MAX_FRAME,
    FrameError,
    frame_length,
    matches,
    pack,
    plain_arrays,
    read_arrays,
    unpack,
)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6.0).reshape(2, 3).T,
        np.array(3, dtype=np.int64),
        np.zeros((0, 4)),
        np.arange(5, dtype=np.uint8)[::2],
        np.array([np.nan, -0.0, np.inf]),
    ],
)
def test_arrays_round_trip(array: np.ndarray) -> None:
    frame = pack({"a": plain_arrays({"x": array})})
    assert frame_length(frame[: HEADER.size]) == len(frame) - HEADER.size
    back = read_arrays(unpack(frame[HEADER.size :])["a"])["x"]
    assert back.shape == array.shape
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable


@pytest.mark.parametrize(
    "plain",
    [
        None,
        {"x": None},
        {"x": {"dtype": "object", "shape": [1], "data": b"12345678"}},
        {"x": {"dtype": "float64", "shape": [2], "data": b"12345678"}},
        {"x": {"dtype": "float64", "shape": [-1], "data": b"12345678"}},
        {"x": {"dtype": "float64", "shape": [True], "data": b"12345678"}},
        {"x": {"dtype": "float64", "shape": [2**62, 2**62], "data": b""}},
        {"x": {"dtype": "float64", "shape": [1] * 9, "data": b"12345678"}},
        {"x": {"dtype": "float64", "shape": [1], "data": "12345678"}},
        {"x": {"dtype": ["float64"], "shape": [1], "data": b"12345678"}},
        {str(i): {} for i in range(65)},
    ],
)
def test_bad_arrays_are_refused(plain: object) -> None:
    with pytest.raises(FrameError):
        read_arrays(plain)


@given(st.binary(max_size=60))
def test_garbage_gives_a_map_or_frame_error(body: bytes) -> None:
    try:
        message = unpack(body)
        read_arrays(message)
    except FrameError:
        return
    assert isinstance(message, dict)


@pytest.mark.parametrize(
    "body", [msgpack.packb([1]), msgpack.packb({1: 2}), b"\xc7\x01\x05x", b"\x91" * 3000]
)
def test_bad_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        unpack(body)


def test_length_is_checked_before_anything_is_read() -> None:
    with pytest.raises(FrameError, match="limit"):
        frame_length(HEADER.pack(MAX_FRAME + 1))


def test_answers_must_match_exactly() -> None:
    forms = {"y": Form((2,), "float64")}
    assert matches({"y": np.zeros(2)}, forms) is None
    for answers in (
        {},
        {"y": np.zeros(3)},
        {"y": np.zeros((2, 1))},
        {"y": np.zeros(2, dtype=np.int64)},
        {"y": np.zeros(2), "z": np.zeros(2)},
    ):
        assert matches(answers, forms) is not None
