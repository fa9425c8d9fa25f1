"""The bubblewrap command line of a confined process: empty namespaces, read-only files, nothing else.

Order matters: a later mount covers an earlier one, and `--remount-ro` comes last, because bubblewrap's root
is a writable tmpfs of its own. There is no writable place at all, so nothing can be cached between runs and
no disk can be filled. `--as-pid-1` saves a process and makes the guest's death the end of the namespace.

Docker's default seccomp profile blocks this (`docker run --security-opt seccomp=unconfined`), and some
distributions switch unprivileged user namespaces off; `probe` finds out by trying.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from .limits import Runtime

__all__ = ["command", "executable"]

_NOBODY: Final = "65534"
_GPU_DEVICES: Final = (
    "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", *(f"/dev/nvidia{n}" for n in range(16)),
    "/dev/kfd", "/dev/dri",
)  # fmt: skip

# For programs that may start processes: compilers of kernels, and what they read of the machine.
_TOOLS: Final = (
    "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--ro-bind-try", "/sys", "/sys",
    "--ro-bind-try", "/etc/alternatives", "/etc/alternatives",
)  # fmt: skip


def executable() -> str | None:
    """Path of bubblewrap, looked for in the system's folders only."""
    return shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin")


def command(
    bwrap: str, runtime: Runtime, guest: tuple[Path, ...], info_fd: int, *, gpu: bool, tasks: bool
) -> list[str]:
    """Everything before the guest's own command."""
    return [
        bwrap, "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
        "--as-pid-1", "--clearenv", "--uid", _NOBODY, "--gid", _NOBODY, "--hostname", "sandbox",
        "--cap-drop", "ALL", "--info-fd", str(info_fd),
        *_links(), *(_TOOLS if tasks else ()), *_libraries(runtime),
        # Before the binds: an installation may lie below /tmp.
        *(("--size", str(1 << 28), "--tmpfs", "/tmp", "--setenv", "HOME", "/tmp") if tasks else ()),  # noqa: S108
        *_read(runtime.python), *_read(runtime.stdlib), *_mask(runtime.stdlib),
        *(word for path in (*runtime.packages, *guest) for word in _read(path)),
        "--proc", "/proc", *_devices(gpu=gpu),
        "--remount-ro", "/", "--chdir", "/", "--",
    ]  # fmt: skip


def _read(path: Path) -> tuple[str, ...]:
    return ("--ro-bind", str(path), str(path))


def _links() -> list[str]:
    """/lib and /lib64 where they are links into /usr, as on most distributions."""
    words = []
    for name in ("/lib", "/lib64"):
        if os.path.islink(name):
            words += ["--symlink", os.readlink(name), name]
    return words


def _libraries(runtime: Runtime) -> list[str]:
    words: list[str] = []
    for path in runtime.libraries:
        words += _read(path)
        words += [word for inner in sorted(path.glob("python3*/")) for word in ("--tmpfs", str(inner))]
    return words


def _mask(stdlib: Path) -> list[str]:
    """Hide packages that were installed beside the standard library: they may hold a track's data."""
    return [word for path in sorted(stdlib.glob("*-packages")) for word in ("--tmpfs", str(path))]


def _devices(*, gpu: bool) -> list[str]:
    words = []
    for name in ("/dev/null", "/dev/zero", "/dev/urandom"):
        words += ["--dev-bind", name, name]
    for name in _GPU_DEVICES if gpu else ():
        words += ["--dev-bind-try", name, name]
    return words
