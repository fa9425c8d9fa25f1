"""Replicators draw themselves: a private coin nobody can predict, at a rate set by what is at stake.

Every node decides alone whether it accepts a claim, by HMAC of a local secret and the claim: authors cannot
choose their replicators (public lotteries can be ground: with rendezvous hashing 31 % Sybils own all three
seats after about 34 claim nonces), and nobody can exclude an honest one. The coin of a claim falls once; as
the rate rises with time, more nodes find theirs below it.

Targets, over the whole swarm: 5 replicators for a would-be champion, 3 for an author's personal best, one
discard in 20 spot-checked. Fewer where fewer are eligible. What nobody accepted doubles its rate every
`PATIENCE_MS`; discards stay where they are, or every one of them would be replicated in the end.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum

from ..board.ranking import Margin
from ..board.rows import ClaimView
from ..ids import AuthorId, ContentId
from .eprocess import e_value
from .facts import ClaimFacts
from .standing import Standing

__all__ = [
    "PATIENCE_MS",
    "Situation",
    "Stake",
    "accepts",
    "futile",
    "rate",
    "replay_seeds",
    "seeds_wanted",
    "stake_of",
    "worth_more",
]

PATIENCE_MS = 30_000
"""Time in which the rate of an unmet target doubles. A guess: a few trials of the shortest track."""
_COIN_DOMAIN = b"consilience/coin/v1\x00"
_REPLAY_DOMAIN = b"consilience/replay/v1\x00"


class Stake(Enum):
    """What a claim would change if it were true."""

    NONE = "nothing"
    DISCARD = "a discard"
    PERSONAL_BEST = "a personal best"
    CHAMPION = "a would-be champion"


_TARGETS = {Stake.NONE: 0.0, Stake.DISCARD: 1 / 20, Stake.PERSONAL_BEST: 3.0, Stake.CHAMPION: 5.0}


@dataclass(frozen=True, slots=True)
class Situation:
    """What a claim is up against, on whichever board the node believes."""

    leader: Margin | None
    """Margin of the best confirmed claim; None if nothing is confirmed."""
    opponent: Margin | None
    """Margin of the claim's opponent (zero for the reference); None if it is not confirmed."""
    own_best: float | None
    """Best margin that the author measured for its other claims; None if it has none."""
    decided: bool
    """Whether another claim of the same recipe is confirmed or refuted already."""
    quarantined: bool
    """Whether the node has caught the author publishing numbers that do not replay."""


def stake_of(view: ClaimView, situation: Situation) -> Stake:
    """What is at stake, by the author's own measurement: it attracts replicators, it never ranks."""
    evidence = view.evidence
    sure = view.standing is Standing.CONFIRMED and not evidence.shortfall
    if view.standing in _SETTLED or sure or evidence.author is None or situation.quarantined:
        return Stake.NONE
    effect = evidence.author.median
    if effect is None or effect <= view.delta_min or situation.decided or situation.opponent is None:
        return Stake.DISCARD  # without a confirmed opponent it cannot be ranked, however good
    total = situation.opponent.median + effect
    if situation.leader is None or total > situation.leader.median or view.margin == situation.leader:
        return Stake.CHAMPION
    is_best = situation.own_best is None or total > situation.own_best
    return Stake.PERSONAL_BEST if is_best else Stake.DISCARD


_SETTLED = (Standing.REFUTED, Standing.UNSTABLE, Standing.RETRACTED)


def rate(stake: Stake, eligible: int, already: int, age_ms: int = 0) -> float:
    """Probability with which each eligible node accepts.

    `eligible` counts the nodes that could still accept, this one included; `already` the accepts by nodes
    that this one trusts (counting strangers would let anybody exclude honest replicators by accepting).
    """
    wanted = _TARGETS[stake] - already
    if eligible < 1 or wanted <= 0.0:
        return 0.0
    patience = 0 if stake is Stake.DISCARD else min(64, max(0, age_ms) // PATIENCE_MS)
    return min(1.0, wanted / eligible * 2.0**patience)


def accepts(secret: bytes, claim: ContentId, chance: float) -> bool:
    """The coin: whether the node that holds `secret` accepts `claim` at this rate."""
    coin = hmac.digest(secret, _COIN_DOMAIN + claim, "sha256")
    return int.from_bytes(coin[:7], "big") < chance * 2**56


def seeds_wanted(stake: Stake, replicator_seeds: int) -> int:
    """How many seeds to accept: all of the track's for what may be confirmed, a quarter for a spot check."""
    return max(1, replicator_seeds // 4) if stake is Stake.DISCARD else replicator_seeds


def worth_more(view: ClaimView) -> bool:
    """Whether a replicated claim that misses the bar would reach it with as many seeds again, won alike.

    Then replicators may accept a second time, up to the policy's cap of seeds for each.
    """
    evidence = view.evidence
    if view.standing is not Standing.REPLICATED or evidence.outstanding or evidence.level is None:
        return False
    losses = evidence.total.losses + evidence.overdue
    return evidence.level < view.bar_level and e_value(2 * evidence.total.wins, 2 * losses) >= view.bar


def futile(wins: int, losses: int, remaining: int, odds: int) -> bool:
    """Whether `remaining` seeds, all won, would still leave E below `odds`: stop and deliver what there is.

    Seeds that were accepted and not run count as losses, so stopping early can never help a claim.
    """
    return e_value(wins + remaining, losses) < odds


def replay_seeds(secret: bytes, facts: ClaimFacts, viewer: AuthorId) -> tuple[int, ...]:
    """Which published seeds to run again, by the private coin: one of the author's, one of a replicator's.

    Replicators reveal their secrets, so their own seeds can be checked as the author's can: whoever made its
    numbers up cannot know which of them somebody will run again.
    Nothing is returned for a claim on which nobody else has published yet.
    """
    own = [seed for measurement in facts.measured for seed in measurement.seeds if facts.author != viewer]
    others = [
        seed
        for delivery in facts.deliveries.values()
        if delivery.commitment.author != viewer
        for seed in delivery.own.seeds
    ]
    return tuple(min(pool, key=lambda seed: _lot(secret, facts.id, seed)) for pool in (own, others) if pool)


def _lot(secret: bytes, claim: ContentId, seed: int) -> bytes:
    return hmac.digest(secret, _REPLAY_DOMAIN + claim + seed.to_bytes(8, "big"), "sha256")
