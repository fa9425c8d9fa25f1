"""One example of every record kind, for round trips and for the published vectors."""

from __future__ import annotations

from leaderboard.ablation import Ablation, Change
from leaderboard.ids import ContentId, TrackId
from leaderboard.manifest import TrackManifest
from leaderboard.measurement import Measurement
from leaderboard.records import (
    Accept,
    Claim,
    Finding,
    Note,
    Profile,
    Record,
    Replication,
    Result,
    Retraction,
    Track,
    commitment,
)

MANIFEST = TrackManifest(
    name="toy",
    version=1,
    question="Which constant is smallest?",
    metric="loss",
    direction="min",
    data=b"\x0d" * 32,
    budget={"samples": 100},
    reference={"settings": {"lr": 0.01}, "slots": {"init_std": "0.1"}},
    space={"slots": {"init_std": ["fan_in"]}},
    tolerance="D0",
    delta_min=0.01,
    effect_bound=3.0,
    author_seeds=2,
    replicator_seeds=4,
    evaluator=1,
)
CLAIM = ContentId(b"\xc1" * 32)
MEASUREMENT = Measurement(
    seeds=(1, 2**62),
    candidate=(0.5, None),
    opponent=(2.302585, 2.25),
    stable=(True, False),
    environment="x86-64/avx2/torch-2.13",
    calibration=2.3025,
    sandbox="none",
    cost_ms=812,
)
EXAMPLES: tuple[Record, ...] = (
    Track(MANIFEST),
    Claim(
        track=TrackId(MANIFEST.id),
        recipe={"settings": {"lr": 0.01}, "slots": {"init_std": "sqrt(3/fan_out)"}},
        opponent=None,
        hypothesis="Wider layers want smaller weights — “naïve”, but testable.",
        predicted_effect=0.5,
        parents=(ContentId(b"\xaa" * 32),),
        proposer="person",
        licence="CC-BY-4.0",
        derivable=True,
    ),
    Accept(CLAIM, 4, commitment(CLAIM, b"\x02" * 32, b"\x5e" * 32)),
    Result(CLAIM, MEASUREMENT),
    Replication(CLAIM, ContentId(b"\xac" * 32), b"\x5e" * 32, MEASUREMENT, None),
    Replication(CLAIM, ContentId(b"\xac" * 32), b"\x5e" * 32, MEASUREMENT, MEASUREMENT),
    Finding(
        claim=CLAIM,
        relation="equal",
        label="rediscovery of Glorot initialization",
        technique="glorot-init",
        paper="Glorot & Bengio 2010",
        symbol="torch.nn.init.xavier_normal_",
        mode="",
        slot="init_std",
        gain=1.0,
        strength="confirmed",
        evidence=("residual 0.001",),
        catalogue="abc",
    ),
    Note(None, "hello"),
    Retraction(CLAIM, "measured on the wrong data"),
    Profile("alice", "consilience 0.1.0", "cpu"),
    Ablation(CLAIM, None, (Change("lr", {"settings": {"lr": 0.1}}, MEASUREMENT),)),
)
