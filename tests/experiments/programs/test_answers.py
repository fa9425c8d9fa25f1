"""A frame from a confined process is an array of the announced kind, or a rejection, and nothing else."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.programs.answers import most_bytes, read_answer
from experiments.sandbox import Code, Rejected
from experiments.sandbox.guest.loop import failed, packed

SHAPES = [(2, 3), (4,)]


def good() -> bytes:
    return packed([np.arange(6.0).reshape(2, 3), np.ones(4)])


def test_arrays_come_back_as_they_went() -> None:
    first, second = read_answer(good(), SHAPES, finite=True)
    assert np.array_equal(first, np.arange(6.0).reshape(2, 3))
    assert np.array_equal(second, np.ones(4))
    assert len(good()) <= most_bytes(SHAPES)


def test_nothing_of_the_frame_is_aliased() -> None:
    (array,) = read_answer(packed([np.zeros(3)]), [(3,)], finite=True)
    array[0] = 1.0
    assert array.flags.owndata


def test_errors_carry_their_code_and_no_control_characters() -> None:
    with pytest.raises(Rejected) as caught:
        read_answer(failed(MemoryError("\x1b[2J\n")), SHAPES, finite=True)
    assert caught.value.code is Code.MEMORY_LIMIT
    assert caught.value.reason.isprintable()


@given(st.binary(max_size=200))
def test_garbage_is_rejected(data: bytes) -> None:
    with pytest.raises(Rejected):
        read_answer(data, SHAPES, finite=True)


@given(st.integers(0, len(good()) - 1), st.integers(0, 255))
def test_one_wrong_byte_gives_arrays_of_the_same_form_or_a_rejection(place: int, value: int) -> None:
    data = bytearray(good())
    data[place] = value
    try:
        arrays = read_answer(bytes(data), SHAPES, finite=True)
    except Rejected:
        return
    assert [array.shape for array in arrays] == SHAPES


def test_sizes_are_checked_before_anything_is_allocated() -> None:
    frame = b"\0\1" + struct.pack("<cB2I", b"d", 2, 1 << 31, 1 << 31)
    with pytest.raises(Rejected) as caught:
        read_answer(frame, [(2, 2)], finite=True)
    assert caught.value.code in {Code.WRONG_SHAPE, Code.BAD_FRAME}
