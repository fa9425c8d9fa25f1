"""The initialiser probe: laws as functions, as tables, and as real weights."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.novelty.probes.init_law import InitStd, StdRow, probe_init_law, probe_init_table
from experiments.novelty.probes.init_laws import Layer
from experiments.novelty.probes.init_weights import WeightSummary, probe_init_weights, summarise_weights
from experiments.novelty.verdict import Relation

WIDTHS = (64, 160, 64, 96, 32, 128, 48, 80, 112, 160, 64, 96, 10)
OWN = [Layer(WIDTHS[k], WIDTHS[k + 1], k, len(WIDTHS) - 1) for k in range(len(WIDTHS) - 1)]

Fill = Callable[[np.random.Generator, int, int], np.ndarray]


def _table(values: list[float]) -> InitStd:
    return lambda i, o, n, k: values[k]


KNOWN: dict[str, tuple[InitStd, str, str]] = {
    "he": (lambda i, o, n, k: math.sqrt(2 / i), "kaiming-init", "fan_in"),
    "he rounded": (lambda i, o, n, k: 1.4142 * i**-0.5, "kaiming-init", "fan_in"),
    "he halves": (lambda i, o, n, k: (i / 2) ** -0.5, "kaiming-init", "fan_in"),
    "he logs": (lambda i, o, n, k: math.exp(0.5 * (math.log(2) - math.log(i))), "kaiming-init", "fan_in"),
    "he pieces": (lambda i, o, n, k: (0.9 + 0.5142) / (i**0.25 * i**0.25), "kaiming-init", "fan_in"),
    "he fan_out": (lambda i, o, n, k: math.sqrt(8 / o) / 2, "kaiming-init", "fan_out"),
    "xavier": (lambda i, o, n, k: math.sqrt(2 / (i + o)), "xavier-init", ""),
    "lecun": (lambda i, o, n, k: i**-0.5, "lecun-init", "fan_in"),
    "torch": (lambda i, o, n, k: 1 / math.sqrt(3 * i), "torch-default-linear-init", "fan_in"),
    "0.02": (lambda i, o, n, k: 0.02, "small-normal-init", ""),
    "fixup": (lambda i, o, n, k: math.sqrt(2 / (i * n)), "fixup-init", "two layers a branch"),
    "zero": (lambda i, o, n, k: 0.0, "zero-init-residual", ""),
}
ODD: dict[str, InitStd] = {
    "geometric": (lambda i, o, n, k: (i * o) ** -0.25),
    "geometric root 2": (lambda i, o, n, k: math.sqrt(2) * (i * o) ** -0.25),
    "power .45": (lambda i, o, n, k: 1.35 * i**-0.45),
    "power .6": (lambda i, o, n, k: 2.2 * i**-0.6),
    "log": (lambda i, o, n, k: 1 / math.log(i)),
    "widest side": (lambda i, o, n, k: (max(i, o) / 2) ** -0.5),
    "growing": (lambda i, o, n, k: math.sqrt(2 / i) * (1 + 0.05 * k)),
    "alternating": (lambda i, o, n, k: math.sqrt(2 / i) * (1.2 if k % 2 else 0.8)),
    "sum of roots": (lambda i, o, n, k: 0.5 * (i**-0.5 + o**-0.5)),
    "ramp": (lambda i, o, n, k: 0.1 + 0.1 * k / n),
    "sine": (lambda i, o, n, k: 0.2 + 0.05 * math.sin(i)),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("own", [(), OWN], ids=["wide", "track"])
def test_known_laws_are_named(name: str, own: list[Layer]) -> None:
    law, technique, mode = KNOWN[name]
    best = probe_init_law(law, own)[0]
    assert (best.relation, best.technique, best.mode) == (Relation.EQUAL, technique, mode)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("own", [(), OWN], ids=["wide", "track"])
def test_odd_laws_are_not_flagged(name: str, own: list[Layer]) -> None:
    assert not probe_init_law(ODD[name], own)[0].flags


@pytest.mark.parametrize("constant", [0.01, 0.1, 0.15, 0.3])
def test_a_constant_is_never_kaiming(constant: float) -> None:
    best = probe_init_law(lambda i, o, n, k: constant, OWN)[0]
    assert best.technique == "small-normal-init"
    assert best.relation is Relation.SPECIAL_CASE


@pytest.mark.parametrize("gain", [0.8, 0.9, 1.1, 1.3, 2.0])
def test_another_gain_is_a_variant_with_its_ratio(gain: float) -> None:
    best = probe_init_law(lambda i, o, n, k: gain * math.sqrt(2 / i), OWN)[0]
    assert (best.relation, best.technique) == (Relation.REPARAMETRISATION, "kaiming-init")
    assert best.gain == pytest.approx(gain)


def test_one_layer_with_its_own_scale_is_said() -> None:
    best = probe_init_law(lambda i, o, n, k: math.sqrt((1 if k == 0 else 2) / i), OWN)[0]
    assert (best.relation, best.technique) == (Relation.REPARAMETRISATION, "kaiming-init")
    assert best.what_differs == "0.71x in layer 0"


def test_a_table_equal_to_the_law_is_recognised_and_a_shuffled_one_is_not() -> None:
    values = [round(math.sqrt(2 / layer.fan_in), 4) for layer in OWN]
    rows = [StdRow(layer, value) for layer, value in zip(OWN, values, strict=True)]
    assert probe_init_table(rows)[0].technique == "kaiming-init"
    mixed = [StdRow(layer, value) for layer, value in zip(OWN, values[::-1], strict=True)]
    assert not probe_init_table(mixed)[0].flags


def test_layers_of_one_width_cannot_name_a_law() -> None:
    rows = [StdRow(Layer(64, 64, k, 6), math.sqrt(2 / 64)) for k in range(6)]
    assert probe_init_table(rows)[0].relation is Relation.NOT_PROBED


def test_a_broken_law_is_not_probed() -> None:
    def broken(i: int, o: int, n: int, k: int) -> float:
        raise ZeroDivisionError

    assert probe_init_law(broken, OWN)[0].relation is Relation.NOT_PROBED
    assert probe_init_law(lambda i, o, n, k: math.nan)[0].relation is Relation.NOT_PROBED


@settings(max_examples=60, deadline=None)
@given(st.floats(-0.9, 0.1), st.floats(-0.9, 0.1), st.floats(0.3, 3.0))
def test_only_true_exponents_get_the_kaiming_flag(a: float, b: float, gain: float) -> None:
    best = probe_init_law(lambda i, o, n, k: gain * i**a * o**b)[0]
    if best.flags and best.technique == "kaiming-init":
        assert min(abs(a + 0.5) + abs(b), abs(b + 0.5) + abs(a)) < 0.02


# --- real weights ---------------------------------------------------------------------------------------


def _samples(fill: Fill, seed: int = 0) -> list[WeightSummary]:
    rng = np.random.default_rng(seed)
    return [summarise_weights(fill(rng, at.fan_in, at.fan_out), at) for at in OWN]


def _twelve_uniforms(rng: np.random.Generator, i: int, o: int) -> np.ndarray:
    return (rng.random((12, o, i)).sum(axis=0) - 6.0) * math.sqrt(2 / i)


def _box_muller(rng: np.random.Generator, i: int, o: int) -> np.ndarray:
    radius = np.sqrt(-2.0 * np.log(1.0 - rng.random((o, i))))
    return math.sqrt(2 / i) * radius * np.cos(2.0 * math.pi * rng.random((o, i)))


def _qr(rng: np.random.Generator, i: int, o: int) -> np.ndarray:
    tall = np.linalg.qr(rng.normal(size=(max(i, o), min(i, o))))[0]
    return tall if o >= i else tall.T


def _cut(rng: np.random.Generator, i: int, o: int) -> np.ndarray:
    draws = rng.normal(size=4 * i * o)
    return draws[np.abs(draws) < 2.0][: i * o].reshape(o, i) * math.sqrt(2 / i)


WEIGHTS: dict[str, tuple[Fill, str, str]] = {
    "normal": (lambda g, i, o: g.normal(0, math.sqrt(2 / i), (o, i)), "kaiming-init", "fan_in, normal"),
    "uniform": (
        lambda g, i, o: g.uniform(-math.sqrt(6 / o), math.sqrt(6 / o), (o, i)),
        "kaiming-init",
        "fan_out, uniform",
    ),
    "twelve uniforms": (_twelve_uniforms, "kaiming-init", "fan_in, normal"),
    "box-muller": (_box_muller, "kaiming-init", "fan_in, normal"),
    "cut at two": (_cut, "kaiming-init", "fan_in, truncated normal"),
    "glorot": (
        lambda g, i, o: g.uniform(-1, 1, (o, i)) * math.sqrt(6 / (i + o)),
        "xavier-init",
        "uniform",
    ),
    "lecun": (lambda g, i, o: g.normal(size=(o, i)) / math.sqrt(i), "lecun-init", "fan_in, normal"),
    "orthogonal": (_qr, "orthogonal-init", ""),
    "identity": (lambda g, i, o: np.eye(o, i), "identity-rnn-init", ""),
    "zero": (lambda g, i, o: np.zeros((o, i)), "zero-init-residual", ""),
}


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_weights_are_recognised(name: str, seed: int) -> None:
    fill, technique, mode = WEIGHTS[name]
    best = probe_init_weights(_samples(fill, seed))[0]
    assert (best.relation, best.technique, best.mode) == (Relation.EQUAL, technique, mode)


@pytest.mark.parametrize("seed", range(3))
def test_an_unusual_distribution_is_a_variant_at_most(seed: int) -> None:
    best = probe_init_weights(_samples(lambda g, i, o: g.laplace(size=(o, i)) / math.sqrt(i), seed))[0]
    assert best.relation is Relation.REPARAMETRISATION
    assert "unusual distribution" in best.what_differs


@pytest.mark.parametrize("seed", range(3))
def test_odd_weights_are_not_flagged(seed: int) -> None:
    geometric = _samples(lambda g, i, o: g.normal(size=(o, i)) * (i * o) ** -0.25, seed)
    assert not probe_init_weights(geometric)[0].flags


def test_sparse_weights() -> None:
    def sparse(rng: np.random.Generator, i: int, o: int) -> np.ndarray:
        return rng.normal(size=(o, i)) * (rng.random((o, i)) < 0.1)

    assert probe_init_weights(_samples(sparse))[0].technique == "sparse-init"


def test_nothing_to_measure_is_not_probed() -> None:
    tiny = [summarise_weights(np.ones((2, 2)), Layer(2, 2, 0, 1))]
    assert probe_init_weights(tiny)[0].relation is Relation.NOT_PROBED
