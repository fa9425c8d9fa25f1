"""The small models: they find what is there to be found, and thresholds keep their limits."""

from __future__ import annotations

import numpy as np

from experiments.novelty.logit import fit_calibration, fit_ranking, lowest_threshold


def test_calibration_recovers_a_known_chance() -> None:
    draw = np.random.default_rng(0)
    seen = draw.normal(size=(6_000, 2))
    truth = draw.random(6_000) < 1.0 / (1.0 + np.exp(-(2.0 * seen[:, 0] - 1.0)))
    coefficients, intercept = fit_calibration(seen, truth, np.ones(6_000), 16.0)
    np.testing.assert_allclose([*coefficients, intercept], [2.0, 0.0, -1.0], atol=0.25)


def test_ranking_finds_the_column_that_tells() -> None:
    draw = np.random.default_rng(1)
    tables = [draw.normal(size=(8, 3)) for _ in range(400)]
    pools = [(table, np.arange(8) == int(np.argmax(table[:, 1])), 1.0) for table in tables]
    found = fit_ranking(pools, np.array([True, True, False]), 0.1)
    assert found[1] > 3.0 * found[0]
    assert found[2] == 0.0


def test_threshold_keeps_odd_ideas_out() -> None:
    chance = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, True, False, True, False])
    odd = np.array([False, False, True, False, True])
    limits = {"precision": 0.93, "false_flags": 0.04}
    assert lowest_threshold(chance, right, odd, np.ones(5), **limits) == 0.8
    assert lowest_threshold(chance, np.zeros(5, bool), odd, np.ones(5), **limits) == 1.0
    assert lowest_threshold(chance, right, odd, np.ones(5), precision=0.7, false_flags=0.5) == 0.6


def test_equal_chances_are_flagged_together() -> None:
    chance = np.array([0.9, 0.8, 0.8])
    right = np.array([True, True, False])
    odd = np.zeros(3, bool)
    assert lowest_threshold(chance, right, odd, np.ones(3), precision=0.9, false_flags=0.1) == 0.9
