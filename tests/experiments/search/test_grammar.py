"""Random trees keep their bounds, and complexity prefers the plain."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.expr import parse
from experiments.search.grammar import MAX_SIZE, Grammar, complexity, replace_at, round_to, subtrees

GRAMMAR = Grammar(("a", "b"))


@given(st.integers(1, 20), st.integers(0, 10**6))
def test_grown_trees_have_the_size_asked_for(size: int, seed: int) -> None:
    expr = GRAMMAR.grow(size, random.Random(seed))
    assert expr.size == size
    assert expr.variables <= {"a", "b"}


@given(st.integers(0, 10**6))
def test_changes_stay_within_bounds_and_readable(seed: int) -> None:
    rng = random.Random(seed)
    expr = GRAMMAR.sample(rng)
    for _ in range(10):
        expr = GRAMMAR.mutate(expr, rng)
        assert expr.size <= MAX_SIZE
        expr = GRAMMAR.cross(expr, GRAMMAR.sample(rng), rng)
        assert expr.size <= MAX_SIZE
        assert parse(str(expr), ("a", "b")).size <= expr.size


def test_every_change_happens() -> None:
    expr, rng = parse("2*a + 3", ("a", "b")), random.Random(1)
    sizes = {GRAMMAR.mutate(expr, rng).size for _ in range(300)}
    assert min(sizes) < expr.size < max(sizes)


def test_subtrees_and_replacement_are_inverse() -> None:
    expr = parse("sqrt(a/2) + b", ("a", "b"))
    for path, node in subtrees(expr):
        assert replace_at(expr, path, node) == expr
    assert len(subtrees(expr)) == expr.size


@pytest.mark.parametrize(
    ("plain", "contrived"),
    [("2*a", "1.73*a"), ("a/b", "a/b + 1"), ("sqrt(a)", "tanh(a)"), ("1000*a", "1001*a"), ("a**2", "a**2.5")],
)
def test_plainer_is_less_complex(plain: str, contrived: str) -> None:
    first, second = (complexity(parse(text, ("a", "b"))) for text in (plain, contrived))
    assert first < second


def test_rounding() -> None:
    assert [round_to(0.17354, d) for d in (1, 2, 3)] == [0.2, 0.17, 0.174]
