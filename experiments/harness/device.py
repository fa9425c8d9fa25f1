"""A device: one worker process that runs one trial at a time, warm between trials.

The parent prepares the exam from the seed, hands over what the worker may see, keeps the labels, the metric
and the clock, checks the shape and type of every array that comes back, and computes the value itself. A
worker that crashes, runs late, takes too much memory, floods its output or breaks the protocol is killed with
its whole tree, and the next trial starts a fresh one; the same happens if the caller is cancelled. If workers
are lost one after the other, the next start waits, twice as long each time: a machine without memory is not
made worse by us.

While one trial runs, the next one is prepared and handed over; the worker begins it as soon as it has
answered the first, whatever the parent is busy with at that moment. So a trial that was handed over ahead has
run since the answer before it was there. If a worker is lost, the trial that it held ahead is given to the
next one.

Covered and not covered: docs/threat-model.md. Recipes here are settings and expressions; a recipe that
carries a program needs a sandbox and is refused.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import trio

from leaderboard.errors import Refused
from leaderboard.ids import TrackId
from leaderboard.measurement import Measurement

from ..recipe import Recipe
from ..track import Track
from .exam import Exam, load_examiner
from .frames import FrameError, matches, pack, plain_arrays, read_arrays
from .kinds import DeviceName
from .link import Means, WorkerLink
from .measure import measure_pairs
from .outcome import EnvironmentClass, Fault, OnProgress, Progress, TrialError, TrialOutcome

__all__ = ["Device", "DeviceSnapshot", "open_device"]

_CACHED: Final = 4096  # runs of opponents that are kept, about 1 MB
_MAX_REPORTS: Final = 10_000  # reports of progress in one trial, after which the worker is not believed
_MAX_STEP: Final = 2**53
_FIRST_WAIT_S: Final = 1.0  # before the start of a worker after two were lost in a row
_LONGEST_WAIT_S: Final = 60.0

_Key = tuple[TrackId, Recipe, int, int]


@asynccontextmanager
async def open_device(
    name: str = "cpu",
    folders: Sequence[Path] = (),
    memory_bytes: int = 0,
    permit: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[Device]:
    """A device that ends, with its worker, when the block does.

    `name` as in `DeviceName`. `folders` hold the operator's own tracks; workers append them to their import
    path. A trial may hold `memory_bytes` at most, 0 for no bound. `permit` is awaited before each trial.
    """
    trouble: BaseException | None = None
    async with trio.open_nursery() as nursery:
        device = Device(Means(DeviceName.read(name), folders, memory_bytes), nursery, permit)
        try:
            yield device
        except BaseException as error:  # noqa: BLE001  kept, to be raised outside of the nursery: no group
            trouble = error
        finally:
            device.close()
    if trouble is not None:
        raise trouble


@dataclass(frozen=True, slots=True)
class DeviceSnapshot:
    """How a device is doing."""

    name: str
    asked: int = 0
    """Trials that run or wait for their turn."""
    trials: int = 0
    """Trials with an outcome."""
    failures: int = 0
    """Trials without one."""
    last_fault: str = ""
    busy_s: float = 0.0
    """Seconds, by the parent's clock, in which a trial ran: from its start in the worker to its last byte."""
    starts: int = 0
    """Workers started."""


