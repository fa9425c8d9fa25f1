"""All devices of a machine, as one that measures: each measurement goes to the device that is free first.

A recipe's seeds stay on one device, so that a measurement made in several steps has one environment, and
trials of one device take turns (`Device`). Which device may run a track is the track's word
(`Track.runs_on`): a card does not run what computes on the processor, and the other way round.

Runs of opponents that recur are kept per device, because two cards of different models may round differently.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from leaderboard.errors import LocalError
from leaderboard.ids import TrackId
from leaderboard.measurement import Measurement

from ..recipe import Recipe
from ..track import Track
from .device import Device, DeviceSnapshot, open_device
from .outcome import OnProgress

__all__ = ["Pool", "open_pool"]

_REMEMBERED: Final = 1024  # recipes whose device is remembered; far more than are measured at a time


@asynccontextmanager
async def open_pool(
    names: Sequence[str],
    folders: Sequence[Path] = (),
    memory_bytes: int = 0,
    permit: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[Pool]:
    """One device for each name (`DeviceName`; several `cpu` are several workers); they end with the block.

    The rest as for `open_device`.
    """
    async with AsyncExitStack() as stack:
        opened = (open_device(name, folders, memory_bytes, permit) for name in names)
        yield Pool([await stack.enter_async_context(device) for device in opened])


class Pool:
    """Measures on whichever device is free first; use `open_pool`."""

    def __init__(self, devices: Sequence[Device]) -> None:
        if not devices:
            raise LocalError("no device to run trials on; set `agent.devices`")
        self._devices = tuple(devices)
        self._places: OrderedDict[tuple[TrackId, Recipe], Device] = OrderedDict()

    def __len__(self) -> int:
        return len(self._devices)

    def statistics(self) -> tuple[DeviceSnapshot, ...]:
        """A snapshot of every device."""
        return tuple(device.statistics() for device in self._devices)

    def runs(self, track: Track) -> bool:
        """Whether some device here may run the track."""
        return any(device.name.kind in track.runs_on for device in self._devices)

    async def measure(
        self,
        track: Track,
        recipe: Recipe,
        opponent: Recipe,
        seeds: Sequence[int],
        *,
        gate: bool = True,
        on_progress: OnProgress | None = None,
    ) -> Measurement:
        """As `Device.measure`. LocalError if no device here may run the track."""
        device = self._place(track, recipe)
        return await device.measure(track, recipe, opponent, seeds, gate=gate, on_progress=on_progress)

    def _place(self, track: Track, recipe: Recipe) -> Device:
        """Where the recipe ran before, else the suitable device with the shortest queue."""
        key = (track.id, recipe)
        device = self._places.get(key) or self._shortest(track)
        self._places[key] = device
        self._places.move_to_end(key)
        if len(self._places) > _REMEMBERED:
            self._places.popitem(last=False)
        return device

    def _shortest(self, track: Track) -> Device:
        suitable = [device for device in self._devices if device.name.kind in track.runs_on]
        if not suitable:
            here = ", ".join(sorted({device.name.kind for device in self._devices}))
            raise LocalError(
                f"{track.name} runs on {' or '.join(track.runs_on)}, and the devices here are {here}"
            )
        return min(suitable, key=lambda device: device.statistics().asked)
