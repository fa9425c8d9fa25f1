"""Host script of kernels: runs inside the confined process and calls a stranger's function on shared memory.

    ("load", source, device, descriptor, size)                 -> nothing, or an error
    ("call", name, ((offset, shape), ...), shape, padding)     -> the address of the result of that shape

Inputs are float32 arrays in the shared memory: torch tensors for programs that import torch, on `device` if
that is not the processor, else NumPy arrays. The result becomes a plain array here, within the parent's
clock, so work that was put off (another stream, a lazy tensor, a view) is waited for; the parent reads it
from this process's memory afterwards.
"""

from __future__ import annotations

import mmap
import sys

import numpy as np

from experiments.sandbox.guest.loop import WrongError, names_of, serve, without_compiler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...sandbox.guest.boot import Channel


HEAP = 1 << 26  # bytes


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

    def call(self, name: str, places: tuple[Any, ...], shape: tuple[int, ...], padding: int) -> list[Any]:
        # Shifts whatever the function allocates: a process must not keep a lucky or unlucky memory layout.
        padded = np.empty(padding, np.uint8)
        arrays = [self.array(*place) for place in places]
        if self.torch is not None:
            arrays = [self.torch.from_numpy(array).to(self.device) for array in arrays]
        result = self.names[name](*arrays)
        if self.torch is not None and isinstance(result, self.torch.Tensor):
            result = result.detach().cpu().numpy()
        self.result = result = np.ascontiguousarray(result)  # kept until the parent has read it
        if result.dtype != np.float32:
            raise WrongError("wrong-dtype", f"the result is {result.dtype}, not float32")
        if result.shape != shape:
            raise WrongError("wrong-shape", f"the result has shape {result.shape}, not {shape}")
        del padded
        return [np.array([result.__array_interface__["data"][0]], np.float64)]

    def array(self, offset: int, shape: tuple[int, ...]) -> Any:
        count = 1
        for size in shape:
            count *= size
        return np.frombuffer(self.memory, np.float32, count, offset).reshape(shape)


def host(channel: Channel) -> None:
    """Answer requests until the parent goes."""
    serve(channel, Program)
