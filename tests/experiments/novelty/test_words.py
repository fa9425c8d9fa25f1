"""Formulae that stand in the words of a claim."""

from __future__ import annotations

import pytest

from experiments.novelty.verdict import Relation
from experiments.novelty.words import formula_evidence


@pytest.mark.parametrize(
    ("claim", "technique"),
    [
        ("it converged on `weight ~ N(0, 2/n_in)` for every map that feeds a ReLU", "kaiming-init"),
        ("draw the weights from N(0, sqrt(2/fan_in))", "kaiming-init"),
        ("w ~ N(0, (2/n_in)^0.5) for all layers", "kaiming-init"),
        ("weights of variance 2/(fan_in + fan_out) balance both passes", "xavier-init"),
        ("start from normal(0, 1/fan_in) and nothing else", "lecun-init"),
    ],
)
def test_laws_of_the_spread_are_read_as_variances_unless_they_are_roots(claim: str, technique: str) -> None:
    flagged = [item.technique for item in formula_evidence(claim, ()) if item.flags]
    assert flagged[:1] == [technique]


@pytest.mark.parametrize(
    "claim",
    [
        "noise from N(0, 1) is added to the inputs of every layer",
        "x' = t x_i + (1-t) x_j and the same for the labels",
        "N(0, 2/n_in",
        "the variance 3 is too large for what we want",
    ],
)
def test_other_formulae_are_no_laws(claim: str) -> None:
    assert not [item for item in formula_evidence(claim, ()) if item.flags]


def test_a_claim_that_is_one_formula_is_measured() -> None:
    (found,) = formula_evidence("1 - t", ())
    assert (found.technique, found.relation) == ("linear-decay", Relation.EQUAL)
