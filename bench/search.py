"""How many trials does each way of searching need on deep-mlp, and what is its winner really worth?

    python bench/search.py [--quick] [--json] [--seeds N] [--only NAME ...] [--swarm N]

Every researcher is asked for recipes and told what came out, on the real track (in this process; the harness
changes the time of a trial, not its value). One *run* is one net trained on one seed; a claim takes one run
or, while it keeps up with the best, up to `author_seeds` (racing). Each repetition has its own seeds.

- *to the law*: claims and runs until a recipe whose values equal He's law (fan_in or fan_out) within 2 % on
  every layer of nets that no search has seen. Only this file knows that law. Random search never looks at
  results, so its claims are counted without running them.
- *to a good one*: runs until a claim of three seeds shows nine tenths of the effect of He's law. Luck counts.
- *hybrid*: greedy in the place of a language model (ideas that are no better than random changes), with
  refinement and evolution beside it.
- *re-measured*: after an equal number of runs, the researcher's best recipe (by its own measurements) on
  fresh seeds, paired with the reference. This is what counts; what the researcher itself believes is beside it.
- *swarm*: four researchers that share confirmed recipes and replicate each other's best before they count, in
  rounds of one run each; runs include replications. A law counts when two peers have confirmed it.
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
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.expr import ExprError, parse
from experiments.recipe import Recipe
from experiments.search.baselines import Greedy
from experiments.search.candidates import Workshop
from experiments.search.evolution import Evolution
from experiments.search.numeric import CmaEs, Tpe
from experiments.search.portfolio import Portfolio, hybrid
from experiments.search.proposer import Briefing, Proposal, Trial
from experiments.search.racing import worth_another_seed
from experiments.tracks import deep_mlp
from experiments.tracks.deep_mlp.net import draw_shape

TRACK = deep_mlp.track()
BOUND = TRACK.manifest.effect_bound
AUTHOR_SEEDS = 3  # most seeds of a claim in racing; the track allows more
JUDGE = list(map(draw_shape, range(9_000_000, 9_000_006)))
HELD_OUT = range(8_000_000, 8_000_012)  # seeds of the re-measurement
GOOD = 1.3  # mean effect of three seeds, in nats: nine tenths of what He's law gives
COMES_CLOSE = 0.8  # of the best effect: three seeds cannot tell the next best more sharply than that
MOST_RANDOM = 20_000  # batches of 16 draws


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


@cache
def value(recipe: Recipe, seed: int) -> float | None:
    """The loss of one run."""
    from experiments.tracks.deep_mlp import examiner, runner

    exam = examiner.prepare(seed)
    return examiner.score(exam, runner.run(recipe, seed, exam.inputs, lambda _a, _b: None))


def gain(recipe: Recipe, seed: int) -> float | None:
    """Paired with the reference; None for a divergence."""
    ours, theirs = value(recipe, seed), value(TRACK.reference, seed)
    return None if ours is None or theirs is None else theirs - ours


def mean_gain(gains: list[float | None]) -> float | None:
    if all(one is None for one in gains):
        return None
    return statistics.fmean(-BOUND if one is None else max(-BOUND, one) for one in gains)


def claim_of(recipe: Recipe) -> bytes:
    return hashlib.sha256(recipe.id).digest()


@dataclass
class Researcher:
    """One proposer with its history."""

    proposer: object
    rng: random.Random
    history: list[Trial] = field(default_factory=list)
    runs: int = 0
    seeds: list[int] = field(default_factory=list)
    """One pool for all its trials, as a node's author has; the reference runs once per seed."""

    def __post_init__(self) -> None:
        self.seeds = [self.rng.getrandbits(48) for _ in range(AUTHOR_SEEDS)]

    def best(self) -> float:
        """The highest mean of more than one seed."""
        return max((t.effect for t in self.history if t.effect is not None and t.seeds > 1), default=0.0)

    def step(
        self, pool: tuple[Trial, ...] = (), taken: frozenset = frozenset(), others: tuple = ()
    ) -> Trial | None:
        """One claim: proposed and measured."""
        briefing = Briefing(TRACK, tuple(self.history), pool, taken, others)
        proposal = self.proposer.choose(briefing, self.rng)
        if proposal is None:
            return None
        best = max([self.best(), *(t.effect for t in pool if t.effect is not None)])
        gains: list[float | None] = []
        while worth_another_seed(gains, best, TRACK.manifest.delta_min, AUTHOR_SEEDS):
            gains.append(gain(proposal.recipe, self.seeds[len(gains)]))
        trial = Trial(
            proposal.recipe,
            mean_gain(gains),
            claim_of(proposal.recipe),
            len(gains),
            proposer=proposal.proposer,
        )
        self.history.append(trial)
        self.runs += len(gains)
        return trial


