"""Host script of kernels: runs inside the confined process and calls a stranger's function on shared memory.

    ("load", source, device, descriptor, size)                 -> nothing, or an error
    ("call", name, ((offset, shape), ...), (offset, shape), padding)
                                                -> nothing, once the output is in place

Inputs are float32 arrays in the shared memory: torch tensors for programs that import torch, on `device` if
that is not the processor, else NumPy arrays. The result is copied into place here, within the parent's
clock, so work that was put off (another stream, a lazy tensor) is waited for.
"""

from __future__ import annotations

import marshal
import mmap
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
        module = types.ModuleType("program")
        sys.modules["program"] = module
        self.names: dict[str, Any] = module.__dict__
        exec(compile(source, "program.py", "exec"), self.names)  # noqa: S102 - what this process is for
        torch = self.names.get("torch") or sys.modules.get("torch")
        self.torch: Any = torch
        if torch is not None:
            torch.set_num_threads(1)
            torch.set_grad_enabled(False)

    def call(
        self, name: str, places: tuple[Any, ...], output: tuple[int, tuple[int, ...]], padding: int
    ) -> None:
        # Shifts whatever the function allocates: a process must not keep a lucky or unlucky memory layout.
        padded = np.empty(padding, np.uint8)
        arrays = [self.array(*place) for place in places]
        if self.torch is not None:
            arrays = [self.torch.from_numpy(array).to(self.device) for array in arrays]
        result = self.names[name](*arrays)
        if self.torch is not None and isinstance(result, self.torch.Tensor):
            result = result.detach().cpu().numpy()
        out = self.array(*output)
        found = getattr(result, "dtype", None), getattr(result, "shape", None)
        if found[0] != np.float32:
            raise WrongError("wrong-dtype", f"the result is {found[0]}, not float32")
        if found[1] != out.shape:
            raise WrongError("wrong-shape", f"the result has shape {found[1]}, not {out.shape}")
        np.copyto(out, result)
        del padded

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
                program.call(*arguments)
        except BaseException as error:  # noqa: BLE001 - a stranger's code may raise anything, also SystemExit
            answer = failed(error)
        channel.write(answer)
