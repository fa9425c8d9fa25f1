"""How busy the device is while a model takes 5 s to answer (goal A3: at least 97 % of the wall time).

    python bench/utilisation.py [--quick] [--json]

A real agent (store, ledger, signatures, novelty checker, one worker on the processor) works on deep-mlp with a
scripted proposer that sleeps 5 s before every answer, as a language model would, and with the embedded search
as its stand-by. The peer is the loop that a person would write: ask, wait, check, claim, measure, publish, and
ask again, with the same proposer, checker, store and worker. Both run one after the other.

Busy is the time between a trial's start in the worker and the last byte of its answer, by the parent's clock,
over the wall time from the end of one trial to the end of another one: the start of the worker is left out,
and everything else, with signing, publishing and waiting, is in. What the worker itself does with that time
(reading its input, training) is all trial.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trio

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # the packages, not the benches of their names

from experiments.harness.pool import Pool, open_pool
from experiments.search.evolution import Evolution
from experiments.search.portfolio import embedded
from experiments.search.proposer import Briefing, Proposal
from experiments.track import Track, load_track
from leaderboard.envelope import swarm_id
from leaderboard.records import Profile
from leaderboard.records import Track as TrackRecord
from leaderboard.signing import Signer
from node.agent.checker import NoveltyChecker
from node.agent.loop import Agent
from node.agent.replicate import Replicator
from node.agent.research import Researcher
from node.agent.share import DeviceShare
from node.agent.workbench import Workbench
from node.author import Author
from node.replica import NodeReplica
from node.store import Store

GOAL = 0.97
ANSWER_S = 5.0
FULL_S, QUICK_S = 80.0, 18.0
SWARM = swarm_id("bench")


class SlowModel:
    """A scripted proposer that takes its time; its ideas are those of the evolution."""

    name = "scripted/slow"

    def __init__(self) -> None:
        self._ideas = Evolution()
        self.answers = 0

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        await trio.sleep(ANSWER_S)
        proposal = await self._ideas.propose(briefing, rng)
        self.answers += 1
        return None if proposal is None else replace(proposal, proposer=self.name)


@dataclass(frozen=True)
class Run:
    """What one way of working made of its time."""

    busy: float
    """Part of the wall time in which the worker ran a trial."""
    wall_s: float
    trials: int
    claims: int
    answers: int


@asynccontextmanager
async def open_bench(folder: Path, track: Track, seed: int) -> AsyncIterator[Workbench]:
    checker = NoveltyChecker()
    with Store(folder / "records.db", SWARM) as store:
        replica = NodeReplica(store, SWARM)
        async with open_pool(["cpu"]) as pool:
            try:
                yield Workbench(
                    replica=replica,
                    author=Author(Signer(bytes([seed]) * 32), replica),
                    device=pool,
                    checker=checker,
                    tracks={track.id: track},
                    coin=bytes([seed]) * 32,
                    random=random.Random(seed),
                )
            finally:
                await checker.aclose()


async def next_trial(pool: Pool) -> tuple[float, float, int]:
    """Wait for the end of a trial: (clock, busy seconds so far, trials so far)."""
    (before,) = pool.statistics()
    while pool.statistics()[0].trials == before.trials:  # noqa: ASYNC110  a device sends no events
        await trio.sleep(0.002)
    (now,) = pool.statistics()
    return time.perf_counter(), now.busy_s, now.trials


async def watched(bench: Workbench, model: SlowModel, seconds: float) -> Run:
    """Look at the device from the end of its first trial until `seconds` later."""
    assert isinstance(bench.device, Pool)
    start, busy, trials = await next_trial(bench.device)
    answers = model.answers
    while True:
        end, busy_then, trials_then = await next_trial(bench.device)
        if end - start >= seconds:
            break
    return Run(
        (busy_then - busy) / (end - start),
        end - start,
        trials_then - trials,
        bench.activity.trials,
        model.answers - answers,
    )


async def ours(folder: Path, track: Track, seconds: float) -> Run:
    async with open_bench(folder, track, 1) as bench:
        model = SlowModel()
        agent = Agent(
            bench,
            Researcher(bench, model),
            Replicator(bench),
            DeviceShare(0.25),
            Profile("bench", "bench", "cpu"),
            standby=Researcher(bench, embedded()),
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(agent.run)
            found = await watched(bench, model, seconds)
            nursery.cancel_scope.cancel()
    return found


async def naive(folder: Path, track: Track, seconds: float) -> Run:
    async with open_bench(folder, track, 2) as bench:
        model = SlowModel()
        researcher = Researcher(bench, model)
        await bench.author.publish(TrackRecord(track.manifest))

        async def loop() -> None:
            while True:
                plan = await researcher.prepare(track)
                if plan is not None:
                    await researcher.carry_out(plan)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(loop)
            found = await watched(bench, model, seconds)
            nursery.cancel_scope.cancel()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    track = load_track("deep-mlp")
    seconds = QUICK_S if options.quick else FULL_S
    found: dict[str, Run] = {}
    for name, way in (("ours", ours), ("sequential", naive)):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = trio.run(way, Path(folder), track, seconds)
    for name, run in found.items():
        print(
            f"{name:10}  busy {run.busy:6.1%} of {run.wall_s:.1f} s; {run.trials} trials, "
            f"{run.claims} claims measured, {run.answers} answers of the model"
        )
    print(f"goal A3: at least {GOAL:.0%} with a model that takes {ANSWER_S:g} s per answer")
    if options.json:
        us, peer = found["ours"].busy, found["sequential"].busy
        value = {"value": us, "peer": peer, "ratio": us / peer, "met": us >= GOAL}
        print(json.dumps({"A3": value}))


if __name__ == "__main__":
    main()
