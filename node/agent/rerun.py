"""Running somebody else's claim on this node's device: seeds that were published, and seeds of its own.

An honest machine errs, too, so what contradicts a published number is run twice before it is said: a second
run that agrees withdraws the first, and a seed on which this machine contradicts itself is left out.

A run that fails while the opponent's run of the same seed does not is the candidate's failure: it counts as
diverged, and nobody can keep replicators from delivering with a recipe that breaks their workers. If the
opponent fails as well, this machine is at fault, and what was measured until then is all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from experiments.harness.outcome import TrialError
from experiments.recipe import Recipe
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.errors import LocalError, Refused
from leaderboard.evidence.facts import ClaimFacts
from leaderboard.evidence.replay import Agreement, contradictions, settle
from leaderboard.ids import short
from leaderboard.measurement import Measurement

from .programs import ProgramRunner
from .workbench import Workbench

__all__ = ["Rerun"]

_LOG = structlog.get_logger("replication")


@dataclass(frozen=True, slots=True)
class Rerun:
    """One claim on this node's device."""

    bench: Workbench
    track: Track
    view: ClaimView
    recipe: Recipe
    opponent: Recipe
    programs: ProgramRunner | None = None
    """Runs strangers' programs, if the operator allows it."""

    @classmethod
    def of(cls, bench: Workbench, view: ClaimView, programs: ProgramRunner | None = None) -> Rerun:
        """The claim as this node reads it; RecipeError if it is not a recipe of the installed track."""
        recipe, opponent = bench.recipes(view)
        return cls(bench, bench.tracks[view.track], view, recipe, opponent, programs)

    @property
    def may_run(self) -> bool:
        """Whether nothing here is a program, or programs are allowed."""
        return not self._carries or self.programs is not None

    @property
    def _carries(self) -> bool:
        return self.recipe.program is not None or self.opponent.program is not None

    async def prepare(self) -> None:
        """Before anything is promised: Refused if a program cannot be had, or not confined."""
        if self.programs is not None and self._carries:
            await self.programs.prepare(self.recipe, self.opponent, [self.view.author])

    async def again(self, seeds: Sequence[int]) -> Measurement | None:
        """Published seeds with the sensitivity gate; None if nothing could be said about any of them."""
        first = await self._each(seeds, gate=True)
        doubted = {} if first is None else self.contradictions(first)
        if first is None or not doubted:
            return first
        second = await self._each([seed for seed in first.seeds if seed in doubted], gate=True)
        facts, nothing = self._facts, first.only(())
        assert facts is not None
        told = settle(facts, self.track.manifest.tolerance, first, nothing if second is None else second)
        if len(told.seeds) < len(first.seeds):
            _LOG.warning("this machine contradicts itself", claim=short(self.view.id), seeds=len(doubted))
        return told if told.seeds else None

    async def fresh(
        self, seeds: Sequence[int], enough: Callable[[Measurement], bool] = lambda _: False
    ) -> Measurement | None:
        """Seeds of this node's own, until `enough` says so; None if this machine could not run the first."""
        return await self._each(seeds, gate=False, enough=enough)

    def contradictions(self, rerun: Measurement) -> dict[int, Agreement]:
        """Seeds on which `rerun` contradicts what somebody has published."""
        facts = self._facts
        return {} if facts is None else contradictions(facts, self.track.manifest.tolerance, rerun)

    @property
    def _facts(self) -> ClaimFacts | None:
        return self.bench.replica.standings.facts(self.view.id)

    async def _each(
        self,
        seeds: Sequence[int],
        *,
        gate: bool,
        enough: Callable[[Measurement], bool] = lambda _: False,
    ) -> Measurement | None:
        """Seed after seed, as far as this machine can; programs at once: their process is slow to start."""
        done: Measurement | None = None
        if self._carries:
            try:
                return await self._pairs(self.recipe, seeds, gate) if seeds else None
            except TrialError as error:
                _LOG.info("seed by seed, then", claim=short(self.view.id), error=str(error))
            except LocalError as error:
                _LOG.warning("this machine cannot run it", claim=short(self.view.id), error=str(error))
                return None
        for seed in seeds:
            part = await self._one(seed, gate)
            if part is None:
                break
            done = part if done is None else done.extended(part)
            if enough(done):
                break
        return done

    async def _one(self, seed: int, gate: bool) -> Measurement | None:
        """One pair; None if this machine is at fault."""
        try:
            return await self._pairs(self.recipe, [seed], gate)
        except TrialError as error:
            fault = error
        except LocalError as error:
            _LOG.warning("this machine cannot run it", claim=short(self.view.id), error=str(error))
            return None
        try:
            found = await self._pairs(self.opponent, [seed], gate=False)
        except LocalError as error:
            _LOG.warning("this machine fails the opponent, too", claim=short(self.view.id), error=str(error))
            return None
        _LOG.info("the candidate's run failed", claim=short(self.view.id), error=str(fault))
        return replace(found, candidate=(None,))

    async def _pairs(self, recipe: Recipe, seeds: Sequence[int], gate: bool) -> Measurement:
        """`recipe` against the opponent; programs run in a process of their own, if they may."""
        report = self.bench.activity.report
        if recipe.program is None and self.opponent.program is None:
            return await self.bench.device.measure(
                self.track, recipe, self.opponent, seeds, gate=gate, on_progress=report
            )
        if self.programs is None:
            raise Refused("this recipe carries a program, and agent.peer_programs is off")
        near = [self.view.author]
        return await self.programs.measure(self.track, recipe, self.opponent, seeds, gate=gate, near=near)
