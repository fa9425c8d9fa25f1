"""Foreign code as an attention, a mask, a compressor or a penalty."""

from __future__ import annotations

import ast
from dataclasses import replace

import numpy as np

from ..probes.attention import probe_attention, probe_mask
from ..probes.compressor import probe_compressor
from ..probes.regulariser import probe_penalty
from ..probes.report import not_probed
from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError, Record, Value
from ..verdict import Evidence, Relation
from .binding import Array, array_of, number_of, outcome, tensor_of, tokens

__all__ = ["as_attention", "as_compressor", "as_mask", "as_penalty"]

_ROUNDING = frozenset(
    {"int8-quantization", "int4-quantization", "ternary-weights", "onebit-sgd", "binary-network"}
)
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

    def batched(q: Array, k: Array, v: Array) -> Array:
        return np.asarray(plain(q[None], k[None], v[None])[0])

    for reading in (plain, batched, headed, tokens_first):
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
    if not 1 <= len(candidate.required) <= 3:
        return (not_probed("a compressor has one input, and perhaps sizes"),)
    sizes = {name: _size_of(name) for name in candidate.required[1:]}

    def function(x: Array) -> Array:
        return _decoded(outcome(candidate, {candidate.required[0]: tensor_of(x), **sizes}), x)

    found = probe_compressor(function)
    if _passes_back(candidate.source) and found[0].technique in _ROUNDING:
        found = tuple(replace(item, technique="straight-through") for item in found[:1])
    of_weights = tokens(candidate.required[0]) & _WEIGHTS
    return found[::-1] if of_weights and len({item.summary for item in found}) == 1 else found


def _passes_back(source: ast.AST) -> bool:
    """Whether the code says itself what goes back through it: a custom gradient."""
    return any(isinstance(node, ast.FunctionDef) and node.name == "backward" for node in ast.walk(source))


def _size_of(name: str) -> float:
    """A number of bits, a share to keep, a count, or a step, by what the name hints at."""
    words = tokens(name)
    if words & {"bits", "bit", "nbits", "b"}:
        return 8
    if words & {"frac", "fraction", "ratio", "share", "p", "q", "sparsity", "density", "rate"}:
        return 0.1
    return 50 if words & {"k", "n", "top", "keep", "count"} else 0.25


def _decoded(value: Value, x: Array) -> Array:
    """What codes stand for: they come with their step, perhaps with the code of zero or the least value."""
    if not isinstance(value, (tuple, list)) or not 2 <= len(value) <= 3:
        return array_of(value)
    codes, *rest = (array_of(part) for part in value)
    if codes.shape != x.shape:
        raise CodeError("codes of another shape")
    ways = [codes * rest[0]]
    if len(rest) == 2:
        ways = [(codes - rest[1]) * rest[0], codes * rest[0] + rest[1], (codes - rest[0]) * rest[1]]
    return min(ways, key=lambda y: float(np.max(np.abs(y - x))))


def as_penalty(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on a matrix, and on a list that holds one."""
    if len(candidate.required) != 1:
        return (not_probed("a penalty has one input"),)
    name = candidate.required[0]

    def of_matrix(w: Array) -> float:
        return number_of(outcome(candidate, {name: tensor_of(w)}))

    def of_list(w: Array) -> float:
        return number_of(outcome(candidate, {name: [tensor_of(w)]}))

    def of_layer(w: Array) -> float:
        layer = Record(lambda _: tensor_of(w))
        return number_of(outcome(candidate, {name: layer}))

    readings = (of_layer,) if name in candidate.records else (of_matrix, of_list)
    for reading in readings:
        try:
            if np.isfinite(reading(np.ones((3, 2)))):
                return probe_penalty(reading)
        except CodeError:
            continue
    return (not_probed("it gives no number for a matrix"),)
