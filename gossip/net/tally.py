"""Counters of one node's network side; `Statistics` is the snapshot that others see."""

from __future__ import annotations

from collections import Counter

__all__ = ["Tally"]

_MAX_REASONS = 128
_MAX_LENGTH = 100


class Tally:
    """Plain counters, written by the parts of `gossip.net` as things happen."""

    def __init__(self) -> None:
        self.pushed_records = 0
        self.pushed_batches = 0
        self.delivered_batches = 0
        self.delivered_records = 0
        self.new_records = 0
        self.syncs: Counter[str] = Counter()
        self.served = 0
        self.sync_bytes_in = 0
        self.sync_bytes_out = 0
        self.blobs_fetched = 0
        self.blob_bytes_in = 0
        self.blob_bytes_out = 0
        self.refused: Counter[str] = Counter()
        self.dials = 0
        self.dials_failed = 0
        self.bans = 0
        self.watchdog_drops = 0

    def refuse(self, reason: str) -> None:
        """Count something that was turned away. Reasons may hold what a peer sent, so they are bounded."""
        reason = reason[:_MAX_LENGTH]
        known = reason in self.refused or len(self.refused) < _MAX_REASONS
        self.refused[reason if known else "other reasons"] += 1
