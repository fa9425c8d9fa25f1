"""Probe the parts of a run, each only where it differs from the reference's.

A part that does what the reference's does is no change: it is `not_probed`, and says so.  The comparison is
on the signal that the probe looks at, so another spelling of the same thing is no difference either.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from leaderboard.errors import LocalError, PeerError

from ..artefacts import Artefacts
from ..recipe import Recipe
from ..track import Track, load_track
from .artefact import Query
from .probes.activation import ACTIVATION_GRID, probe_activation
from .probes.attention import probe_attention
from .probes.compressor import probe_compressor
from .probes.init_laws import Layer
from .probes.init_weights import WeightSummary, probe_init_weights, summarise_weights
from .probes.loss import LOGITS, TARGETS, probe_classification_loss
from .probes.normaliser import probe_normaliser
from .probes.optimizer import probe_optimizer
from .probes.references import activation_references
from .probes.report import not_probed
from .probes.schedule import probe_schedule
from .structure.formula import Array
from .verdict import Evidence

__all__ = ["artefact_evidence", "track_evidence"]

_SAME = 1e-6  # relative; the coarsest of the probes' own thresholds for an equal is 20 times wider
_FAILURES = (PeerError, ArithmeticError, ValueError, LookupError, TypeError, RuntimeError)
"""What a part of a track may fail with on a recipe that it cannot run."""

_rng = np.random.default_rng(1840)
_ROWS = _rng.normal(size=(24, 16)) + 1.0
_QKV = _rng.normal(size=(3, 10, 8))
_GRADIENTS = _rng.normal(size=(4, 6))
_MATRIX_GRADIENTS = _rng.normal(size=(4, 5, 4))


def track_evidence(query: Query) -> list[Evidence]:
    """Evidence from what the query's track shows of the recipe; nothing if there is no track or no module."""
    if not query.track:
        return []
    try:
        track = load_track(query.track)
        derive = _deriver(track)
        if derive is None:
            return []
        recipe = Recipe.complete(track.space, dict(query.settings), dict(query.expressions))
        reference, signals = _reference(query.track)
        return artefact_evidence(derive(recipe), reference, signals)
    except (LocalError, *_FAILURES) as error:
        return [not_probed(f"track {query.track[:40]!r}: {str(error)[:200]}")]


def artefact_evidence(
    own: Artefacts, reference: Artefacts, signals: dict[str, Array] | None = None
) -> list[Evidence]:
    """Evidence from every part that differs from the reference's.

    `signals` keeps what was measured of the reference, by part, for the next candidate.
    """
    kept = {} if signals is None else signals
    found: list[Evidence] = []
    for part in _PARTS:
        if not part.present(own):
            continue
        try:
            found += _of_part(part, own, reference, kept)
        except _FAILURES as error:
            found.append(not_probed(f"{part.name}: it does not run ({str(error)[:120]})"))
    return found


def _of_part(part: _Part, own: Artefacts, reference: Artefacts, kept: dict[str, Array]) -> Sequence[Evidence]:
    if part.present(reference):
        if part.name not in kept:
            kept[part.name] = part.signal(reference)
        if _same(part.signal(own), kept[part.name]):
            return (not_probed(f"{part.name}: the same as the reference's"),)
    return part.probe(own)


def _same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(
        np.allclose(one, other, rtol=_SAME, atol=_SAME * float(np.max(np.abs(other), initial=0.0)))
    )


@cache
def _reference(name: str) -> tuple[Artefacts, dict[str, Array]]:
    """The artefacts of a track's reference, and an empty place for their signals."""
    track = load_track(name)
    derive = _deriver(track)
    return (derive(track.reference) if derive else Artefacts()), {}


def _deriver(track: Track) -> Callable[[Recipe], Artefacts] | None:
    """The function `artefacts` of the module of that name beside the track's runner, if there is one."""
    name = f"{track.runner.rpartition('.')[0]}.artefacts"
    if importlib.util.find_spec(name) is None:
        return None
    derive: Callable[[Recipe], Artefacts] = importlib.import_module(name).artefacts
    return derive


