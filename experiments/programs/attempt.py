"""Measures a candidate here, under the whole harness and sandbox, without publishing anything.

`attempt` is how a person, an agent and a test meet the harness: an effect with its interval and the sandbox
level, or a stable code with the reason of the rejection. As a process (`python -P -m
experiments.programs.attempt [FOLDER ...]`) it reads one JSON object from its standard input and writes one to
its standard output, so that the command line loads neither torch nor NumPy:

    in:  {"track": NAME, "recipe": {...} | null, "program": SOURCE | null, "seeds": N | [SEED, ...],
          "gpu": true | false}
    out: {"accepted": true, "against": OPPONENT, "effect": ..., "interval": [low, high] | null, ...}
         {"accepted": false, "code": CODE, "reason": TEXT, ...}
         {"error": TEXT}  (exit status 1: this machine or the request is at fault, not the candidate)
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import trio

from leaderboard.errors import ConsilienceError, LocalError, PeerError, Refused
from leaderboard.evidence.confseq import median, median_interval
from leaderboard.evidence.effects import count, paired_effects
from leaderboard.ids import to_text
from leaderboard.measurement import MAX_SEEDS, Measurement
from leaderboard.records import recipe_id

from ..harness.device import open_device
from ..harness.measure import measure_pairs
from ..harness.outcome import Fault, TrialError
from ..recipe import Recipe
from ..sandbox import Code, Level, Rejected, best_level, probe_gpu
from ..track import Track, load_track
from .canonical import Program, read_program
from .trials import ProgramTrials, takes_programs

__all__ = ["Attempt", "Rejection", "attempt", "attempt_async", "main"]

_REQUEST_BYTES: Final = 256 * 1024
_ODDS: Final = 20  # intervals of 95 %
_DEFAULT_SEEDS: Final = 8
_ENVIRONMENT: Final = 120  # characters that a measurement has for the class of the machine
# A trial that its worker could not finish says something about the candidate, the others about this machine.
_CANDIDATE_FAULTS: Final = {
    Fault.FOUL: Code.FOUL,
    Fault.RUNNER: Code.PROGRAM_ERROR,
    Fault.TIMEOUT: Code.TIME_LIMIT,
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why there is no score."""

    code: Code
    reason: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a candidate."""

    track: str
    seeds: tuple[int, ...]
    rejection: Rejection | None
    measurement: Measurement | None
    """None after a rejection."""
    effect: float | None
    """Median gain over the opponent in units of the metric, positive is better; None without a number."""
    interval: tuple[float, float] | None
    """95 % confidence sequence of the median effect; None below seven seeds, where it is unbounded."""
    wins: int
    losses: int
    sandbox: str
    """Confinement in which the program ran: a level's name, or `none` for a recipe without a program."""
    recipe: str | None
    """Content id of the recipe, as text; None if it never became one."""
    program: str | None
    """Content id of the program in canonical form, as text."""
    against: str
    """The opponent in words, with the metric."""

    @property
    def accepted(self) -> bool:
        """Is there a score?"""
        return self.rejection is None

    def to_json(self) -> dict[str, object]:
        """The answer as a plain object."""
        common = {
            "accepted": self.accepted,
            "against": self.against,
            "program": self.program,
            "recipe": self.recipe,
            "sandbox": self.sandbox,
            "seeds": list(self.seeds),
            "track": self.track,
        }
        if self.rejection is not None:
            return {**common, "code": self.rejection.code.value, "reason": self.rejection.reason}
        assert self.measurement is not None
        return {
            **common,
            "candidate": list(self.measurement.candidate),
            "cost_ms": self.measurement.cost_ms,
            "effect": self.effect,
            "environment": self.measurement.environment,
            "interval": None if self.interval is None else list(self.interval),
            "losses": self.losses,
            "opponent": list(self.measurement.opponent),
            "stable": list(self.measurement.stable),
            "wins": self.wins,
        }


def attempt(
    track: Track,
    recipe: object,
    program_source: str | bytes | None,
    seeds: Sequence[int],
    *,
    gpu: bool = False,
    folders: Sequence[Path] = (),
) -> Attempt:
    """Measure a candidate against the track's reference on the seeds; rejections are values, not errors.

    recipe: a payload, perhaps partial; None means the reference's settings. gpu: the program may use a card,
    by the word of whoever owns it. folders: where workers find the operator's own tracks. Raises LocalError
    and Refused where this machine is at fault. Blocks until done: call it in a process that has nothing else
    to do.
    """
    work = partial(attempt_async, track, recipe, program_source, tuple(seeds), gpu=gpu, folders=folders)
    return trio.run(work)


async def attempt_async(
    track: Track,
    recipe: object,
    program_source: str | bytes | None,
    seeds: tuple[int, ...],
    *,
    gpu: bool = False,
    folders: Sequence[Path] = (),
) -> Attempt:
    """As `attempt`, within trio."""
    trial = _Candidate(track, seeds, folders, gpu=gpu)
    try:
        trial.read(recipe, program_source)
        return trial.scored(await trial.measured())
    except Rejected as error:
        return trial.rejected(Rejection(error.code, error.reason))
    except TrialError as error:
        if error.fault not in _CANDIDATE_FAULTS:
            raise
        return trial.rejected(Rejection(_CANDIDATE_FAULTS[error.fault], str(error)))


