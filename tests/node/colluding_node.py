"""A node of a coalition: it invents its results, and confirms whatever another member invented.

Its claims show a value that no honest run gives. Members know each other's claims by that value: for those
they "find" it again on seeds of their own and copy the published numbers as their re-runs. About everybody
else's claims they tell the truth, so that they stay credible.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from leaderboard.measurement import Measurement
from node.agent.rerun import Rerun
from node.agent.research import Researcher
from node.cli import main

INVENTED = 0.001

race, again, fresh = Researcher._race, Rerun.again, Rerun.fresh


def invented(measurement: Measurement) -> Measurement:
    return replace(measurement, candidate=(INVENTED,) * len(measurement.seeds))


def is_ours(rerun: Rerun) -> bool:
    facts = rerun.bench.replica.standings.facts(rerun.view.id)
    return any(set(shown.candidate) == {INVENTED} for shown in facts.measured)


async def lying_race(self, *arguments):
    return invented(await race(self, *arguments))


async def lying_again(self, seeds):
    told = await again(self, seeds)
    return invented(told) if told is not None and is_ours(self) else told


async def lying_fresh(self, seeds, enough=lambda _: False):
    if is_ours(self):
        return invented(await fresh(self, seeds))  # all of them: the more the better
    return await fresh(self, seeds, enough)


Researcher._race, Rerun.again, Rerun.fresh = lying_race, lying_again, lying_fresh
sys.exit(main())
