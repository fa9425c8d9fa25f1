"""A node that runs everything honestly and then lies about its own claims' results.

It tells its worker's numbers truly when it replicates (so it stays credible) and invents a fine gain for what
it claims itself.
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from dataclasses import replace

import node.agent.open as opening
from experiments.harness.device import Device, open_device
from leaderboard.measurement import Measurement
from node.cli import main


class LyingDevice:
    """Wraps a device; single-seed measurements without the gate are the author's own races."""

    def __init__(self, device: Device) -> None:
        self._device = device

    async def measure(self, track, recipe, opponent, seeds, **options) -> Measurement:
        told = await self._device.measure(track, recipe, opponent, seeds, **options)
        if len(seeds) > 1 or options.get("gate", True):
            return told
        return replace(told, candidate=tuple(0.001 for _ in told.candidate))


@asynccontextmanager
async def open_lying_device(**options):
    async with open_device(**options) as device:
        yield LyingDevice(device)


opening.open_device = open_lying_device
sys.exit(main())
