"""The parts of a run, probed where they differ from the reference's."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.artefacts import Artefacts
from experiments.novelty.artefact import Query, decode_query, encode_query
from experiments.novelty.checker import Checker
from experiments.novelty.measured import artefact_evidence, track_evidence
from experiments.novelty.probes.activation import Array
from experiments.novelty.verdict import Evidence, Relation
from experiments.track import load_track


def sgd(p: Array, g: Array) -> Array:
    return p - 0.1 * g


class Momentum:
    def __init__(self) -> None:
        self.m: Array | float = 0.0

    def __call__(self, p: Array, g: Array) -> Array:
        self.m = 0.9 * self.m + g
        return p - 0.1 * np.asarray(self.m)


def plain(q: Array, k: Array, v: Array) -> Array:
    return weigh(np.exp(q @ k.T / np.sqrt(q.shape[1]))) @ v


def causal(q: Array, k: Array, v: Array) -> Array:
    return weigh(np.tril(np.exp(q @ k.T / np.sqrt(q.shape[1])))) @ v


def weigh(scores: Array) -> Array:
    return scores / scores.sum(axis=1, keepdims=True)


def smoothed(logits: Array, labels: Array) -> float:
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    right = logp[np.arange(len(labels)), labels.astype(int)]
    return float(np.mean(-0.9 * right - 0.1 * logp.mean(axis=1)))


def entropy(logits: Array, labels: Array) -> float:
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -float(np.mean(logp[np.arange(len(labels)), labels.astype(int)]))


def largest(x: Array) -> Array:
    bound = np.sort(np.abs(x).ravel())[-x.size // 10]
    return np.where(np.abs(x) >= bound, x, 0.0)


def rms(x: Array) -> Array:
    return x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)


REFERENCE = Artefacts(
    lr_log=(0.1,) * 200,
    activation=lambda x: np.maximum(x, 0.0),
    normalise=lambda x: x,
    loss=entropy,
    attention=plain,
    optimizer=lambda: sgd,
    compressor=lambda x: x,
)


@pytest.mark.parametrize(
    ("own", "known"),
    [
        (Artefacts(lr_log=tuple(3.0 * (1.0 - k / 200) for k in range(200))), "linear-decay"),
        (Artefacts(activation=lambda x: x / (1.0 + np.exp(-x))), "silu"),
        (Artefacts(normalise=rms), "rms-norm"),
        (Artefacts(loss=smoothed), "label-smoothing"),
        (Artefacts(attention=causal), "causal-masking"),
        (Artefacts(optimizer=Momentum), "momentum-sgd"),
        (Artefacts(compressor=largest), "topk-sparsification"),
    ],
)
def test_each_part_that_differs_is_named(own: Artefacts, known: str) -> None:
    best = artefact_evidence(own, REFERENCE)[0]
    assert (best.technique, best.flags) == (known, True)


def test_parts_that_do_the_same_are_not_probed() -> None:
    found = artefact_evidence(
        Artefacts(
            lr_log=(0.3,) * 200,  # another peak is no other schedule
            activation=lambda x: 0.5 * (x + np.abs(x)),
            loss=entropy,
            attention=plain,
            optimizer=lambda: lambda p, g: p - g / 10.0,
        ),
        REFERENCE,
    )
    assert len(found) == 5
    assert {item.relation for item in found} == {Relation.NOT_PROBED}
    assert all("same as the reference's" in item.summary for item in found)


def test_a_part_that_fails_costs_only_itself() -> None:
    def broken(x: Array) -> Array:
        raise ZeroDivisionError

    failed, named = artefact_evidence(Artefacts(activation=broken, normalise=rms), REFERENCE)[:2]
    assert failed.relation is Relation.NOT_PROBED
    assert named.technique == "rms-norm"


def of_track(**slots: str) -> Query:
    reference = load_track("deep-mlp").reference
    return Query(
        track="deep-mlp",
        expressions=tuple((dict(reference.slots) | slots).items()),
        reference=reference.slots,
        settings=reference.settings,
    )


def flags(found: list[Evidence]) -> list[str]:
    return [item.technique for item in found if item.flags]


def test_a_track_shows_what_its_recipe_does() -> None:
    assert flags(track_evidence(of_track(init_std="sqrt(2/fan_in)"))) == ["kaiming-init"]
    assert flags(track_evidence(of_track(lr="1-t"))) == ["linear-decay"]
    assert flags(track_evidence(of_track())) == []


def test_a_track_that_is_not_here_is_not_probed() -> None:
    (only,) = track_evidence(Query(track="no-such-track"))
    assert only.relation is Relation.NOT_PROBED
    assert "no-such-track" in only.summary
    assert track_evidence(Query()) == []


def test_the_track_travels_with_the_query() -> None:
    query = of_track(init_std="sqrt(2/fan_in)")
    assert decode_query(encode_query(query)).track == "deep-mlp"
    assert Checker().check(query).headline == "rediscovery of Kaiming initialization (fan_in)"
