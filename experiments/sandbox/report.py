"""What this machine can confine, found out by trying: each level is started and attacked from inside.

`consilience doctor` shows the report; whoever runs a program asks `best_level`, which refuses rather than
run a stranger's code behind a wall that does not stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from leaderboard.errors import Refused

from . import landlock
from .codes import Rejected
from .limits import Limits
from .spawn import Level, spawn

__all__ = ["Finding", "SandboxReport", "best_level", "probe", "probe_gpu"]

_GUEST: Final = Path(__file__).resolve().parent / "guest"
_ANSWER_BYTES: Final = 4096
_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One level on this machine."""

    level: Level
    works: bool
    reason: str
    """Why it does not work; empty if it does."""


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """All levels, best first."""

    findings: tuple[Finding, ...]
    landlock_abi: int
    """Version of Landlock that the kernel enforces; 0 if none."""

    @property
    def level(self) -> Level | None:
        """The best level that works; None means that programs are refused here."""
        return next((finding.level for finding in self.findings if finding.works), None)

    @property
    def advice(self) -> str:
        """What would make it better; empty if nothing would."""
        if self.level is Level.BUBBLEWRAP:
            return ""
        reasons = "; ".join(f"{f.level}: {f.reason}" for f in self.findings if not f.works)
        return (
            "install bubblewrap (apt-get install bubblewrap) and allow user namespaces; in Docker: "
            f"--security-opt seccomp=unconfined. Now: {reasons}"
        )


def probe() -> SandboxReport:
    """Try every level; takes some 50 ms."""
    return SandboxReport(tuple(_try(level) for level in Level), landlock.abi())


def probe_gpu() -> str:
    """Name of the GPU that a confined program would see; empty if it sees none.

    Some drivers fail in bare user namespaces, so seeing a device outside says nothing about inside.
    """
    limits = Limits(tasks=True, wall_seconds=90.0)
    try:
        with spawn(
            _GUEST / "device.py", Level.BUBBLEWRAP, imports=("torch",), limits=limits, gpu=True
        ) as child:
            return child.ask(b"", _ANSWER_BYTES, 60.0).decode("utf-8", "replace")
    except Rejected:
        return ""


@cache
def best_level() -> Level:
    """The level in use on this machine, probed once per process; Refused if none works."""
    report = probe()
    if report.level is None:
        raise Refused(f"programs cannot be confined on this machine, so they are not run; {report.advice}")
    return report.level


def _try(level: Level) -> Finding:
    if level is Level.LANDLOCK and landlock.abi() == 0:
        return Finding(level, False, "the kernel has no Landlock (Linux 5.13 or later, lsm=...,landlock)")
    try:
        with spawn(_GUEST / "selftest.py", level) as child:
            breaches = child.ask(b"", _ANSWER_BYTES, _SECONDS).decode("utf-8", "replace")
    except Rejected as error:
        return Finding(level, False, error.reason)
    return Finding(level, not breaches, breaches.replace("\n", ", "))
