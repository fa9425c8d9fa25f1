"""Foreign code as a map of whole arrays: a normalisation, or a loss of predictions and targets."""

from __future__ import annotations

import numpy as np

from ..probes.loss import LOGITS, TARGETS, probe_classification_loss, probe_residual_loss
from ..probes.normaliser import probe_normaliser
from ..probes.references import residual_references
from ..probes.report import not_probed
from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError, Value
from ..verdict import Evidence, Relation
from .binding import Array, array_of, number_of, outcome, tensor_of, tokens

__all__ = ["as_loss", "as_normaliser", "as_residual_loss"]

_TARGET = frozenset({"target", "targets", "y", "label", "labels", "true", "gt", "tgt", "t", "truth"})


def as_normaliser(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on (batch, features)."""
    names = candidate.required
    if not 1 <= len(names) <= 3:
        return (not_probed("a normalisation has one input and perhaps a gain and a shift"),)

    def function(x: Array) -> Array:
        values: dict[str, Value] = {names[0]: tensor_of(x)}
        for at, name in enumerate(names[1:]):
            small = "eps" in name.lower()
            values[name] = (
                1e-6 if small else tensor_of(np.ones(x.shape[1]) if at == 0 else np.zeros(x.shape[1]))
            )
        return array_of(outcome(candidate, values))

    try:
        return probe_normaliser(function)
    except CodeError as error:
        return (not_probed(str(error)),)


def as_loss(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on predictions and targets, as classes and as numbers, in either order of its inputs."""
    if len(candidate.required) != 2:
        return (not_probed("a loss has predictions and targets"),)
    first, second = candidate.required
    swapped = bool(tokens(first) & _TARGET) and not tokens(second) & _TARGET
    prediction, target = (second, first) if swapped else (first, second)
    best: tuple[Evidence, ...] = (not_probed("it does not run as a loss"),)
    for reading in (_as_classes, _as_residuals):
        try:
            found = reading(candidate, prediction, target)
        except CodeError:
            continue
        if found[0].flags:
            return found
        if found[0].relation is Relation.UNMATCHED:
            best = found
    return best


def as_residual_loss(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on residuals, one number at a time."""
    if len(candidate.required) != 1:
        return (not_probed("a loss of the residual has one input"),)
    name = candidate.required[0]

    def curve(r: Array) -> Array:
        return np.array([number_of(outcome(candidate, {name: float(point)})) for point in r])

    def of_arrays(r: Array) -> Array:
        return np.array(
            [number_of(outcome(candidate, {name: tensor_of(r[k : k + 1])})) for k in range(r.size)]
        )

    for reading in (curve, of_arrays):
        try:
            return probe_residual_loss(reading, residual_references())
        except CodeError:
            continue
    return (not_probed("it gives no number for a residual"),)


def _as_classes(candidate: Candidate, prediction: str, target: str) -> tuple[Evidence, ...]:
    labels = tensor_of(TARGETS.astype(np.float64)).long()
    values = array_of(outcome(candidate, {prediction: tensor_of(LOGITS), target: labels}))
    if values.size > 1:
        return probe_classification_loss(values)
    one_by_one = [
        number_of(outcome(candidate, {prediction: tensor_of(LOGITS[k : k + 1]), target: labels[k : k + 1]}))
        for k in range(len(TARGETS))
    ]
    return probe_classification_loss(np.array(one_by_one))


def _as_residuals(candidate: Candidate, prediction: str, target: str) -> tuple[Evidence, ...]:
    def curve(r: Array) -> Array:
        zero = tensor_of(np.zeros(1))
        return np.array(
            [number_of(outcome(candidate, {prediction: tensor_of(np.array([v])), target: zero})) for v in r]
        )

    found = probe_residual_loss(curve, residual_references())
    if found[0].flags and not _of_the_difference(candidate, prediction, target):
        return (not_probed("it does not depend on the difference alone"),)
    return found


def _of_the_difference(candidate: Candidate, prediction: str, target: str) -> bool:
    """Whether moving prediction and target together changes nothing."""
    pairs = ((1.3, 0.4), (11.3, 10.4))
    a, b = (
        number_of(
            outcome(candidate, {prediction: tensor_of(np.array([p])), target: tensor_of(np.array([t]))})
        )
        for p, t in pairs
    )
    return abs(a - b) <= 1e-9 * (1.0 + abs(a))
