"""Memory shared with one confined process: its inputs, at addresses that keep changing.

The memory is sealed against shrinking, so a child cannot pull it from under the parent. Each child has one of
its own: a candidate never maps what the baseline writes.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Sequence
from typing import Final, Self

import numpy as np

from .tasks import Array

__all__ = ["ARENA_BYTES", "Arena"]

ARENA_BYTES: Final = 1 << 25
_ALIGN: Final = 64  # bytes: what allocators of numerical libraries give


class Arena:
    """Sealed shared memory; a context manager."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("arena", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.descriptor, ARENA_BYTES)
        fcntl.fcntl(
            self.descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        )
        self._map = mmap.mmap(self.descriptor, ARENA_BYTES)
        self._bytes = np.frombuffer(self._map, np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        del self._bytes
        self._map.close()
        os.close(self.descriptor)

    def place(self, sizes: Sequence[int], draw: np.random.Generator) -> tuple[int, ...]:
        """Random places in bytes from the start, in random order, for arrays of these sizes in bytes."""
        order = draw.permutation(len(sizes))
        padded = [-(-size // _ALIGN) * _ALIGN for size in sizes]
        slack = (ARENA_BYTES - sum(padded)) // _ALIGN // len(sizes)
        places, offset = [0] * len(sizes), 0
        for index in order:
            offset += int(draw.integers(slack)) * _ALIGN
            places[index] = offset
            offset += padded[index]
        return tuple(places)

    def write(self, offset: int, array: Array) -> None:
        """Put an array there."""
        self._bytes[offset : offset + array.nbytes] = array.reshape(-1).view(np.uint8)

    def read(self, offset: int, shape: tuple[int, ...]) -> Array:
        """A copy of the float32 array there."""
        count = int(np.prod(shape))
        return np.frombuffer(self._map, np.float32, count, offset).reshape(shape).copy()
