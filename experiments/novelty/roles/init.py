"""Foreign code as an initialiser: of a number, of a matrix it is given, or of a matrix it makes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from ..probes.init_law import StdRow, probe_init_table
from ..probes.init_laws import Layer
from ..probes.init_weights import WeightSummary, probe_init_weights, summarise_weights
from ..probes.report import not_probed
from ..slots import INIT_NAMES
from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError, Module, Record, Value, is_tensor
from ..verdict import Evidence
from .binding import Array, array_of, number_of, outcome, tensor_of, tokens

__all__ = ["LAYERS", "as_init_law", "as_init_weights"]

_WIDTHS = (48, 256, 32, 200, 240, 24, 128, 250, 40, 80)
LAYERS = tuple(Layer(_WIDTHS[k], _WIDTHS[k + 1], k, len(_WIDTHS) - 1) for k in range(len(_WIDTHS) - 1))
"""Uneven layers on which code is run, up to twelve times wider than long: square ones hide much."""

_SMALL_WIDTHS = (12, 40, 9, 36, 20, 48, 10, 30, 14, 44)
SMALL = tuple(
    Layer(_SMALL_WIDTHS[k], _SMALL_WIDTHS[k + 1], k, len(_SMALL_WIDTHS) - 1)
    for k in range(len(_SMALL_WIDTHS) - 1)
)
SQUARE = tuple(Layer(width, width, k, 4) for k, width in enumerate((12, 20, 33, 48)))

_OTHER_SEED = 77
_NO_SPREAD = 0.5  # of weights, whatever the layer
_ENOUGH = 4  # layers that must have worked
_LEAST_WIDTH, _MOST_WIDTH = 8, 1024  # of layers made from the keys of a table
_LEAST_WIDTHS, _MOST_WIDTHS = 3, 4
_CHANCE = frozenset({"rng", "gen", "generator", "key", "seed", "rs", "rnd", "random", "state", "prng"})

_STRUCTURED = frozenset({"orthogonal-init", "identity-rnn-init", "zero-init-residual"})
"""What can be told from square layers; laws of the fans cannot."""

Maker = Callable[[Layer], Array]


def as_init_law(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on fans; it must give one positive number a layer."""
    readings = [_by_name(candidate), _by_order(candidate, ("fan_in", "fan_out"))]
    for roles, layers in product(readings, _layer_sets(candidate)):
        if roles is None:
            continue
        try:
            rows = [StdRow(layer, _std(candidate, roles, layer)) for layer in layers]
        except CodeError:
            continue
        if {row.std for row in rows} == {rows[0].std} and rows[0].std >= _NO_SPREAD:
            continue  # one large number for all layers is no law of a spread
        if all(row.std > 0.0 for row in rows) and layers is not SQUARE:
            return probe_init_table(rows)
    return (not_probed("it does not run as a standard deviation of the fans"),)


