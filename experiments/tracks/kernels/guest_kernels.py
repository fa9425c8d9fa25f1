"""Host script of kernels: runs inside the confined process and calls a stranger's function on shared memory.

    ("load", source, device, descriptor, size)                 -> nothing, or an error
    ("call", name, ((offset, shape), ...), shape, padding)     -> the address of the result of that shape

Inputs are float32 arrays in the shared memory: torch tensors for programs that import torch, on `device` if
that is not the processor, else NumPy arrays. The result becomes plain memory here, within the parent's
clock, so work that was put off (another stream, a lazy tensor, a view) is waited for; the parent reads it
from this process's memory afterwards.

A call does as little as it can beside the function: a program may put a loop of its own in place of this one,
and what that saves counts as speed.
"""

from __future__ import annotations

import mmap
import struct
import sys

import numpy as np

from experiments.sandbox.guest.loop import WrongError, names_of, serve, without_compiler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...sandbox.guest.boot import Channel


HEAP = 1 << 26  # bytes
ANSWER = struct.Struct("<3sBId")  # one number, as `loop.packed` writes it


class Program:
    """The functions of one program and the memory they work on."""

    def __init__(self, source: str, device: str, descriptor: int, size: int) -> None:
        # All pages now, and a heap that is already grown: no call pays for the kernel's first touch of a
        # page.
        self.memory = mmap.mmap(descriptor, size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        np.ones(HEAP, np.uint8)
        self.device = device
        self.result: Any = None
        if device == "cpu":
            without_compiler()
        self.names = names_of(source)
        torch = self.names.get("torch") or sys.modules.get("torch")
        self.torch: Any = torch
        if torch is not None:
            torch.set_num_threads(1)
            torch.set_grad_enabled(False)
            self.whole = torch.frombuffer(self.memory, dtype=torch.float32)
            self.plain, self.single = torch.Tensor, torch.float32

    def call(self, name: str, places: tuple[Any, ...], shape: tuple[int, ...], padding: int) -> bytes:
        # Shifts whatever the function allocates: a process must not keep a lucky or unlucky memory layout.
        padded = np.empty(padding, np.uint8)
        self.result = result = self.names[name](*[self.array(*place) for place in places])
        # Of torch's own kind, or its attributes might lie; the parent looks at what is there in any case.
        ours = self.torch is not None and type(result) is self.plain
        ours = ours and result.dtype is self.single and result.shape == shape
        if ours and result.is_cpu and result.is_contiguous() and not result.is_neg():
            return ANSWER.pack(b"\0\1d", 1, 1, result.data_ptr())
        del padded
        return self.other(result, shape)

    def other(self, result: Any, shape: tuple[int, ...]) -> bytes:
        """The address of a result that is no plain tensor yet."""
        if self.torch is not None and isinstance(result, self.torch.Tensor):
            result = result.detach().cpu().numpy()
        self.result = result = np.ascontiguousarray(result)  # kept until the parent has read it
        if result.dtype != np.float32:
            raise WrongError("wrong-dtype", f"the result is {result.dtype}, not float32")
        if result.shape != shape:
            raise WrongError("wrong-shape", f"the result has shape {result.shape}, not {shape}")
        return ANSWER.pack(b"\0\1d", 1, 1, result.__array_interface__["data"][0])

    def array(self, offset: int, shape: tuple[int, ...]) -> Any:
        if self.torch is None:
            return np.ndarray(shape, np.float32, self.memory, offset)
        steps = (shape[1], 1) if len(shape) == 2 else (1,)
        part = self.whole.as_strided(shape, steps, offset // 4)
        return part if self.device == "cpu" else part.to(self.device)


def host(channel: Channel) -> None:
    """Answer requests until the parent goes."""
    serve(channel, Program)
