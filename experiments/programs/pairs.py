"""Paired runs of recipes with programs, as a process of their own: how a node re-runs a stranger's code.

`python -P -m experiments.programs.pairs` reads one JSON object from its standard input and writes one to its
standard output. The daemon loads neither torch nor a stranger's text: this process confines the code, asks it
across the wall and judges what comes back, like `experiments.programs.attempt`, but against any opponent and
on the seeds that a replicator committed to.

    in:  {"track": NAME, "recipe": {...}, "opponent": {...}, "programs": {ID: SOURCE, ...},
          "seeds": [SEED, ...], "gate": BOOL}        a recipe names its program by id, in hexadecimal digits
    out: {"measurement": {...}} | {"code": CODE, "reason": TEXT} | {"refused": TEXT} | {"error": TEXT}

A code says that the candidate, or its opponent, gets no score. Without a sandbox of at least Landlock's kind
nothing is run (`refused`). The level reached is written into the measurement. GPU devices are never bound.
Arguments are folders with the operator's own tracks.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import trio

from leaderboard.errors import ConsilienceError, LocalError, Refused
from leaderboard.measurement import MAX_SEEDS, Measurement

from ..harness.device import open_device
from ..harness.measure import measure_pairs
from ..harness.outcome import TrialError
from ..recipe import Recipe
from ..sandbox import Rejected, best_level
from ..track import Track, load_track
from .canonical import Program, program_id, read_program
from .trials import ProgramTrials, takes_programs

__all__ = ["Order", "main", "measure_programs"]

_REQUEST_BYTES: Final = 512 * 1024
_PROGRAMS: Final = 2  # the candidate's and its opponent's


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run."""

    track: Track
    recipe: Recipe
    opponent: Recipe
    programs: Mapping[bytes, Program]
    """By the id that recipes name, which is that of the blob with the text."""
    seeds: tuple[int, ...]
    gate: bool

    @classmethod
    def read(cls, request: Mapping[str, object]) -> Order:
        """The request of a node; LocalError if it is none, RecipeError for recipes that the track lacks."""
        name, sources, seeds = request.get("track"), request.get("programs"), request.get("seeds")
        if not isinstance(name, str) or not isinstance(sources, dict) or not isinstance(seeds, list):
            raise LocalError("the request names no track, programs or seeds")
        if not 0 < len(seeds) <= MAX_SEEDS or not all(type(seed) is int and seed >= 0 for seed in seeds):
            raise LocalError(f"give 1 to {MAX_SEEDS} seeds")
        if len(sources) > _PROGRAMS or not all(isinstance(source, str) for source in sources.values()):
            raise LocalError("programs must be at most two source texts")
        track = load_track(name)
        return cls(
            track=track,
            recipe=_recipe(request.get("recipe"), track),
            opponent=_recipe(request.get("opponent"), track),
            programs={_checked(key, source): read_program(source) for key, source in sources.items()},
            seeds=tuple(seeds),
            gate=request.get("gate") is True,
        )


async def measure_programs(order: Order, folders: Sequence[Path] = ()) -> Measurement:
    """Paired values behind the best wall that stands here; Refused without one, Rejected without a score."""
    if not takes_programs(order.track):
        raise Refused(f"the track {order.track.name} takes no programs")
    level = best_level()
    async with open_device(folders=folders) as device:
        trials = ProgramTrials(device, order.programs, level)
        found = await measure_pairs(
            trials, order.track, order.recipe, order.opponent, order.seeds, gate=order.gate
        )
    return replace(found, sandbox=level.value)


def main() -> int:
    """Answer the one request on the standard input; the exit status is 1 if there is no answer."""
    raw = sys.stdin.buffer.read(_REQUEST_BYTES + 1)
    answer = os.dup(1)  # whatever a library prints from now on does not belong to the answer
    os.dup2(2, 1)
    sys.path.extend(sys.argv[1:])
    said = _answer(raw, tuple(Path(folder) for folder in sys.argv[1:]))
    with os.fdopen(answer, "w", encoding="utf-8") as output:
        output.write(json.dumps(said, allow_nan=False) + "\n")
    return 1 if "error" in said else 0


def _answer(raw: bytes, folders: Sequence[Path]) -> dict[str, object]:
    try:
        order = Order.read(_request(raw))
        measured = trio.run(measure_programs, order, folders)
    except Rejected as error:
        return {"code": error.code.value, "reason": error.reason}
    except TrialError as error:
        return {"code": error.fault.value, "reason": str(error)}
    except Refused as error:
        return {"refused": str(error)}
    except ConsilienceError as error:
        return {"error": str(error)}
    return {"measurement": measured.payload()}


def _request(raw: bytes) -> Mapping[str, object]:
    if len(raw) > _REQUEST_BYTES:
        raise LocalError(f"the request is longer than {_REQUEST_BYTES} bytes")
    try:
        request = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise LocalError(f"the request is not JSON: {error}") from None
    if not isinstance(request, dict):
        raise LocalError("the request is not a JSON object")
    return request


def _checked(key: str, source: str) -> bytes:
    """The id, if the text is what it names."""
    found = program_id(source.encode())
    if found.hex() != key:
        raise LocalError("the text of a program is not what its id names")
    return found


def _recipe(payload: object, track: Track) -> Recipe:
    """A recipe as JSON has it: the program's id as hexadecimal digits."""
    parts = dict(payload) if isinstance(payload, dict) else {}
    program = parts.get("program")
    if isinstance(program, str):
        try:
            parts["program"] = bytes.fromhex(program)
        except ValueError:
            raise LocalError("the program's id is not hexadecimal") from None
    return Recipe.from_payload(parts, track)


if __name__ == "__main__":
    raise SystemExit(main())
