"""Starting a sandbox, and the speed of an honest copy.

Goal E6: start <= 40 ms over the interpreter; 1.00 +- 0.02.

    python bench/sandbox.py [--quick] [--json]

Start: from asking for a confined process to its word that the walls stand, against a bare interpreter that
starts and ends, in turns. Copy: the reference of the `kernels` track with a comment more, measured as any
candidate, on fresh seeds; the speed-up is 2 to the metric (a mean over the five tasks).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_GOAL_MS = 40.0
COPY_GOAL = 0.02


def starts(rounds: int) -> dict[str, object]:
    from experiments.sandbox import Level, probe, spawn
    from experiments.sandbox.guest import selftest
    from experiments.sandbox.limits import runtime

    python = [str(runtime(torch=False).python), "-I", "-S", "-c", "pass"]
    levels = [finding.level for finding in probe().findings if finding.works]
    bare: list[float] = []
    taken: dict[Level, list[float]] = {level: [] for level in levels}
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run(python, check=True, env={})
        bare.append(time.perf_counter() - start)
        for level in levels:
            start = time.perf_counter()
            with spawn(Path(selftest.__file__), level):
                taken[level].append(time.perf_counter() - start)
    interpreter = statistics.median(bare) * 1000
    print(f"interpreter {interpreter:.1f} ms (median of {rounds})")
    rows = {}
    for level, times in taken.items():
        over = statistics.median(times) * 1000 - interpreter
        rows[str(level)] = round(over, 2)
        print(
            f"{level:<12} + {over:.1f} ms (p90 + {sorted(times)[int(0.9 * rounds)] * 1000 - interpreter:.1f})"
        )
    best = next(iter(rows.values()), None)
    met = best is not None and best <= START_GOAL_MS
    return {"value": best, "unit": "ms over the interpreter", "levels": rows, "met": met}


def copies(seeds: int) -> dict[str, object]:
    from experiments.programs.canonical import read_program
    from experiments.programs.slots import Confinable
    from experiments.programs.trials import judge
    from experiments.recipe import Recipe
    from experiments.sandbox import Rejected, best_level
    from experiments.track import load_track
    from experiments.tracks.kernels.baseline import BASELINE_SOURCE

    track = load_track("kernels")
    code = Confinable(read_program("# an honest copy\n" + BASELINE_SOURCE), best_level())
    recipe = Recipe.from_payload({"program": code.program.id}, track)
    found: list[float] = []
    rejected = 0
    for seed in range(1, seeds + 1):
        try:
            value = judge(track, recipe, code, seed)
        except Rejected as error:
            rejected += 1
            print(f"seed {seed}: {error}")
            continue
        assert value is not None
        found.append(2.0**value)
        print(f"seed {seed}: {found[-1]:.4f}x")
    middle = statistics.median(found) if found else None
    if middle is not None:
        spread = f"from {min(found):.4f} to {max(found):.4f}, {rejected} without a number"
        print(f"honest copy: median {middle:.4f}x, {spread}")
    within = [abs(value - 1.0) <= COPY_GOAL for value in found]
    return {
        "value": middle,
        "each": [round(value, 4) for value in found],
        "rejected": rejected,
        "met": bool(within) and all(within) and not rejected,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = {
        "E6 sandbox": starts(10 if arguments.quick else 40),
        "E6 kernels": copies(1 if arguments.quick else 8),
    }
    if arguments.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
