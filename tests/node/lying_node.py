"""A node that runs everything honestly and then lies about its own claims' results.

It tells its worker's numbers truly when it replicates (so it stays credible) and invents a fine gain for what
it claims itself.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from leaderboard.measurement import Measurement
from node.agent.research import Researcher
from node.cli import main

_honest = Researcher._race


async def _lie(self, *arguments) -> Measurement:
    told = await _honest(self, *arguments)
    return replace(told, candidate=tuple(0.001 for _ in told.candidate))


Researcher._race = _lie
sys.exit(main())
