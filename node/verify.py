"""Run a published result again on this machine: a process of its own, `python -P -m node.verify`.

Reads signed records on stdin (what `export --about ID --format raw` gives), checks ids and signatures, runs
the claim's recipe and its opponent again on published seeds and on new random ones, and writes one JSON
object. Progress goes to stderr as `step/steps` lines. Nothing is published.

Two questions are answered apart. *Do the published numbers replay?* Each re-run seed is set against what its
publisher signed, by the track's tolerance class. *Does the effect show here?* The median effect on seeds that
nobody knew before. The first can fail only if somebody's numbers are wrong; the second can fail by chance.

Not covered: tracks that are not installed here, in this version; recipes that carry programs.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgpack
import trio

from experiments.harness.device import Device, open_device
from experiments.harness.outcome import Progress
from experiments.recipe import Recipe
from experiments.track import Track as InstalledTrack
from experiments.track import load_track
from leaderboard.codec import MAX_RECORD_BYTES
from leaderboard.envelope import Envelope, open_envelope
from leaderboard.errors import ConsilienceError, LocalError, PeerError
from leaderboard.evidence.effects import paired_effects
from leaderboard.evidence.replay import Agreement, Run, compare
from leaderboard.ids import ContentId, SwarmId, from_text, to_text
from leaderboard.measurement import Measurement
from leaderboard.records import Claim, Record, Replication, Result, Track

from .typed import plain

__all__ = ["Report", "SeedReport", "main", "read_records", "verify"]

_MOST_INPUT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SeedReport:
    """One published seed, run again."""

    record: str
    """The result or replication that published it."""
    author: str
    seed: int
    published: tuple[float | None, float | None]
    """Candidate and opponent as published."""
    here: tuple[float | None, float | None]
    agreement: str
    """`same`, `different`, `unstable` or `not comparable`."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found."""

    claim: str
    track: str
    metric: str
    tolerance: str
    holds: bool
    """No published number differed, and at least one was found the same."""
    replays: tuple[SeedReport, ...]
    effects: tuple[float | None, ...]
    """Effects on new random seeds, in units of the metric; positive is better, None a tie."""
    effect: float | None
    """Their median."""
    published_effect: float | None
    """The median effect over all published seeds of the claim."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A claim with what is needed to run it."""

    claim: Envelope
    track: InstalledTrack
    recipe: Recipe
    opponent: Recipe
    published: tuple[tuple[Envelope, Measurement], ...]


def read_records(content: bytes, swarm: SwarmId) -> dict[ContentId, Envelope]:
    """The records in `content`, every signature checked; raises PeerError for any that is wrong."""
    unpacker = msgpack.Unpacker(max_buffer_size=_MOST_INPUT_BYTES, max_bin_len=MAX_RECORD_BYTES)
    unpacker.feed(content)
    found = {}
    start = 0
    while start < len(content):
        try:
            unpacker.skip()
        except (msgpack.OutOfData, ValueError) as error:
            raise PeerError(f"the records are cut or malformed at byte {start}: {error}") from None
        envelope = open_envelope(content[start : unpacker.tell()], swarm)
        if not envelope.signature_holds():
            raise PeerError(f"record {to_text(envelope.id)} is not signed by its author")
        found[envelope.id] = envelope
        start = unpacker.tell()
    return found


async def verify(
    records: dict[ContentId, Envelope], target: ContentId, seeds: int, fresh: int, device: Device
) -> Report:
    """Run `seeds` published seeds of each measurement of `target` again, and `fresh` new ones.

    `target` is a claim, or one result or replication, whose seeds alone are then run again.
    """
    case = _case(records, target)
    replays = [item async for item in _replays(case, seeds, device)]
    chosen = tuple(secrets.randbits(63) for _ in range(fresh))
    effects: tuple[float | None, ...] = ()
    if chosen:
        measured = await _measure(case, chosen, device, gate=False)
        effects = paired_effects(measured, case.track.manifest, len(chosen))
    agreements = {item.agreement for item in replays}
    return Report(
        claim=to_text(case.claim.id),
        track=case.track.name,
        metric=case.track.manifest.metric,
        tolerance=case.track.manifest.tolerance,
        holds=Agreement.SAME.value in agreements and Agreement.DIFFERENT.value not in agreements,
        replays=tuple(replays),
        effects=effects,
        effect=_median(effects),
        published_effect=_median(
            [
                effect
                for _, measurement in case.published
                for effect in paired_effects(measurement, case.track.manifest, len(measurement.seeds))
            ]
        ),
    )


