"""Trials of recipes that carry programs, with the interface of a device.

A recipe without a program goes to the device and its worker as ever. One with a program is judged the same
way, by the same examiner, but its answers come from the track's `programmed` module (beside its runner):

    answer(recipe: Recipe, code: Confinable, seed: int,
           inputs: Mapping[str, np.ndarray], ulps: int) -> Mapping[str, np.ndarray]

That code is the track's own and trusted; it runs the stranger's code across the wall and nowhere else.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Protocol, cast

import numpy as np

from leaderboard.errors import LocalError, Refused

from ..harness.device import Device
from ..harness.exam import load_examiner
from ..harness.frames import matches
from ..harness.outcome import EnvironmentClass, OnProgress, TrialOutcome
from ..recipe import Recipe
from ..sandbox import Code, Level, Rejected
from ..track import Track
from .canonical import Program
from .slots import Confinable

__all__ = ["ProgramTrials", "judge", "takes_programs"]


class Programmed(Protocol):
    """What the `programmed` module of a track looks like."""

    def answer(
        self,
        recipe: Recipe,
        code: Confinable,
        seed: int,
        inputs: Mapping[str, np.ndarray],
        ulps: int,
    ) -> Mapping[str, np.ndarray]:
        """The arrays that the track's exam asks for; Rejected if the program misbehaves."""


def takes_programs(track: Track) -> bool:
    """May recipes of this track carry programs, and does its package know how to run them?"""
    return track.space.programs and importlib.util.find_spec(_module_name(track)) is not None


def _module_name(track: Track) -> str:
    return track.runner.rpartition(".")[0] + ".programmed"


class ProgramTrials:
    """Runs trials on a device, and those with programs in this process with the sandbox's help.

    This process must have nothing else to do meanwhile: it is the child that `programs.attempt` is.
    """

    def __init__(
        self, device: Device, programs: Mapping[bytes, Program], level: Level | None, *, gpu: bool = False
    ) -> None:
        """`gpu`: bind the cards, too (`Confinable.gpu`)."""
        self._device = device
        self._programs = dict(programs)
        self._level = level
        self._gpu = gpu
        self._environment: EnvironmentClass | None = None

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
        """One trial. Raises Rejected for a program that gets no score, and what `Device.run` raises."""
        if recipe.program is None:
            outcome = await self._device.run(
                track, recipe, seed, on_progress=on_progress, timeout_s=timeout_s, ulps=ulps
            )
            self._environment = outcome.environment
            return outcome
        return self._judged(track, recipe, recipe.program, seed, ulps)

    async def cached(
        self,
        track: Track,
        recipe: Recipe,
        seed: int,
        *,
        ulps: int = 0,
        on_progress: OnProgress | None = None,
    ) -> tuple[TrialOutcome, bool]:
        """As `Device.cached`; programs are never cached."""
        if recipe.program is not None:
            return await self.run(track, recipe, seed, ulps=ulps), True
        outcome, ran = await self._device.cached(track, recipe, seed, ulps=ulps, on_progress=on_progress)
        self._environment = outcome.environment
        return outcome, ran

    def _judged(self, track: Track, recipe: Recipe, program_id: bytes, seed: int, ulps: int) -> TrialOutcome:
        if self._level is None:
            raise Refused("this recipe carries a program, and this machine has no sandbox")
        if self._environment is None:
            raise LocalError("run the reference first: it tells the class of the machine")
        program = self._programs.get(program_id)
        if program is None:
            raise LocalError("the recipe names a program that was not given")
        start, cpu = time.perf_counter(), time.process_time()
        value = judge(track, recipe, Confinable(program, self._level, self._gpu), seed, ulps)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        return TrialOutcome(value, wall, cpu, self._environment, "diverged" if value is None else "")


def judge(track: Track, recipe: Recipe, code: Confinable, seed: int, ulps: int = 0) -> float | None:
    """The value of one trial of a program, or None if it diverged; Rejected if it gets none."""
    examiner = load_examiner(track.examiner)
    programmed = cast("Programmed", _load(_module_name(track)))
    exam = examiner.prepare(seed)
    answers = programmed.answer(recipe, code, seed, exam.inputs, ulps)
    if (wrong := matches(answers, exam.answers)) is not None:
        raise Rejected(Code.WRONG_OUTPUT, wrong)
    return examiner.score(exam, answers)


def _load(name: str) -> ModuleType:
    return importlib.import_module(name)
