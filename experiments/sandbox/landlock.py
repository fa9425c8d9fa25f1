"""The Landlock rules of a confined process: which files it may read; it may write none.

Landlock (Linux 5.13, `landlock(7)`) lets an unprivileged process give up file access for good. Without
namespaces a confined process would still see other processes and the network; the system call filter
(`seccomp`) takes those, and newer kernels restrict them here a second time (ABI 4: TCP, ABI 6: signals and
abstract sockets). Rules are applied by the guest after its imports, so no library folder is on the list.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .limits import Runtime

__all__ = ["Rules", "abi", "rules"]

_CREATE_RULESET: Final = 444  # the same number on every architecture
_VERSION_FLAG: Final = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3


@dataclass(frozen=True, slots=True)
class Rules:
    """What the guest passes to the kernel."""

    attributes: tuple[int, ...]
    """handled_access_fs, handled_access_net, scoped; as many as this kernel knows."""
    paths: tuple[tuple[str, int], ...]
    """Files and folders with the rights that remain."""


def abi() -> int:
    """Version of Landlock that this kernel enforces; 0 if none."""
    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    return max(found, 0)


def rules(runtime: Runtime, guest: tuple[Path, ...], version: int) -> Rules:
    """Rights for the runtime and the guest's own files under this version of Landlock."""
    stdlib = [path for path in runtime.stdlib.iterdir() if not path.name.endswith("-packages")]
    readable = [path for path in (*stdlib, *runtime.packages, *guest) if path.exists()]
    paths = [(str(path), _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE) for path in readable]
    # Importing from a folder lists it first; names may be seen, contents not.
    paths += [(str(runtime.stdlib), _READ_DIR), (str(runtime.site), _READ_DIR), ("/dev/urandom", _READ_FILE)]
    return Rules(_attributes(version), tuple(paths))


def _attributes(version: int) -> tuple[int, ...]:
    # Rights by ABI: 13 in the first, rename across folders in the second, truncate in the third, device ioctl
    # in the fifth.
    rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    file_access = (1 << rights) - 1
    if version >= 6:
        return (file_access, 0b11, 0b11)
    return (file_access, 0b11) if version >= 4 else (file_access,)
