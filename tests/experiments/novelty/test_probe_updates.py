"""Optimizers, normalisations and losses by what they do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import special
from torch.nn import functional

from experiments.novelty.probes.loss import LOGITS, TARGETS, probe_classification_loss, probe_residual_loss
from experiments.novelty.probes.normaliser import probe_normaliser
from experiments.novelty.probes.optimizer import Stepper, probe_optimizer
from experiments.novelty.probes.references import residual_references
from experiments.novelty.verdict import Relation

O = torch.optim  # noqa: E741 - short, for the table


def _torch(make: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]) -> Callable[[], Stepper]:
    def factory() -> Stepper:
        kept: dict[str, object] = {}

        def step(p: np.ndarray, g: np.ndarray) -> np.ndarray:
            if not kept:
                parameter = torch.nn.Parameter(torch.from_numpy(p.copy()))
                kept.update(p=parameter, o=make([parameter]))
            parameter, optimizer = kept["p"], kept["o"]
            parameter.data.copy_(torch.from_numpy(p))
            parameter.grad = torch.from_numpy(g)
            optimizer.step()
            return parameter.detach().numpy().copy()

        return step

    return factory


def _numpy(update: Callable[[np.ndarray, np.ndarray, dict], np.ndarray]) -> Callable[[], Stepper]:
    def factory() -> Stepper:
        state: dict = {}
        return lambda p, g: update(p, g, state)

    return factory


def _lion(p: np.ndarray, g: np.ndarray, state: dict) -> np.ndarray:
    m = state.get("m", 0 * g)
    state["m"] = 0.99 * m + 0.01 * g
    return p - 0.01 * np.sign(0.9 * m + 0.1 * g)


def _belief(p: np.ndarray, g: np.ndarray, state: dict) -> np.ndarray:
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = 0.9 * state.get("m", 0 * g) + 0.1 * g
    s = state["s"] = 0.999 * state.get("s", 0 * g) + 0.001 * (g - m) ** 2
    return p - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)


def _newton_schulz(p: np.ndarray, g: np.ndarray, state: dict) -> np.ndarray:
    m = state["m"] = 0.95 * state.get("m", 0 * g) + g
    if p.ndim < 2:
        return p - 0.01 * m
    x = m / np.linalg.norm(m)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return p - 0.02 * x


OPTIMIZERS: dict[str, tuple[Callable[[], Stepper], str]] = {
    "sgd": (_torch(lambda p: O.SGD(p, 0.1)), "sgd"),
    "momentum": (_torch(lambda p: O.SGD(p, 0.1, momentum=0.8)), "momentum-sgd"),
    "nesterov": (_torch(lambda p: O.SGD(p, 0.1, momentum=0.9, nesterov=True)), "nesterov"),
    "adam": (_torch(lambda p: O.Adam(p, 0.01, betas=(0.8, 0.95))), "adam"),
    "adamw": (_torch(lambda p: O.AdamW(p, 0.01)), "adamw"),
    "amsgrad": (_torch(lambda p: O.Adam(p, 0.01, amsgrad=True)), "amsgrad"),
    "rmsprop": (_torch(lambda p: O.RMSprop(p, 0.01)), "rmsprop"),
    "adagrad": (_torch(lambda p: O.Adagrad(p, 0.1)), "adagrad"),
    "adadelta": (_torch(lambda p: O.Adadelta(p, 1.0)), "adadelta"),
    "adamax": (_torch(lambda p: O.Adamax(p, 0.01)), "adamax"),
    "nadam": (_torch(lambda p: O.NAdam(p, 0.01)), "nadam"),
    "radam": (_torch(lambda p: O.RAdam(p, 0.01)), "radam"),
    "rprop": (_torch(lambda p: O.Rprop(p, 0.01)), "rprop"),
    "lion": (_numpy(_lion), "lion"),
    "adabelief": (_numpy(_belief), "adabelief"),
    "muon": (_numpy(_newton_schulz), "muon"),
    "normalised": (_numpy(lambda p, g, s: p - 0.1 * g / np.linalg.norm(g)), "normalized-gradient"),
    "clipped": (
        _numpy(lambda p, g, s: p - 0.1 * g * min(1.0, 1.0 / np.linalg.norm(g))),
        "gradient-clipping-norm",
    ),
}


def _odd(power: float) -> Callable[[np.ndarray, np.ndarray, dict], np.ndarray]:
    def update(p: np.ndarray, g: np.ndarray, state: dict) -> np.ndarray:
        m = state["m"] = 0.9 * state.get("m", 0 * g) + 0.1 * g
        return p - 0.01 * np.sign(m) * np.abs(m) ** power

    return update


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_known_optimizers(name: str) -> None:
    make, technique = OPTIMIZERS[name]
    best = probe_optimizer(make)[0]
    assert (best.relation, best.technique) == (Relation.EQUAL, technique)


def test_weight_decay_shows_as_a_part() -> None:
    coupled = probe_optimizer(_torch(lambda p: O.Adam(p, 0.01, weight_decay=0.1)))[0]
    assert coupled.parts == ("adam", "l2-regularization")
    plain = probe_optimizer(_torch(lambda p: O.SGD(p, 0.1, weight_decay=0.1)))[0]
    assert plain.parts == ("sgd", "weight-decay")


@pytest.mark.parametrize(
    "update",
    [
        _odd(0.5),
        _odd(1.5),
        lambda p, g, s: p - 0.01 * np.tanh(g / 50),
        lambda p, g, s: p - 0.1 * g * (1 + np.cos(np.linalg.norm(g))),
        lambda p, g, s: p - 0.1 * np.sort(g),
        lambda p, g, s: p - 0.1 * g / (1 + np.abs(g)),
    ],
)
def test_odd_optimizers(update: Callable[[np.ndarray, np.ndarray, dict], np.ndarray]) -> None:
    assert not probe_optimizer(_numpy(update))[0].flags


def test_a_still_optimizer_is_not_probed() -> None:
    assert probe_optimizer(_numpy(lambda p, g, s: p))[0].relation is Relation.NOT_PROBED


# --- normalisations -------------------------------------------------------------------------------------

NORMS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "rms": (lambda x: x / np.sqrt(np.mean(x**2, -1, keepdims=True) + 1e-6), "rms-norm"),
    "layer": (lambda x: (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True), "layer-norm"),
    "unit": (lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True), "l2-normalization"),
    "batch": (lambda x: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), "batch-norm"),
    "softmax": (lambda x: special.softmax(x, axis=-1), "softmax-activation"),
    "group": (
        lambda x: functional.group_norm(torch.from_numpy(x), 4).numpy(),
        "group-norm",
    ),
}


@pytest.mark.parametrize("name", NORMS)
def test_known_normalisations(name: str) -> None:
    function, technique = NORMS[name]
    best = probe_normaliser(function)[0]
    assert (best.relation, best.technique) == (Relation.EQUAL, technique)


def test_a_scaled_normalisation_is_a_variant() -> None:
    best = probe_normaliser(lambda x: 3.0 * x / np.sqrt(np.mean(x**2, -1, keepdims=True)))[0]
    assert (best.relation, best.technique) == (Relation.REPARAMETRISATION, "rms-norm")
    assert best.gain == pytest.approx(3.0)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x / np.mean(np.abs(x), -1, keepdims=True),
        lambda x: x / np.max(np.abs(x)),
        lambda x: (x - np.median(x, -1, keepdims=True)) / x.std(-1, keepdims=True),
        lambda x: x / np.sqrt(np.mean(x**2)),
    ],
)
def test_odd_normalisations(function: Callable[[np.ndarray], np.ndarray]) -> None:
    assert not probe_normaliser(function)[0].flags


# --- losses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("curve", "technique"),
    [
        (lambda r: r**2, "mse-loss"),
        (lambda r: 0.5 * r**2, "mse-loss"),
        (np.abs, "mae-loss"),
        (lambda r: np.where(np.abs(r) < 2, 0.5 * r**2, 2 * (np.abs(r) - 1)), "huber-loss"),
        (lambda r: np.log(np.cosh(r)), "log-cosh-loss"),
        (lambda r: np.maximum(0.9 * -r, -0.1 * -r), "pinball-loss"),
        (lambda r: np.log1p((r / 1.7) ** 2), "cauchy-loss"),
    ],
)
def test_known_residual_losses(curve: Callable[[np.ndarray], np.ndarray], technique: str) -> None:
    best = probe_residual_loss(curve, residual_references())[0]
    assert best.flags
    assert best.technique == technique


@pytest.mark.parametrize(
    "curve", [lambda r: np.abs(r) ** 1.37, lambda r: r**2 + np.sin(r) ** 2, lambda r: r**4]
)
def test_odd_residual_losses(curve: Callable[[np.ndarray], np.ndarray]) -> None:
    assert not probe_residual_loss(curve, residual_references())[0].flags


def test_known_classification_losses() -> None:
    z, y = torch.from_numpy(LOGITS), torch.from_numpy(TARGETS)
    log_p = functional.log_softmax(z, -1).gather(1, y[:, None]).squeeze(1)
    values = {
        "cross-entropy": functional.cross_entropy(z, y, reduction="none"),
        "label-smoothing": functional.cross_entropy(z, y, reduction="none", label_smoothing=0.1),
        "focal-loss": -((1 - log_p.exp()) ** 2) * log_p,
        "poly-loss": -log_p + 2 * (1 - log_p.exp()),
        "generalized-cross-entropy": (1 - log_p.exp() ** 0.7) / 0.7,
        "z-loss": -log_p + 1e-3 * torch.logsumexp(z, -1) ** 2,
    }
    for technique, value in values.items():
        best = probe_classification_loss(value.numpy())[0]
        assert best.flags
        assert best.technique == technique


def test_an_odd_classification_loss() -> None:
    p = special.softmax(LOGITS, axis=1)[np.arange(len(TARGETS)), TARGETS]
    assert not probe_classification_loss(np.sqrt(1 - p**3))[0].flags
