"""How many of the confirmed claims are luck? A false-discovery procedure for a set that grows.

The procedure is e-BH (Wang and Ramdas, arXiv 2009.02824) in powers of two: with n tested claims rounded up
to a power of two, the bar is n / (alpha k) for the largest power of two k such that at least k claims reach
it. Every confirmed claim then has E >= n / (alpha * number confirmed): the confirmed set is self-consistent,
which bounds the false discovery rate by alpha under any dependence between the claims, at every state of the
set whose number of tested claims was not chosen by the outcomes: the e-values are e-processes, so each
claim's evidence may be stopped at will, but their mean has expectation one only if how many there are is no
outcome itself. Rounding costs at most two wins, makes the bar move only when n or k doubles, and lets it be
found from a histogram of evidence levels in a few steps.

**What counts as tested.** A claim is tested once a replicator who counts has committed itself to run it. A
claim costs a signature and raises no bar; only what a replicator accepted does. Whether the outcome was good
plays no part in it, so nothing is selected.

**What is controlled, for whom.** For whoever believes the replications that count (on the common board:
those of all non-authors; on "my board": those of peers that the viewer's own checks found honest), the
expected share of confirmed statements "this recipe beats that opponent by more than delta_min on most
seeds" that are false is at most alpha = 5 % per track, at any moment that was not chosen by what stood
confirmed then. Nodes whose sets differ have a statement each; whoever picks the most flattering of their
boards, or the most flattering moment of a growing one, has none.

**Why not a free veto.** Strangers can fabricate tested claims on the common board, but the bar grows with
the logarithm: doubling n costs every honest claim one more win (27,247 open claims: 20 wins in a row instead
of 5), and an honest replicator can add seeds. On "my board" strangers do not count at all. Online rules with
weights by arrival (e-LOND, arXiv 2311.06412) are rejected: nodes see different orders, and the board must be
a function of the set. Weights by author reward minting identities.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["bar_level", "doublings"]


def doublings(count: int) -> int:
    """The smallest d with 2^d >= count; 0 for none."""
    return max(0, count - 1).bit_length()


def bar_level(tested: int, levels: Mapping[int, int]) -> int:
    """The level a claim must reach: E >= 2^level / alpha.

    `levels[j]` counts the claims that pass every other gate and whose evidence has level j, meaning
    2^j <= alpha * E < 2^(j+1) (leaderboard.evidence.eprocess.strength).
    """
    top = doublings(tested)
    descending = sorted(levels.items(), reverse=True)
    for k in range(top, 0, -1):
        needed = top - k
        if sum(count for level, count in descending if level >= needed) >= 1 << k:
            return needed
    return top