def as_init_weights(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on a matrix, a layer or a shape, and look at the weights that result."""
    first: tuple[Evidence, ...] = ()
    for make, layers in product(_makers(candidate), _layer_sets(candidate)):
        _seed(0)
        summaries = _summaries(make, layers)
        if len(summaries) < _ENOUGH:
            continue
        found = probe_init_weights(summaries)
        structured = found[0].technique in _STRUCTURED
        if not structured and (layers is SQUARE or _without_chance(make, summaries[0])):
            continue
        if "fan_out" not in found[0].mode:
            return found
        first = first or found  # another reading of the two sizes may be the plainer one
    return first or (not_probed("it does not run as an initialiser of a matrix"),)


def _without_chance(make: Maker, first: WeightSummary) -> bool:
    """Whether another seed gives the same weights: a table of numbers then, and no random start."""
    layer = first.layer
    try:
        other = summarise_weights(make(replace(layer, layer=_OTHER_SEED)), layer)
    except CodeError:
        return False
    return other == first


def _summaries(make: Maker, layers: Sequence[Layer]) -> list[WeightSummary]:
    """What the code makes of each layer that it can make (some work for tall matrices only)."""
    found: list[WeightSummary] = []
    for tried, layer in enumerate(layers):
        if tried >= 2 and not found:
            break
        try:
            found.append(summarise_weights(make(layer), layer))
        except CodeError:
            continue
    return found


def _layer_sets(candidate: Candidate) -> list[tuple[Layer, ...]]:
    """Our own layers, and layers of the widths that code with tables knows; square ones last, on which
    only structure is told."""
    return [*_uneven_sets(candidate), SQUARE]


def _loops_within_loops(source: ast.AST) -> bool:
    loops = [node for node in ast.walk(source) if isinstance(node, (ast.For, ast.While, ast.comprehension))]
    return len(loops) >= 2


def _uneven_sets(candidate: Candidate) -> list[tuple[Layer, ...]]:
    if _loops_within_loops(candidate.source):
        return [SMALL]  # code that sets weights one by one
    widths = sorted({n for n in candidate.keys if _LEAST_WIDTH <= n <= _MOST_WIDTH})[:_MOST_WIDTHS]
    pairs = [(i, o) for i in widths for o in widths if i != o]
    if len(widths) < _LEAST_WIDTHS:
        return [LAYERS]
    return [LAYERS, tuple(Layer(i, o, k, len(pairs)) for k, (i, o) in enumerate(pairs))]


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
    names = tuple(name for name in candidate.required if not tokens(name) & _CHANCE)
    held = [name for name in names if name in candidate.records]
    if held:
        whole = [_given_layer(candidate, held[0])] if len(names) == 1 else []
        return [*whole, _given_record(candidate, held[0], tuple(name for name in names if name != held[0]))]
    if candidate.kind == "snippet" and 1 <= len(names) <= 2:
        return [*_makers_of(candidate, names), *_set_by_snippet(candidate, names)]
    return _makers_of(candidate, names)


def _makers_of(candidate: Candidate, names: tuple[str, ...]) -> list[Maker]:
    if len(names) == 1:
        return [
            _given_matrix(candidate, names[0]),
            _given_layer(candidate, names[0]),
            _given_shape(candidate, names[0]),
        ]
    if len(names) == 2:
        return [
            _filled_by_fan(candidate, names),
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
        result = outcome(candidate, {**_chance(candidate), name: matrix})
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
            candidate.run({**_chance(candidate), name: linear})
        except CodeError:
            raise
        if bool((before == linear.weight).all()):
            raise CodeError("it left the layer as it was")
        return np.asarray(linear.weight.numpy(), dtype=np.float64)

    return make


def _given_shape(candidate: Candidate, name: str) -> Maker:
    def make(layer: Layer) -> Array:
        values = {**_chance(candidate), name: (layer.fan_out, layer.fan_in)}
        return _matrix(outcome(candidate, values), layer)

    return make


def _given_record(candidate: Candidate, name: str, sizes: tuple[str, ...]) -> Maker:
    """Something whose fields are matrices (`cell.U[:] = q`): the field that the code changed."""

    def make(layer: Layer) -> Array:
        record = Record(lambda _: tensor_of(np.full((layer.fan_out, layer.fan_in), 7.0)))
        _seed(layer.layer)
        values = dict.fromkeys(sizes, layer.fan_in) if len(sizes) == 1 else {}
        if len(sizes) > 1:
            raise CodeError("more sizes than one beside the layer")
        candidate.run({**_chance(candidate), **values, name: record})
        fields = [record.fields.get("weight"), *reversed(record.fields.values())]
        for value in fields:
            if is_tensor(value) and value.dim() == 2 and bool((value != 7.0).any()):
                return _matrix(value, layer)
        raise CodeError("it set no matrix")

    return make


def _set_by_snippet(candidate: Candidate, names: tuple[str, ...]) -> list[Maker]:
    """Bare code that sets several arrays: the last that has the layer's shape."""

    def maker(roles: tuple[str, ...]) -> Maker:
        chosen = _by_name(candidate) or dict(zip(names, roles, strict=False))

        def make(layer: Layer) -> Array:
            _seed(layer.layer)
            values = {name: getattr(layer, role) for name, role in chosen.items()}
            result = candidate.run({**_chance(candidate), **values})
            for name in reversed(candidate.written):
                value = result.get(name)
                if is_tensor(value) and value.dim() == 2:
                    return _matrix(value, layer)
            raise CodeError("it sets no matrix of the layer's shape")

        return make

    return [maker(("fan_in", "fan_out")), maker(("fan_out", "fan_in"))]


def _given_fans(candidate: Candidate, names: tuple[str, ...], roles: tuple[str, ...]) -> Maker:
    chosen = _by_name(candidate) or dict(zip(names, roles, strict=True))

    def make(layer: Layer) -> Array:
        values = {name: getattr(layer, role) for name, role in chosen.items()}
        return _matrix(outcome(candidate, {**_chance(candidate), **values}), layer)

    return make


def _filled_by_fan(candidate: Candidate, names: tuple[str, ...]) -> Maker:
    """A matrix filled by code that is told the number of inputs beside it: `w.normal_(0, (2/n)**0.5)`."""

    def make(layer: Layer) -> Array:
        matrix = tensor_of(np.zeros((layer.fan_out, layer.fan_in)))
        _seed(layer.layer)
        candidate.run({**_chance(candidate), names[0]: matrix, names[1]: layer.fan_in})
        if not np.any(array_of(matrix)):
            raise CodeError("it left the matrix as it was")
        return _matrix(matrix, layer)

    return make


def _chance(candidate: Candidate) -> dict[str, Value]:
    """A source of chance for the parameters that ask for one."""
    return {name: Module("numpy.random") for name in candidate.required if tokens(name) & _CHANCE}


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
