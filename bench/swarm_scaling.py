"""Does a swarm of researchers share its work, or do its members each do all of it?

    python bench/swarm_scaling.py [--quick] [--json] [--task NAME ...] [--repetitions N] [--mind elite|tpe]

Cheap stand-ins for a track, without noise. In each round every agent proposes one recipe (rebuilt from its briefing
as always) and sees its effect. *Shared*: agents also see the eight best recipes of the swarm so far, one round late.
*Isolated*: they see only their own. Counted are rounds and evaluations until the target is reached by anyone.

- `short`: eight settings, a hidden optimum, an effect that falls with the distance from it and cannot be measured
  where nothing works; searched by the elite, as the embedded search does with settings, or by Optuna's TPE.
- `long`: the same with sixteen settings, each of which depends on its neighbour.
- `byte-lm`: the surrogate of byte-lm (bench/byte_lm_surrogate.py): nine settings, some of them choices, searched by
  the elite; the target is nine tenths of what the best of a long search gains.

- efficiency: rounds of one agent / (N * rounds of N agents)
- cost: evaluations of N agents / evaluations of one agent; isolated agents are stopped at four times.
What this leaves out: replication, delays beyond a round, noise, and dishonest peers.
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.recipe import Recipe
from experiments.search.elite import Elite
from experiments.search.numeric import Tpe
from experiments.search.proposer import Briefing, Trial
from experiments.space import FloatRange, Setting, Space
from experiments.track import Track
from leaderboard.manifest import TrackManifest

POOL = 8
MOST = 12_000  # evaluations after which a repetition is given up
MOST_COST = 4  # times the evaluations of one agent, after which isolated agents are given up


@dataclass(frozen=True)
class Task:
    """What is searched: a track, how recipes are proposed, and for each repetition an effect with its target."""

    track: Track
    mind: object
    landscape: Callable[[random.Random], Callable[[Recipe], float]]
    target: float
    repetitions: int
    """By default: as many as take minutes."""
    searched: tuple[str, ...] | None = None


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


def hill(dimensions: int, tie: float) -> Callable[[random.Random], Callable[[Recipe], float]]:
    """1 at a hidden optimum; widths differ by direction, and each setting leans on the next one by `tie`."""
    widths = [0.15 + 0.05 * (n % 8) for n in range(dimensions)]

    def drawn(rng: random.Random) -> Callable[[Recipe], float]:
        optimum = [rng.uniform(0.15, 0.85) for _ in range(dimensions)]

        def effect(recipe: Recipe) -> float:
            said = dict(recipe.settings)
            away = [
                (float(said[f"x{n}"]) - x) / w for n, (x, w) in enumerate(zip(optimum, widths, strict=True))
            ]
            return math.exp(-0.5 * sum((away[n] + tie * away[n - 1]) ** 2 for n in range(dimensions)))

        return effect

    return drawn


def settings_task(dimensions: int, tie: float, mind: object, repetitions: int) -> Task:
    return Task(make_track(dimensions), mind, hill(dimensions, tie), 0.90, repetitions)


def byte_lm_task(mind: object) -> Task:
    from byte_lm_surrogate import TRACK
    from search_byte_lm import NAMES, uniform, value

    level = value(TRACK.reference)

    def gain(recipe: Recipe) -> float:
        return level - value(recipe)

    rng, best = random.Random(0), 0.0
    for _ in range(4):  # the best of four long searches is as near to the optimum as we know
        history: list[Trial] = [
            trial_of(recipe, gain(recipe), own=True)
            for recipe in (uniform(Briefing(TRACK), rng) for _ in range(40))
        ]
        for _ in range(300):
            proposal = Elite.choose(Briefing(TRACK, tuple(history[-150:]), slots=NAMES), rng)
            if proposal is not None:
                history.append(trial_of(proposal.recipe, gain(proposal.recipe), own=True))
        best = max([best, *(t.effect or 0.0 for t in history)])
    return Task(TRACK, mind, lambda _rng: gain, 0.9 * best, 8, NAMES)


def trial_of(recipe: Recipe, value: float, own: bool) -> Trial:
    return Trial(recipe, value, hashlib.sha256(recipe.id).digest(), own=own)


def run(task: Task, agents: int, shared: bool, seed: int, most: float) -> tuple[int, int]:
    """Rounds and evaluations until one agent reaches the target."""
    rng = random.Random(seed)
    effect = task.landscape(rng)
    minds = [random.Random(rng.getrandbits(64)) for _ in range(agents)]
    histories: list[list[Trial]] = [[] for _ in range(agents)]
    known: list[set[Recipe]] = [set() for _ in range(agents)]
    pool: list[Trial] = []
    rounds, last = 0, max(int(most / agents), 1)
    while rounds < last:
        rounds += 1
        latest: list[Trial] = []
        for chance, history, own in zip(minds, histories, known, strict=True):
            others = tuple(t for t in pool if t.recipe not in own) if shared else ()
            proposal = task.mind.choose(
                Briefing(task.track, tuple(history), others, slots=task.searched), chance
            )
            if proposal is None:
                continue
            value = effect(proposal.recipe)
            own.add(proposal.recipe)
            history.append(trial_of(proposal.recipe, value, own=True))
            latest.append(trial_of(proposal.recipe, value, own=False))
        pool = sorted([*pool, *latest], key=lambda t: -(t.effect or 0.0))[:POOL]
        if pool[0].effect is not None and pool[0].effect >= task.target:
            break
    return rounds, rounds * agents


def measure(name: str, task: Task, sizes: tuple[int, ...], repetitions: int) -> dict[str, dict[str, object]]:
    """A line for each number of agents, shared and isolated."""
    print(
        f"{name}\n{'agents':>6} {'sharing':<9} {'rounds':>14} {'evaluations':>11} {'efficiency':>10} {'cost':>6}"
    )
    alone = 0.0
    report: dict[str, dict[str, object]] = {}
    for agents in sizes:
        for shared in (True, False) if agents > 1 else (True,):
            start = time.process_time()
            most = MOST if shared else MOST_COST * alone
            found = [run(task, agents, shared, 1000 + seed, most) for seed in range(repetitions)]
            rounds = statistics.fmean(r for r, _ in found)
            deviation = statistics.stdev(r for r, _ in found) if repetitions > 1 else 0.0
            spent = statistics.fmean(e for _, e in found)
            alone = alone or rounds
            efficiency, cost = alone / (agents * rounds), spent / alone
            stopped = sum(e + agents > most for _, e in found)
            print(
                f"{agents:>6} {'shared' if shared else 'isolated':<9} {rounds:>7.1f} +-{deviation:>5.1f}"
                f" {spent:>11.0f} {efficiency:>10.2f} {cost:>6.2f}"
                f"  {f'{stopped} of {repetitions} stopped' if stopped else ''}  [{time.process_time() - start:.0f} s]",
                flush=True,
            )
            met = (efficiency >= 0.6 and cost <= 2.0) if shared else cost > 3.0
            report[f"A2-{name}-{agents}-{'shared' if shared else 'isolated'}"] = {
                "value": efficiency if shared else cost, "peer": 0.6 if shared else 3.0,
                "ratio": efficiency / 0.6 if shared else cost / 3.0, "met": met,
            }  # fmt: skip
    return report


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--quick", action="store_true", help="the short task alone, fewer agents, two repetitions"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--task", nargs="*", choices=["short", "long", "byte-lm"], default=["short", "long"])
    parser.add_argument("--repetitions", type=int, default=0)
    parser.add_argument("--mind", choices=["elite", "tpe"], default="elite")
    options = parser.parse_args()
    mind = {"elite": Elite, "tpe": Tpe}[options.mind]
    tasks = {
        "short": lambda: settings_task(8, 0.0, mind, 8),
        "long": lambda: settings_task(16, 0.7, mind, 5),
        "byte-lm": lambda: byte_lm_task(mind),
    }
    report: dict[str, dict[str, object]] = {}
    for name in ["short"] if options.quick else options.task:
        task = tasks[name]()
        repetitions = 2 if options.quick else options.repetitions or task.repetitions
        report |= measure(name, task, (1, 4, 16) if options.quick else (1, 4, 16, 64), repetitions)
    if options.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
