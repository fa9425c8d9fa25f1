"""A quick stand-in for byte-lm, fitted to real trials, for benches of search.

    python bench/byte_lm_surrogate.py --collect N [--seconds S]    run N more trials, append them to the data
    python bench/byte_lm_surrogate.py [--quick] [--json]           how well the fit predicts trials it has not seen

The trials are byte-lm's own, at a quarter of its budget (2^16 bytes, 10^10 operations; context 64), so that a
few hundred of them are affordable. Point n of a fixed scrambled Halton sequence says the recipe and, modulo
SEEDS, the seed; the file bench/data/byte_lm_surrogate.json holds what came out, diverged runs as null.

The fit is a Gaussian process over the settings below (numbers scaled to 0..1, words one-hot), with one length
for words, one for step sizes and the scale of weights, and one for other numbers, chosen by leave-one-out error. It is a *surrogate*: smooth between points, blind to every
other setting and to expressions beyond `c/sqrt(fan_in)`, and as good as its leave-one-out error says.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import os
import statistics
import sys
import time
from functools import cache
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np

from experiments.recipe import Recipe
from experiments.space import Choice, FloatRange, IntRange
from experiments.track import load_track
from experiments.tracks.byte_lm.budget import CPU

TRACK = load_track("byte-lm")
DATA = ROOT / "bench" / "data" / "byte_lm_surrogate.json"
QUARTER = dataclasses.replace(CPU, tokens=1 << 16, flops=10**10, windows=128, decoys=8)
SEEDS = 4  # trials use seeds 0 to 3 in turn
BAD = 8.0  # bits per byte that whatever is worse counts as in the fit: what an untaught model needs

SCALE = "c"  # the slot init_std is c/sqrt(fan_in)
DIALS: dict[str, Choice | FloatRange | IntRange] = {
    "optimizer": Choice(("sgd", "adamw", "lion", "muon")),
    "lr": FloatRange(3e-4, 0.1, log=True),
    "matrix_lr": FloatRange(1e-3, 0.2, log=True),
    "batch": IntRange(2, 16, log=True),
    "width": IntRange(16, 64, log=True),
    "depth": IntRange(1, 4, log=True),
    "norm": Choice(("layernorm", "rmsnorm", "none")),
    "positions": Choice(("learned", "sinusoidal", "rotary", "alibi", "none")),
    "warmup": FloatRange(0.0, 0.3),
    SCALE: FloatRange(0.03, 3.0, log=True),
}


# Which length goes with each coordinate: words, sizes of steps and weights, other numbers.
STEPS = ("lr", "matrix_lr", SCALE)
KINDS = [
    kind
    for name, domain in DIALS.items()
    for kind in ([0] * len(domain.options) if isinstance(domain, Choice) else [1 if name in STEPS else 2])
]


def settings_of(point: np.ndarray) -> dict[str, object]:
    """The dials at a point of the unit cube."""
    found: dict[str, object] = {}
    for (name, domain), place in zip(DIALS.items(), point, strict=True):
        if isinstance(domain, Choice):
            found[name] = domain.options[min(int(place * len(domain.options)), len(domain.options) - 1)]
            continue
        low, high = float(domain.low), float(domain.high)
        number = low * (high / low) ** place if domain.log else low + (high - low) * place
        found[name] = round(number) if isinstance(domain, IntRange) else float(f"{number:.4g}")
    return found


def recipe_of(settings: dict[str, object]) -> Recipe:
    law = {"init_std": f"{settings[SCALE]}/sqrt(fan_in)"}
    rest = {name: value for name, value in settings.items() if name != SCALE}
    return Recipe.from_payload({"settings": rest, "slots": law}, TRACK)


def features(settings: dict[str, object]) -> np.ndarray:
    """Numbers to 0..1, words one-hot (apart by 1)."""
    row: list[float] = []
    for name, domain in DIALS.items():
        value = settings[name]
        if isinstance(domain, Choice):
            row += [math.sqrt(0.5) * (value == option) for option in domain.options]
            continue
        low, high, number = (
            float(domain.low),
            float(domain.high),
            min(max(float(value), domain.low), domain.high),
        )
        row.append(
            math.log(number / low) / math.log(high / low) if domain.log else (number - low) / (high - low)
        )
    return np.array(row)


def capped(trial: dict[str, object]) -> float:
    """A trial's value as the fit sees it."""
    return BAD if trial["value"] is None else min(trial["value"], BAD)


