"""What parent and worker say to each other: length-prefixed MessagePack maps with arrays as raw bytes.

    frame  := length (4 bytes, big-endian, at most MAX_FRAME) map
    parent -> worker:  {kind: "job", runner, recipe, seed, ulps, inputs: {name: array}}
    worker -> parent:  {kind: "ready"}                                 once
                       {kind: "started", processor, kernels, libraries} for each job
                       {kind: "progress", step, steps}                  at most ten a second
                       {kind: "done", answers: {name: array}} | {kind: "failed", text, memory}
    array  := {dtype: "float64" | "float32" | "int64" | "uint8", shape: [n, ...], data: bytes in C order}

Nothing is ever unpickled, and the worker's standard output is not read as anything but text for people.
Whatever comes from a worker is hostile: `unpack` and `read_arrays` raise FrameError and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

import msgpack
import numpy as np

from leaderboard.errors import PeerError

from .exam import Form

__all__ = [
    "HEADER",
    "MAX_FRAME",
    "FrameError",
    "frame_length",
    "matches",
    "pack",
    "plain_arrays",
    "read_arrays",
    "unpack",
]

HEADER: Final = struct.Struct(">I")
MAX_FRAME: Final = 64 * 1024 * 1024  # bytes; deep-mlp sends 0.9 MB
_MAX_ARRAYS: Final = 64
_MAX_DIMENSIONS: Final = 8
_DTYPES: Final = ("float64", "float32", "int64", "uint8")


class FrameError(PeerError):
    """A frame that does not follow the protocol."""


def pack(message: Mapping[str, object]) -> bytes:
    """The frame of a message."""
    body: bytes = msgpack.packb(message, use_bin_type=True)
    return HEADER.pack(len(body)) + body


def frame_length(header: bytes) -> int:
    """Length of the body that follows; FrameError if it is over the limit."""
    (length,) = HEADER.unpack(header)
    if length > MAX_FRAME:
        raise FrameError(f"a frame of {length} bytes is over the limit of {MAX_FRAME}")
    return int(length)


def unpack(body: bytes) -> dict[str, object]:
    """The map in a frame's body; FrameError for anything else."""
    try:
        message = msgpack.unpackb(body, raw=False, strict_map_key=True, max_ext_len=0)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise FrameError(f"a frame is no MessagePack map: {type(error).__name__}") from error
    if not isinstance(message, dict) or not all(isinstance(key, str) for key in message):
        raise FrameError("a frame is no map with text keys")
    return message


def plain_arrays(arrays: Mapping[str, np.ndarray]) -> dict[str, object]:
    """Arrays in the form that frames carry."""
    return {
        name: {
            "dtype": array.dtype.name,
            "shape": list(array.shape),
            "data": np.ascontiguousarray(array).data.cast("B") if array.size else b"",
        }
        for name, array in arrays.items()
    }


def read_arrays(plain: object) -> dict[str, np.ndarray]:
    """The arrays of a frame, writable copies; FrameError unless each is well formed."""
    if not isinstance(plain, dict) or len(plain) > _MAX_ARRAYS:
        raise FrameError(f"no map of at most {_MAX_ARRAYS} arrays")
    return {str(name): _read_array(item) for name, item in plain.items()}


def _read_array(item: object) -> np.ndarray:
    if not isinstance(item, dict):
        raise FrameError("an array is no map")
    dtype, shape, data = item.get("dtype"), item.get("shape"), item.get("data")
    if dtype not in _DTYPES or not isinstance(data, bytes):
        raise FrameError(f"an array has another type than {', '.join(_DTYPES)}")
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS:
        raise FrameError("an array has no shape")
    if not all(type(size) is int and 0 <= size <= MAX_FRAME for size in shape):
        raise FrameError("an array has an impossible shape")
    form = Form(tuple(shape), dtype)
    if form.nbytes != len(data):
        raise FrameError(f"an array of shape {shape} has {len(data)} bytes")
    return np.frombuffer(data, dtype=dtype).reshape(form.shape).copy()


def matches(answers: Mapping[str, np.ndarray], forms: Mapping[str, Form]) -> str | None:
    """None if the answers are exactly what the exam asks for, else what is wrong."""
    if answers.keys() != forms.keys():
        return f"the answers are {sorted(answers)[:8]}, not {sorted(forms)}"
    for name, form in forms.items():
        found = answers[name]
        if found.shape != form.shape or found.dtype.name != form.dtype:
            return f"{name} is {found.dtype.name} {found.shape}, not {form.dtype} {form.shape}"
    return None
