"""Does a swarm of researchers share its work, or do its members each do all of it?

    python bench/swarm_scaling.py [--quick] [--json] [--repetitions N] [--dimensions N] [--mind elite|tpe]

A cheap stand-in for a track: settings, a hidden optimum, an effect that falls with the distance from it and
cannot be measured where nothing works (most of the space gives no signal at all). In each round every agent
proposes one recipe (by the elite, as the embedded search does with settings, or by Optuna's TPE; rebuilt from
its briefing as always) and sees its effect. *Shared*: agents also see the eight best recipes of the swarm so far, one round late.
*Isolated*: they see only their own. Counted are rounds and evaluations until the target is reached by anyone.

- efficiency: rounds of one agent / (N * rounds of N agents)
- cost: evaluations of N agents / evaluations of one agent
What this leaves out: replication, delays beyond a round, and dishonest peers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import statistics
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.recipe import Recipe
from experiments.search.elite import Elite
from experiments.search.numeric import Numeric, Tpe
from experiments.search.proposer import Briefing, Trial
from experiments.space import FloatRange, Setting, Space
from experiments.track import Track
from leaderboard.manifest import TrackManifest

TARGET = 0.90
POOL = 8
MOST = 4000  # evaluations after which a repetition is given up


def make_track(dimensions: int) -> Track:
    settings = tuple(Setting(f"x{n}", FloatRange(0.0, 1.0), "") for n in range(dimensions))
    space = Space(settings, ())
    reference = Recipe.complete(space, {s.name: 0.5 for s in settings}, {})
    manifest = TrackManifest(
        name="stand-in", version=1, question="?", metric="distance", direction="min", data=bytes(32),
        budget={"samples": 1}, reference=reference.to_payload(), space=space.describe(), tolerance="D0",
        delta_min=0.001, effect_bound=1.0, author_seeds=1, replicator_seeds=1, evaluator=1,
    )  # fmt: skip
    return Track(manifest, space, reference, "none", "none")


def effect(recipe: Recipe, optimum: list[float]) -> float:
    """1 at the optimum; the width differs by direction, as it does between the settings of a real track."""
    widths = (0.15 + 0.05 * (n % 8) for n in range(len(optimum)))
    squares = (
        (recipe.number(f"x{n}") - x) ** 2 / w**2 for (n, x), w in zip(enumerate(optimum), widths, strict=True)
    )
    return math.exp(-0.5 * sum(squares))


def trial_of(recipe: Recipe, value: float, own: bool) -> Trial:
    return Trial(recipe, value, hashlib.sha256(recipe.id).digest(), own=own)


def run(track: Track, mind: Numeric, agents: int, shared: bool, seed: int) -> tuple[int, int]:
    """Rounds and evaluations until one agent reaches the target."""
    rng = random.Random(seed)
    optimum = [rng.uniform(0.15, 0.85) for _ in track.space.settings]
    minds = [random.Random(rng.getrandbits(64)) for _ in range(agents)]
    histories: list[list[Trial]] = [[] for _ in range(agents)]
    pool: list[Trial] = []
    for rounds in range(1, MOST // agents + 1):
        latest: list[Trial] = []
        for chance, history in zip(minds, histories, strict=True):
            others = (
                tuple(t for t in pool if t.recipe not in {own.recipe for own in history}) if shared else ()
            )
            proposal = mind.choose(Briefing(track, tuple(history), others), chance)
            if proposal is None:
                continue
            value = effect(proposal.recipe, optimum)
            history.append(trial_of(proposal.recipe, value, own=True))
            latest.append(trial_of(proposal.recipe, value, own=False))
        pool = sorted([*pool, *latest], key=lambda t: -(t.effect or 0.0))[:POOL]
        if pool[0].effect is not None and pool[0].effect >= TARGET:
            return rounds, rounds * agents
    return MOST // agents, MOST


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer agents, two repetitions")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repetitions", type=int, default=8)
    parser.add_argument("--dimensions", type=int, default=8)
    parser.add_argument("--mind", choices=["elite", "tpe"], default="elite")
    options = parser.parse_args()
    track, mind = make_track(options.dimensions), {"elite": Elite, "tpe": Tpe}[options.mind]
    sizes = (1, 4, 16) if options.quick else (1, 4, 16, 64)
    repetitions = 2 if options.quick else options.repetitions
    print(f"{'agents':>6} {'sharing':<9} {'rounds':>7} {'evaluations':>11} {'efficiency':>10} {'cost':>6}")
    alone = 0.0
    report: dict[str, dict[str, object]] = {}
    for agents in sizes:
        for shared in (True, False) if agents > 1 else (True,):
            start = time.perf_counter()
            found = [run(track, mind, agents, shared, 1000 + seed) for seed in range(repetitions)]
            rounds = statistics.fmean(r for r, _ in found)
            spent = statistics.fmean(e for _, e in found)
            alone = alone or rounds
            efficiency, cost = alone / (agents * rounds), spent / alone
            name = "shared" if shared else "isolated"
            took = time.perf_counter() - start
            print(
                f"{agents:>6} {name:<9} {rounds:>7.1f} {spent:>11.0f} {efficiency:>10.2f} {cost:>6.2f}  [{took:.0f} s]",
                flush=True,
            )
            met = (efficiency >= 0.6 and cost <= 2.0) if shared else cost > 3.0
            report[f"A2-{agents}-{name}"] = {
                "value": efficiency if shared else cost, "peer": 0.6 if shared else 3.0,
                "ratio": efficiency / 0.6 if shared else cost / 3.0, "met": met,
            }  # fmt: skip
    if options.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
