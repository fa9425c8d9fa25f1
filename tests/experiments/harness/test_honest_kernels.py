"""Honest nodes with other CPU kernels are never called liars.

Every setting measures the same recipes, some of them near divergence; each then checks each other one as a
replicator would: the published values against its own, with its own twin run as the sensitivity gate.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from experiments.harness.outcome import agree
from leaderboard.evidence.replay import Agreement, Run, compare

SETTINGS = {
    "as chosen": {},
    "default": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "two threads": {"threads": 2},
    "no oneDNN": {"mkldnn": False, "ATEN_CPU_CAPABILITY": "default"},
}
RECIPES = [
    {},  # the reference
    {"slots": {"init_std": "sqrt(2/fan_in)"}},
    {"slots": {"init_std": "1.3*sqrt(2/fan_in)"}, "settings": {"lr": 0.02}},
    {"slots": {"init_std": "0.3"}, "settings": {"lr": 0.02}},  # diverges, or nearly
    {"slots": {"init_std": "sqrt(2/fan_out)", "activation": "x*sigmoid(4*x)"}},
]
SEEDS = [41, 42]


def measured(setting: dict[str, object]) -> list[list[list[float | None]]]:
    environment = {key: value for key, value in setting.items() if key.isupper()}
    request = {
        "threads": setting.get("threads", 1),
        "mkldnn": setting.get("mkldnn", True),
        "recipes": RECIPES,
        "seeds": SEEDS,
    }
    done = subprocess.run(
        [sys.executable, "-P", Path(__file__).with_name("kernel_runs.py")],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": str(request["threads"]), **environment},
    )
    found: list[list[list[float | None]]] = json.loads(done.stdout)
    return found


def run_of(values: list[list[list[float | None]]], recipe: int, seed: int, place: str) -> Run:
    """A recipe against the reference; stable as `measure_pairs` says it."""
    (ours, twin), (theirs, other) = values[recipe][seed], values[0][seed]
    return Run(ours, theirs, agree(twin, ours) and agree(other, theirs), place, 0.0)


@pytest.mark.slow
def test_no_honest_setting_contradicts_another() -> None:
    found = {name: measured(setting) for name, setting in SETTINGS.items()}
    said = []
    for author, checker in permutations(SETTINGS, 2):
        for recipe in range(len(RECIPES)):
            for seed in range(len(SEEDS)):
                published = run_of(found[author], recipe, seed, author)
                rerun = run_of(found[checker], recipe, seed, checker)
                said.append(compare("D0", published, rerun))
                assert said[-1] is not Agreement.DIFFERENT, (
                    author,
                    checker,
                    RECIPES[recipe],
                    published,
                    rerun,
                )
    # The gate is no blindfold: most runs are comparable, and a lie in the fifth digit is seen.
    assert said.count(Agreement.SAME) > len(said) / 2
    honest = run_of(found["avx2"], 1, 0, "avx2")
    assert honest.candidate is not None
    assert compare("D0", replace(honest, candidate=honest.candidate - 1e-5), honest) is Agreement.DIFFERENT
