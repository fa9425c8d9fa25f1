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
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from ..board.ranking import Margin
from ..board.rows import ClaimView, Row
from ..ids import AuthorId, ContentId
from .effects import Count
from .eprocess import e_value
from .facts import ClaimFacts
from .fdr import doublings
from .replay import seeds_run_again
from .standing import Standing
from .trust import PeerTrust

__all__ = [
    "PATIENCE_MS",
    "REPLAYED",
    "TOP",
    "Situation",
    "Stake",
    "ablates",
    "accepts",
    "futile",
    "hopeless",
    "rate",
    "replay_seeds",
    "seeds_missing",
    "seeds_wanted",
    "stake_of",
]

PATIENCE_MS = 30_000
"""Time in which the rate of an unmet target doubles. A guess: a few trials of the shortest track."""
TOP = 10
"""Rows of a board whose effects are measured until selection no longer flatters them."""
REPLAYED = 3
"""Replicators of whom each replication runs a seed again: most of a champion's five, more than it takes
before a claim counts on "my board" (leaderboard.evidence.standing)."""
_COIN_DOMAIN = b"consilience/coin/v1\x00"
_REPLAY_DOMAIN = b"consilience/replay/v1\x00"
_ABLATION_DOMAIN = b"consilience/ablation-coin/v1\x00"


class Stake(Enum):
    """What a claim would change if it were true."""

    NONE = "nothing"
    DISCARD = "a discard"
    PERSONAL_BEST = "a personal best"
    CHAMPION = "a would-be champion"


_NOTHING = Count()
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
    if view.standing in _SETTLED or evidence.author is None or situation.quarantined:
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

    `eligible` counts the nodes that can accept or have accepted, this one included. The base rate does not
    depend on who accepted already: otherwise liars could exclude honest replicators by accepting first. Only
    the rise with time stops once `already` (accepts by nodes not caught lying) has met the target.
    """
    target = _TARGETS[stake]
    if eligible < 1 or target <= 0.0:
        return 0.0
    waits = stake is not Stake.DISCARD and already < min(target, eligible)
    patience = min(64, max(0, age_ms) // PATIENCE_MS) if waits else 0
    return min(1.0, target / eligible * 2.0**patience)


def accepts(secret: bytes, claim: ContentId, chance: float) -> bool:
    """The coin: whether the node that holds `secret` accepts `claim` at this rate."""
    coin = hmac.digest(secret, _COIN_DOMAIN + claim, "sha256")
    return int.from_bytes(coin[:7], "big") < chance * 2**56


def ablates(secret: bytes, claim: ContentId, eligible: int, age_ms: int) -> bool:
    """The coin for taking somebody else's confirmed recipe apart, which its author does in any case.

    One other node in the swarm at once, and more every `PATIENCE_MS` in which nobody published an ablation.
    """
    chance = min(1.0, 2.0 ** min(64, max(0, age_ms) // PATIENCE_MS) / max(1, eligible))
    coin = hmac.digest(secret, _ABLATION_DOMAIN + claim, "sha256")
    return int.from_bytes(coin[:7], "big") < chance * 2**56


def seeds_wanted(stake: Stake, replicator_seeds: int) -> int:
    """How many seeds to accept: all of the track's for what may be confirmed, a quarter for a spot check."""
    return max(1, replicator_seeds // 4) if stake is Stake.DISCARD else replicator_seeds


def seeds_missing(row: Row, tested: int) -> int:
    """How many more seeds, over all replicators, a replicated row deserves; 0 for most.

    The best of many claims looks better than it is, so what stands among the first `TOP` is measured until
    its estimate rests on 8 seeds per doubling of the number of tested claims (bench/evidence.py: the bias of
    the top ten then stays below a tenth of a seed's standard deviation). A claim that misses the bar deserves
    as many seeds again if it would reach the bar by winning them alike. Replicators then accept a second
    time, up to the policy's cap of seeds for each.
    """
    evidence = row.view.evidence
    seeds = evidence.total.wins + evidence.total.losses + evidence.total.ties
    if evidence.outstanding:
        return 0
    if row.rank is not None:
        return max(0, 8 * doublings(tested) - seeds) if row.rank <= TOP else 0
    if row.view.standing is not Standing.REPLICATED or evidence.level is None:
        return 0
    losses = evidence.total.losses + evidence.overdue
    short = evidence.level < row.view.bar_level
    return seeds if short and e_value(2 * evidence.total.wins, 2 * losses) >= row.view.bar else 0


def futile(wins: int, losses: int, remaining: int, odds: int) -> bool:
    """Whether `remaining` seeds, all won, would still leave E below `odds`: stop and deliver what there is.

    Seeds that were accepted and not run count as losses, so stopping early can never help a claim.
    """
    return e_value(wins + remaining, losses) < odds


def hopeless(view: ClaimView, replicator_seeds: int, found: Count = _NOTHING) -> bool:
    """Whether a claim would stay below the bar even if every seed that is still to come were won.

    To come are what is left of the seeds of a would-be champion's replicators; `found` is what whoever asks
    has run and not published yet.
    """
    evidence = view.evidence
    wins = evidence.total.wins + found.wins
    losses = evidence.total.losses + evidence.overdue + found.losses
    planned = round(_TARGETS[Stake.CHAMPION]) * replicator_seeds
    return futile(wins, losses, max(0, planned - wins - losses), view.bar)


def replay_seeds(
    secret: bytes,
    facts: ClaimFacts,
    viewer: AuthorId,
    trust: Mapping[AuthorId, PeerTrust] = MappingProxyType({}),
) -> tuple[int, ...]:
    """Which published seeds to run again: one of the author's, and one each of `REPLAYED` replicators.

    Replicators reveal their secrets, so their own seeds can be checked as the author's can: whoever made its
    numbers up cannot know which of them somebody will run again. Peers of whom the viewer has run no seed of
    this claim come first, then those whom it has checked least (by `trust`); the private coin decides the
    rest. Nothing is returned for a claim on which nobody else has published yet.
    """

    def lot(seed: int) -> tuple[bool, bytes]:
        toss = hmac.digest(secret, _REPLAY_DOMAIN + facts.id + seed.to_bytes(8, "big"), "sha256")
        return (seed in done, toss)

    done = seeds_run_again(facts, viewer)
    own = [seed for measured in facts.measured for seed in measured.seeds if facts.author != viewer]
    shown: dict[AuthorId, list[int]] = {}
    for delivery in facts.deliveries.values():
        if delivery.commitment.author != viewer:
            shown.setdefault(delivery.commitment.author, []).extend(delivery.own.seeds)
    picked = {peer: min(seeds, key=lot) for peer, seeds in shown.items()}

    def turn(peer: AuthorId) -> tuple[bool, int, tuple[bool, bytes]]:
        return (not done.isdisjoint(shown[peer]), _checks(trust, peer), lot(picked[peer]))

    order = sorted(picked, key=turn)
    return (*([min(own, key=lot)] if own else []), *(picked[peer] for peer in order[:REPLAYED]))


def _checks(trust: Mapping[AuthorId, PeerTrust], peer: AuthorId) -> int:
    known = trust.get(peer)
    return 0 if known is None else known.agreed + known.differed
