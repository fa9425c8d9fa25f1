"""How many trials does each way of searching need on deep-mlp, and what is its winner really worth?

    python bench/search.py [--on surrogate|real] [--laws NAME ...] [--only NAME ...] [--repetitions N] [--json]

Every researcher is asked for recipes and told what came out, as a node's author is: one pool of five seeds for all
its claims, and a claim runs seed after seed while it keeps up with the best on the same seeds. A *run* is one net
trained on one seed. Repetition n has the same seeds for every researcher.

On the *surrogate* (bench/deep_mlp_surrogate.py; its fidelity is printed) runs are cheap, so there are many
repetitions, and the hidden law can be another one: `he` is deep-mlp's own, the others say whether a search knows
more than it should. On the *real* track every run is trained once and kept (bench/deep_mlp_trials.py).

- *to the target*: claims and runs until a recipe is proposed which on nets that no search has seen gains 0.93 of
  what the hidden law does; on the real track, which equals He's law (fan_in or fan_out) within 2 % on every layer
  of such nets. Random search never looks at results, so its claims are counted without running them: each costs at
  least one run.
- *hybrid*: greedy in the place of a language model (ideas that are no better than random changes), with
  refinement and evolution beside it.
- *re-measured*: after `--budget` runs, the researcher's best recipe (by its own measurements) on twelve fresh
  seeds, paired with the reference. This is what counts; what the researcher itself believes is beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import time
from dataclasses import dataclass
from functools import cache

from deep_mlp_surrogate import World, load
from deep_mlp_trials import BOUND, TRACK, gain, recipe_of
from searching import Blocking, Researcher, Target, mean_gain, median, spread

from experiments.expr import ExprError, parse
from experiments.recipe import Recipe
from experiments.search.baselines import Greedy
from experiments.search.candidates import Workshop
from experiments.search.evolution import Evolution
from experiments.search.numeric import CmaEs, Tpe
from experiments.search.portfolio import hybrid
from experiments.search.proposer import Briefing
from experiments.track import Track
from experiments.tracks.deep_mlp.net import draw_shape

LAWS = {
    "he": "sqrt(2/fan_in)",
    "out": "sqrt(3/fan_out)",
    "both": "2/sqrt(fan_in + fan_out)",  # six nodes: not in the library
    "shifted": "6/(fan_in + 9)",
    "log": "0.8/log(fan_in)",
}
JUDGE = list(map(draw_shape, range(9_000_000, 9_000_006)))
HELD_OUT = range(8_000_000, 8_000_012)  # seeds of the re-measurement
UNSEEN = range(8_100_000, 8_100_016)  # seeds by which the surrogate says what a recipe is worth
CLOSE = 0.93  # of what the hidden law gains
MOST_RANDOM = 1500  # claims


@cache
def law_of(recipe: Recipe) -> str | None:
    """Which of He's laws the recipe's values equal within 2 % on every layer, if any."""
    law = parse(recipe.slot("init_std"), ("fan_in", "fan_out", "depth", "layer"))
    modes = {"fan_in", "fan_out"}
    for shape in JUDGE:
        for layer, (fan_in, fan_out) in enumerate(shape.fans):
            fans = {"fan_in": float(fan_in), "fan_out": float(fan_out)}
            try:
                std = law.evaluate({**fans, "depth": float(shape.depth), "layer": float(layer)})
            except ExprError:
                return None
            modes = {mode for mode in modes if abs(std / math.sqrt(2.0 / fans[mode]) - 1.0) <= 0.02}
    return min(modes, default=None)


class Real:
    """deep-mlp as it is."""

    track: Track = TRACK

    def gain(self, recipe: Recipe, seed: int) -> float | None:
        return gain(recipe, seed)

    def reached(self, recipe: Recipe) -> bool:
        return law_of(recipe) is not None


REAL = Real()


@dataclass(frozen=True)
class Emulated:
    """The surrogate with one of the laws hidden in it."""

    world: World

    @property
    def track(self) -> Track:
        return self.world.track

    def gain(self, recipe: Recipe, seed: int) -> float | None:
        return self.world.gain(recipe, seed)

    def reached(self, recipe: Recipe) -> bool:
        law = recipe.slot("init_std")
        rough = self.world.worth(law, UNSEEN[:3])  # a few nets show what is far off
        if rough is None or rough < 0.5 * CLOSE * self.top:
            return False
        worth = self.world.worth(law, UNSEEN)
        return worth is not None and worth >= CLOSE * self.top

    @property
    def top(self) -> float:
        """What the hidden law gains."""
        return _top(self.world)


@cache
def _top(world: World) -> float:
    return world.worth(world.hidden, UNSEEN) or 0.0


def search(target: Target, proposer: object, seed: int, budget: int, most: int) -> dict[str, float | None]:
    """One repetition: at least `budget` runs, and on until the target is reached or `most` runs are spent."""
    researcher = Researcher(target, proposer, random.Random(seed))
    found: tuple[int, int] | None = None
    while researcher.runs < budget or (found is None and researcher.runs < most):
        trial = researcher.step()
        if trial is None:
            break
        if found is None and target.reached(trial.recipe):
            found = len(researcher.history), researcher.runs
    best = researcher.champion(budget)
    worth = mean_gain([target.gain(best.recipe, held) for held in HELD_OUT], BOUND) if best else 0.0
    return {
        "claims": found[0] if found else None,
        "runs": found[1] if found else None,
        "believed": best.effect if best else 0.0,
        "worth": -BOUND if worth is None else worth,
    }


def random_claims(target: Target, seed: int) -> int | None:
    """Claims until random search names a recipe that reaches the target, without running any of them."""
    rng, seen = random.Random(seed), set()
    workshop = Workshop(Briefing(target.track))
    while len(seen) < MOST_RANDOM:
        for candidate in workshop.short(0, 16, rng):
            if candidate.mark not in seen:
                seen.add(candidate.mark)
                recipe = candidate.recipe(target.track.space)
                if recipe is not None and target.reached(recipe):
                    return len(seen)
    return None


def proposers() -> dict[str, object]:
    return {
        "embedded": Evolution(),
        "hybrid": Blocking(hybrid(Greedy())),
        "greedy": Greedy(),
        "tpe": Tpe,
        "cma-es": CmaEs,
    }


def compare(target: Target, options: argparse.Namespace) -> dict[str, dict[str, list[float | None]]]:
    """Run the researchers on one target, print a line for each; returns what each repetition came to."""
    found: dict[str, dict[str, list[float | None]]] = {}
    for name in options.only:
        start, rows = time.process_time(), []
        for seed in range(options.first, options.first + options.repetitions):
            if name == "random":
                rows.append(
                    {"claims": random_claims(target, seed), "runs": None, "believed": 0.0, "worth": 0.0}
                )
            else:
                rows.append(search(target, proposers()[name], seed, options.budget, options.most))
            print(f"  {name} {seed}: {rows[-1]}", file=sys.stderr, flush=True)
        found[name] = {key: [row[key] for row in rows] for key in rows[0]}
        worth, believed = found[name]["worth"], statistics.fmean(found[name]["believed"])
        deviation = statistics.stdev(worth) if len(worth) > 1 else 0.0
        reached = sum(claims is not None for claims in found[name]["claims"])
        valued = (
            "" if name == "random" else f"{statistics.fmean(worth):.3f} +- {deviation:.3f} ({believed:.3f})"
        )
        print(
            f"{name:<9} {reached:>3} of {len(rows):<3} {spread(found[name]['claims']):<22}"
            f" {'at least as many' if name == 'random' else spread(found[name]['runs']):<22} {valued}"
            f"  [{time.process_time() - start:.0f} s of CPU]",
            flush=True,
        )
    return found


def fewer(ours: float, theirs: float, share: float) -> dict[str, object]:
    """Whether ours is at most that share of theirs; None stands for more than were allowed, which meets no goal."""
    value, peer = (None if math.isinf(number) else number for number in (ours, theirs))
    ratio = None if value is None or peer is None else value / peer
    return {"value": value, "peer": peer, "ratio": ratio, "met": value is not None and ours <= share * theirs}


def goals(found: dict[str, dict[str, list[float | None]]]) -> dict[str, dict[str, object]]:
    """Goal A1 in its three parts, as far as the researchers that it compares were run."""
    report: dict[str, dict[str, object]] = {}
    if {"embedded", "random"} <= found.keys():
        report["A1-random"] = fewer(median(found["embedded"]["runs"]), median(found["random"]["claims"]), 0.2)
    if {"hybrid", "tpe"} <= found.keys():
        report["A1-tpe"] = fewer(median(found["hybrid"]["runs"]), median(found["tpe"]["runs"]), 1.0)
    if {"embedded", "greedy"} <= found.keys():
        ours, theirs = (statistics.fmean(found[name]["worth"]) for name in ("embedded", "greedy"))
        report["A1-greedy"] = {"value": ours, "peer": theirs, "ratio": None, "met": ours >= theirs}
    return report


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="two short repetitions on the surrogate")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--on", choices=["surrogate", "real"], default="surrogate")
    parser.add_argument("--laws", nargs="*", default=list(LAWS), choices=list(LAWS))
    parser.add_argument("--only", nargs="*", default=["random", *proposers()])
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--first", type=int, default=100, help="seed of the first repetition")
    parser.add_argument("--budget", type=int, default=60, help="runs before the winner is re-measured")
    parser.add_argument("--most", type=int, default=150, help="runs after which the target was not reached")
    options = parser.parse_args()
    if options.quick:
        options.repetitions, options.laws, options.budget, options.most = 2, ["he"], 30, 30
        options.only = ["random", "embedded", "greedy"]
    report: dict[str, dict[str, object]] = {}
    if options.on == "surrogate":
        print("surrogate: " + ", ".join(f"{name} {value:.3g}" for name, value in load().fidelity().items()))
    for name in ["he"] if options.on == "real" else options.laws:
        target = REAL if options.on == "real" else Emulated(World(LAWS[name]))
        print(f"{options.on}, law {name}: {LAWS[name]}")
        print(
            f"{'':<9} {'reached':<10} {'claims to the target':<22} {'runs':<22} re-measured (believed)",
            flush=True,
        )
        report |= {f"{goal}-{name}": value for goal, value in goals(compare(target, options)).items()}
        worth = mean_gain([target.gain(recipe_of(LAWS[name]), held) for held in HELD_OUT], BOUND)
        print(f"the law itself on the seeds of the re-measurement: {worth:.3f}")
    if options.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
