"""Paired runs of a candidate and its opponent on the same seeds, in one worker, one after the other.

The sensitivity gate: each run is repeated with its initial state nudged by 2 units in the last place. A seed
is stable if the nudge moves neither the candidate's nor the opponent's value by more than class D0 allows.
Then a mismatch on another machine cannot be blamed on rounding. Repeated runs of the opponent are taken from
the device's cache, so against the reference on a recurring seed the gate costs one run more, not two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Protocol

from leaderboard.measurement import Measurement

from ..recipe import Recipe
from ..track import Track
from .outcome import Fault, OnProgress, Progress, TrialError, TrialOutcome, agree

__all__ = ["CALIBRATION_SEED", "TWIN_ULPS", "RunsTrials", "measure_pairs"]

TWIN_ULPS: Final = 2
CALIBRATION_SEED: Final = 0  # the reference's value on this seed is what a machine is compared by


class RunsTrials(Protocol):
    """What a measurement needs of a device."""

    async def run(
        self,
        track: Track,
        recipe: Recipe,
        seed: int,
        *,
        on_progress: OnProgress | None = None,
        timeout_s: float | None = None,
        ulps: int = 0,
    ) -> TrialOutcome:
        """A trial."""

    async def cached(
        self,
        track: Track,
        recipe: Recipe,
        seed: int,
        *,
        ulps: int = 0,
        on_progress: OnProgress | None = None,
    ) -> tuple[TrialOutcome, bool]:
        """A trial, or what is known of it; the flag says that it ran now."""


class _Pairing:
    """One measurement in the making: counts trials, their cost, and reports progress."""

    def __init__(self, device: RunsTrials, track: Track, trials: int, on_progress: OnProgress | None) -> None:
        self._device = device
        self._track = track
        self._trials = trials
        self._listener = on_progress
        self._done = 0
        self.wall_s = 0.0
        self.environment = ""

    async def value(self, recipe: Recipe, seed: int, *, ulps: int = 0, recurs: bool = False) -> float | None:
        """The value of one run; `recurs` says that it may come from, and goes to, the cache."""
        device, listener = self._device, self._report if self._listener else None
        if recurs:
            outcome, ran = await device.cached(self._track, recipe, seed, ulps=ulps, on_progress=listener)
        else:
            outcome, ran = await device.run(self._track, recipe, seed, ulps=ulps, on_progress=listener), True
        self._done += 1
        self.wall_s += outcome.wall_s if ran else 0.0
        self.environment = outcome.environment.short
        return outcome.value

    async def stable(self, recipe: Recipe, seed: int, value: float | None, *, recurs: bool = False) -> bool:
        """Does the twin run agree with `value`?"""
        return agree(await self.value(recipe, seed, ulps=TWIN_ULPS, recurs=recurs), value)

    def _report(self, progress: Progress) -> None:
        if self._listener is not None:
            self._listener(Progress(self._done, self._trials, progress.step, progress.steps))


async def measure_pairs(
    device: RunsTrials,
    track: Track,
    recipe: Recipe,
    opponent: Recipe,
    seeds: Sequence[int],
    *,
    gate: bool = True,
    on_progress: OnProgress | None = None,
) -> Measurement:
    """Measure `recipe` against `opponent` on the seeds, in order; nothing is dropped.

    Without `gate` no twin runs and no seed counts as stable. Raises TrialError as `Device.run` does.
    """
    pairing = _Pairing(device, track, 1 + len(seeds) * (4 if gate else 2), on_progress)
    calibration = await pairing.value(track.reference, CALIBRATION_SEED, recurs=True)
    if calibration is None or not math.isfinite(calibration):
        raise TrialError(Fault.RUNNER, f"the reference recipe of {track.name} diverges on this machine")
    ours: list[float | None] = []
    theirs: list[float | None] = []
    stable: list[bool] = []
    for seed in seeds:
        ours.append(await pairing.value(recipe, seed))
        theirs.append(await pairing.value(opponent, seed, recurs=True))
        stable.append(
            gate
            and await pairing.stable(recipe, seed, ours[-1])
            and await pairing.stable(opponent, seed, theirs[-1], recurs=True)
        )
    return Measurement(
        seeds=tuple(seeds),
        candidate=tuple(ours),
        opponent=tuple(theirs),
        stable=tuple(stable),
        environment=pairing.environment,
        calibration=calibration,
        sandbox="none",
        cost_ms=round(pairing.wall_s * 1000),
    )
