"""Activations, gates and schedules: disguised known ones are named, odd ones are not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.optim import SGD, Optimizer, lr_scheduler

from experiments.novelty.probes.activation import probe_activation, probe_gate
from experiments.novelty.probes.references import activation_references, gate_references
from experiments.novelty.probes.schedule import probe_schedule
from experiments.novelty.verdict import Relation

Curve = Callable[[np.ndarray], np.ndarray]


def _torch(function: Callable[[torch.Tensor], torch.Tensor]) -> Curve:
    return lambda x: function(torch.from_numpy(np.array(x))).numpy()


KNOWN: dict[str, tuple[Curve, str, Relation]] = {
    "relu": (_torch(functional.relu), "relu", Relation.EQUAL),
    "relu by abs": (lambda x: (x + np.abs(x)) / 2, "relu", Relation.EQUAL),
    "gelu": (_torch(functional.gelu), "gelu", Relation.EQUAL),
    "gelu tanh": (_torch(lambda x: functional.gelu(x, approximate="tanh")), "gelu-tanh", Relation.EQUAL),
    "silu": (_torch(functional.silu), "silu", Relation.EQUAL),
    "silu by tanh": (lambda x: 0.5 * x * (1 + np.tanh(x / 2)), "silu", Relation.EQUAL),
    "swish": (_torch(lambda x: x * torch.sigmoid(2.5 * x)), "swish", Relation.SPECIAL_CASE),
    "mish": (_torch(functional.mish), "mish", Relation.EQUAL),
    "elu": (_torch(lambda x: functional.elu(x, 0.3)), "elu", Relation.SPECIAL_CASE),
    "selu": (_torch(functional.selu), "selu", Relation.EQUAL),
    "celu": (_torch(lambda x: functional.celu(x, 2.0)), "celu", Relation.SPECIAL_CASE),
    "leaky": (_torch(lambda x: functional.leaky_relu(x, 0.2)), "leaky-relu", Relation.SPECIAL_CASE),
    "softplus": (_torch(functional.softplus), "softplus", Relation.SPECIAL_CASE),
    "hardswish": (_torch(functional.hardswish), "hard-swish", Relation.EQUAL),
    "relu6": (_torch(functional.relu6), "relu6", Relation.EQUAL),
    "softsign": (_torch(functional.softsign), "softsign", Relation.EQUAL),
    "softshrink": (_torch(functional.softshrink), "softshrink", Relation.SPECIAL_CASE),
    "cubed": (lambda x: np.maximum(x, 0) ** 3, "rectified-power-unit", Relation.SPECIAL_CASE),
    "siren": (lambda x: np.sin(30 * x), "sine-activation", Relation.SPECIAL_CASE),
    "scaled relu": (lambda x: 1.3 * np.maximum(x, 0), "relu", Relation.REPARAMETRISATION),
    "scaled silu": (_torch(lambda x: 1.7 * functional.silu(x)), "silu", Relation.REPARAMETRISATION),
}
ODD: dict[str, Curve] = {
    "x sin x": lambda x: x * np.sin(x),
    "bump": lambda x: np.tanh(x) * np.exp(-x * x / 9),
    "signed log": lambda x: np.sign(x) * np.log1p(np.abs(x)),
    "leaking tanh": lambda x: np.maximum(x, 0) - 0.3 * np.tanh(x),
    "clip at 20": lambda x: np.minimum(np.maximum(x, -2), 20),
    "arctan gate": lambda x: x * np.arctan(np.exp(np.minimum(x, 50))) * 2 / np.pi,
    "two kinks": lambda x: np.maximum(x, 0) + np.maximum(x - 1, 0),
    "cubic gate": lambda x: x / (1 + np.exp(np.clip(-(x**3), -500, 500))),
    "roots": lambda x: np.sign(x) * np.sqrt(np.abs(x)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_activations(name: str) -> None:
    curve, technique, relation = KNOWN[name]
    best = probe_activation(curve, activation_references())[0]
    assert (best.technique, best.relation) == (technique, relation)


@pytest.mark.parametrize("name", ODD)
def test_odd_activations(name: str) -> None:
    assert not probe_activation(ODD[name], activation_references())[0].flags


def test_single_precision_is_allowed_for() -> None:
    curve = _torch(lambda x: functional.gelu(x.float()).double())
    assert probe_activation(curve, activation_references(), single=True)[0].technique == "gelu"


@pytest.mark.parametrize(
    "curve",
    [
        np.cumsum,
        lambda x: x / np.sqrt(np.mean(x**2)),
        lambda x: x[:3],
        lambda x: x * np.nan,
        lambda x: np.random.default_rng().normal(size=x.shape),
    ],
)
def test_what_is_no_activation_is_not_probed(curve: Curve) -> None:
    assert probe_activation(curve, activation_references())[0].relation is Relation.NOT_PROBED


def test_a_line_is_no_activation() -> None:
    assert probe_activation(lambda x: 2 * x + 1, activation_references())[0].relation is Relation.UNMATCHED


@pytest.mark.parametrize(
    ("gate", "technique"),
    [
        (lambda u, v: u / (1 + np.exp(-v)), "glu"),
        (lambda u, v: u * v / (1 + np.exp(-v)), "swiglu"),
        (lambda u, v: np.maximum(u, 0) * v, "reglu"),
    ],
)
def test_gates_in_either_order(gate: Callable[[np.ndarray, np.ndarray], np.ndarray], technique: str) -> None:
    assert probe_gate(gate, gate_references())[0].technique == technique
    assert probe_gate(lambda u, v: gate(v, u), gate_references())[0].technique == technique


# --- schedules ------------------------------------------------------------------------------------------


def _scheduled(make: Callable[[Optimizer], lr_scheduler.LRScheduler], steps: int = 200) -> np.ndarray:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(rates)


T = np.arange(200.0)
SCHEDULES: dict[str, tuple[np.ndarray, str]] = {
    "cosine": (_scheduled(lambda o: lr_scheduler.CosineAnnealingLR(o, 200)), "cosine-annealing"),
    "cosine squared": (np.cos(math.pi * T / 400) ** 2, "cosine-annealing"),
    "cosine with floor": (0.1 + 0.45 * (1 + np.cos(math.pi * T / 200)), "cosine-annealing"),
    "restarts": (_scheduled(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 50)), "sgdr-warm-restarts"),
    "one cycle": (_scheduled(lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=201)), "one-cycle"),
    "cyclic": (
        _scheduled(lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, step_size_up=25, cycle_momentum=False)),
        "cyclical-lr",
    ),
    "multi step": (_scheduled(lambda o: lr_scheduler.MultiStepLR(o, [50, 120])), "step-decay"),
    "exponential": (_scheduled(lambda o: lr_scheduler.ExponentialLR(o, 0.97)), "exponential-decay"),
    "polynomial": (_scheduled(lambda o: lr_scheduler.PolynomialLR(o, 200, power=3)), "polynomial-decay"),
    "warm-up": (_scheduled(lambda o: lr_scheduler.LinearLR(o, 0.1, 1.0, 50)), "linear-warmup"),
    "linear": (1 - T / 200, "linear-decay"),
    "inverse root": ((T + 1) ** -0.5, "inverse-sqrt-decay"),
    "inverse time": (1 / (1 + 0.05 * T), "inverse-time-decay"),
    "noam": (np.minimum((T + 1) ** -0.5, (T + 1) * 40**-1.5), "noam-schedule"),
    "wsd": (np.clip(np.minimum(T / 20, (200 - T) / 40), 0, 1), "wsd-schedule"),
    "constant": (0 * T + 0.3, "constant-lr"),
}
ODD_SCHEDULES: dict[str, np.ndarray] = {
    "rectified sine": np.abs(np.sin(T / 17)) + 0.1,
    "gaussian": np.exp(-((T / 80) ** 2)),
    "logistic": 1 / (1 + np.exp((T - 100) / 15)),
    "noise": 1 - 0.5 * np.random.default_rng(0).random(200),
    "one minus cube": 1 - (T / 200) ** 3,
    "ringing": 0.99**T * (1 + 0.3 * np.sin(T / 5)),
    "logarithm": 1 / (1 + np.log1p(T)),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_known_schedules(name: str) -> None:
    rates, technique = SCHEDULES[name]
    best = probe_schedule(rates)[0]
    assert best.flags
    assert best.technique == technique


@pytest.mark.parametrize("name", ODD_SCHEDULES)
def test_odd_schedules(name: str) -> None:
    assert not probe_schedule(ODD_SCHEDULES[name])[0].flags


@pytest.mark.parametrize("power", [0.5, 1.5])
def test_a_power_of_the_cosine_is_a_variant(power: float) -> None:
    best = probe_schedule((0.5 * (1 + np.cos(math.pi * T / 200))) ** power)[0]
    assert (best.relation, best.technique) == (Relation.REPARAMETRISATION, "cosine-annealing")
    assert best.what_differs == f"raised to the power {power:g}"


def test_warm_up_and_cosine_is_a_combination() -> None:
    rates = np.where(T < 20, (T + 1) / 20, 0.5 * (1 + np.cos(math.pi * (T - 20) / 180)))
    best = probe_schedule(rates)[0]
    assert best.relation is Relation.COMBINATION
    assert best.parts == ("linear-warmup", "cosine-annealing")


@pytest.mark.parametrize(
    "rates", [np.ones(3), -np.ones(50), np.full(50, np.nan), np.zeros(50), np.ones((20, 2))]
)
def test_what_is_no_schedule_is_not_probed(rates: np.ndarray) -> None:
    assert probe_schedule(rates)[0].relation is Relation.NOT_PROBED
