"""A device: one worker process that runs one trial at a time, warm between trials.

The parent prepares the exam from the seed, hands over what the worker may see, keeps the labels, the metric
and the clock, checks the shape and type of every array that comes back, and computes the value itself. A
worker that crashes, runs late, floods its output or breaks the protocol is killed with its whole tree, and
the next trial starts a fresh one; the same happens if the caller is cancelled.

Covered and not covered: docs/threat-model.md. Recipes here are settings and expressions; a recipe that
carries a program needs a sandbox and is refused.
"""

from __future__ import annotations

import importlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, cast

import trio

from leaderboard.errors import Refused
from leaderboard.ids import TrackId
from leaderboard.measurement import Measurement

from ..recipe import Recipe
from ..track import Track
from .exam import Exam, Examiner
from .frames import FrameError, matches, plain_arrays, read_arrays
from .link import WorkerLink
from .measure import measure_pairs
from .outcome import Fault, OnProgress, Progress, TrialError, TrialOutcome

__all__ = ["DEFAULT_TIMEOUT_S", "Device", "open_device"]

DEFAULT_TIMEOUT_S: Final = 60.0
"""Wall time of one trial after which it is killed: 200 times what a deep-mlp trial takes on a slow core."""
_CACHED: Final = 4096  # runs of opponents that are kept, about 1 MB
_MAX_REPORTS: Final = 10_000  # reports of progress in one trial, after which the worker is not believed
_MAX_STEP: Final = 2**53

_Key = tuple[TrackId, Recipe, int, int]


@asynccontextmanager
async def open_device(name: str = "cpu", folders: Sequence[Path] = ()) -> AsyncIterator[Device]:
    """A device that ends, with its worker, when the block does.

    `folders` hold the operator's own tracks; workers append them to their import path.
    """
    trouble: BaseException | None = None
    async with trio.open_nursery() as nursery:
        device = Device(name, nursery, folders)
        try:
            yield device
        except BaseException as error:  # noqa: BLE001  kept, to be raised outside of the nursery: no group
            trouble = error
        finally:
            device.close()
    if trouble is not None:
        raise trouble


class Device:
    """Runs trials of any installed track, one at a time; use `open_device`."""

    def __init__(self, name: str, nursery: trio.Nursery, folders: Sequence[Path] = ()) -> None:
        self.name = name
        self._nursery = nursery
        self._folders = tuple(folders)
        self._turn = trio.Lock()
        self._link: WorkerLink | None = None
        self._cache: OrderedDict[_Key, TrialOutcome] = OrderedDict()

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
        """One trial; waits for its turn. A diverged run is an outcome (None), not an error.

        `ulps` nudges the initial state, for the twin run of the sensitivity gate. Raises TrialError with a
        stable code, and Refused for a recipe with a program.
        """
        if recipe.program is not None:
            raise Refused("this recipe carries a program, and this node runs only settings and expressions")
        limit = DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s
        async with self._turn:
            examiner = cast("Examiner", importlib.import_module(track.examiner))
            exam = await trio.to_thread.run_sync(examiner.prepare, seed)
            link = await self._warm()
            try:
                environment = await link.begin(_job(track, recipe, seed, ulps, exam))
                answer, wall, cpu = await _timed(link, limit, on_progress)
                value = _grade(examiner, exam, answer)
            except BaseException:
                # Also a cancellation: what the worker would say next belongs to no one.
                self.close()
                raise
            return TrialOutcome(value, wall, cpu, environment, "diverged" if value is None else "")

    async def cached(
        self,
        track: Track,
        recipe: Recipe,
        seed: int,
        *,
        ulps: int = 0,
        on_progress: OnProgress | None = None,
    ) -> tuple[TrialOutcome, bool]:
        """As `run`, from the cache if this trial ran here before; the flag says that it did not."""
        key = (track.id, recipe, seed, ulps)
        if (known := self._cache.get(key)) is not None:
            self._cache.move_to_end(key)
            return known, False
        outcome = await self.run(track, recipe, seed, ulps=ulps, on_progress=on_progress)
        self._cache[key] = outcome
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        return outcome, True

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
        """Paired values of recipe and opponent on the seeds; see `measure_pairs`."""
        return await measure_pairs(self, track, recipe, opponent, seeds, gate=gate, on_progress=on_progress)

    def close(self) -> None:
        """End the worker, if there is one, with all that it started. The next trial starts another."""
        if self._link is not None:
            self._link.kill()
            self._link = None

    async def _warm(self) -> WorkerLink:
        if self._link is None:
            self._link = await WorkerLink.start(self._nursery, self._folders)
        return self._link


def _job(track: Track, recipe: Recipe, seed: int, ulps: int, exam: Exam) -> dict[str, object]:
    return {
        "kind": "job",
        "runner": track.runner,
        "recipe": recipe.to_payload(),
        "seed": seed,
        "ulps": ulps,
        "inputs": plain_arrays(exam.inputs),
    }


async def _timed(
    link: WorkerLink, limit_s: float, on_progress: OnProgress | None
) -> tuple[dict[str, object], float, float]:
    """The worker's answer, and the wall and processor seconds that it took."""
    cpu, start = link.cpu_s, time.perf_counter()
    try:
        with trio.fail_after(limit_s):
            answer = await _last_message(link, on_progress)
    except trio.TooSlowError as error:
        raise TrialError(Fault.TIMEOUT, f"the trial ran longer than {limit_s:g} s and was killed") from error
    return answer, time.perf_counter() - start, link.cpu_s - cpu


async def _last_message(link: WorkerLink, on_progress: OnProgress | None) -> dict[str, object]:
    for _ in range(_MAX_REPORTS):
        message = await link.receive()
        if message.get("kind") != "progress":
            return message
        step, steps = message.get("step"), message.get("steps")
        if type(step) is not int or type(steps) is not int or not 0 <= step <= steps <= _MAX_STEP:
            raise TrialError(Fault.PROTOCOL, "a report of progress has no steps")
        if on_progress is not None:
            on_progress(Progress(0, 1, step, steps))
    raise TrialError(Fault.PROTOCOL, f"more than {_MAX_REPORTS} reports of progress in one trial")


def _grade(examiner: Examiner, exam: Exam, message: dict[str, object]) -> float | None:
    if message.get("kind") == "failed":
        raise TrialError(Fault.RUNNER, str(message.get("text"))[:2000])
    if message.get("kind") != "done":
        raise TrialError(Fault.PROTOCOL, "the worker sent neither progress nor an answer")
    try:
        answers = read_arrays(message.get("answers"))
    except FrameError as error:
        raise TrialError(Fault.ANSWER, str(error)) from error
    wrong = matches(answers, exam.answers)
    if wrong is not None:
        raise TrialError(Fault.ANSWER, wrong)
    return examiner.score(exam, answers)