class Surrogate:
    """A Gaussian process over the trials; `value` is deterministic, `noise_sd` is the spread between seeds."""

    def __init__(self, trials: list[dict[str, object]]) -> None:
        self._x = np.array([features(trial["settings"]) for trial in trials])
        self._y = np.array([capped(trial) for trial in trials])
        self._mean = float(self._y.mean())
        lengths = (0.5, 0.7, 1.0, 1.5, 2.5)
        choices = list(itertools.product(lengths, lengths, lengths, (0.02, 0.05, 0.15)))
        self.error, self._dials = min((self._left_out(dials), dials) for dials in choices)
        self._weights = np.linalg.solve(self._covariance(self._dials), self._y - self._mean)
        self.noise_sd = math.sqrt(self._dials[3] * float(self._y.var()))

    def value(self, settings: dict[str, object]) -> float:
        """Predicted bits per byte at a quarter of the budget, seed noise left out."""
        near = self._kernel(features(settings)[None], self._x, self._dials)[0]
        return self._mean + float(near @ self._weights)

    def _kernel(self, a: np.ndarray, b: np.ndarray, dials: tuple[float, ...]) -> np.ndarray:
        scale = np.array([dials[kind] for kind in KINDS])
        return np.exp(-0.5 * (((a[:, None, :] - b[None, :, :]) / scale) ** 2).sum(axis=-1))

    def _covariance(self, dials: tuple[float, ...]) -> np.ndarray:
        return self._kernel(self._x, self._x, dials) + dials[3] * np.eye(len(self._x))

    def _left_out(self, dials: tuple[float, ...]) -> float:
        """Root mean square of the leave-one-out errors (Rasmussen and Williams 2006, equation 5.12)."""
        inverse = np.linalg.inv(self._covariance(dials))
        return float(np.sqrt(np.mean(((inverse @ (self._y - self._mean)) / np.diag(inverse)) ** 2)))


@cache
def load() -> Surrogate:
    """The surrogate of the file."""
    return Surrogate(read())


def read() -> list[dict[str, object]]:
    return json.loads(DATA.read_text())["trials"] if DATA.exists() else []


def collect(count: int, seconds: float) -> None:
    """Run the next trials of the sequence."""
    from scipy.stats import qmc

    from experiments.tracks.byte_lm.examiner import ByteExaminer, _Generated
    from experiments.tracks.byte_lm.runner import run_job  # keeps torch to one thread
    from experiments.tracks.byte_lm.training import Job

    examiner, trials = ByteExaminer(QUARTER, _Generated()), read()
    points = qmc.Halton(len(DIALS), seed=1840).random(len(trials) + count)
    until = time.monotonic() + seconds
    for number in range(len(trials), len(trials) + count):
        if time.monotonic() > until:
            break
        settings, seed = settings_of(points[number]), number % SEEDS
        exam, start = examiner.prepare(seed), time.process_time()
        value = examiner.score(
            exam, run_job(recipe_of(settings), Job(seed, exam.inputs, lambda *_: None, 0, QUARTER))
        )
        spent = round(time.process_time() - start, 2)
        trials.append({"settings": settings, "seed": seed, "value": value, "cpu_s": spent})
    about = {"track": "byte-lm", "tokens": QUARTER.tokens, "flops": QUARTER.flops, "seeds": SEEDS}
    DATA.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(trial) for trial in trials)
    DATA.write_text(f'{{"about": {json.dumps(about)}, "trials": [\n{lines}\n]}}\n')
    print(f"{len(trials)} trials in {DATA.relative_to(ROOT)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--collect", type=int, default=0, metavar="N")
    parser.add_argument("--seconds", type=float, default=170.0, help="stop collecting after so long")
    parser.add_argument("--quick", action="store_true", help="the same: reading the file takes a moment")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.collect:
        collect(options.collect, options.seconds)
    trials = read()
    found, values = load(), [trial["value"] for trial in trials if trial["value"] is not None]
    spread = float(np.std([capped(trial) for trial in trials]))
    print(
        f"{len(trials)} trials, {len(trials) - len(values)} without a value, {sum(t['cpu_s'] for t in trials):.0f} s"
        f" of processor time; best {min(values):.3f}, median {statistics.median(values):.3f} bits per byte"
    )
    print(f"leave-one-out error {found.error:.3f} where the trials' own spread is {spread:.3f}")
    if options.json:
        share = 1.0 - (found.error / spread) ** 2
        print(json.dumps({"byte-lm surrogate": {"value": share, "peer": None, "ratio": None, "met": None}}))


if __name__ == "__main__":
    main()