class _Candidate:
    """A candidate on its way to a score; knows at each point what can be said about it."""

    def __init__(self, track: Track, seeds: tuple[int, ...], folders: Sequence[Path], *, gpu: bool) -> None:
        if not 1 <= len(seeds) <= MAX_SEEDS or len(set(seeds)) != len(seeds):
            raise LocalError(f"give 1 to {MAX_SEEDS} different seeds")
        self._track = track
        self._seeds = seeds
        self._folders = folders
        self._gpu = gpu
        self._recipe = track.reference
        self._program: Program | None = None
        self._level: Level | None = None
        self._recipe_text: str | None = None

    def read(self, recipe: object, source: str | bytes | None) -> None:
        """Check recipe and program; Rejected says what to change."""
        payload: dict[str, object] = {}
        if isinstance(recipe, Mapping):
            payload.update(recipe)
        elif recipe is not None:
            raise Rejected(Code.RECIPE, "a recipe is an object with settings and slots")
        if source is not None:
            if not takes_programs(self._track):
                raise Rejected(Code.NOT_ALLOWED, f"the track {self._track.name} takes no programs")
            self._program = read_program(source)
            payload["program"] = self._program.id
        elif payload.get("program") is not None:
            raise Rejected(Code.RECIPE, "the recipe names a program; give its source as well")
        try:
            self._recipe = Recipe.from_payload(payload, self._track)
        except PeerError as error:
            raise Rejected(Code.RECIPE, str(error)) from None
        self._recipe_text = to_text(recipe_id(self._recipe.to_payload()))

    async def measured(self) -> Measurement:
        """Paired runs against the reference."""
        programs: dict[bytes, Program] = {}
        if self._program is not None:
            programs[self._program.id] = self._program
            self._level = _level()
        card = await trio.to_thread.run_sync(_card, self._level) if self._gpu else ""
        gate = self._track.manifest.tolerance in ("D0", "D1")
        async with open_device(folders=self._folders) as device:
            trials = ProgramTrials(device, programs, self._level, gpu=self._gpu)
            found = await measure_pairs(
                trials, self._track, self._recipe, self._track.reference, self._seeds, gate=gate
            )
        environment = f"{found.environment} {card}"[:_ENVIRONMENT] if card else found.environment
        return replace(found, sandbox=self._sandbox, environment=environment)

    def scored(self, measurement: Measurement) -> Attempt:
        """The attempt with its effect."""
        manifest = self._track.manifest
        effects = paired_effects(measurement, manifest, MAX_SEEDS)
        known = sorted(effect for effect in effects if effect is not None)
        counted = count(effects, manifest.delta_min)
        return replace(
            self._blank(),
            measurement=measurement,
            effect=median(known),
            interval=median_interval(known, _ODDS),
            wins=counted.wins,
            losses=counted.losses,
        )

    def rejected(self, rejection: Rejection) -> Attempt:
        """The attempt without a score."""
        return replace(self._blank(), rejection=rejection)

    @property
    def _sandbox(self) -> str:
        return "none" if self._level is None else self._level.value

    def _blank(self) -> Attempt:
        program = None if self._program is None else to_text(self._program.id)
        manifest = self._track.manifest
        against = f"the reference recipe of {manifest.name} v{manifest.version}, in {manifest.metric}"
        return Attempt(
            track=self._track.name, seeds=self._seeds, rejection=None, measurement=None, effect=None,
            interval=None, wins=0, losses=0, sandbox=self._sandbox, recipe=self._recipe_text, program=program,
            against=against,
        )  # fmt: skip


def _card(level: Level | None) -> str:
    """Name of the card that a confined program sees; Refused if it would see none."""
    if level is not Level.BUBBLEWRAP:
        raise Refused("only a program behind bubblewrap can be given a card")
    if not (card := probe_gpu()):
        raise Refused("a confined program sees no GPU on this machine; try it without `--gpu`")
    return card


def _level() -> Level:
    try:
        return best_level()
    except Refused as error:
        raise Rejected(Code.SANDBOX_REFUSED, str(error)) from None


def main(folders: Sequence[str]) -> int:
    """Answer the one request on the standard input; the exit status is 1 if there is no answer.

    The folders hold the operator's own tracks.
    """
    sys.path.extend(folders)
    raw = sys.stdin.buffer.read(_REQUEST_BYTES + 1)
    answer = os.dup(1)  # whatever a library prints from now on does not belong to the answer
    os.dup2(2, 1)
    try:
        outcome = _answer(raw, [Path(folder) for folder in folders])
    except ConsilienceError as error:
        outcome = {"error": str(error)}
    with os.fdopen(answer, "w", encoding="utf-8") as output:
        output.write(json.dumps(outcome, allow_nan=False) + "\n")
    return 1 if "error" in outcome else 0


def _answer(raw: bytes, folders: Sequence[Path]) -> dict[str, object]:
    if len(raw) > _REQUEST_BYTES:
        raise LocalError(f"the request is longer than {_REQUEST_BYTES} bytes")
    try:
        request = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise LocalError(f"the request is not JSON: {error}") from None
    if not isinstance(request, dict) or not isinstance(request.get("track"), str):
        raise LocalError("the request names no track")
    source = request.get("program")
    if source is not None and not isinstance(source, str):
        raise LocalError("the program must be source text")
    track = load_track(request["track"])
    seeds = _seeds(request.get("seeds", _DEFAULT_SEEDS))
    gpu = request.get("gpu") is True
    return attempt(track, request.get("recipe"), source, seeds, gpu=gpu, folders=folders).to_json()


def _seeds(wanted: object) -> tuple[int, ...]:
    """The seeds that were asked for, or that many that nobody could know."""
    if isinstance(wanted, int) and not isinstance(wanted, bool) and 1 <= wanted <= MAX_SEEDS:
        return tuple(secrets.randbits(63) for _ in range(wanted))
    if isinstance(wanted, list) and wanted and all(type(s) is int and 0 <= s < 2**63 for s in wanted):
        return tuple(wanted)
    raise LocalError(f"seeds must be a number up to {MAX_SEEDS} or a list of seeds")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
