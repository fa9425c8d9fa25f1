"""A quick stand-in for deep-mlp, fitted to real trials, for comparing searches over many repetitions and laws.

    python bench/deep_mlp_surrogate.py --collect SECONDS [--part N]    run more trials, add them to the kept ones
    python bench/deep_mlp_surrogate.py [--quick] [--json]              how well the fit predicts laws it has not seen

What decides a trial of deep-mlp is mostly how a signal grows or fades on its way through the seed's net: by the
gains log(std * sqrt(fan_in / 2)) of the layers, added up from either end. The surrogate learns from kept trials
(bench/deep_mlp_trials.py) how the loss and the odds of a divergence follow from those sums: a forest of extremely
randomised trees, and a residual drawn from the fit's own errors on laws it has not seen, where it was about as
confident, fixed by what the law does on that net and the seed. Nothing in it knows a good law; what it says about
one is what trials said about laws with such gains.

Because only gains relative to what keeps the signal matter, the same surrogate serves for *other hidden laws*: put
another law in the place of sqrt(2/fan_in) and the track has another answer and the same kind of landscape. So a
search can be judged on targets that nobody tuned it to.

Collected are laws from the generic grammar: library entries, and library shapes and power laws of the fans at
levels at which the net at hand may live; nets are those of 48 seeds.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import math
import random
import statistics
import time
from collections.abc import Sequence
from functools import cache

import numpy as np
from deep_mlp_trials import BOUND, TRACK, kept, loss, recipe_of

from experiments.expr import Expr, ExprError, parse
from experiments.recipe import Recipe
from experiments.search.candidates import Workshop
from experiments.search.grammar import round_to
from experiments.search.library import Library
from experiments.search.proposer import Briefing
from experiments.search.region import Region
from experiments.track import Track
from experiments.tracks.deep_mlp.net import draw_shape, layer_std
from experiments.tracks.deep_mlp.shape import INIT_VARIABLES

DEAD = 2.4  # a divergence counts as this in the fit of losses: a little worse than a net that learns nothing
FIRST_SEED, SEEDS = 5_000_000, 48  # of the collected trials
FOLDS = 8
SIMILAR = 25  # errors of the fit among which a residual is drawn
KEEPS_SIGNAL = "sqrt(2/fan_in)"
WEAK = "0.3/sqrt(fan_in)"  # the reference where another law is hidden: too weak there, and of another shape


def gains(law: Expr, hidden: Expr, seed: int) -> np.ndarray:
    """Logarithm of the gain of each layer of the seed's net, relative to the hidden law; ExprError if it has none."""
    shape = draw_shape(seed)
    layers = range(len(shape.fans))
    ours = np.array([max(layer_std(law, shape, layer), 1e-12) for layer in layers])
    return np.log(ours / np.array([layer_std(hidden, shape, layer) for layer in layers]))


def features(steps: np.ndarray, seed: int) -> list[float]:
    """What the forest sees: sums of gains from both ends, their extremes and spread, and the size of the net."""
    forward, backward = np.cumsum(steps), np.cumsum(steps[::-1])
    widths = draw_shape(seed).widths
    return [
        forward[-1], forward.max(), forward.min(), backward.max(), backward.min(), forward.mean(),
        np.abs(forward).mean(), steps.std(), steps.max(), steps.min(), steps[0], steps[-1],
        float(len(steps)), float(np.mean(widths)),
    ]  # fmt: skip


