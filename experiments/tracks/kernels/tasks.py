"""The five tasks: what goes in, what must come out (float64), and how exact float32 has to be.

Shapes are drawn by the seed and are hidden until the call; contents are drawn afresh for every call from
numbers that nobody knows beforehand. Half of the rows, nobody knows which, are no normal draws but large, far
from zero, constant, spiked, nearly empty, sorted, heavy-tailed, tiny, tied or negative. So what is right only
of tame inputs is wrong rather than fast: a softmax without its true maximum, a variance as a difference of
squares, a crude error function that hides in large products, a search for the largest among the first.

Tolerances are relative to a scale that is part of each expectation. They are 4 to 800 times the largest error
of the baseline over 40 draws, so that any sound float32 method passes, and sixteen-bit arithmetic misses each
of them by more than 15 times (docs/tracks/kernels.md has the table).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["TASKS", "Array", "Expected", "Shapes", "Task", "draw_inputs", "draw_shapes"]

Array = npt.NDArray[np.float32]
Wide = npt.NDArray[np.float64]
Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """The right answer."""

    values: Wide
    scale: Wide
    """What an error is compared with, element by element."""


@dataclass(frozen=True, slots=True)
class Task:
    """One kernel."""

    name: str
    """Name of the function in a program."""
    shapes: Callable[[np.random.RandomState], Shapes]
    """Shapes of the inputs."""
    output: Callable[[Shapes], tuple[int, ...]]
    expect: Callable[..., Expected]
    """From float64 copies of the inputs."""
    tolerance: float
    """Largest error, in units of the scale."""
    multiplies: bool = False
    """Is it bound by the product of its two inputs, rather than by moving the data?"""


def _matrix(draw: np.random.RandomState) -> Shapes:
    return ((int(draw.randint(500, 900)), int(draw.randint(900, 1700))),)


def _few_rows(draw: np.random.RandomState) -> Shapes:
    return ((int(draw.randint(200, 500)), int(draw.randint(500, 1500))),)


def _norm(draw: np.random.RandomState) -> Shapes:
    rows, columns = int(draw.randint(500, 900)), int(draw.randint(900, 1700))
    return ((rows, columns), (columns,), (columns,))


def _product(draw: np.random.RandomState) -> Shapes:
    n, k, m = (int(size) for size in draw.randint(300, 600, size=3))
    return ((n, k), (k, m))


def _same(shapes: Shapes) -> tuple[int, ...]:
    return shapes[0]


def _softmax(x: Wide) -> Expected:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    values = powers / powers.sum(axis=1, keepdims=True)
    return Expected(values, values + 1e-9)


def _layer_norm(x: Wide, weight: Wide, bias: Wide) -> Expected:
    centred = x - x.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    values = centred / spread * weight + bias
    # A rounding of the inputs' mean moves every output of the row.
    scale = (np.abs(x).max(axis=1, keepdims=True) / spread) * np.abs(weight) + np.abs(bias) + 1.0
    return Expected(values, scale)


def _cumsum(x: Wide) -> Expected:
    return Expected(np.cumsum(x, axis=1), np.cumsum(np.abs(x), axis=1) + 1e-9)


def _matmul_gelu(a: Wide, b: Wide) -> Expected:
    from scipy.special import erf

    z = a @ b
    # What rounds in the product, and in the GELU itself where the product is of a single number.
    return Expected(
        0.5 * z * (1.0 + erf(z / np.sqrt(2.0))), np.abs(a) @ np.abs(b) + 5.0 * np.minimum(np.abs(z), 3.0)
    )


TOP: Final = 16


def _topk(x: Wide) -> Expected:
    values = -np.sort(-x, axis=1)[:, :TOP]
    return Expected(values, np.abs(values) + 1e-9)


_LIST: Final = (
    Task("softmax", _matrix, _same, _softmax, 2e-5),
    Task("layer_norm", _norm, _same, _layer_norm, 1e-5),
    Task("cumsum", _matrix, _same, _cumsum, 5e-5),
    Task(
        "matmul_gelu", _product, lambda s: (s[0][0], s[1][1]), _matmul_gelu, 4e-6,
        multiplies=True,
    ),
    Task("topk", _few_rows, lambda s: (s[0][0], TOP), _topk, 1e-7),
)  # fmt: skip
TASKS: Final[Mapping[str, Task]] = {task.name: task for task in _LIST}
"""All tasks by the name of their function."""


def draw_shapes(task: Task, seed: int) -> Shapes:
    """The shapes of a task's inputs under a seed."""
    place = list(TASKS).index(task.name)
    return task.shapes(np.random.RandomState(np.random.PCG64(np.random.SeedSequence([seed, place]))))


def draw_inputs(shapes: Shapes, draw: np.random.Generator) -> list[Array]:
    """Fresh contents: normal, but for half of the first input's rows, which are each of some other kind."""
    inputs = [draw.standard_normal(shape, dtype=np.float32) for shape in shapes]
    first = inputs[0]
    kinds = draw.integers(2 * len(_KINDS), size=len(first))
    for number, kind in enumerate(_KINDS):
        chosen = np.flatnonzero(kinds == number)
        first[chosen] = kind(first[chosen], draw)
    return inputs


def _level(rows: Array, draw: np.random.Generator, most: float) -> Array:
    """One number for each row, (n, 1)."""
    return draw.uniform(-most, most, (len(rows), 1)).astype(np.float32)


def _one_each(rows: Array, draw: np.random.Generator) -> npt.NDArray[np.bool_]:
    """True at one place of each row."""
    places = draw.integers(rows.shape[1], size=(len(rows), 1))
    found: npt.NDArray[np.bool_] = np.arange(rows.shape[1]) == places
    return found


def _heavy(rows: Array, draw: np.random.Generator) -> Array:
    spread = np.abs(draw.standard_normal(rows.shape, dtype=np.float32))
    found: Array = (rows / np.maximum(spread, 1e-3)).astype(np.float32)
    return found  # Cauchy's distribution, cut at some thousands


# Each makes n normal rows (n, columns) into rows of another kind.
_KINDS: Final[tuple[Callable[[Array, np.random.Generator], Array], ...]] = (
    lambda rows, _: rows * np.float32(20.0),
    lambda rows, draw: rows + _level(rows, draw, 300.0),
    lambda rows, draw: rows * np.float32(20.0) + _level(rows, draw, 300.0),
    lambda rows, draw: np.zeros_like(rows) + _level(rows, draw, 3.0),
    lambda rows, draw: np.where(_one_each(rows, draw), _level(rows, draw, 500.0), rows),
    lambda rows, draw: np.where(_one_each(rows, draw), _level(rows, draw, 3.0), np.float32(0.0)),
    lambda rows, _: np.sort(rows, axis=1),
    lambda rows, _: np.sort(rows, axis=1)[:, ::-1],
    _heavy,
    lambda rows, _: rows * np.float32(1e-3),
    lambda rows, _: np.round(rows),
    lambda rows, _: -np.abs(rows),
)