class Device:
    """Runs trials of any installed track, one at a time; use `open_device`."""

    def __init__(
        self, means: Means, nursery: trio.Nursery, permit: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self.name = means.device
        self._permit = permit
        self._means = means
        self._nursery = nursery
        self._turn = trio.Lock()  # the trial that runs
        self._ahead = trio.Lock()  # the trial that comes next
        self._free_since = 0.0  # when the worker had answered its last trial
        self._link: WorkerLink | None = None
        self._lost = 0  # workers in a row that ended without an outcome
        self._state = DeviceSnapshot(str(means.device))
        self._cache: OrderedDict[_Key, TrialOutcome] = OrderedDict()

    def statistics(self) -> DeviceSnapshot:
        """A snapshot of what it has done since it was opened."""
        return self._state

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
        limit = track.limit_s if timeout_s is None else timeout_s
        examiner = load_examiner(track.examiner)
        with self._counted():
            exam = await trio.to_thread.run_sync(examiner.prepare, seed)
            job = pack(_job(track, recipe, seed, ulps, exam))
            if self._permit is not None:
                await self._permit()
            environment, answers, wall, cpu = await self._exchange(job, exam, limit, on_progress)
            value = examiner.score(exam, answers)
        return TrialOutcome(value, wall, cpu, environment, "diverged" if value is None else "")

    async def _exchange(
        self, job: bytes, exam: Exam, limit_s: float, on_progress: OnProgress | None
    ) -> tuple[EnvironmentClass, dict[str, np.ndarray], float, float]:
        """Give the worker a job and take its answers: (environment, answers, wall and processor seconds)."""
        async with self._ahead:
            link, early = await self._next_in_line(job)
        with self._in_turn():
            environment = await link.started()
            start = self._free_since if early else time.perf_counter()
            answer, cpu = await _timed(link, limit_s, on_progress)
            end = time.perf_counter()
            answers = _answers(exam, answer)
            self._lost, self._free_since = 0, end
            self._state = replace(self._state, busy_s=self._state.busy_s + end - start)
        return environment, answers, end - start, cpu

    async def _next_in_line(self, job: bytes) -> tuple[WorkerLink, bool]:
        """Take the turn, with the job at the worker; the flag says that it was there before the turn came."""
        holder = await self._hand_over(job)
        await self._take_turn(holder)
        if holder is not None and holder is self._link:
            return holder, True
        try:
            link = await self._warm()
            await link.send(job)
        except BaseException as error:
            self._let_go(error)
            raise
        return link, False

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._let_go(error)
            raise
        self._turn.release()

    def _let_go(self, error: BaseException) -> None:
        """End a turn that failed, and the worker: what it would say next belongs to no one."""
        self.close()
        if isinstance(error, TrialError):
            self._lost += 1
        self._turn.release()

    async def _hand_over(self, job: bytes) -> WorkerLink | None:
        """Give a job to the worker while another one runs; the worker that has it now, or None."""
        link = self._link
        if link is None or not self._turn.locked():
            return None
        try:
            await link.send(job)
        except TrialError:
            return None  # it went down with the trial that it runs, whose task says so
        except BaseException:
            self.close()  # half of a job was sent
            raise
        return link

    async def _take_turn(self, holder: WorkerLink | None) -> None:
        try:
            await self._turn.acquire()
        except BaseException:
            if holder is not None and holder is self._link:
                self.close()  # it holds a job that belongs to no one
            raise

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._state = replace(self._state, asked=self._state.asked + 1)
        try:
            yield
        except TrialError as error:
            failed = self._state.failures + 1
            self._state = replace(self._state, failures=failed, last_fault=str(error.fault))
            raise
        else:
            self._state = replace(self._state, trials=self._state.trials + 1)
        finally:
            self._state = replace(self._state, asked=self._state.asked - 1)

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
            if self._lost > 1:
                await trio.sleep(min(_FIRST_WAIT_S * 2 ** min(self._lost - 2, 16), _LONGEST_WAIT_S))
            self._link = await WorkerLink.start(self._nursery, self._means)
            self._state = replace(self._state, starts=self._state.starts + 1)
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
) -> tuple[dict[str, object], float]:
    """The worker's answer, and the processor seconds that it took."""
    cpu = link.cpu_s
    answer: dict[str, object] | None = None
    with trio.move_on_after(limit_s):
        answer = await _unless_too_big(link, on_progress)
    if answer is None:
        raise TrialError(Fault.TIMEOUT, f"the trial ran longer than {limit_s:g} s and was killed")
    return answer, link.cpu_s - cpu


async def _unless_too_big(link: WorkerLink, on_progress: OnProgress | None) -> dict[str, object]:
    """The worker's answer; TrialError(memory) as soon as it holds more than it may."""
    answer: dict[str, object] | TrialError = TrialError(
        Fault.MEMORY, "the trial held more memory than it may and was killed"
    )
    async with trio.open_nursery() as nursery:

        async def listen() -> None:
            nonlocal answer
            try:
                answer = await _last_message(link, on_progress)
            except TrialError as error:  # kept, to be raised outside of the nursery: no group
                answer = error
            nursery.cancel_scope.cancel()

        nursery.start_soon(listen)
        await link.wait_too_big()
        nursery.cancel_scope.cancel()
    if isinstance(answer, TrialError):
        raise answer
    return answer


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


def _answers(exam: Exam, message: dict[str, object]) -> dict[str, np.ndarray]:
    if message.get("kind") == "failed":
        fault = Fault.MEMORY if message.get("memory") is True else Fault.RUNNER
        raise TrialError(fault, str(message.get("text"))[:2000])
    if message.get("kind") != "done":
        raise TrialError(Fault.PROTOCOL, "the worker sent neither progress nor an answer")
    try:
        answers = read_arrays(message.get("answers"))
    except FrameError as error:
        raise TrialError(Fault.ANSWER, str(error)) from error
    wrong = matches(answers, exam.answers)
    if wrong is not None:
        raise TrialError(Fault.ANSWER, wrong)
    return answers
