"""Re-running programs of strangers, for operators who allow it (`agent.peer_programs`, off by default).

A recipe names its program by the id of a blob. The text is fetched when it is needed, checked against the id,
and handed to a process of its own (experiments.programs.pairs), which confines the code by bubblewrap or, at
the least, Landlock and a system call filter, and refuses otherwise. The daemon never looks into the text.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import trio

from experiments.harness.outcome import Fault, TrialError
from experiments.programs.canonical import MAX_SOURCE_BYTES
from experiments.recipe import Recipe
from experiments.sandbox import best_level
from experiments.track import Track
from leaderboard.blob import BlobId
from leaderboard.errors import LocalError, PeerError, Refused
from leaderboard.fields import Fields
from leaderboard.ids import AuthorId
from leaderboard.measurement import Measurement

__all__ = ["FetchBlob", "ProgramRunner"]

FetchBlob: TypeAlias = Callable[[BlobId, int, Sequence[AuthorId]], Awaitable[bytes]]
"""A blob's content, of at most so many bytes, from those who surely have it or anybody; Refused if nobody."""

_PAIR_WITHIN_S = 900.0
"""Wall time of one paired seed: each run may take a minute of processor time on a shared machine."""


class ProgramRunner:
    """Measures recipes of which at least one carries a program, one process a call."""

    def __init__(self, fetch: FetchBlob, folders: Sequence[Path] = ()) -> None:
        self._fetch = fetch
        self._command = [sys.executable, "-P", "-m", "experiments.programs.pairs", *map(str, folders)]

    async def prepare(self, recipe: Recipe, opponent: Recipe, near: Sequence[AuthorId] = ()) -> None:
        """Before anything is promised: Refused unless a wall stands here and the text can be had."""
        await trio.to_thread.run_sync(best_level)
        for program in _programs(recipe, opponent):
            await self._text(program, near)

    async def measure(
        self,
        track: Track,
        recipe: Recipe,
        opponent: Recipe,
        seeds: Sequence[int],
        *,
        gate: bool,
        near: Sequence[AuthorId] = (),
    ) -> Measurement:
        """Paired values; TrialError if the candidate gets no score, Refused if it cannot be run here now."""
        texts = {program.hex(): await self._text(program, near) for program in _programs(recipe, opponent)}
        request = {
            "track": track.name,
            "recipe": _as_json(recipe),
            "opponent": _as_json(opponent),
            "programs": texts,
            "seeds": list(seeds),
            "gate": gate,
        }
        within_s = _PAIR_WITHIN_S * len(seeds)
        return _measurement(await self._ask(json.dumps(request).encode(), within_s), seeds)

    async def _text(self, program: bytes, near: Sequence[AuthorId]) -> str:
        content = await self._fetch(BlobId(program), MAX_SOURCE_BYTES, near)
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise TrialError(Fault.RUNNER, "the program is not text") from None

    async def _ask(self, request: bytes, within_s: float) -> Mapping[str, object]:
        try:
            with trio.fail_after(within_s):
                done = await trio.run_process(
                    self._command,
                    stdin=request,
                    capture_stdout=True,
                    stderr=subprocess.DEVNULL,
                    check=False,
                )
        except trio.TooSlowError:
            raise TrialError(Fault.TIMEOUT, f"no answer within {within_s:g} s") from None
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            raise LocalError(f"the process that runs programs ended with status {done.returncode}") from None
        if not isinstance(answer, dict):
            raise LocalError("the process that runs programs answered with no object")
        return answer


def _programs(*recipes: Recipe) -> set[bytes]:
    return {recipe.program for recipe in recipes if recipe.program is not None}


def _measurement(answer: Mapping[str, object], seeds: Sequence[int]) -> Measurement:
    if "refused" in answer:
        raise Refused(str(answer["refused"]))
    if "code" in answer:
        raise TrialError(Fault.RUNNER, f"{answer['code']}: {answer.get('reason')}")
    found = answer.get("measurement")
    if not isinstance(found, dict):
        raise LocalError(f"programs cannot be run here: {answer.get('error')}")
    try:
        measurement = Measurement.read(Fields(found, "measurement"))
    except PeerError as error:
        raise LocalError(f"the process that runs programs answered wrongly: {error}") from None
    if measurement.seeds != tuple(seeds):
        raise LocalError("the process that runs programs ran other seeds")
    return measurement


def _as_json(recipe: Recipe) -> dict[str, object]:
    payload: dict[str, object] = dict(recipe.to_payload())
    if recipe.program is not None:
        payload["program"] = recipe.program.hex()
    return payload
