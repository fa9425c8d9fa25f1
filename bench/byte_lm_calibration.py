"""What the frozen numbers of byte-lm rest on: losses, spread of seeds, twins and other kernels.

    python bench/byte_lm_calibration.py [--quick] [--json] [--seeds N] [--only NAME ...]

Runs recipes of the track in this process, examiner included (the harness changes the time of a trial, not its
value). For each: bits per byte on every seed, effect against the reference paired by seed, the largest gap to
a twin whose weights are moved by 2 ulp, and processor seconds. `ATEN_CPU_CAPABILITY` and `MKL_CBWR` choose
other kernels; compare the printed values of two such runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.harness.exam import load_examiner
from experiments.harness.measure import TWIN_ULPS
from experiments.harness.outcome import agree
from experiments.recipe import Recipe
from experiments.track import load_track
from experiments.tracks.byte_lm.budget import CPU
from experiments.tracks.byte_lm.design import Design

TRACK = load_track("byte-lm")
EXAMINER = load_examiner(TRACK.examiner)
FIRST = 1000  # seeds count from here

LAW = {"init_std": "1/sqrt(fan_in)"}
RECIPES: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "reference": ({}, {}),
    "lr 0.01": ({"lr": 0.01}, {}),
    "lr 0.001": ({"lr": 0.001}, {}),
    "batch 16": ({"batch": 16}, {}),
    "width 48": ({"width": 48}, {}),
    "depth 4": ({"depth": 4}, {}),
    "relu": ({}, {"activation": "max(x, 0)"}),
    "init 1/sqrt(fan_in)": ({}, LAW),
    "rotary": ({"positions": "rotary"}, {}),
    "muon": ({"optimizer": "muon", "lr": 0.01}, {}),
    "no norm": ({"norm": "none"}, {}),
    "no positions": ({"positions": "none"}, {}),
    "several": ({"lr": 0.01, "positions": "rotary", "optimizer": "muon"}, LAW),
    "lr 0.1": ({"lr": 0.1}, {}),
}


def value(recipe: Recipe, seed: int, ulps: int = 0) -> float | None:
    from experiments.tracks.byte_lm import runner

    exam = EXAMINER.prepare(seed)
    return EXAMINER.score(exam, runner.run(recipe, seed, exam.inputs, lambda _a, _b: None, ulps))


def line(name: str, seeds: range, twins: int, reference: list[float | None]) -> dict[str, object]:
    settings, slots = RECIPES[name]
    recipe = Recipe.from_payload({"settings": settings, "slots": slots}, TRACK)
    start = time.process_time()
    values = [value(recipe, seed) for seed in seeds]
    seconds = (time.process_time() - start) / len(values)
    pairs = [(one, value(recipe, seed, TWIN_ULPS)) for one, seed in zip(values[:twins], seeds, strict=False)]
    gaps = [abs(a - b) / (1 + abs(b)) for a, b in pairs if a is not None and b is not None]
    effects = [
        r - v for r, v in zip(reference or values, values, strict=True) if r is not None and v is not None
    ]
    design = Design.of(recipe, CPU)
    found = {
        "values": values,
        "median": statistics.median([v for v in values if v is not None] or [float("nan")]),
        "effect": statistics.median(effects or [float("nan")]),
        "effect_sd": statistics.stdev(effects) if len(effects) > 1 else 0.0,
        "gap": max(gaps, default=0.0),
        "unstable": sum(not agree(a, b) for a, b in pairs),
        "steps": design.steps(CPU),
        "seconds": seconds,
    }
    shown = " ".join("null" if v is None else f"{v:.9f}" for v in values)
    print(
        f"| {name} | {found['median']:.3f} | {found['effect']:+.3f} | {found['effect_sd']:.3f} | {found['gap']:.0e}"
        f" | {found['unstable']}/{len(pairs)} | {found['steps']} | {seconds:.1f} | {shown}",
        flush=True,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one seed of the reference, with its twin")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--twins", type=int, default=1, help="seeds with a twin run")
    parser.add_argument("--only", nargs="+", default=list(RECIPES), choices=list(RECIPES), metavar="NAME")
    options = parser.parse_args()
    seeds = range(FIRST, FIRST + (1 if options.quick else options.seeds))
    found: dict[str, dict[str, object]] = {}
    reference: list[float | None] = []
    for name in ["reference"] if options.quick else options.only:
        found[name] = line(name, seeds, options.twins, reference)
        if name == "reference":
            reference = found[name]["values"]
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
