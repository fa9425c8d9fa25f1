"""autoresearch's `results.tsv`: one line for each experiment, tab-separated, written and read.

    commit  val_bpb  memory_gb  status  description

Written: the claims of one track in the order in which they were made, the reference as the first line.
`commit` is the beginning of the claim's id, `val_bpb` the median of the author's own runs in the track's
metric (whatever that is: the column keeps its name), `status` is `keep` for what beat all before it by its
author's numbers, `discard` for what did not, and `crash` for what has no value. Memory is not measured and
written as 0.0, as autoresearch does where it does not know.

Read: somebody's unverified diary. Numbers from another machine, budget and data are no evidence about a track
here, so a line becomes a sentence in the notebook, marked as an import, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

from leaderboard.errors import PeerError

from .api.values import Json, JsonMap
from .errors import Misuse
from .text import visible

__all__ = ["COLUMNS", "Experiment", "read_results", "results_of", "sentences", "write_results"]

COLUMNS: Final = ("commit", "val_bpb", "memory_gb", "status", "description")
_STATUSES: Final = ("keep", "discard", "crash")
_MOST_LINES: Final = 10_000
_MOST_LINE: Final = 4_000  # characters
_MOST_WORDS: Final = 400  # of a description
_SHORT: Final = 7  # characters of an id, as git shows them


@dataclass(frozen=True, slots=True)
class Experiment:
    """One line."""

    commit: str
    value: float | None
    """None for a crash."""
    memory_gb: float
    status: str
    description: str


def write_results(experiments: Iterable[Experiment]) -> Iterator[str]:
    """The lines of the file, without line ends, below the header."""
    yield "\t".join(COLUMNS)
    for item in experiments:
        value = 0.0 if item.value is None else item.value
        words = " ".join(visible(item.description).split())
        yield f"{item.commit}\t{value:.6f}\t{item.memory_gb:.1f}\t{item.status}\t{words}"


def read_results(lines: Iterable[str]) -> list[Experiment]:
    """The experiments of a file; PeerError names the line that is none."""
    found: list[Experiment] = []
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if number == 1:
            if tuple(text.split("\t")) != COLUMNS:
                raise PeerError(f"line 1: a results.tsv begins with {' '.join(COLUMNS)}, tab-separated")
        elif text.strip():
            if number > _MOST_LINES or len(text) > _MOST_LINE:
                raise PeerError(f"line {number}: a results.tsv has fewer lines, and shorter ones")
            found.append(_experiment(text, number))
    return found


def sentences(experiments: list[Experiment]) -> Iterator[tuple[str, str]]:
    """(commit, what it teaches) of each experiment, against the first one that has a value."""
    baseline = next((item.value for item in experiments if item.value is not None), None)
    for item in experiments:
        if item.value is None or baseline is None:
            came = "crashed"
        else:
            came = f"val_bpb {item.value:.6g} against {baseline:.6g} of the first run, {item.status}"
        yield item.commit, f"unverified, from an autoresearch run elsewhere: {item.description}: {came}"


def results_of(records: Iterable[JsonMap], track: str) -> list[Experiment]:
    """The experiments of one track, from its exported records (`views.json_line`) in order of time.

    Raises Misuse unless the records hold the claims of exactly one track.
    """
    everything = list(records)
    manifests = {str(item["id"]): item for item in everything if item["kind"] == "track"}
    if len(manifests) != 1:
        hint = "name one with --track" if manifests else "`consilience track ls` names those there are"
        raise Misuse(f"{track or 'the selection'} is {len(manifests)} tracks; results.tsv is about one", hint)
    (manifest,) = (_map(_map(item["payload"]).get("manifest")) for item in manifests.values())
    measured = {
        (str(_map(item["payload"]).get("claim")), item["author"]): _map(_map(item["payload"])["measurement"])
        for item in everything
        if item["kind"] == "result"
    }
    claims = {(str(item["id"]), item["author"]): item for item in everything if item["kind"] == "claim"}
    found = _baseline(manifest, (measured[key] for key in claims if key in measured))
    sign = -1.0 if manifest.get("direction") == "min" else 1.0
    best = max((sign * item.value for item in found if item.value is not None), default=-math.inf)
    for key, claim in claims.items():
        if key not in measured:
            continue
        value = _median(measured[key].get("candidate"))
        better = value is not None and sign * value > best
        best = max(best, sign * value) if value is not None else best
        status = "crash" if value is None else "keep" if better else "discard"
        words = str(_map(claim["payload"]).get("hypothesis", ""))[:_MOST_WORDS]
        found.append(Experiment(str(claim["id"])[:_SHORT], value, 0.0, status, words))
    return found


def _baseline(manifest: Mapping[str, Json], measured: Iterable[Mapping[str, Json]]) -> list[Experiment]:
    """The reference as every author met it: the median over all runs of opponents."""
    runs = [value for one in measured for value in _numbers(one.get("opponent"))]
    if not runs:
        return []
    words = f"baseline: the reference recipe of {manifest.get('name')}"
    return [Experiment("0" * _SHORT, median(runs), 0.0, "keep", words)]


def _median(values: Json) -> float | None:
    numbers = _numbers(values)
    return median(numbers) if numbers else None


def _numbers(values: Json) -> list[float]:
    return [float(v) for v in values if isinstance(v, int | float)] if isinstance(values, list) else []


def _map(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _experiment(text: str, number: int) -> Experiment:
    parts = text.split("\t", len(COLUMNS) - 1)
    if len(parts) != len(COLUMNS):
        raise PeerError(f"line {number}: {len(parts)} columns, not {len(COLUMNS)}")
    commit, value, memory, status, description = parts
    if status not in _STATUSES:
        raise PeerError(f"line {number}: the status is {status[:20]!r}, not one of {', '.join(_STATUSES)}")
    if not commit.isalnum() or not commit.isascii() or len(commit) > 64:
        raise PeerError(f"line {number}: {commit[:20]!r} is no commit")
    return Experiment(
        commit,
        None if status == "crash" else _number(value, number),
        _number(memory, number),
        status,
        visible(" ".join(description.split()))[:_MOST_WORDS],
    )


def _number(text: str, number: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value < 1e9:
        raise PeerError(f"line {number}: {text[:20]!r} is no number from 0 up")
    return value
