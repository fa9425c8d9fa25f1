"""How many of its own seeds an author spends on a candidate before it knows enough.

Most ideas fail on the first seed, and a second run of a dead net teaches nothing. So an author runs seed
after seed and stops as soon as the candidate has fallen too far behind the best it knows (racing: Maron and
Moore 1993; Birattari's F-race). Stopping early is harmless to the evidence: an author's own runs never count
on the common board; replicators always run all the seeds they accepted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

__all__ = ["worth_another_seed"]

_SLACK: Final = (
    0.45  # of the best effect: how far behind one seed may be, shrinking with the square root; a guess
)


def worth_another_seed(effects: Sequence[float | None], best: float, least: float, limit: int) -> bool:
    """Should the author run one more seed of this candidate?

    effects: gains so far, one per seed, None for a divergence; best: the highest mean effect known (0 or
    less if none is); least: the smallest effect of interest; limit: the track's number of author seeds.
    """
    if len(effects) >= limit:
        return False
    if not effects:
        return True
    if any(effect is None for effect in effects):
        return False
    mean = math.fsum(effect for effect in effects if effect is not None) / len(effects)
    slack = _SLACK / math.sqrt(len(effects))
    return mean > max(least, best * (1.0 - slack))