def champion(history: list[Trial], within: int) -> Trial | None:
    """The best trial by the researcher's own measurements within the first so many runs."""
    runs, seen = 0, []
    for trial in history:
        runs += trial.seeds
        if runs > within:
            break
        if trial.effect is not None:
            seen.append(trial)
    return max(seen, key=lambda t: t.effect * t.seeds / (t.seeds + 1.0), default=None)


def search(proposer: object, seed: int, budget: int, to_law: int) -> dict[str, float | None]:
    """One repetition: at least `budget` runs, and on until the law is found or `to_law` runs are spent."""
    researcher = Researcher(proposer, random.Random(seed))
    found: tuple[int, int] | None = None
    good: int | None = None
    while researcher.runs < budget or (found is None and researcher.runs < to_law):
        trial = researcher.step()
        if trial is None:
            break
        if found is None and law_of(trial.recipe):
            found = len(researcher.history), researcher.runs
        if good is None and trial.seeds >= AUTHOR_SEEDS and (trial.effect or 0.0) >= GOOD:
            good = researcher.runs
    best = champion(researcher.history, budget)
    believed = best.effect if best else 0.0
    worth = mean_gain([gain(best.recipe, held) for held in HELD_OUT]) if best else 0.0
    return {
        "claims": found[0] if found else None,
        "runs": found[1] if found else None,
        "good": good,
        "believed": believed,
        "worth": -BOUND if worth is None else worth,
    }


def random_claims(seed: int, most: int) -> int | None:
    """Claims until random search names the law, without running any of them."""
    rng = random.Random(seed)
    workshop = Workshop(Briefing(TRACK))
    seen: set[bytes] = set()
    for _ in range(most):
        for candidate in workshop.short(0, 16, rng):
            if candidate.mark not in seen:
                seen.add(candidate.mark)
                recipe = candidate.recipe(TRACK.space)
                if recipe is not None and law_of(recipe):
                    return len(seen)
    return None


# --- four nodes that replicate each other -------------------------------------------------------------------


@dataclass
class Blocking:
    """A portfolio as the other researchers are used here: without a thread."""

    portfolio: Portfolio

    def choose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        asked = (member.choose(briefing, rng) for member in self.portfolio.order(briefing, rng))
        return next((proposal for proposal in asked if proposal is not None), None)


@dataclass
class Confirmation:
    """A claim on its way: who measured it, and what they saw."""

    trial: Trial
    author: int
    ready: int
    """Round in which the author has published it."""
    done: int = 0
    """Round in which the last replication so far ends."""
    gains: dict[int, list[float | None]] = field(default_factory=dict)

    def confirmed(self) -> Trial | None:
        done = [one for one in self.gains.values() if len(one) >= TRACK.manifest.replicator_seeds]
        if len(done) < 2:
            return None
        effect = mean_gain([one for gains in done for one in gains])
        return Trial(self.trial.recipe, effect, self.trial.claim, 16, own=False, standing="confirmed")


def swarm(seed: int, nodes: int, rounds: int) -> dict[str, int | None]:
    """Rounds and runs until a law is proposed, and until it is confirmed by two peers."""
    rng = random.Random(seed)
    researchers = [Researcher(Evolution(), random.Random(rng.getrandbits(64))) for _ in range(nodes)]
    waiting: list[Confirmation] = []
    confirmations: list[tuple[int, Trial]] = []
    busy = [0] * nodes  # the round in which each node is free again
    proposed = confirmed = None
    runs = 0
    for now in range(rounds):
        for place, researcher in enumerate(researchers):
            if busy[place] > now:
                continue
            pool = sorted((t for ready, t in confirmations if ready <= now), key=lambda t: -t.effect)[:8]
            best = max((t.effect for t in pool), default=0.0)
            job = next((w for w in waiting if w.ready <= now and _wanted(w, place, best)), None)
            if job is not None:
                spent = TRACK.manifest.replicator_seeds
                job.gains[place] = [gain(job.trial.recipe, rng.getrandbits(48)) for _ in range(spent)]
                job.done = max(job.done, now + spent)
                if (trial := job.confirmed()) is not None and trial.effect is not None:
                    confirmations.append((job.done, trial))
                    if law_of(trial.recipe) and trial.effect > 1.0:
                        confirmed = min(job.done, confirmed or job.done)
            else:
                own_best = researcher.best()
                taken = frozenset(t.recipe.id for r in researchers for t in r.history)
                others = tuple(t.recipe for r in researchers if r is not researcher for t in r.history[-3:])
                trial = researcher.step(tuple(pool), taken, others)
                if trial is None:
                    continue
                spent = trial.seeds
                if proposed is None and law_of(trial.recipe):
                    proposed = now + spent
                if (
                    trial.effect is not None
                    and trial.seeds == AUTHOR_SEEDS
                    and trial.effect >= COMES_CLOSE * own_best
                ):
                    waiting.append(Confirmation(trial, place, now + spent))
            runs += spent
            busy[place] = now + spent
        if confirmed is not None and confirmed <= now:
            break
    return {"proposed_round": proposed, "confirmed_round": confirmed, "runs": runs}


