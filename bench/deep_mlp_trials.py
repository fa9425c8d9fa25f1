"""Real trials of deep-mlp for benches, each run once and then read from a file.

A trial of deep-mlp is a function of its recipe and its seed (class D0), so a bench of search need not train a
net twice: bench/data/deep_mlp_trials.jsonl holds one line per (law of initialisation, seed) that any bench ever
trained, with the loss, null for a divergence. Delete the file and every bench measures everything anew.
Recipes that differ from the reference in more than `init_std` are trained and not kept.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from experiments.recipe import Recipe
from experiments.tracks import deep_mlp

TRACK = deep_mlp.track()
BOUND = TRACK.manifest.effect_bound
DATA = ROOT / "bench" / "data" / "deep_mlp_trials.jsonl"


def recipe_of(law: str) -> Recipe:
    """The reference with another law of initialisation."""
    return Recipe.from_payload({"slots": {"init_std": law}}, TRACK)


@cache
def kept() -> dict[tuple[str, int], float | None]:
    """What was trained so far, by law and seed; a line that was cut off is left out."""
    found: dict[tuple[str, int], float | None] = {}
    for line in DATA.read_text().splitlines() if DATA.exists() else []:
        try:
            law, seed, loss = json.loads(line)
        except ValueError:
            continue
        found[law, seed] = loss
    return found


def loss(recipe: Recipe, seed: int) -> float | None:
    """The validation loss of one run, None if it diverged."""
    law = recipe.slot("init_std")
    plain = recipe_of(law).id == recipe.id
    if plain and (law, seed) in kept():
        return kept()[law, seed]
    value = train(recipe, seed)
    if plain:
        kept()[law, seed] = value
        with DATA.open("a") as file:  # one write of one line, so that benches may run side by side
            file.write(json.dumps([law, seed, value]) + "\n")
    return value


def train(recipe: Recipe, seed: int) -> float | None:
    """The same, trained in this process whatever was kept."""
    from experiments.tracks.deep_mlp import examiner, runner

    exam = examiner.prepare(seed)
    return examiner.score(exam, runner.run(recipe, seed, exam.inputs, lambda _a, _b: None))


def gain(recipe: Recipe, seed: int) -> float | None:
    """Paired with the reference; None for a divergence."""
    ours, theirs = loss(recipe, seed), loss(TRACK.reference, seed)
    return None if ours is None or theirs is None else theirs - ours
