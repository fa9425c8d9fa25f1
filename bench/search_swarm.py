"""Four researchers on deep-mlp that share confirmed recipes and replicate each other's best before they count.

    python bench/search_swarm.py [--quick] [--json] [--repetitions N]

Real trials (bench/deep_mlp_trials.py), in rounds of one run each; runs include replications. A law counts when two
peers have confirmed it. Each repetition trains nets for some ten minutes.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import dataclass, field

from deep_mlp_trials import TRACK, gain
from search import REAL, law_of
from searching import Researcher, mean_gain, spread

from experiments.search.evolution import Evolution
from experiments.search.proposer import Trial

COMES_CLOSE = 0.8  # of the best effect: a few seeds cannot tell the next best more sharply than that


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
    researchers = [Researcher(REAL, Evolution(), random.Random(rng.getrandbits(64))) for _ in range(nodes)]
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
                own_best = sum(researcher.best) / len(researcher.best) if researcher.best else 0.0
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
                    and trial.seeds == TRACK.manifest.author_seeds
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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one repetition")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repetitions", type=int, default=4)
    options = parser.parse_args()
    count, first = 1 if options.quick else options.repetitions, 4_000
    rows = [swarm(first + i, 4, 400) for i in range(count)]
    found = sum(row["confirmed_round"] is not None for row in rows)
    proposed, confirmed, runs = (
        spread([row[key] for row in rows]) for key in ("proposed_round", "confirmed_round", "runs")
    )
    print(f"swarm of 4: confirmed in {found} of {count}; rounds to the proposal {proposed},")
    print(f"  to the confirmation {confirmed}; runs of all nodes until then {runs}", flush=True)
    if options.json:
        report = {"value": found, "peer": count, "ratio": found / count, "met": found >= 0.9 * count}
        print(json.dumps({"A1-swarm": report}))


if __name__ == "__main__":
    main()
