"""The surrogate interpolates, knows what it does not know, and tells too weak from too strong."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.search.surrogate import Plane, Surrogate, gains, strengths, unwarp, warp


def _line(*levels: float) -> list[np.ndarray]:
    """One slot with three points, all at one level."""
    return [np.array([[level] * 3 for level in levels])]


def test_warp_is_invertible_and_monotone() -> None:
    values = [-2.0, -0.1, 0.0, 0.3, 5.0]
    assert [unwarp(warp(value)) for value in values] == pytest.approx(values)
    assert sorted(map(warp, values)) == [warp(value) for value in values]


def test_it_interpolates_and_doubts_what_is_far() -> None:
    plane = Plane(_line(0.0, 1.0, 2.0))
    guess = Surrogate(plane, gains([0.0, 1.0, 2.0]), [8, 8, 8]).guess(plane.of(_line(1.5, 9.0)))
    assert 0.9 < unwarp(guess.mean[0]) < 2.1
    assert abs(guess.mean[1]) < 0.2  # the prior: like the reference
    assert guess.deviation[1] > guess.deviation[0]


def test_more_seeds_weigh_more() -> None:
    plane = Plane(_line(0.0, 0.0))
    few = Surrogate(plane, gains([0.0, 4.0]), [8, 1]).guess(plane.of(_line(0.0)))
    many = Surrogate(plane, gains([0.0, 4.0]), [1, 8]).guess(plane.of(_line(0.0)))
    assert few.mean[0] < many.mean[0]


def test_between_too_weak_and_too_strong() -> None:
    targets = strengths([0.0, 0.001, None, -2.0, 0.3, -0.3], least=0.01, bound=2.0)
    assert targets.tolist() == [-1.0, -1.0, 1.0, 1.0, 0.0, 0.0]
    plane = Plane(_line(-3.0, -2.0, 2.0, 3.0))
    guess = Surrogate(plane, targets[:4], [1] * 4).guess(plane.of(_line(-2.5, 0.0, 2.5)))
    chances = guess.between(0.5)
    assert chances[1] > chances[0]
    assert chances[1] > chances[2]


def test_chance_is_a_probability_that_falls_with_the_threshold() -> None:
    plane = Plane(_line(0.0, 1.0))
    guess = Surrogate(plane, gains([0.5, 1.0]), [4, 4]).guess(plane.of(_line(0.5)))
    assert 0 > guess.chance(0.5)[0] > guess.chance(2.0)[0]
    assert math.isfinite(guess.chance(50.0)[0])


def test_losses_are_bounded_below_the_reference() -> None:
    assert gains([None, -100.0, 4.0]).tolist() == [-0.5, -0.5, 2.0]
