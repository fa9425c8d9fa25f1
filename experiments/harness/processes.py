"""Ending a worker with everything that it started, and reading what the system says it used and holds.

A worker leads its own session. `kill_tree` kills, until none is left, every process that is in that session
or descends from the worker; so a grandchild dies even if it left the process group, and a daemonised one
dies as long as it stayed in the session. Not covered: a process that forked twice *and* opened a session of
its own before the kill. Recipes without programs cannot start processes at all; programs run in a sandbox
with a process namespace, which dies as one.

On systems without /proc only the process group is killed and no processor time is read.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["cpu_seconds", "kill_tree", "memory_bytes", "tree_cpu_seconds"]

_ROUNDS: Final = 5  # passes over /proc; a fork bomb needs its sandbox's limits, not more passes
_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True, slots=True)
class _Stat:
    pid: int
    state: str
    parent: int
    session: int
    ticks: int


def _stat(pid: int) -> _Stat | None:
    """The line of /proc/<pid>/stat; None if there is no such process (any more)."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The name in brackets may hold anything, so count fields from the last bracket.
    fields = line[line.rindex(")") + 2 :].split()
    return _Stat(pid, fields[0], int(fields[1]), int(fields[3]), int(fields[11]) + int(fields[12]))


def _alive() -> list[_Stat]:
    if not Path("/proc/self/stat").exists():
        return []
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return [stat for stat in map(_stat, pids) if stat is not None and stat.state != "Z"]


def _tree(root: int) -> set[int]:
    everyone = _alive()
    found = {root} | {stat.pid for stat in everyone if stat.session == root}
    while True:
        more = {stat.pid for stat in everyone if stat.parent in found} - found
        if not more:
            return found & {stat.pid for stat in everyone}
        found |= more


def kill_tree(root: int) -> None:
    """Kill a session leader, its session, its group and its descendants; nothing happens if they are gone."""
    with suppress(ProcessLookupError, PermissionError):
        tree = _tree(root)
        os.killpg(root, signal.SIGKILL)
        _kill(tree)
    for _ in range(_ROUNDS):
        left = _tree(root)
        if not left:
            return
        _kill(left)


def _kill(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, in seconds; 0.0 if the system does not say."""
    stat = _stat(pid)
    return 0.0 if stat is None else stat.ticks / _TICKS


def memory_bytes(root: int) -> int:
    """Memory that a process and its descendants hold now (resident set, shared pages counted each time).

    0 where the system does not say.
    """
    return sum(_resident(pid) for pid in _descendants(root))


def tree_cpu_seconds(root: int) -> float:
    """Processor seconds of a process, its descendants, and those of its children that have ended."""
    return sum(_spent(pid) for pid in _descendants(root)) / _TICKS


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _spent(pid: int) -> int:
    """Ticks of a process and of its children that ended: fields 14 to 17 of proc(5)."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return sum(map(int, line[line.rindex(")") + 2 :].split()[11:15]))
    except (OSError, ValueError):
        return 0


def _descendants(root: int) -> Iterator[int]:
    """The process and everything below it, by the lists of children that Linux keeps for each thread."""
    queue = [root]
    while queue:
        pid = queue.pop()
        yield pid
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                children = Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii")
                queue += map(int, children.split())
