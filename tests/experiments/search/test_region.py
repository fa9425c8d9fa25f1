"""Tables over arrays agree with the expression language, and equal behaviours have one fingerprint."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from experiments.expr import ExprError, parse
from experiments.search.grammar import Grammar
from experiments.search.region import Region, fingerprints
from experiments.space import Slot

SLOT = Slot("law", ("a", "b"), "", low=1e-4, high=1e3, points=((1.0, 2.0), (3.0, 0.5), (40.0, 7.0)))
REGION = Region.of(SLOT)


@given(st.integers(0, 10**6))
def test_tables_are_what_the_language_says(seed: int) -> None:
    expr = Grammar(SLOT.variables).sample(random.Random(seed))
    # The last digit of a large angle decides its sine, and two libraries may differ in it.
    assume("sin" not in str(expr) and "cos" not in str(expr))
    table = REGION.values(expr)
    for value, (a, b) in zip(table, SLOT.points, strict=True):
        try:
            expected = expr.evaluate({"a": a, "b": b})
        except ExprError:
            continue  # arrays may pass through infinity and come back, where the language stops
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    "text",
    [
        "where(a - 2, a, b)",
        "lookup(a, 1, 2, b)",
        "max(a, b, 2)",
        "min(a, 3)",
        "erf(a)",
        "a < b",
        "sin(a) + cos(b)",
    ],
)
def test_every_function_has_a_table(text: str) -> None:
    expr = parse(text, SLOT.variables)
    expected = [expr.evaluate({"a": a, "b": b}) for a, b in SLOT.points]
    assert REGION.values(expr) == pytest.approx(expected)


def test_spellings_share_a_fingerprint_and_neighbours_do_not() -> None:
    texts = ["sqrt(2/a)", "(a/2)**-0.5", "sqrt(2)*a**(-1/2)", "1.4142135*a**-0.5"]
    tables = np.array([REGION.values(parse(text, SLOT.variables)) for text in texts])
    first, second, third, near = fingerprints(tables)
    assert first == second == third
    assert near != first


def test_what_has_no_value_is_not_sensible() -> None:
    texts = ["log(a - 3)", "1/(a - 1)", "-a", "a**9", "0*a", "a"]
    tables = np.array([REGION.values(parse(text, SLOT.variables)) for text in texts])
    assert REGION.sensible(tables).tolist() == [False, False, False, False, False, True]
    assert len(set(fingerprints(tables))) == len(texts)


def test_features_compare_scales_by_ratio() -> None:
    ten = REGION.features(np.array([10.0])) - REGION.features(np.array([1.0]))
    assert ten == pytest.approx(math.log(10))


def test_a_slot_without_points_gets_a_grid() -> None:
    region = Region.of(Slot("f", ("x",), ""))
    assert not region.positive
    assert region.points > 10