class Surrogate:
    """The forest and its errors on laws that it had not seen."""

    def __init__(self, trees: int = 40) -> None:
        self._trees = trees
        rows, values, lost, laws = [], [], [], []
        hidden = parse(KEEPS_SIGNAL, INIT_VARIABLES)
        for (law, seed), value in kept().items():
            try:
                rows.append(features(gains(parse(law, INIT_VARIABLES), hidden, seed), seed))
            except ExprError:
                continue
            values.append(DEAD if value is None else min(value, DEAD))
            lost.append(float(value is None))
            laws.append(law)
        self._x, self._y = np.array(rows), np.array([values, lost]).T
        self.unseen = self._left_out(laws)
        """Predictions of each trial by a forest that saw no trial of its law, shape (trials, 2)."""
        self._forest = self._fit(self._x, self._y)
        alive = self._y[:, 1] == 0.0
        guesses = _finite(self.unseen[alive])
        order = np.argsort(guesses)
        self._guesses, self._errors = guesses[order], (self._y[alive, 0] - guesses)[order]

    def _fit(self, x: np.ndarray, y: np.ndarray) -> object:
        from sklearn.ensemble import ExtraTreesRegressor

        return ExtraTreesRegressor(self._trees, min_samples_leaf=2, random_state=0).fit(x, y)

    def _left_out(self, laws: list[str]) -> np.ndarray:
        from sklearn.model_selection import GroupKFold

        found = np.zeros_like(self._y)
        for train, test in GroupKFold(FOLDS).split(self._x, self._y, laws):
            found[test] = self._fit(self._x[train], self._y[train]).predict(self._x[test])
        return found

    def fidelity(self) -> dict[str, float]:
        """Of the predictions of unseen laws: share of variance explained, error, and how well divergence is told."""
        from sklearn.metrics import roc_auc_score

        truth, guess = self._y[:, 0], self.unseen[:, 0]
        alive = truth < 2.2
        return {
            "trials": float(len(truth)),
            "explained": 1.0 - float(((truth - guess) ** 2).mean() / truth.var()),
            "error": float(np.sqrt(((truth - guess) ** 2).mean())),
            "error_alive": float(np.sqrt(((truth - guess)[alive] ** 2).mean())),
            "alive": float(alive.mean()),
            "divergence_auc": float(roc_auc_score(self._y[:, 1], self.unseen[:, 1])),
        }

    def loss(self, steps: np.ndarray, seed: int) -> float | None:
        """The loss of a law with these gains on the seed's net, None for a divergence."""
        digest = hashlib.sha256(np.round(steps, 6).tobytes() + seed.to_bytes(8, "big")).digest()
        draw = random.Random(digest)
        (out,) = self._forest.predict([features(steps, seed)])
        if out[1] > draw.random():
            return None
        guess = float(_finite(out[None])[0])
        middle = int(np.searchsorted(self._guesses, guess))
        low = min(max(middle - SIMILAR // 2, 0), max(len(self._errors) - SIMILAR, 0))
        return max(guess + float(draw.choice(self._errors[low : low + SIMILAR])), 0.1)

    def expected(self, rows: list[list[float]]) -> np.ndarray:
        """Expected losses of rows of features; NaN where a divergence is likelier than not."""
        out = self._forest.predict(rows)
        return np.where(out[:, 1] > 0.5, np.nan, _finite(out))


def _finite(out: np.ndarray) -> np.ndarray:
    """Expected loss of a trial that does not diverge, from rows of (loss with divergences, odds of one)."""
    odds = np.minimum(out[:, 1], 0.9)
    return (out[:, 0] - odds * DEAD) / (1.0 - odds)


@cache
def load() -> Surrogate:
    """The surrogate of the kept trials."""
    return Surrogate()


@dataclasses.dataclass(frozen=True)
class World:
    """deep-mlp with another hidden law, by the surrogate."""

    hidden: str
    track: Track = dataclasses.field(init=False, compare=False)

    def __post_init__(self) -> None:
        reference = TRACK.reference if self.hidden == KEEPS_SIGNAL else recipe_of(WEAK)
        object.__setattr__(self, "track", dataclasses.replace(TRACK, reference=reference))

    def loss(self, recipe: Recipe, seed: int) -> float | None:
        return _loss(self.hidden, recipe.slot("init_std"), seed)

    def gain(self, recipe: Recipe, seed: int) -> float | None:
        """Paired with the reference; None for a divergence."""
        ours, theirs = self.loss(recipe, seed), self.loss(self.track.reference, seed)
        return None if ours is None or theirs is None else theirs - ours

    def worth(self, law: str, seeds: Sequence[int]) -> float | None:
        """Mean expected gain on the seeds' nets, where a divergence counts as minus the bound; None if it has none."""
        hidden = parse(self.hidden, INIT_VARIABLES)
        losses: list[np.ndarray] = []
        for text in (law, self.track.reference.slot("init_std")):
            expr = parse(text, INIT_VARIABLES)
            try:
                rows = [features(gains(expr, hidden, seed), seed) for seed in seeds]
            except ExprError:
                return None
            losses.append(load().expected(rows))
        found = np.nan_to_num(losses[1] - losses[0], nan=-BOUND)
        return float(np.maximum(found, -BOUND).mean())


@cache
def _loss(hidden: str, law: str, seed: int) -> float | None:
    try:
        steps = gains(parse(law, INIT_VARIABLES), parse(hidden, INIT_VARIABLES), seed)
    except ExprError:
        return None
    return load().loss(steps, seed)


def collect(seconds: float, part: int) -> None:
    """Train laws drawn from the generic grammar on nets of the fixed seeds, each with its reference."""
    rng, until = random.Random(7000 + part), time.monotonic() + seconds
    workshop = Workshop(Briefing(TRACK))
    region = Region.of(workshop.slots[0])
    library = Library(region)
    while time.monotonic() < until:
        seed = FIRST_SEED + rng.randrange(SEEDS)
        law = _drawn(library, region, seed, rng)
        if law is not None and region.sensible(region.values(law)):
            loss(recipe_of(str(law)), seed)
            loss(TRACK.reference, seed)
    print(f"{len(kept())} trials")


def _drawn(library: Library, region: Region, seed: int, rng: random.Random) -> Expr | None:
    """A quarter library entries; half shapes and a quarter power laws, at levels where this net may live."""
    kind = rng.random()
    if kind < 0.25:
        return rng.choices(library.entries, cum_weights=library.entry_weights)[0].expr
    if kind < 0.75:
        text = str(rng.choices(library.shapes, cum_weights=library.shape_weights)[0].expr)
    else:
        text = f"fan_in**{rng.gauss(-0.5, 0.12):.2g}*fan_out**{rng.gauss(0.0, 0.08):.2g}"
    keeps = parse(KEEPS_SIGNAL, INIT_VARIABLES)
    try:
        away = float(gains(parse(text, INIT_VARIABLES), keeps, seed).mean())
    except ExprError:
        return None
    factor = round_to(math.exp(rng.gauss(0.0, 0.2) - away), 2)
    return parse(f"{factor}*({text})", region.variables)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--collect", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--part", type=int, default=random.randrange(1000), help="which draws to collect")
    parser.add_argument("--quick", action="store_true", help="the same: the fit takes seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.collect:
        collect(options.collect, options.part)
    found = load().fidelity()
    print(", ".join(f"{name} {value:.3g}" for name, value in found.items()))
    world = World(KEEPS_SIGNAL)
    for law in (
        KEEPS_SIGNAL,
        "sqrt(1.5/fan_in)",
        "sqrt(2/fan_out)",
        "sqrt(3/fan_in)",
        "0.17",
        "12/fan_in",
        "sqrt(1/fan_in)",
    ):
        losses = [world.loss(recipe_of(law), seed) for seed in range(9_100_000, 9_100_024)]
        middle = statistics.median(math.inf if value is None else value for value in losses)
        print(f"{law:<20} median loss of 24 seeds {middle:.3f}, {losses.count(None)} diverged")
    if options.json:
        print(
            json.dumps(
                {
                    "deep-mlp surrogate": {
                        "value": found["explained"],
                        "peer": None,
                        "ratio": None,
                        "met": None,
                    }
                }
            )
        )


if __name__ == "__main__":
    main()
