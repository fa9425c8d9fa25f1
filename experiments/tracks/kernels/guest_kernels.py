"""Host script of kernels: runs inside the confined process and calls a stranger's function on shared memory.

    ("load", source, device, descriptor, size)                 -> nothing, or an error
    ("call", name, ((offset, shape), ...), shape, padding)     -> the address of the result of that shape

Inputs are float32 arrays in the shared memory: torch tensors for programs that import torch, on `device` if
that is not the processor, else NumPy arrays. The result becomes a plain array here, within the parent's
clock, so work that was put off (another stream, a lazy tensor, a view) is waited for; the parent reads it
from this process's memory afterwards.
"""

from __future__ import annotations

import marshal
import mmap
import struct
import sys
import types

import numpy as np

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...sandbox.guest.boot import Channel


HEAP = 1 << 26  # bytes


class WrongError(Exception):
    """An answer that cannot be taken; the first argument is the code."""


class Program:
    """The functions of one program and the memory they work on."""

    def __init__(self, source: str, device: str, descriptor: int, size: int) -> None:
        # All pages now, and a heap that is already grown: no call pays for the kernel's first touch of a
        # page.
        self.memory = mmap.mmap(descriptor, size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        np.ones(HEAP, np.uint8)
        self.device = device
        self.result: Any = None
        module = types.ModuleType("program")
        sys.modules["program"] = module
        self.names: dict[str, Any] = module.__dict__
        exec(compile(source, "program.py", "exec"), self.names)  # noqa: S102 - what this process is for
        torch = self.names.get("torch") or sys.modules.get("torch")
        self.torch: Any = torch
        if torch is not None:
            torch.set_num_threads(1)
            torch.set_grad_enabled(False)

    def call(self, name: str, places: tuple[Any, ...], shape: tuple[int, ...], padding: int) -> bytes:
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
        address = result.__array_interface__["data"][0]
        return b"\0" + struct.pack("<BcBId", 1, b"d", 1, 1, address)

    def array(self, offset: int, shape: tuple[int, ...]) -> Any:
        count = 1
        for size in shape:
            count *= size
        return np.frombuffer(self.memory, np.float32, count, offset).reshape(shape)


def failed(error: BaseException) -> bytes:
    if isinstance(error, WrongError):
        code, reason = error.args
    else:
        code = "memory-limit" if isinstance(error, MemoryError) else "program-error"
        reason = f"{type(error).__name__}: {error}"
    return b"\1" + f"{code}\n{reason}".encode("utf-8", "replace")[:2000]


def host(channel: Channel) -> None:
    """Answer requests until the parent goes."""
    program: Program | None = None
    while True:
        name, *arguments = marshal.loads(channel.read())  # noqa: S302 - the parent wrote it
        answer = b"\0\0"
        try:
            if name == "load":
                program = Program(*arguments)
            elif program is not None:
                answer = program.call(*arguments)
        except BaseException as error:  # noqa: BLE001 - a stranger's code may raise anything, also SystemExit
            answer = failed(error)
        channel.write(answer)
