"""A synthetic contest and actors who write records about it: the laboratory of tests and benches.

A recipe is a number, its true gain over the reference; a run is that gain plus noise that is a hash of the
seed, so that any actor's run of a seed replays exactly (class D0) while different seeds are independent.
Actors seal real records by default; `sealed=False` skips cryptography for simulations of many thousands of
records and gives envelopes that no ledger would admit.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..codec import encode
from ..envelope import ChainTip, Envelope, seal, swarm_id
from ..ids import AuthorId, ContentId
from ..manifest import TrackManifest
from ..measurement import Measurement
from ..records import Accept, Claim, Record, Replication, Result, Track, commitment
from ..signing import Signer
from .seeds import author_seeds, replicator_seeds

__all__ = ["SWARM", "Actor", "Contest", "draw", "normal"]

SWARM = swarm_id("synthetic")


def draw(*parts: bytes | int | str) -> float:
    """A number in (0, 1) that is a hash of `parts`."""
    state = hashlib.sha256()
    for part in parts:
        piece = part if isinstance(part, bytes) else str(part).encode()
        state.update(len(piece).to_bytes(4, "big") + piece)
    return (int.from_bytes(state.digest()[:7], "big") + 0.5) / 2**56


def normal(*parts: bytes | int | str) -> float:
    """A standard normal number that is a hash of `parts` (Box and Muller)."""
    radius = math.sqrt(-2.0 * math.log(draw("radius", *parts)))
    return radius * math.cos(2.0 * math.pi * draw("angle", *parts))


@dataclass(frozen=True, slots=True)
class Contest:
    """A track on which a recipe's true median gain is written in the recipe."""

    name: str = "synthetic"
    noise: float = 1.0
    """Standard deviation of the paired effect between seeds."""
    heavy: bool = False
    """Cauchy instead of normal noise."""
    diverging: float = 0.0
    """Probability that the candidate's run of a seed diverges."""
    author_seeds: int = 3
    replicator_seeds: int = 8
    delta_min: float = 0.0
    tolerance: str = "D0"

    @property
    def manifest(self) -> TrackManifest:
        return TrackManifest(
            name=self.name,
            version=1,
            question="Which number is largest?",
            metric="loss",
            direction="min",
            data=bytes(32),
            budget={"runs": 1},
            reference={"gain": 0.0},
            space={},
            tolerance=self.tolerance,
            delta_min=self.delta_min,
            effect_bound=100.0,
            author_seeds=self.author_seeds,
            replicator_seeds=self.replicator_seeds,
            evaluator=1,
        )

    def measure(
        self, gain: float, opponent: float, seeds: Sequence[int], environment: str = "one"
    ) -> Measurement:
        """What an honest node finds for a recipe of true gain `gain` against one of gain `opponent`."""
        return Measurement(
            seeds=tuple(seeds),
            candidate=tuple(self._candidate(gain, seed) for seed in seeds),
            opponent=tuple(5.0 + normal("seed", seed) - opponent for seed in seeds),
            stable=(True,) * len(seeds),
            environment=environment,
            calibration=1.0,
            sandbox="none",
            cost_ms=2 * len(seeds),
        )

    def _candidate(self, gain: float, seed: int) -> float | None:
        if self.diverging and draw("diverges", repr(gain), seed) < self.diverging:
            return None
        z = normal("effect", repr(gain), seed)
        if self.heavy:
            z = math.tan(math.pi * (draw("heavy", repr(gain), seed) - 0.5))
        return 5.0 + normal("seed", seed) - gain - self.noise * z