def _wanted(job: Confirmation, place: int, best: float) -> bool:
    """Replicators take what comes close to the best confirmed, until two of them have it."""
    return (
        job.author != place
        and place not in job.gains
        and len(job.gains) < 2
        and job.trial.effect is not None
        and job.trial.effect > COMES_CLOSE * best
    )


# --- report -------------------------------------------------------------------------------------------------


def spread(numbers: list[float | None]) -> str:
    """Median and range; what was not found counts as more than everything found."""
    ordered = sorted(math.inf if number is None else number for number in numbers)
    ends = ordered[0], statistics.median_high(ordered), ordered[-1]
    low, middle, high = ("never" if math.isinf(end) else f"{end:.0f}" for end in ends)
    return f"{middle} ({low} to {high})"


def median(numbers: list[float | None]) -> float:
    """The upper median; what was not found counts as more than everything."""
    return statistics.median_high(math.inf if number is None else number for number in numbers)


def compare(names: list[str], first: int, options: argparse.Namespace) -> float:
    """Run the researchers, print a line for each; returns the median of the embedded one's claims."""
    makers = {
        "evolution": Evolution(),
        "hybrid": Blocking(hybrid(Greedy())),
        "greedy": Greedy(),
        "tpe": Tpe,
        "cma-es": CmaEs,
    }
    ours = math.inf
    for name in names:
        embedded = name == "evolution"
        repetitions = options.seeds if embedded else options.baseline_seeds
        most = options.most if embedded else options.budget
        start = time.perf_counter()
        rows = []
        for i in range(repetitions):
            rows.append(search(makers[name], first + i, options.budget, most))
            print(f"  {name} {i}: {rows[-1]}", file=sys.stderr, flush=True)
        claims, runs, good = ([row[key] for row in rows] for key in ("claims", "runs", "good"))
        worth, believed = (statistics.fmean(row[key] for row in rows) for key in ("worth", "believed"))
        print(
            f"{name:<12} {repetitions:>4}  {spread(claims):<20} {spread(runs):<20} {spread(good):<20}"
            f" {worth:.3f} ({believed:.3f})  [{time.perf_counter() - start:.0f} s]",
            flush=True,
        )
        ours = median(claims) if embedded else ours
        value.cache_clear()
    return ours


def swarms(first: int, count: int) -> dict[str, object]:
    rows = [swarm(first + i, 4, 400) for i in range(count)]
    found = sum(row["confirmed_round"] is not None for row in rows)
    proposed, confirmed, runs = (
        spread([row[key] for row in rows]) for key in ("proposed_round", "confirmed_round", "runs")
    )
    print(f"swarm of 4: confirmed in {found} of {count}; rounds to the proposal {proposed},")
    print(f"  to the confirmation {confirmed}; runs of all nodes until then {runs}", flush=True)
    return {"value": found, "peer": count, "ratio": found / count, "met": found >= 0.9 * count}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one short repetition, no baselines, no swarm")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--baseline-seeds", type=int, default=6)
    parser.add_argument("--budget", type=int, default=40, help="runs before the winner is re-measured")
    parser.add_argument("--most", type=int, default=400, help="runs after which the law was not found")
    parser.add_argument("--swarm", type=int, default=10, help="repetitions of the swarm")
    parser.add_argument("--only", nargs="*", default=["evolution", "hybrid", "greedy", "tpe", "cma-es"])
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.swarm, options.only = 1, 0, ["evolution"]
        options.budget, options.most = 20, 60
    first = random.SystemRandom().getrandbits(32)
    print(f"first seed {first}", flush=True)
    print(
        f"{'researcher':<12} reps  {'claims to the law':<24} {'runs to the law':<24} re-measured (believed)"
    )
    ours = compare(options.only, first, options)
    drawn = [random_claims(first + i, MOST_RANDOM) for i in range(3 if options.quick else options.seeds)]
    print(f"{'random':<12} {len(drawn):>4}  {spread(drawn)}", flush=True)
    he = Recipe.from_payload({"slots": {"init_std": "sqrt(2/fan_in)"}}, TRACK)
    print(
        f"He's law (fan_in) on the seeds of the re-measurement: {mean_gain([gain(he, s) for s in HELD_OUT]):.3f}"
    )
    theirs = median(drawn)
    report = {"A1": {"value": ours, "peer": theirs, "ratio": ours / theirs, "met": ours <= theirs / 5}}
    if options.swarm:
        report["A1-swarm"] = swarms(first, options.swarm)
    if options.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
