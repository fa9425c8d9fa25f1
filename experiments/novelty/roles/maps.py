"""Foreign code as an attention, a mask, a compressor or a penalty."""

from __future__ import annotations

import numpy as np

from ..probes.attention import probe_attention, probe_mask
from ..probes.compressor import probe_compressor
from ..probes.regulariser import probe_penalty
from ..probes.report import not_probed
from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError
from ..verdict import Evidence, Relation
from .binding import Array, array_of, number_of, outcome, tensor_of, tokens

__all__ = ["as_attention", "as_compressor", "as_mask", "as_penalty"]

_TOKENS = 10


_WEIGHTS = frozenset({"w", "weight", "weights", "param", "params", "theta", "kernel", "p"})


def as_attention(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on queries, keys and values, as matrices and as (batch, heads, tokens, width)."""
    if len(candidate.required) != 3:
        return (not_probed("an attention has queries, keys and values"),)

    def plain(q: Array, k: Array, v: Array) -> Array:
        values = dict(zip(candidate.required, map(tensor_of, (q, k, v)), strict=True))
        return array_of(outcome(candidate, values))

    def headed(q: Array, k: Array, v: Array) -> Array:
        return np.asarray(plain(q[None, None], k[None, None], v[None, None])[0, 0])

    def tokens_first(q: Array, k: Array, v: Array) -> Array:
        return np.asarray(plain(q[None, :, None], k[None, :, None], v[None, :, None])[0, :, 0])

    for reading in (plain, headed, tokens_first):
        try:
            found = probe_attention(reading)
        except (CodeError, IndexError):
            continue
        if found[0].relation is not Relation.NOT_PROBED:
            return found
    return (not_probed("it does not run as an attention"),)


def as_mask(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on a number of tokens."""
    if len(candidate.required) != 1:
        return (not_probed("a mask has a size"),)
    return probe_mask(array_of(outcome(candidate, {candidate.required[0]: _TOKENS})))


def as_compressor(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on a matrix that it must give back, poorer; for weights some names differ."""
    if len(candidate.required) != 1:
        return (not_probed("a compressor has one input"),)

    def function(x: Array) -> Array:
        return array_of(outcome(candidate, {candidate.required[0]: tensor_of(x)}))

    found = probe_compressor(function)
    of_weights = tokens(candidate.required[0]) & _WEIGHTS
    return found[::-1] if of_weights and len({item.summary for item in found}) == 1 else found


def as_penalty(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on a matrix, and on a list that holds one."""
    if len(candidate.required) != 1:
        return (not_probed("a penalty has one input"),)
    name = candidate.required[0]

    def of_matrix(w: Array) -> float:
        return number_of(candidate.run({name: tensor_of(w)}))

    def of_list(w: Array) -> float:
        return number_of(candidate.run({name: [tensor_of(w)]}))

    for reading in (of_matrix, of_list):
        try:
            if np.isfinite(reading(np.ones((3, 2)))):
                return probe_penalty(reading)
        except CodeError:
            continue
    return (not_probed("it gives no number for a matrix"),)