async def _replays(case: _Case, seeds: int, device: Device) -> AsyncGenerator[SeedReport]:
    for envelope, measurement in case.published:
        runs = list(Run.of(measurement))
        # Drawn, not the first ones: whoever publishes must not know which seeds will be looked at.
        runs = secrets.SystemRandom().sample(runs, min(seeds, len(runs)))
        if not runs:
            continue
        again = await _measure(case, [seed for seed, _ in runs], device, gate=True)
        for (seed, published), (_, here) in zip(runs, Run.of(again), strict=True):
            yield SeedReport(
                record=to_text(envelope.id),
                author=to_text(envelope.author),
                seed=seed,
                published=(published.candidate, published.opponent),
                here=(here.candidate, here.opponent),
                agreement=compare(case.track.manifest.tolerance, published, here).value,
            )


async def _measure(case: _Case, seeds: Sequence[int], device: Device, *, gate: bool) -> Measurement:
    return await device.measure(
        case.track, case.recipe, case.opponent, seeds, gate=gate, on_progress=_show_progress
    )


def _case(records: dict[ContentId, Envelope], target: ContentId) -> _Case:
    claim, only = _claim_of(records, target)
    record = claim.record
    assert isinstance(record, Claim)
    track = _installed(records, record)
    opponent = track.reference
    if record.opponent is not None:
        other = records.get(record.opponent)
        if other is None or not isinstance(other.record, Claim):
            raise LocalError("the opponent's claim has not reached this node yet")
        opponent = Recipe.from_payload(other.record.recipe, track)
    published = [
        (item, measurement)
        for item in sorted(records.values(), key=lambda item: (item.time_ms, item.id))
        for measurement in _published(item.record, claim.id)
        if only is None or item.id == only
    ]
    if not published:
        raise LocalError("nobody has published a measurement of this claim yet: there is nothing to verify")
    recipe = Recipe.from_payload(record.recipe, track)
    return _Case(claim, track, recipe, opponent, tuple(published))


def _claim_of(records: dict[ContentId, Envelope], target: ContentId) -> tuple[Envelope, ContentId | None]:
    """The claim that `target` is or is about, and `target` itself if it is a measurement."""
    envelope = records.get(target)
    if envelope is None:
        raise LocalError("the record is not among those that were given")
    if isinstance(envelope.record, Claim):
        return envelope, None
    if isinstance(envelope.record, Result | Replication):
        claim = records.get(envelope.record.claim)
        if claim is None or not isinstance(claim.record, Claim):
            raise LocalError("the claim that was measured has not reached this node yet")
        return claim, target
    raise LocalError(f"a {envelope.kind} is not a result; give a claim, a result or a replication")


def _published(record: Record, claim: ContentId) -> Iterator[Measurement]:
    match record:
        case Result(claim=about, measurement=measurement) if about == claim:
            yield measurement
        case Replication(claim=about, own=own) if about == claim:
            yield own


def _installed(records: dict[ContentId, Envelope], claim: Claim) -> InstalledTrack:
    names = [
        item.record.manifest.name
        for item in records.values()
        if isinstance(item.record, Track) and item.record.manifest.id == claim.track
    ]
    if not names:
        raise LocalError("the track of this claim is not known here, so it cannot be run")
    track = load_track(names[0])
    if track.id != claim.track:
        raise LocalError(f"this machine has another version of the track {names[0]!r} installed")
    return track


def _median(effects: Sequence[float | None]) -> float | None:
    numbers = [0.0 if effect is None else effect for effect in effects]
    return median(numbers) if numbers else None


def _show_progress(progress: Progress) -> None:
    print(f"{progress.trial}/{progress.trials}", file=sys.stderr, flush=True)


async def _run(swarm: SwarmId, target: ContentId, seeds: int, fresh: int, folders: Sequence[Path]) -> Report:
    content = sys.stdin.buffer.read(_MOST_INPUT_BYTES + 1)
    if len(content) > _MOST_INPUT_BYTES:
        raise LocalError(f"more than {_MOST_INPUT_BYTES} bytes of records")
    async with open_device(folders=folders) as device:
        return await verify(read_records(content, swarm), target, seeds, fresh, device)


def main(arguments: Sequence[str]) -> int:
    """`node.verify SWARM_ID RECORD_ID SEEDS FRESH [FOLDER...]`: the report, or `{"error"}`, as JSON.

    The folders hold the operator's own tracks (`agent.track_folders`).
    """
    swarm, target, seeds, fresh, *folders = arguments
    sys.path.extend(folders)
    words = SwarmId(from_text(swarm)), ContentId(from_text(target)), int(seeds), int(fresh)
    try:
        report = trio.run(_run, *words, [Path(folder) for folder in folders])
    except ConsilienceError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    print(json.dumps(plain(report)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
