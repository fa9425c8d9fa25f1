"""Rules of form, settings, formulae in prose: and every name that code gives exists in the catalogue."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.novelty.catalogue import load_catalogue
from experiments.novelty.probes.activation import ACTIVATION_GRID, probe_activation
from experiments.novelty.probes.attention import probe_attention, probe_mask
from experiments.novelty.probes.compressor import probe_compressor
from experiments.novelty.probes.decay_shapes import SHAPES
from experiments.novelty.probes.init_laws import NAMED_LAWS
from experiments.novelty.probes.references import activation_references
from experiments.novelty.probes.regulariser import probe_penalty
from experiments.novelty.probes.update_rules import RULES
from experiments.novelty.structure.claims import formulas_in
from experiments.novelty.structure.formula import FormulaError, parse_formula
from experiments.novelty.structure.idioms import idioms, match_idioms, read_source_terms
from experiments.novelty.structure.match import find
from experiments.novelty.structure.reading import read_terms
from experiments.novelty.structure.settings import SETTINGS, moves_in_diff, moves_in_tables, moves_in_words
from experiments.novelty.structure.source import read_source
from experiments.novelty.structure.terms import Term, number
from leaderboard.errors import PeerError


def test_every_technique_that_code_names_is_in_the_catalogue() -> None:
    catalogue = load_catalogue()
    named = (
        {rule.technique for rule in idioms()} | set(SETTINGS.values()) | {law.technique for law in NAMED_LAWS}
    )
    named |= {rule.technique for rule in RULES} | {shape.technique for shape in SHAPES}
    assert sorted(name for name in named if name not in catalogue.by_id) == []


FITTED = [ref for ref in activation_references() if len(ref.parameters) <= 2]  # as many as the probe fits


@pytest.mark.parametrize("reference", FITTED, ids=lambda ref: ref.technique)
def test_every_activation_recognises_itself_or_its_equal(reference) -> None:  # type: ignore[no-untyped-def]
    values = [0.7 + 0.4 * k for k in range(len(reference.parameters))]
    found = probe_activation(lambda x: reference(x, values), activation_references())
    assert found[0].flags
    catalogue = load_catalogue()
    names = {item.technique for item in found}
    same = {entry.id for entry in catalogue.equivalents(reference.technique)} | {reference.technique}
    wider = {name for name in names if reference.technique in catalogue.by_id[name].special_case_of}
    narrower = set(catalogue.by_id[reference.technique].special_case_of)
    exact = [r for r in activation_references() if r.technique in names and _equal(r, reference, values)]
    assert names & (same | wider | narrower) or exact


def _equal(one, other, values) -> bool:  # type: ignore[no-untyped-def]
    """Whether a plain reference is this member of the family (two names for one curve)."""
    if one.parameters:
        return True  # the probe fitted it to 1e-6
    return bool(np.allclose(one(ACTIVATION_GRID), other(ACTIVATION_GRID, values), atol=1e-5, rtol=1e-5))


# --- terms and patterns ---------------------------------------------------------------------------------


def _term(code: str) -> Term:
    return read_terms(ast.parse(code).body)[-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("y = a + b", "y = b + a"),
        ("y = a - b", "y = -b + a"),
        ("y = a / b", "y = a * b**-1"),
        ("y = torch.sqrt(a)", "y = a**0.5"),
        ("y = a * a", "y = a.square()"),
        ("y = 1/(1 + torch.exp(-a))", "y = torch.sigmoid(a)"),
        ("y = max(a, 0)", "y = a.clamp(min=0)"),
        ("y = torch.log(1 + torch.exp(a))", "y = F.softplus(a)"),
        ("y = a.mul(0.9).add(b, alpha=0.1)", "y = 0.9*a + 0.1*b"),
        ("t = a*2\ny = t + b", "y = b + 2*a"),
        ("y = a.float()[:, None].view(-1)", "y = a"),
        ("y = np.matmul(a, b)", "y = a @ b"),
    ],
)
def test_spellings_have_one_term(one: str, other: str) -> None:
    assert _term(one) == _term(other)


def test_a_pattern_is_found_inside_more_and_solved_by_numbers() -> None:
    pattern = _term("z = _l*_x + (1 - _l)*_y")[2]
    found = find(pattern, [_term("m = c + 0.9*m + 0.1*g")])
    assert found is not None
    assert found["_l"] in (number(0.9), number(0.1)) or abs(float(found["_l"][1]) - 0.9) < 1e-9  # type: ignore[arg-type]
    assert find(pattern, [_term("m = 0.9*m + 0.2*g")]) is None


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet="abxy()+-*/. =\n0123456789[]:,", max_size=60))
def test_any_text_is_survived(text: str) -> None:
    source = read_source(text)
    found = match_idioms(*read_source_terms(source)) if source is not None else []
    assert {item.technique for item in found} <= load_catalogue().by_id.keys()


# --- settings -------------------------------------------------------------------------------------------


def test_moves_of_settings() -> None:
    moves, pure = moves_in_diff(["lr = 3e-4", "x = 1"], ["lr = 6e-4", "x = 1"])
    assert pure
    assert [(m.technique, m.ratio) for m in moves] == [("lr-tuning", 2.0)]
    mixed, pure = moves_in_diff(["lr = 3e-4"], ["lr = 6e-4", "x = relu(x)"])
    assert mixed
    assert not pure
    assert [m.technique for m in moves_in_tables({"batch_size": 32}, {"batch_size": 64})] == [
        "batch-size-tuning"
    ]
    assert [m.ratio for m in moves_in_words("We raise the batch size from 32 to 64.")] == [2.0]
    assert not moves_in_words("Silence hidden units with a share that rises over training from 0 to 0.3.")


# --- formulae -------------------------------------------------------------------------------------------


def test_formulae_inside_prose() -> None:
    found = formulas_in("Scale each matrix by sqrt(2 / fan_in) and enjoy.", {"fan_in"})
    assert [formula.text for formula in found] == ["sqrt(2 / fan_in)"]
    assert not formulas_in("x times clip(x + 3, 0, 6)/6", {"x"})
    assert not formulas_in("a model with 3 layers and a width of 64", {"x"})


@pytest.mark.parametrize(
    "text", ["", "1 +", "__import__('os')", "x.y.z()", "f(x)", "a" * 5000, "(" * 200 + ")" * 200]
)
def test_no_formula(text: str) -> None:
    with pytest.raises(FormulaError):
        parse_formula(text)


@given(st.text(max_size=40))
def test_any_text_is_a_formula_or_a_peer_error(text: str) -> None:
    try:
        formula = parse_formula(text)
        value = formula(**dict.fromkeys(formula.names, 1.0))
    except PeerError:
        return
    assert np.ndim(value) == 0


# --- attention, compression, penalties ------------------------------------------------------------------


def _rows(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def test_attentions() -> None:
    scaled = probe_attention(lambda q, k, v: _rows(q @ k.T / np.sqrt(q.shape[1])) @ v)
    assert scaled[0].technique == "scaled-dot-product-attention"
    causal = probe_attention(
        lambda q, k, v: _rows(np.where(np.tri(len(q)) > 0, q @ k.T / np.sqrt(q.shape[1]), -np.inf)) @ v
    )
    assert [item.technique for item in causal] == ["causal-masking", "scaled-dot-product-attention"]
    odd = probe_attention(lambda q, k, v: _rows(np.cos(q @ k.T)) @ v)
    assert not odd[0].flags


def test_masks() -> None:
    assert probe_mask(np.tri(8))[0].technique == "causal-masking"
    distance = np.subtract.outer(np.arange(8), np.arange(8))
    assert probe_mask(((distance >= 0) & (distance < 3)) * 1.0)[0].technique == "sliding-window-attention"
    assert not probe_mask(np.random.default_rng(0).random((8, 8)))[0].flags


def test_compressors() -> None:
    def largest(x: np.ndarray) -> np.ndarray:
        return x * (np.abs(x) >= np.quantile(np.abs(x), 0.9))

    draw = np.random.default_rng(1)
    cases = {
        "topk-sparsification": largest,
        "onebit-sgd": lambda x: np.sign(x) * np.abs(x).mean(),
        "int8-quantization": lambda x: np.round(x / np.abs(x).max() * 127) * np.abs(x).max() / 127,
        "dropout": lambda x: x * (draw.random(x.shape) < 0.7) / 0.7,
        "qsgd": lambda x: np.floor(x * 4 + draw.random(x.shape)) / 4,
    }
    for technique, function in cases.items():
        assert probe_compressor(function)[0].technique == technique
    assert not probe_compressor(lambda x: draw.normal(size=x.shape))[0].flags
    assert not probe_compressor(lambda x: np.sqrt(np.abs(x)))[0].flags


def test_penalties() -> None:
    assert probe_penalty(lambda w: 1e-3 * float(np.abs(w).sum()))[0].technique == "l1-regularization"
    assert probe_penalty(lambda w: 0.5 * float((w**2).sum()))[0].technique == "l2-regularization"
    both = probe_penalty(lambda w: 0.1 * float(np.abs(w).sum()) + 0.2 * float((w**2).sum()))
    assert both[0].technique == "elastic-net"
    assert not probe_penalty(lambda w: float((np.abs(w) ** 1.5).sum()))[0].flags
