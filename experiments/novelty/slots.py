"""Run the expressions of a recipe's slots and hand what they do to the right probe.

Slots speak the recipes' own expression language, which has tables (`lookup`); text from people may use any
spelling that `structure.formula` reads, with the usual names for the fans (`n_in`, `in_features`,
`w.shape[1]`).  A slot is evaluated, never compared as text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from leaderboard.errors import PeerError

from ..expr import Expr, ExprError, parse
from .probes.activation import probe_activation
from .probes.init_law import InitStd, probe_init_law
from .probes.init_laws import Layer
from .probes.references import activation_references
from .probes.report import not_probed
from .probes.schedule import probe_schedule
from .structure.formula import Array, Formula, FormulaError, parse_formula
from .verdict import Evidence

__all__ = ["INIT_NAMES", "activation_values", "init_roles", "init_values", "lr_values", "probe_slot"]

_FAN_IN = """
    fan_in fanin n_in nin in_features in_dim dim_in d_in input_dim input_size n_inputs num_inputs inputs
    in_channels n_input fan shape_1 incoming n_incoming units_in previous_width
"""
_FAN_OUT = """
    fan_out fanout n_out nout out_features out_dim dim_out d_out output_dim output_size n_outputs
    num_outputs outputs out_channels shape_0 outgoing units_out
"""
_DEPTH = "depth n_layer n_layers num_layers nlayers layers total_layers num_blocks"
_LAYER = "layer layer_idx layer_index layer_id idx block"

INIT_NAMES: Mapping[str, frozenset[str]] = {
    "fan_in": frozenset(_FAN_IN.split()),
    "fan_out": frozenset(_FAN_OUT.split()),
    "depth": frozenset(_DEPTH.split()),
    "layer": frozenset(_LAYER.split()),
}
"""Names that people give to the four variables of an initialiser's law, in lower case."""

_ALONE = frozenset({"n", "d", "m", "width", "dim", "size", "features", "hidden", "d_model", "n_embd"})
"""Names that mean fan_in where they stand alone."""

_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "init_std": ("fan_in", "fan_out", "depth", "layer"),
    "activation": ("x",),
    "lr": ("t",),
}
_SQUARED = re.compile(
    r"^\s*(var\w*|\w*_var|variance|sigma\s*(\^|\*\*)\s*2|std\s*(\^|\*\*)\s*2|σ²|σ\^2)\s*=", re.I
)
_SAMPLES = 401  # points of a learning-rate curve over t in [0, 1]


def probe_slot(slot: str, text: str, layers: Sequence[Layer] = ()) -> tuple[Evidence, ...]:
    """Probe one expression slot; an unknown slot or unreadable text is `not_probed`, with the reason."""
    try:
        match slot:
            case "init_std" | "init":
                return probe_init_law(_law_of(text), layers)
            case "activation":
                function = _of_one_variable(text, "x")
                return probe_activation(function, activation_references())
            case "lr" | "schedule":
                return probe_schedule(_of_one_variable(text, "t")(np.linspace(0.0, 1.0, _SAMPLES)))
    except PeerError as error:
        return (not_probed(f"slot {slot}: {error}"),)
    return (not_probed(f"no probe for the slot {slot[:40]!r}"),)


def init_values(text: str, layers: Sequence[Layer]) -> list[float]:
    """The standard deviation on each layer; NaN where the text has none or cannot be read."""
    try:
        law = _law_of(text)
    except PeerError:
        return [math.nan] * len(layers)
    return [_value_at(law, layer) for layer in layers]


def activation_values(text: str, points: Array) -> list[float]:
    """The activation at points; NaN where it has no value."""
    return _values(text, "x", points)


def lr_values(text: str, times: Array) -> list[float]:
    """The learning-rate multiplier at shares of the run; NaN where it has no value."""
    return _values(text, "t", times)


def _values(text: str, variable: str, points: Array) -> list[float]:
    try:
        if re.fullmatch(r"[\s\d.eE+*/()-]+", text):  # a constant needs no variable
            return [float(parse(text, ()).evaluate({}))] * len(points)
        return [float(value) for value in _of_one_variable(text, variable)(points)]
    except PeerError:
        return [math.nan] * len(points)


def _value_at(law: InitStd, layer: Layer) -> float:
    try:
        return float(law(layer.fan_in, layer.fan_out, layer.depth, layer.layer))
    except (ArithmeticError, ValueError):
        return math.nan


def init_roles(names: Sequence[str]) -> dict[str, str] | None:
    """Which variable of a formula plays which role of an initialiser's law; None if one plays none."""
    roles: dict[str, str] = {}
    for name in names:
        role = next((role for role, known in INIT_NAMES.items() if name.lower() in known), None)
        if role is None and len(names) == 1 and name.lower() in _ALONE:
            role = "fan_in"
        if role is None:
            return None
        roles[name] = role
    return roles


def _law_of(text: str) -> InitStd:
    """The law in a text of either language; raises a PeerError that says what is wrong with it."""
    try:
        return _guarded(parse(text, _VARIABLES["init_std"]))
    except ExprError:
        return _free_law(text)


def _guarded(law: Expr) -> InitStd:
    def std(fan_in: int, fan_out: int, depth: int, layer: int) -> float:
        point = {"fan_in": fan_in, "fan_out": fan_out, "depth": depth, "layer": layer}
        try:
            return law.evaluate({name: float(value) for name, value in point.items()})
        except ExprError:
            return math.nan  # no value at this layer

    return std


def _free_law(text: str) -> InitStd:
    formula = parse_formula(text)
    roles = init_roles(formula.names)
    if roles is None:
        raise FormulaError(f"unknown variables in {text[:60]!r}; use fan_in, fan_out, depth and layer")
    power = 0.5 if _SQUARED.match(text) else 1.0

    def std(fan_in: int, fan_out: int, depth: int, layer: int) -> float:
        point = {"fan_in": fan_in, "fan_out": fan_out, "depth": depth, "layer": layer}
        value = formula(**{name: float(point[role]) for name, role in roles.items()})
        return float(np.power(value, power))

    return std


def _of_one_variable(text: str, variable: str) -> Callable[[Array], Array]:
    """A function of one array from an expression in either language."""
    try:
        expression = parse(text, (variable,))
    except ExprError:
        return _of_formula(parse_formula(text), variable)

    def value(point: float) -> float:
        try:
            return expression.evaluate({variable: point})
        except ExprError:
            return math.nan

    return lambda x: np.array([value(float(point)) for point in x.ravel()]).reshape(x.shape)


def _of_formula(formula: Formula, variable: str) -> Callable[[Array], Array]:
    if len(formula.names) != 1:
        raise FormulaError(f"{formula.text[:60]!r} must have exactly one variable, {variable}")
    name = formula.names[0]
    return lambda x: np.broadcast_to(formula(**{name: x}), x.shape)
