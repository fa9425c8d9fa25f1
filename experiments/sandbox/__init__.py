"""Default-deny confinement of strangers' code: bubblewrap, or Landlock with a system call filter, or refusal.

`probe` says what this machine can do, `spawn` starts a confined process, `process.Confined` is that
process seen from its parent, `codes` are the reasons for which a candidate is turned away. docs/sandbox.md
says what is defended, by which wall, and what is not.
"""

from __future__ import annotations

from .codes import Code, Rejected
from .limits import Limits
from .process import Confined
from .report import SandboxReport, best_level, probe, probe_gpu
from .spawn import Level, spawn

__all__ = [
    "Code",
    "Confined",
    "Level",
    "Limits",
    "Rejected",
    "SandboxReport",
    "best_level",
    "probe",
    "probe_gpu",
    "spawn",
]
