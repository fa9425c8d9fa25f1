"""How ways of searching settings compare on the surrogate of byte-lm (`bench/byte_lm_surrogate.py`).

    python bench/search_byte_lm.py [--quick] [--json] [--runs N] [--evaluations N]

Each researcher proposes recipes over the ten settings that the surrogate knows, and is told a value with the
noise of a seed; what counts is the noiseless value of the best by its own measurements. `uniform` draws dials
blindly; `greedy` is autoresearch's loop (one setting of the best changed at random); `hybrid` is the portfolio with
greedy in the place of a language model. Expressions stay as in the reference: the surrogate knows nothing of them. A
figure from here is one about settings on a smooth stand-in, which is what a bench of search can afford; it is no
figure of byte-lm.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import statistics
import sys
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from byte_lm_surrogate import DIALS, SCALE, TRACK, load, recipe_of, settings_of
from searching import Blocking

from experiments.expr import parse
from experiments.recipe import Recipe
from experiments.search.baselines import Greedy
from experiments.search.elite import Elite
from experiments.search.numeric import CmaEs, Tpe
from experiments.search.portfolio import embedded, hybrid
from experiments.search.proposer import Briefing, Trial
from leaderboard.ids import ContentId

NAMES = tuple(name for name in DIALS if name != SCALE)
CHECKPOINTS = (10, 20, 40)


def value(recipe: Recipe) -> float:
    """The surrogate at a recipe; its law of initialisation counts as c/sqrt(fan_in) by its value at 32."""
    point = {"fan_in": 32.0, "fan_out": 32.0, "depth": 2.0, "layer": 1.0}
    std = parse(recipe.slot("init_std"), tuple(point)).evaluate(point)
    return load().value({**{name: recipe.setting(name) for name in NAMES}, SCALE: std * 32.0**0.5})


def uniform(briefing: Briefing, rng: random.Random) -> Recipe:
    """Dials drawn blindly, the law of the reference."""
    drawn = recipe_of(settings_of(np.array([rng.random() for _ in DIALS])))
    settings = {name: drawn.setting(name) for name in NAMES}
    return Recipe.from_payload({"settings": settings}, briefing.track)


def run(name: str, seed: int, evaluations: int) -> list[float]:
    """True value of the best so far, after each evaluation."""
    rng, noise = random.Random(seed), random.Random(seed + 1_000_003)
    proposers = {
        "greedy": Greedy(), "tpe": Tpe, "cma-es": CmaEs, "elite": Elite,
        "embedded": Blocking(embedded()), "hybrid": Blocking(hybrid(Greedy())),
    }  # fmt: skip
    reference = value(TRACK.reference)
    history: list[Trial] = []
    best, course = (0.0, reference), []
    for _ in range(evaluations):
        briefing = Briefing(TRACK, tuple(history), slots=NAMES)
        if name == "uniform":
            recipe, asked = uniform(briefing, rng), name
        else:
            proposal = proposers[name].choose(briefing, rng)
            if proposal is None:
                break
            recipe, asked = proposal.recipe, proposal.proposer
        true = value(recipe)
        effect = reference - true + noise.gauss(0.0, load().noise_sd)
        claim = ContentId(hashlib.sha256(recipe.id).digest())
        history.append(Trial(recipe, effect, claim, proposer=asked))
        best = max(best, (effect, true))
        course.append(best[1])
    return course


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="two runs of twenty evaluations")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=40)
    options = parser.parse_args()
    runs, evaluations = (2, 20) if options.quick else (options.runs, options.evaluations)
    marks = [mark for mark in CHECKPOINTS if mark <= evaluations]
    print(f"reference {value(TRACK.reference):.3f} bits per byte; noise of a seed {load().noise_sd:.3f}")
    found: dict[str, list[float]] = {}
    for name in ("uniform", "greedy", "tpe", "cma-es", "elite", "embedded", "hybrid"):
        courses = [run(name, seed, evaluations) for seed in range(runs)]
        found[name] = [
            statistics.median(course[min(mark, len(course)) - 1] for course in courses) for mark in marks
        ]
        shown = "  ".join(f"{mark}: {best:.3f}" for mark, best in zip(marks, found[name], strict=True))
        print(f"{name:<8} median of {runs} runs after evaluations  {shown}", flush=True)
    if options.json:
        print(
            json.dumps({"A1 byte-lm surrogate": {"value": found, "peer": None, "ratio": None, "met": None}})
        )


if __name__ == "__main__":
    main()
