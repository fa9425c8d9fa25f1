"""What the parent owns of deep-mlp: the data, the split, the labels and the loss."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np

from leaderboard.errors import LocalError

from ...harness.exam import Exam, Form
from . import DATA_SHA256
from .net import SPLIT, FloatArray, stream
from .shape import CLASSES

__all__ = ["prepare", "score"]

QUESTIONS: Final = 360  # validation images, a fifth of the data
# Pixels are 0 to 16 with mean 4.88 and standard deviation 6.02 (over all images); rounded, so that they are
# the same on every machine and for every split.
_CENTRE, _SPREAD = 5.0, 6.0


def prepare(seed: int) -> Exam:
    """The split that the seed draws: training images and labels, and validation images; labels stay here."""
    images, labels = _digits()
    order = stream(seed, SPLIT).permutation(len(images))
    asked, taught = order[:QUESTIONS], order[QUESTIONS:]
    return Exam(
        inputs={"images": images[taught], "labels": labels[taught], "questions": images[asked]},
        answers={"logits": Form((QUESTIONS, CLASSES), "float64")},
        sealed={"labels": labels[asked]},
    )


def score(exam: Exam, answers: Mapping[str, np.ndarray]) -> float | None:
    """Mean cross-entropy of the logits in nats; None if it is not finite: the run diverged."""
    logits = answers["logits"]
    if not np.isfinite(logits).all():
        return None
    labels = exam.sealed["labels"]
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = logits - logits.max(axis=1, keepdims=True)
        losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
        loss = float(losses.mean())
    return loss if np.isfinite(loss) else None


@cache
def _digits() -> tuple[FloatArray, np.ndarray]:
    """Standardised images (1797, 64) and labels (1797,); LocalError if they are not the pinned data."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise LocalError("deep-mlp needs scikit-learn: install the package with [research]") from error
    pixels, labels = load_digits(return_X_y=True)
    raw = pixels.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()
    if hashlib.sha256(raw).hexdigest() != DATA_SHA256:
        raise LocalError("scikit-learn's digits are not the data that deep-mlp pins; install another version")
    return (pixels - _CENTRE) / _SPREAD, labels.astype(np.int64)
