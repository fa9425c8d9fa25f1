"""Starts a confined process: probe a level, build its walls from outside, hand it its orders.

Theory of operation. The interpreter is started without the user's environment, under bubblewrap where that
works. It runs `guest/boot.py`, which imports the allowed packages, sets its limits, gives up its rights
(`no_new_privs`, Landlock where there are no namespaces, the system call filter in every case) and only then
sees anything that a stranger wrote. Filtering after the imports lets the filter be far stricter than one
that had to let Python start.
"""

from __future__ import annotations

import json
import marshal
import os
import subprocess
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from leaderboard.errors import Refused

from . import bubblewrap, landlock, seccomp
from .codes import Code, Rejected
from .limits import Limits, Runtime, runtime
from .process import Confined

__all__ = ["Level", "spawn"]

_GUEST: Final = Path(__file__).resolve().parent / "guest"
_OURS: Final = (_GUEST / "boot.py", _GUEST / "loop.py")
"""Files that every guest can read, beside its host script."""
_START_S: Final = 60.0  # importing torch from a cold disk takes a while
_INFO_BYTES: Final = 4096
# One thread for every library that would take more: threads are counted, and the filter forbids them.
_ENVIRONMENT: Final = {
    "PATH": "/usr/bin",
    "LC_ALL": "C.UTF-8",
    # Freed memory is kept: returning it and faulting it in again is most of the noise in a timed call.
    # Large pages for the heap where the kernel offers them: with small ones, the luck of where they lie in
    # the cache moves a kernel's speed by 5 % from process to process. Other C libraries ignore both.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 28),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


class Level(StrEnum):
    """How well a program is confined, best first. Below these there is nothing: programs are refused."""

    BUBBLEWRAP = "bubblewrap"
    """Own namespaces (files, processes, network, users), system call filter, limits."""
    LANDLOCK = "landlock"
    """File rights given up, system call filter, limits; the machine's processes stay visible by number."""


def spawn(
    script: Path,
    level: Level,
    *,
    imports: Sequence[str] = (),
    limits: Limits | None = None,
    descriptors: Sequence[int] = (),
    gpu: bool = False,
) -> Confined:
    """A confined process that runs `script` with a `channel` to this one.

    imports: packages loaded before the walls close. descriptors: shared with the child, e.g. sealed memory.
    gpu: bind GPU devices (bubblewrap only; the operator's choice). Must be called from a thread that lives
    as long as the child: the kernel kills the child with the thread that started it.
    Raises Rejected(SANDBOX_REFUSED) if the walls do not stand.
    """
    limits = limits or Limits()
    if limits.tasks and level is not Level.BUBBLEWRAP:
        raise Refused("programs that start threads or processes need bubblewrap; install it")
    files = runtime(torch="torch" in imports)
    child = _start(script.resolve(), level, files, limits, descriptors, gpu=gpu)
    orders = _orders(script.resolve(), level, files, tuple(imports), limits)
    try:
        child.ask(orders, 0, _START_S)
    except Rejected as error:
        child.close()
        words = child.last_words.decode("utf-8", "replace").strip()
        raise Rejected(Code.SANDBOX_REFUSED, f"{level}: {error.reason}; {words}") from None
    child.forgive()  # packages may come from a slow disk
    return child


def _start(
    script: Path, level: Level, files: Runtime, limits: Limits, descriptors: Sequence[int], *, gpu: bool
) -> Confined:
    to_child, from_parent = os.pipe()[::-1]
    from_child, to_parent = os.pipe()
    info, info_child = os.pipe()
    boot, *others = (str(path) for path in (*_OURS, script))
    guest = [str(files.python), "-I", "-S", "-B", boot, str(from_parent), str(to_parent), *others]
    walled = level is Level.BUBBLEWRAP
    if walled:
        bwrap = bubblewrap.executable()
        if bwrap is None:
            raise Rejected(Code.SANDBOX_REFUSED, "bubblewrap is not installed")
        walls = bubblewrap.command(bwrap, files, (*_OURS, script), info_child, gpu=gpu, tasks=limits.tasks)
        variables = [word for item in _ENVIRONMENT.items() for word in ("--setenv", *item)]
        split = walls.index("--")
        guest = [*walls[:split], *variables, *walls[split:], *guest]
    process = subprocess.Popen(
        guest,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_ENVIRONMENT,
        pass_fds=(from_parent, to_parent, *descriptors, *((info_child,) if walled else ())),
        start_new_session=True,
        cwd="/",
    )
    for descriptor in (from_parent, to_parent, info_child):
        os.close(descriptor)
    pid = _inner_pid(info) if walled else process.pid
    os.close(info)
    return Confined(process, pid or process.pid, (from_child, to_child), limits, level)


def _inner_pid(info: int) -> int | None:
    """The guest's process number as this process sees it; None if bubblewrap failed before it had one."""
    text = b""
    while part := os.read(info, _INFO_BYTES):
        text += part
        if b"}" in text:
            break
    return int(json.loads(text)["child-pid"]) if text else None


def _orders(script: Path, level: Level, files: Runtime, imports: tuple[str, ...], limits: Limits) -> bytes:
    walls = None
    version = 0 if limits.tasks else landlock.abi()
    if level is Level.LANDLOCK or version:  # inside bubblewrap it takes /proc away, a second wall
        found = landlock.rules(files, (*_OURS, script), version)
        walls = (found.attributes, found.paths)
    return marshal.dumps(
        {
            "cpu": limits.cpu_seconds,
            "files": limits.open_files,
            "imports": imports,
            "landlock": walls,
            "memory": limits.memory_bytes,
            "path": (str(files.site),),
            "seccomp": seccomp.program(tasks=limits.tasks),
            "tasks": limits.tasks,
        }
    )
