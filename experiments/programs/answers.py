"""Reads what a confined program answered: arrays of the announced kind, or one of the codes it may send.

The other end is hostile: it may be the stranger's code itself that writes these bytes. Every size is checked
against what the caller expects before an array is made, and nothing is ever unpickled.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ..sandbox.codes import Code, Rejected

__all__ = ["ERROR_BYTES", "FloatArray", "most_bytes", "read_answer"]

FloatArray = npt.NDArray[np.float64]

ERROR_BYTES: Final = 2001
"""Longest answer that is an error, in bytes."""
_SHOWN: Final = 500  # characters of a stranger's reason that are kept
_MAY_SAY: Final = frozenset({Code.MEMORY_LIMIT, Code.PROGRAM_ERROR, Code.WRONG_DTYPE, Code.WRONG_SHAPE})


def most_bytes(shapes: Sequence[tuple[int, ...]]) -> int:
    """Length of the longest honest answer with arrays of these shapes."""
    return max(ERROR_BYTES, 2 + sum(2 + 4 * len(shape) + 8 * math.prod(shape) for shape in shapes))


def read_answer(answer: bytes, shapes: Sequence[tuple[int, ...]], *, finite: bool) -> list[FloatArray]:
    """The arrays, exactly of these shapes and of float64; Rejected says what else came.

    finite: refuse NaN and infinity as well.
    """
    if answer[:1] == b"\1":
        raise _complaint(answer[1:])
    if answer[:1] != b"\0" or len(answer) < 2 or answer[1] != len(shapes):
        raise Rejected(Code.BAD_FRAME, f"the program's answer does not consist of {len(shapes)} arrays")
    arrays, offset = [], 2
    for shape in shapes:
        array, offset = _array(answer, offset, shape)
        if finite and not np.isfinite(array).all():
            raise Rejected(Code.NOT_FINITE, "an array holds NaN or infinity")
        arrays.append(array)
    if offset != len(answer):
        raise Rejected(Code.BAD_FRAME, "the program's answer has bytes after its arrays")
    return arrays


def _array(answer: bytes, offset: int, shape: tuple[int, ...]) -> tuple[FloatArray, int]:
    head = struct.Struct(f"<cB{len(shape)}I")
    if len(answer) < offset + 2:
        raise Rejected(Code.BAD_FRAME, "the program's answer ends within an array")
    if answer[offset : offset + 1] != b"d":
        raise Rejected(Code.WRONG_DTYPE, "an array is not of float64")
    if answer[offset + 1] != len(shape):
        raise Rejected(Code.WRONG_SHAPE, f"an array has {answer[offset + 1]} dimensions, not {len(shape)}")
    if len(answer) < offset + head.size + 8 * math.prod(shape):
        raise Rejected(Code.BAD_FRAME, "the program's answer ends within an array")
    found = head.unpack_from(answer, offset)[2:]
    if found != shape:
        raise Rejected(Code.WRONG_SHAPE, f"an array of shape {found}, not {shape}")
    start = offset + head.size
    data = np.frombuffer(answer, "<f8", math.prod(shape), start).reshape(shape)
    return data.astype(np.float64), start + data.nbytes


def _complaint(text: bytes) -> Rejected:
    code, _, reason = text.decode("utf-8", "replace").partition("\n")
    shown = "".join(c if c.isprintable() else " " for c in reason[:_SHOWN])
    if code not in _MAY_SAY:
        return Rejected(Code.BAD_FRAME, "the program answers with an unknown code")
    return Rejected(Code(code), shown)
