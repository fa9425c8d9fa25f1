"""What the machine is doing apart from us: does it run on battery, and how much do other programs compute?

Read from Linux's /sys and /proc, whose places are arguments; on systems without them there is no battery and
nobody else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from experiments.harness.processes import tree_cpu_seconds

__all__ = ["POWER", "OtherLoad", "is_on_battery"]

POWER = Path("/sys/class/power_supply")
_STAT = Path("/proc/stat")
_IDLE_FIELDS = (3, 4)  # idle and iowait, as proc(5) counts the fields of the line `cpu`
_MACHINE_SUPPLIES = ("Mains", "USB", "Wireless")


def is_on_battery(supplies: Path = POWER) -> bool:
    """Whether the machine lives on a battery: one discharges and no charger is connected.

    Batteries of mice and headsets (scope `Device`) are not the machine's. A machine without a battery is not
    on battery, whatever it says about chargers.
    """
    discharging = connected = False
    try:
        found = sorted(supplies.iterdir())
    except OSError:
        return False
    for supply in found:
        kind = _word(supply / "type")
        if _word(supply / "scope") == "Device":
            continue
        if kind == "Battery":
            discharging |= _word(supply / "status") == "Discharging"
        elif kind in _MACHINE_SUPPLIES:
            connected |= _word(supply / "online") == "1"
    return discharging and not connected


def _word(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")[:64].strip()
    except OSError:
        return ""


class OtherLoad:
    """How much of the processors other programs use, between one question and the next."""

    def __init__(self, stat: Path = _STAT, own_s: Callable[[], float] | None = None) -> None:
        self._stat = stat
        self._own_s = own_s or (lambda: tree_cpu_seconds(os.getpid()))
        self._last = self._read()

    def share(self) -> float:
        """Part of all processors' time since the last question that went to others, from 0 to 1."""
        (before, all_before, own_before), now = self._last, self._read()
        self._last = now
        total = now[1] - all_before
        if total <= 0:
            return 0.0
        return min(1.0, max(0.0, (now[0] - before - (now[2] - own_before)) / total))

    def _read(self) -> tuple[float, float, float]:
        """Seconds since the start of the machine, over all processors: busy, all, and ours."""
        try:
            with self._stat.open(encoding="ascii") as file:
                fields = [float(word) for word in file.readline().split()[1:9]]
        except (OSError, ValueError):
            return 0.0, 0.0, 0.0
        ticks = os.sysconf("SC_CLK_TCK")
        idle = sum(fields[place] for place in _IDLE_FIELDS if place < len(fields))
        return (sum(fields) - idle) / ticks, sum(fields) / ticks, self._own_s()
