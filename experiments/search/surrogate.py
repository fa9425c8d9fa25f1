"""A guess of what a candidate will yield, from how the candidates tried so far behaved.

Theory of operation. A Gaussian process over *behaviour*: the coordinates of a candidate are what its
expressions give at the points where trials evaluate them (`Region.features`), not its text. Two spellings
of one law are one point, and a law that nobody tried is judged by the tried ones that behave like it
(phenotypic distance in surrogate-assisted genetic programming: Hildebrandt and Branke 2015,
doi:10.1162/EVCO_a_00133). Coordinates of a slot are split into their common level and the shape around it,
each with a length scale of its own, because the two matter to different degrees on every track we know.
Scales and noise are chosen by marginal likelihood on a small grid; noise falls with the number of seeds.

The prior mean is zero: an idea of which nothing is known is as good as the reference. Effects differ by
orders of magnitude (a net that barely moves against one that trains), so the process sees the square root
of an effect, with its sign. Losses are bounded a little below the reference: how much worse than useless a
candidate is, carries no information. (Both are guesses that served on the tracks we have.)

Not covered: more than MAX_TRIALS trials; the callers drop the least telling ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_TRIALS", "Cross", "Guess", "Plane", "Surrogate", "gains", "strengths", "unwarp", "warp"]

Matrix = NDArray[np.float64]

MAX_TRIALS: Final = 300  # the cost is cubic; a guess with 300 takes about 60 ms
_FITTED: Final = 80  # of them choose the length scales
_LEVELS: Final = (0.1, 0.25, 0.6, 1.5)  # length scales, in units of the features (log values for scales)
_SHAPES: Final = (0.25, 0.6, 1.5, 4.0)
_NOISES: Final = (0.03, 0.1, 0.4)  # variance of one seed relative to the variance of the signal
_LOSS: Final = 0.25  # the worst target, relative to the best


def warp(effect: float) -> float:
    """Signed square root."""
    return math.copysign(math.sqrt(abs(effect)), effect)


def unwarp(value: float) -> float:
    """The effect whose signed square root this is."""
    return math.copysign(value * value, value)


@dataclass(frozen=True, slots=True)
class Guess:
    """Predictions for n candidates in warped units, arrays of shape (n,)."""

    mean: Matrix
    deviation: Matrix
    """Of a measurement with a few seeds: uncertainty about the law plus noise."""

    def chance(self, threshold: float) -> Matrix:
        """Logarithm of the probability that a candidate reaches the threshold, shape (n,)."""
        from scipy.special import log_ndtr

        logarithm: Matrix = log_ndtr((self.mean - threshold) / self.deviation)
        return logarithm

    def between(self, width: float) -> Matrix:
        """Logarithm of the probability that a candidate lies within +-width, shape (n,)."""
        from scipy.special import ndtr

        inside = ndtr((width - self.mean) / self.deviation) - ndtr((-width - self.mean) / self.deviation)
        logarithm: Matrix = np.log(np.maximum(inside, 1e-12))
        return logarithm


class Plane:
    """The tried candidates as points, with their distances: what several surrogates of one briefing share."""

    def __init__(self, features: Sequence[Matrix]) -> None:
        """`features`: one (n, points) matrix per slot."""
        self.blocks = _blocks(features)
        self.within = [_squared_distances(block, block) for block in self.blocks]

    def of(self, features: Sequence[Matrix]) -> Cross:
        """Candidates given in the same way, seen from here."""
        blocks = _blocks(features)
        return Cross(blocks, [_squared_distances(a, b) for a, b in zip(blocks, self.blocks, strict=True)])


@dataclass(frozen=True, slots=True)
class Cross:
    """Candidates, and their squared distances to the points of a plane: (candidates, tried) a block."""

    blocks: list[Matrix]
    distances: list[Matrix]

    def nearest(self, level_share: float) -> Matrix:
        """Distance of every candidate to the nearest point, shape (candidates,); levels count for so much."""
        shares = itertools.cycle((level_share**2, 1.0))
        total = sum(share * matrix for share, matrix in zip(shares, self.distances, strict=False))
        nearest: Matrix = np.sqrt(np.asarray(total).min(axis=1))
        return nearest


class Surrogate:
    """A Gaussian process fitted to trials, which are the points of a plane."""

    def __init__(self, plane: Plane, targets: Matrix, seeds: Sequence[int], *, trend: bool = False) -> None:
        self._signal = max(float(np.sqrt((targets**2).mean())), 1e-3)
        self._inverse_seeds = 1.0 / np.maximum(np.array(seeds, dtype=np.float64), 1.0)
        self._blocks = plane.blocks
        self._centres = [level.mean() for level in self._blocks[::2]] if trend else []
        self._widths = [max(float(level.std()), 1e-3) for level in self._blocks[::2]] if trend else []
        linear = self._linear(self._blocks)
        self._fit(plane.within, linear, targets / self._signal)
        fitted = (_kernel(plane.within, self._scales) + linear) @ self._weights * self._signal
        self.best = float(fitted.max())
        """The highest fitted effect of a tried candidate, warped: not the luckiest measurement."""

    def _linear(self, blocks: Sequence[Matrix]) -> Matrix | float:
        """The part of the kernel that lets effects grow with the levels without end, shape (n, trials)."""
        total: Matrix | float = 0.0
        pairs = zip(blocks[::2], self._blocks[::2], self._centres, self._widths, strict=False)
        for new, old, centre, width in pairs:
            total = total + (new - centre) @ (old - centre).T / width**2
        return total

    def _fit(self, distances: list[Matrix], linear: Matrix | float, targets: Matrix) -> None:
        """Choose scales and noise by marginal likelihood, then solve with all trials."""
        from scipy.linalg import solve_triangular

        count = len(targets)
        some = np.unique(np.linspace(0, count - 1, min(count, _FITTED)).astype(int))
        grid = np.ix_(some, some)
        few = [distance[grid] for distance in distances]
        line = linear[grid] if isinstance(linear, np.ndarray) else linear
        choices = list(itertools.product(_scale_grid(len(distances)), _NOISES))
        kernels = np.repeat(
            [_kernel(few, scales) + line for scales in _scale_grid(len(distances))], len(_NOISES), 0
        )
        noises = np.array([noise for _, noise in choices])[:, None] * self._inverse_seeds[some] + 1e-6
        self._scales, self._noise = choices[int(_likelihoods(kernels, noises, targets[some]).argmax())]
        kernel = _kernel(distances, self._scales) + linear
        self._factor = np.linalg.cholesky(kernel + np.diag(self._noise * self._inverse_seeds + 1e-6))
        half = solve_triangular(self._factor, targets, lower=True, check_finite=False)
        self._weights = solve_triangular(self._factor, half, lower=True, trans=1, check_finite=False)

    def guess(self, new: Cross, seeds: int = 2) -> Guess:
        """Predictions for candidates seen from the plane of the trials, measured with so many seeds."""
        from scipy.linalg import solve_triangular

        cross = _kernel(new.distances, self._scales) + self._linear(new.blocks)
        half = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        alone = 1.0 + sum(
            ((level - centre)[:, 0] / width) ** 2
            for level, centre, width in zip(new.blocks[::2], self._centres, self._widths, strict=False)
        )
        variance = np.maximum(alone - np.einsum("ij,ij->j", half, half), 0.0) + self._noise / seeds
        return Guess(cross @ self._weights * self._signal, np.sqrt(variance) * self._signal)


def _likelihoods(kernels: Matrix, noises: Matrix, targets: Matrix) -> Matrix:
    """Log marginal likelihood of each kernel (k, n, n) with its diagonal of noise (k, n), up to a constant.

    The targets stand in each matrix as one row more, so that its Cholesky factor holds the solved targets in
    its last row: one batched call for all.
    """
    count, size = noises.shape
    stack = np.empty((count, size + 1, size + 1))
    stack[:, :size, :size] = kernels
    stack[:, range(size), range(size)] += noises
    stack[:, size, :size] = stack[:, :size, size] = targets
    stack[:, size, size] = 1e7 * float(targets @ targets) + 1.0  # any number that keeps it positive
    factors = np.linalg.cholesky(stack)
    logs = np.log(factors[:, range(size), range(size)]).sum(axis=1)
    score: Matrix = -0.5 * (factors[:, size, :size] ** 2).sum(axis=1) - logs
    return score


def gains(effects: Sequence[float | None]) -> Matrix:
    """Targets for what a candidate yields, shape (n,); None is a divergence."""
    numbers = [warp(effect) for effect in effects if effect is not None]
    floor = -_LOSS * max([*numbers, 0.1])
    return np.array([floor if effect is None else max(warp(effect), floor) for effect in effects])


def strengths(effects: Sequence[float | None], least: float, bound: float) -> Matrix:
    """Targets for how strongly a candidate acts, shape (n,): -1 no effect, 0 some, 1 it diverged.

    least: the smallest effect that counts as one; bound: a divergence counts as minus this, so a mean below
    minus half of it is one of mostly diverged seeds.
    """

    def strength(effect: float | None) -> float:
        if effect is None or effect <= -0.5 * bound:
            return 1.0
        return -1.0 if abs(effect) < least else 0.0

    return np.array([strength(effect) for effect in effects])


def _blocks(features: Sequence[Matrix]) -> list[Matrix]:
    """For each slot its level, (n, 1), and its shape, (n, points), in root-mean-square units."""
    blocks: list[Matrix] = []
    for matrix in features:
        level = matrix.mean(axis=1, keepdims=True)
        blocks += [level, (matrix - level) / math.sqrt(matrix.shape[1])]
    return blocks


def _scale_grid(blocks: int) -> list[tuple[float, ...]]:
    """Length scales to try: one for all levels (even blocks), one for all shapes (odd ones)."""
    return [pair * (blocks // 2) for pair in itertools.product(_LEVELS, _SHAPES)]


def _squared_distances(first: Matrix, second: Matrix) -> Matrix:
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None, :]
    distances: Matrix = np.maximum(squares - 2.0 * first @ second.T, 0.0)
    return distances


def _kernel(distances: Sequence[Matrix], scales: Sequence[float]) -> Matrix:
    """Matern 5/2 of the joint scaled distance, shape (n, m)."""
    root = np.sqrt(5.0 * sum(d / scale**2 for d, scale in zip(distances, scales, strict=True)))
    kernel: Matrix = (1.0 + root + root**2 / 3.0) * np.exp(-root)
    return kernel