# --- parts ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A part: whether it is there, the numbers by which two of them are compared, and its probe."""

    name: str
    present: Callable[[Artefacts], bool]
    signal: Callable[[Artefacts], Array]
    probe: Callable[[Artefacts], Sequence[Evidence]]


def _summaries(parts: Artefacts) -> list[WeightSummary]:
    return [summarise_weights(w.values, Layer(w.fan_in, w.fan_out, w.layer, w.depth)) for w in parts.weights]


def _weight_signal(parts: Artefacts) -> Array:
    rows = [(s.rms, s.fourth, s.largest, s.off_gram, s.off_eye, float(s.zeros)) for s in _summaries(parts)]
    signal: Array = np.nan_to_num(np.array(rows))
    return signal


def _rate_shape(parts: Artefacts) -> Array:
    """Shares of the peak: another peak is another setting and no other schedule."""
    rates = np.array(parts.lr_log)
    shares: Array = rates / max(float(np.max(np.abs(rates))), 1e-300)
    return shares


def _steps(parts: Artefacts) -> Array:
    """Where a fresh optimizer goes from a vector and from a matrix under fixed gradients."""
    assert parts.optimizer is not None
    places: list[Array] = []
    for gradients in (_GRADIENTS, _MATRIX_GRADIENTS):
        step, p = parts.optimizer(), np.ones(gradients.shape[1:])
        for gradient in gradients:
            p = np.asarray(step(p.copy(), gradient.copy()), dtype=np.float64)
            places.append(p.ravel())
    return np.concatenate(places)


def _loss_values(parts: Artefacts) -> Array:
    assert parts.loss is not None
    return np.array([parts.loss(LOGITS[k : k + 1], TARGETS[k : k + 1]) for k in range(len(TARGETS))])


def _activated(parts: Artefacts) -> Array:
    assert parts.activation is not None
    values: Array = np.nan_to_num(parts.activation(ACTIVATION_GRID))
    return values


def _normalised(parts: Artefacts) -> Array:
    assert parts.normalise is not None
    return parts.normalise(_ROWS)


def _attended(parts: Artefacts) -> Array:
    assert parts.attention is not None
    return parts.attention(*_QKV)


def _compressed(parts: Artefacts) -> Array:
    assert parts.compressor is not None
    return parts.compressor(_ROWS)


def _probe_activation(parts: Artefacts) -> Sequence[Evidence]:
    assert parts.activation is not None
    return probe_activation(parts.activation, activation_references())


def _probe_normaliser(parts: Artefacts) -> Sequence[Evidence]:
    assert parts.normalise is not None
    return probe_normaliser(parts.normalise)


def _probe_attention(parts: Artefacts) -> Sequence[Evidence]:
    assert parts.attention is not None
    return probe_attention(parts.attention)


def _probe_optimizer(parts: Artefacts) -> Sequence[Evidence]:
    assert parts.optimizer is not None
    return probe_optimizer(parts.optimizer)


def _probe_compressor(parts: Artefacts) -> Sequence[Evidence]:
    assert parts.compressor is not None
    return probe_compressor(parts.compressor)


_PARTS = (
    _Part(
        "initial weights",
        lambda a: bool(a.weights),
        _weight_signal,
        lambda a: probe_init_weights(_summaries(a)),
    ),
    _Part(
        "learning rates",
        lambda a: bool(a.lr_log),
        _rate_shape,
        lambda a: probe_schedule(np.array(a.lr_log)),
    ),
    _Part("activation", lambda a: a.activation is not None, _activated, _probe_activation),
    _Part("normalisation", lambda a: a.normalise is not None, _normalised, _probe_normaliser),
    _Part(
        "loss",
        lambda a: a.loss is not None,
        _loss_values,
        lambda a: probe_classification_loss(_loss_values(a)),
    ),
    _Part("attention", lambda a: a.attention is not None, _attended, _probe_attention),
    _Part("optimizer", lambda a: a.optimizer is not None, _steps, _probe_optimizer),
    _Part("compressor", lambda a: a.compressor is not None, _compressed, _probe_compressor),
)
