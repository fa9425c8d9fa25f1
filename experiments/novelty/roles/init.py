"""Foreign code as an initialiser: of a number, of a matrix it is given, or of a matrix it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..probes.init_law import StdRow, probe_init_table
from ..probes.init_laws import Layer
from ..probes.init_weights import WeightSummary, probe_init_weights, summarise_weights
from ..probes.report import not_probed
from ..slots import INIT_NAMES
from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError, Value
from ..verdict import Evidence
from .binding import Array, array_of, number_of, outcome, tensor_of, tokens

__all__ = ["LAYERS", "as_init_law", "as_init_weights"]

_WIDTHS = (48, 256, 32, 200, 240, 24, 128, 250, 40, 80)
LAYERS = tuple(Layer(_WIDTHS[k], _WIDTHS[k + 1], k, len(_WIDTHS) - 1) for k in range(len(_WIDTHS) - 1))
"""Uneven layers on which code is run, up to twelve times wider than long: square ones hide much."""

_ENOUGH = 4  # layers that must have worked

Maker = Callable[[Layer], Array]


def as_init_law(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on fans; it must give one positive number a layer."""
    readings = [_by_name(candidate), _by_order(candidate, ("fan_in", "fan_out"))]
    for roles in readings:
        if roles is None:
            continue
        try:
            rows = [StdRow(layer, _std(candidate, roles, layer)) for layer in LAYERS]
        except CodeError:
            continue
        if all(row.std > 0.0 for row in rows):
            return probe_init_table(rows)
    return (not_probed("it does not run as a standard deviation of the fans"),)


def as_init_weights(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on a matrix, a layer or a shape, and look at the weights that result."""
    first: tuple[Evidence, ...] = ()
    for make in _makers(candidate):
        _seed(0)
        summaries = _summaries(make)
        if len(summaries) < _ENOUGH:
            continue
        found = probe_init_weights(summaries)
        if "fan_out" not in found[0].mode:
            return found
        first = first or found  # another reading of the two sizes may be the plainer one
    return first or (not_probed("it does not run as an initialiser of a matrix"),)


def _summaries(make: Maker) -> list[WeightSummary]:
    """What the code makes of each layer that it can make (some work for tall matrices only)."""
    found: list[WeightSummary] = []
    for tried, layer in enumerate(LAYERS):
        if tried >= 2 and not found:
            break
        try:
            found.append(summarise_weights(make(layer), layer))
        except CodeError:
            continue
    return found


def _std(candidate: Candidate, roles: Mapping[str, str], layer: Layer) -> float:
    values = {name: getattr(layer, role) for name, role in roles.items()}
    return number_of(outcome(candidate, values))


def _by_name(candidate: Candidate) -> dict[str, str] | None:
    roles: dict[str, str] = {}
    for name in candidate.required:
        role = next((role for role, known in INIT_NAMES.items() if name.lower() in known), None)
        if role is None:
            return None
        roles[name] = role
    return roles or None


def _by_order(candidate: Candidate, roles: tuple[str, ...]) -> dict[str, str] | None:
    names = candidate.required
    return dict(zip(names, roles, strict=False)) if 1 <= len(names) <= len(roles) else None


def _makers(candidate: Candidate) -> list[Maker]:
    """Ways to get a matrix of a layer's shape out of the code."""
    names = candidate.required
    if len(names) == 1:
        return [
            _given_matrix(candidate, names[0]),
            _given_layer(candidate, names[0]),
            _given_shape(candidate, names[0]),
        ]
    if len(names) == 2:
        return [
            _given_fans(candidate, names, ("fan_in", "fan_out")),
            _given_fans(candidate, names, ("fan_out", "fan_in")),
        ]
    return []


def _given_matrix(candidate: Candidate, name: str) -> Maker:
    """A matrix filled by the code; what depends on the matrix that was there is no initialiser."""

    def once(layer: Layer, seed: int) -> Array:
        before = np.random.default_rng(seed).normal(size=(layer.fan_out, layer.fan_in))
        matrix = tensor_of(before)
        _seed(layer.layer)
        result = outcome(candidate, {name: matrix})
        if not np.array_equal(array_of(matrix), before):
            return _matrix(matrix, layer)
        return _matrix(result, layer)

    def make(layer: Layer) -> Array:
        found = once(layer, 1)
        if not np.array_equal(found, once(layer, 2)):
            raise CodeError("it looks at the matrix that was there")
        return found

    return make


def _given_layer(candidate: Candidate, name: str) -> Maker:
    def make(layer: Layer) -> Array:
        from torch import nn

        linear = nn.Linear(layer.fan_in, layer.fan_out).double().requires_grad_(False)
        before = linear.weight.clone()
        try:
            candidate.run({name: linear})
        except CodeError:
            raise
        if bool((before == linear.weight).all()):
            raise CodeError("it left the layer as it was")
        return np.asarray(linear.weight.numpy(), dtype=np.float64)

    return make


def _given_shape(candidate: Candidate, name: str) -> Maker:
    def make(layer: Layer) -> Array:
        return _matrix(outcome(candidate, {name: (layer.fan_out, layer.fan_in)}), layer)

    return make


def _given_fans(candidate: Candidate, names: tuple[str, ...], roles: tuple[str, ...]) -> Maker:
    chosen = _by_name(candidate) or dict(zip(names, roles, strict=True))

    def make(layer: Layer) -> Array:
        return _matrix(
            outcome(candidate, {name: getattr(layer, role) for name, role in chosen.items()}), layer
        )

    return make


def _matrix(value: Value, layer: Layer) -> Array:
    array = array_of(value)
    if array.shape == (layer.fan_out, layer.fan_in):
        return array
    if array.shape == (layer.fan_in, layer.fan_out):
        return array.T
    raise CodeError("not a matrix of the layer's shape")


def _seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


def hints_at_init(names: tuple[str, ...]) -> bool:
    """Whether parameter names speak of fans or weights."""
    known = (
        INIT_NAMES["fan_in"]
        | INIT_NAMES["fan_out"]
        | {"w", "weight", "weights", "fan", "shape", "layer", "m"}
    )
    return any(tokens(name) & known for name in names)
