"""`consilience verify`: honest numbers hold, invented ones do not, and foreign records are refused.

The real child process with real workers, on the toy track; the store is read because no daemon runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from experiments.harness.device import open_device
from experiments.recipe import Recipe
from experiments.track import load_track
from leaderboard.envelope import Envelope
from leaderboard.errors import PeerError
from leaderboard.ids import SwarmId, to_text
from leaderboard.measurement import Measurement
from leaderboard.records import Claim, Note, Result, Track
from node.config import template
from node.store import Store
from node.verify import read_records

if TYPE_CHECKING:
    from .conftest import Author

TOYS = Path(__file__).parent / "toytrack"
Verify = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def published(tmp_path: Path, alice: Author, monkeypatch: pytest.MonkeyPatch) -> list[Envelope]:
    """Track, claim and an honest result in the store of a node that is down."""
    monkeypatch.syspath_prepend(str(TOYS))
    track = load_track("toy")
    recipe = Recipe.from_payload({"settings": {"x": 0.25}}, track)

    async def measure() -> Measurement:
        async with open_device(folders=[TOYS]) as device:
            return await device.measure(track, recipe, track.reference, (11, 12, 13))

    claim = alice.seal(Claim(track.id, recipe.to_payload(), None, "nearer", None, (), "person", "", True))
    result = alice.seal(Result(claim.id, trio.run(measure)))
    records = [alice.seal(Track(track.manifest)), claim, result]
    settings = {"node.swarm": "test-swarm", "agent.track_folders": [str(TOYS)]}
    (tmp_path / "config.toml").write_text(template(settings))
    with Store(tmp_path / "records.db", alice.swarm) as store:
        store.append(records)
    return records


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    def go(envelope: Envelope, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "node.cli", "--home", str(tmp_path), "verify"]
        return subprocess.run(
            [*command, to_text(envelope.id)[:12], *words], capture_output=True, text=True, check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip

    return go


def report(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


@pytest.mark.slow
def test_honest_numbers_hold(published: list[Envelope], verify: Verify) -> None:
    _, claim, result = published
    done = verify(claim, "--seeds", "3", "--json")
    assert done.returncode == 0, done.stderr
    said = report(done)
    assert said["holds"] is True
    assert [item["agreement"] for item in said["replays"]] == ["same"] * 3
    assert {item["seed"] for item in said["replays"]} == {11, 12, 13}
    assert len(said["effects"]) == 2
    assert said["effect"] == pytest.approx(said["published_effect"], rel=0.2)
    shown = verify(result)
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[-1].startswith("holds: published numbers run again here (1 same")


@pytest.mark.slow
def test_invented_numbers_do_not_hold(
    published: list[Envelope], verify: Verify, alice: Author, tmp_path: Path
) -> None:
    _, claim, honest = published
    assert isinstance(honest.record, Result)
    better = tuple(0.9 * value for value in honest.record.measurement.candidate if value is not None)
    lie = alice.seal(Result(claim.id, replace(honest.record.measurement, candidate=better)))
    with Store(tmp_path / "records.db", alice.swarm) as store:
        store.append([lie])
    done = verify(lie, "--fresh", "0")
    assert done.returncode == 7, done.stderr
    assert "different" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("does not hold")
    assert verify(honest, "--fresh", "0").returncode == 0


@pytest.mark.slow
def test_what_cannot_be_verified_says_why(
    published: list[Envelope], verify: Verify, alice: Author, tmp_path: Path
) -> None:
    track, claim, _ = published
    assert isinstance(claim.record, Claim)
    assert isinstance(track.record, Track)
    lonely = alice.seal(replace(claim.record, hypothesis="not measured yet"))
    foreign = replace(track.record.manifest, name="elsewhere")
    other = alice.seal(replace(claim.record, track=foreign.id))
    measured = alice.seal(Result(other.id, published[2].record.measurement))  # type: ignore[union-attr]
    with Store(tmp_path / "records.db", alice.swarm) as store:
        store.append([lonely, alice.seal(Track(foreign)), other, measured])
    done = verify(lonely)
    assert (done.returncode, "nobody has published a measurement" in done.stderr) == (1, True)
    done = verify(other)
    assert (done.returncode, "is not installed" in done.stderr) == (1, True)
    done = verify(track)
    assert (done.returncode, "a track is not a result" in done.stderr) == (2, True)


def test_records_are_checked_before_anything_runs(alice: Author, bob: Author, swarm: SwarmId) -> None:
    notes = alice.notes(3)
    content = b"".join(item.raw for item in notes)
    assert list(read_records(content, swarm).values()) == notes
    forged = bytearray(alice.seal(Note(None, "mine")).raw)
    forged[-1] ^= 1
    for bad in (content[:-1], content + b"\x93", bytes(forged), b"\xc1", content + b"\x01"):
        with pytest.raises(PeerError):
            read_records(bad, swarm)
    assert read_records(b"", swarm) == {}
    with pytest.raises(PeerError, match="another swarm"):
        read_records(bob.notes(1)[0].raw, SwarmId(bytes(32)))
