"""Tasks of losses of overlapping boxes, given as (left, top, right, bottom)."""

from __future__ import annotations

import numpy as np

from ..structure.formula import Array
from .task import Answer, Input, Task

__all__ = ["BOX_TASKS"]

Generator = np.random.Generator


def _boxes(rng: Generator) -> tuple[Input, ...]:
    corner = rng.uniform(0.0, 1.0, size=(2, 2))
    size = rng.uniform(2.0, 4.0, size=(2, 2))
    return tuple(np.concatenate([c, c + s]) for c, s in zip(corner, size, strict=True))


def _many_boxes(rng: Generator) -> tuple[Input, ...]:
    drawn = [_boxes(rng) for _ in range(5)]
    return np.array([a for a, _ in drawn]), np.array([b for _, b in drawn])


def _box_parts(a: Array, b: Array) -> dict[str, Array]:
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    inner = np.prod(np.maximum(high - low, 0.0), axis=-1)
    area = [np.prod(x[..., 2:] - x[..., :2], axis=-1) for x in (a, b)]
    union = area[0] + area[1] - inner
    hull = np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])
    centres = [(x[..., 2:] + x[..., :2]) / 2 for x in (a, b)]
    shapes = [np.arctan((x[..., 2] - x[..., 0]) / (x[..., 3] - x[..., 1])) for x in (a, b)]
    return {
        "iou": inner / union,
        "union": union,
        "hull": np.prod(hull, axis=-1),
        "away": np.sum((centres[0] - centres[1]) ** 2, -1) / np.sum(hull**2, -1),
        "shape": 4 / np.pi**2 * (shapes[0] - shapes[1]) ** 2,
    }


def _complete(a: Array, b: Array) -> Array:
    parts = _box_parts(a, b)
    weight = parts["shape"] / (1 - parts["iou"] + parts["shape"])
    return np.asarray(1 - parts["iou"] + parts["away"] + weight * parts["shape"])


def _generalised(a: Array, b: Array) -> Array:
    parts = _box_parts(a, b)
    return np.asarray(parts["iou"] - (parts["hull"] - parts["union"]) / parts["hull"])


_BOXED = (
    Answer("iou-loss", lambda a, b: 1 - _box_parts(a, b)["iou"], mode="IoU"),
    Answer("iou-loss", lambda a, b: -np.log(_box_parts(a, b)["iou"]), mode="log IoU"),
    Answer("iou-loss", lambda a, b: 1 - _generalised(a, b), mode="GIoU"),
    Answer("iou-loss", lambda a, b: 1 - _box_parts(a, b)["iou"] + _box_parts(a, b)["away"], mode="DIoU"),
    Answer("iou-loss", _complete, mode="CIoU"),
)


_PAIR = ((0, 1), (1, 0))
BOX_TASKS: tuple[Task, ...] = (
    Task("boxes", _boxes, _BOXED, _PAIR, loss=True),
    Task("rows of boxes", _many_boxes, _BOXED, _PAIR, loss=True),
)