class Actor:
    """An identity with one chain that writes well-formed records; what it says may be a lie."""

    def __init__(self, name: str, contest: Contest, *, sealed: bool = True, environment: str = "one") -> None:
        self.contest = contest
        self.environment = environment
        self._manifest = contest.manifest
        self._sealed = sealed
        self._signer = Signer(hashlib.sha256(b"actor" + name.encode()).digest())
        self._tip = ChainTip(hashlib.sha256(b"chain" + name.encode()).digest()[:16], -1, None)
        self._secrets: dict[ContentId, bytes] = {}

    @property
    def id(self) -> AuthorId:
        return self._signer.author

    @property
    def tip(self) -> ChainTip:
        """The end of its chain; `rewind` to an older one equivocates."""
        return self._tip

    def rewind(self, tip: ChainTip) -> None:
        """Go back to an earlier tip, so that the next record forks the chain."""
        self._tip = tip

    def write(self, record: Record, time_ms: int | None = None) -> Envelope:
        """Publish a record at the end of the chain."""
        at = self._tip.seq + 1 if time_ms is None else time_ms
        if self._sealed:
            envelope = seal(record, self._signer, SWARM, self._tip, at)
        else:
            envelope = self._unsealed(record, at)
        self._tip = envelope.tip
        return envelope

    def track(self) -> Envelope:
        return self.write(Track(self._manifest))

    def claim(self, gain: float, opponent: ContentId | None = None, text: str = "") -> Envelope:
        """Claim a recipe of true gain `gain`."""
        return self.write(
            Claim(
                track=self._manifest.id,
                recipe={"gain": gain},
                opponent=opponent,
                hypothesis=text,
                predicted_effect=None,
                parents=() if opponent is None else (opponent,),
                proposer="synthetic",
                licence="",
                derivable=True,
            )
        )

    def result(self, claim: Envelope, gain: float, opponent: float = 0.0) -> Envelope:
        """Publish the author's measurement as if the recipe's gain were `gain`."""
        seeds = author_seeds(self._manifest.id, self.id, self.contest.author_seeds)
        return self.write(Result(claim.id, self.contest.measure(gain, opponent, seeds, self.environment)))

    def accept(self, claim: Envelope, seeds: int | None = None, salt: int = 0) -> Envelope:
        """Commit to run a claim."""
        secret = hashlib.sha256(self.id + claim.id + salt.to_bytes(8, "big")).digest()
        count = self.contest.replicator_seeds if seeds is None else seeds
        accept = self.write(Accept(claim.id, count, commitment(claim.id, self.id, secret)))
        self._secrets[accept.id] = secret
        return accept

    def deliver(
        self,
        accept: Envelope,
        gain: float,
        *,
        opponent: float = 0.0,
        replay: Measurement | None = None,
        shift: float = 0.0,
        tint: float = 1.0,
        most: int | None = None,
    ) -> Envelope:
        """Deliver an accept: the runs of a recipe of gain `gain`, moved by `shift` (a lie unless 0).

        Only a part `tint` of the seeds is moved.
        """
        record = accept.record
        assert isinstance(record, Accept)
        seeds = self.seeds(accept)[:most]
        own = self.contest.measure(gain, opponent, seeds, self.environment)
        if shift:
            moved = tuple(
                value if value is None or draw("tint", seed) > tint else value - shift
                for seed, value in zip(seeds, own.candidate, strict=True)
            )
            own = replace(own, candidate=moved)
        return self.write(Replication(record.claim, accept.id, self._secrets[accept.id], own, replay))

    def seeds(self, accept: Envelope) -> tuple[int, ...]:
        """The seeds that an accept of this actor stands for."""
        record = accept.record
        assert isinstance(record, Accept)
        secret = self._secrets[accept.id]
        return replicator_seeds(self._manifest.id, record.claim, self.id, secret, record.seeds)

    def _unsealed(self, record: Record, time_ms: int) -> Envelope:
        seq = self._tip.seq + 1
        body = encode([self.id, seq, time_ms, record.kind, record.payload()])
        return Envelope(
            raw=b"",
            id=ContentId(hashlib.sha256(body).digest()),
            author=self.id,
            swarm=SWARM,
            chain=self._tip.chain,
            seq=seq,
            prev=self._tip.prev,
            time_ms=time_ms,
            record=record,
        )
