"""Records, stores and state directories for tests of the node: real keys, real signatures, fixed seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from leaderboard.envelope import ChainTip, Envelope, seal, swarm_id
from leaderboard.ids import ContentId, SwarmId
from leaderboard.manifest import TrackManifest
from leaderboard.measurement import Measurement
from leaderboard.records import Accept, Claim, Finding, Note, Record, Replication, Result, Track, commitment
from leaderboard.signing import Signer
from node.store import Store

NOW_MS = 1_790_000_000_000


class Author:
    """One identity with its chain, sealing records one after the other."""

    def __init__(self, number: int, swarm: SwarmId) -> None:
        self.signer = Signer(bytes([number]) * 32)
        self.swarm = swarm
        self.tip = ChainTip(bytes([number]) * 16, -1, None)

    def seal(self, record: Record, time_ms: int = NOW_MS) -> Envelope:
        envelope = seal(record, self.signer, self.swarm, self.tip, time_ms)
        self.tip = envelope.tip
        return envelope

    def notes(self, count: int, about: ContentId | None = None) -> list[Envelope]:
        return [self.seal(Note(about, f"note {n}"), NOW_MS + n) for n in range(count)]


MANIFEST = TrackManifest(
    name="toy",
    version=1,
    question="Which constant is smallest?",
    metric="loss",
    direction="min",
    data=b"\x0d" * 32,
    budget={"samples": 100},
    reference={"settings": {"lr": 0.01}, "slots": {"init_std": "0.1"}},
    space={"settings": {"lr": {"low": 0.001, "high": 1.0}}, "slots": {"init_std": ["fan_in"]}},
    tolerance="D0",
    delta_min=0.01,
    effect_bound=3.0,
    author_seeds=2,
    replicator_seeds=2,
    evaluator=1,
)
MEASUREMENT = Measurement(
    seeds=(1, 2),
    candidate=(0.5, None),
    opponent=(2.25, 2.5),
    stable=(True, True),
    environment="x86-64",
    calibration=2.25,
    sandbox="none",
    cost_ms=80,
)


class Story:
    """A small swarm's records: a track, a claim, and what others did about it."""

    def __init__(self, alice: Author, bob: Author) -> None:
        self.track = alice.seal(Track(MANIFEST), NOW_MS)
        recipe = {"settings": {"lr": 0.02}, "slots": {"init_std": "sqrt(3/fan_out)"}}
        claim = Claim(MANIFEST.id, recipe, None, "Wider wants smaller.", 0.5, (), "person", "", True)
        self.claim = alice.seal(claim, NOW_MS + 1)
        self.result = alice.seal(Result(self.claim.id, MEASUREMENT), NOW_MS + 2)
        secret = b"\x05" * 32
        promise = Accept(self.claim.id, 2, commitment(self.claim.id, bob.signer.author, secret))
        self.accept = bob.seal(promise, NOW_MS + 3)
        fresh = replace(MEASUREMENT, seeds=(3, 4))
        self.replication = bob.seal(
            Replication(self.claim.id, self.accept.id, secret, fresh, MEASUREMENT), NOW_MS + 4
        )
        finding = Finding(
            self.claim.id, "equal", "rediscovery of a law", "kaiming-init", "He et al. 2015", "torch.nn.init",
            "fan_out", "init_std", 1.0, "confirmed", ("std matches",), "1",
        )  # fmt: skip
        self.finding = bob.seal(finding, NOW_MS + 5)

    @property
    def all(self) -> list[Envelope]:
        return [self.track, self.claim, self.result, self.accept, self.replication, self.finding]


@pytest.fixture
def swarm() -> SwarmId:
    return swarm_id("test-swarm")


@pytest.fixture
def alice(swarm: SwarmId) -> Author:
    return Author(1, swarm)


@pytest.fixture
def bob(swarm: SwarmId) -> Author:
    return Author(2, swarm)


@pytest.fixture
def story(alice: Author, bob: Author) -> Story:
    return Story(alice, bob)


@pytest.fixture
def store(tmp_path: Path, swarm: SwarmId) -> Iterator[Store]:
    with Store(tmp_path / "records.db", swarm) as opened:
        yield opened
