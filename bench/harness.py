"""What the harness costs over a bare script that runs the same deep-mlp trials (goal E6: at most 5 %).

    python bench/harness.py [--quick] [--json]

The bare script (below, `--bare`) is a process of its own that does what a person would write: load the data
once, then for each seed split, initialise, train with torch's own relu, and compute the loss, in one
function without pipes, expressions or checks. It and the harness take turns, seed by seed, so that a busy
machine slows both; their values must be equal to 1e-9, which shows that they did the same work. What counts
is the wall time from asking for a trial to having its value: for the harness that includes the split, the
pipe, the expressions, progress, checks and scoring. Processor time (worker and
parent together) is shown too, since a busy machine disturbs it less. Starting a worker (once per device) is
shown apart.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST_SEED = 9_000_000
GOAL = 1.05
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def bare() -> None:
    """Serve seeds from standard input: one line in, one line with the loss out."""
    import numpy as np
    import torch
    from sklearn.datasets import load_digits
    from torch.nn import functional

    from experiments.tracks.deep_mlp.net import ORDER, SPLIT, WEIGHTS, draw_shape, stream
    from experiments.tracks.deep_mlp.shape import BATCH, STEPS

    torch.set_num_threads(1)
    pixels, labels = load_digits(return_X_y=True)
    pixels, labels = torch.tensor((pixels - 5.0) / 6.0), torch.tensor(labels)

    def trial(seed: int) -> float:
        order = torch.tensor(stream(seed, SPLIT).permutation(len(pixels)))
        x, y = pixels[order[360:]], labels[order[360:]]
        draw = stream(seed, WEIGHTS)
        fans = draw_shape(seed).fans
        weights = [
            torch.tensor(draw.standard_normal((o, i)) * (2 / i) ** 0.5, requires_grad=True) for i, o in fans
        ]
        biases = [torch.zeros(o, dtype=torch.float64, requires_grad=True) for _, o in fans]
        parameters = [*weights, *biases]

        def forward(h):
            for w, b in zip(weights[:-1], biases[:-1], strict=True):
                h = torch.relu(functional.linear(h, w, b))
            return functional.linear(h, weights[-1], biases[-1])

        draw = stream(seed, ORDER)
        passes = -(-STEPS * BATCH // len(x))
        rows = torch.tensor(np.concatenate([draw.permutation(len(x)) for _ in range(passes)]))
        for batch in rows[: STEPS * BATCH].reshape(STEPS, BATCH):
            gradients = torch.autograd.grad(functional.cross_entropy(forward(x[batch]), y[batch]), parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradients, alpha=-0.01)
        with torch.no_grad():
            return functional.cross_entropy(forward(pixels[order[:360]]), labels[order[:360]]).item()

    for line in sys.stdin:
        print(trial(int(line)), flush=True)


def start_bare() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", __file__, "--bare"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ONE_THREAD},
    )


def ask(process: subprocess.Popen[str], seed: int) -> tuple[float, float]:
    """Loss and seconds of one trial of the bare script."""
    assert process.stdin is not None
    assert process.stdout is not None
    start = time.perf_counter()
    process.stdin.write(f"{seed}\n")
    process.stdin.flush()
    loss = float(process.stdout.readline())
    return loss, time.perf_counter() - start


async def compare(trials: int) -> dict[str, object]:
    from experiments.harness.device import open_device
    from experiments.harness.processes import cpu_seconds
    from experiments.recipe import Recipe
    from experiments.track import load_track

    track = load_track("deep-mlp")
    recipe = Recipe.from_payload({"slots": {"init_std": "sqrt(2/fan_in)"}}, track)
    process = start_bare()
    ours: list[float] = []
    theirs: list[float] = []
    our_cpu = 0.0
    async with open_device() as device:
        start = time.perf_counter()
        await device.run(track, recipe, FIRST_SEED)
        cold = time.perf_counter() - start
        ask(process, FIRST_SEED)
        bare_cpu = cpu_seconds(process.pid)
        for seed in range(FIRST_SEED + 1, FIRST_SEED + 1 + trials):
            # Who goes first alternates, so that neither always meets a warm cache.
            if seed % 2:
                loss, seconds = ask(process, seed)
            start, cpu = time.perf_counter(), time.process_time()
            outcome = await device.run(track, recipe, seed)
            ours.append(time.perf_counter() - start)
            our_cpu += outcome.cpu_s + time.process_time() - cpu
            if not seed % 2:
                loss, seconds = ask(process, seed)
            theirs.append(seconds)
            assert outcome.value is not None, seed
            assert abs(outcome.value - loss) < 1e-9, (seed, outcome.value, loss)
    bare_cpu = cpu_seconds(process.pid) - bare_cpu
    process.terminate()
    process.wait()
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ratios)
    return {
        "value": round(statistics.median(ours), 4),
        "peer": round(statistics.median(theirs), 4),
        "ratio": round(ratio, 4),
        "ratio_of_sums": round(sum(ours) / sum(theirs), 4),
        "ratio_of_cpu": round(our_cpu / bare_cpu, 4),
        "quartiles": [round(q, 4) for q in statistics.quantiles(ratios, n=4)],
        "trials": trials,
        "cold_start_s": round(cold, 2),
        "met": ratio <= GOAL,
    }


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--bare", action="store_true")
    options = arguments.parse_args()
    if options.bare:
        bare()
        return
    import trio

    found = trio.run(compare, 30 if options.quick else 100)
    print(f"{found['trials']} deep-mlp trials in turn with a bare script")
    print(f"  harness {found['value']} s, bare {found['peer']} s a trial (medians)")
    print(f"  ratio {found['ratio']} (median of pairs), quartiles {found['quartiles']}")
    print(
        f"  ratio of the sums {found['ratio_of_sums']}, of processor time {found['ratio_of_cpu']}; "
        f"first trial, worker cold: {found['cold_start_s']} s"
    )
    print(f"  goal E6 <= {GOAL}: {'met' if found['met'] else 'missed'}")
    if options.json:
        print(json.dumps({"E6": found}))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
