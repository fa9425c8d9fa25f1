"""How the device's time is divided between own research and replicating others.

Deficit accounting: whoever is below its share and has work goes next. Work that the other side does not
have is never waited for, so the device is idle only if there is nothing to do at all.
"""

from __future__ import annotations

from leaderboard.errors import LocalError

__all__ = ["DeviceShare"]


class DeviceShare:
    """Seconds spent on either side, and whose turn it is."""

    def __init__(self, replication: float) -> None:
        if not 0.0 <= replication <= 1.0:
            raise LocalError(f"the share for replication must lie between 0 and 1, not {replication}")
        self._share = replication
        self.research_s = 0.0
        self.replication_s = 0.0

    def replication_is_due(self) -> bool:
        """Whether replication has had less than its share of the device's time so far."""
        total = self.research_s + self.replication_s
        return self._share > 0.0 and self.replication_s <= self._share * total
