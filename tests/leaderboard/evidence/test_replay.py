"""Tolerance classes: what counts as equal, and what must never be compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.evidence.replay import Agreement, Run, compare

RUN = Run(candidate=0.5, opponent=2.3, stable=True, environment="intel", calibration=1.0)


@pytest.mark.parametrize(
    ("tolerance", "change", "verdict"),
    [
        ("D0", {"candidate": 0.5 + 1e-8}, Agreement.SAME),
        ("D0", {"candidate": 0.5 + 1e-6}, Agreement.DIFFERENT),
        ("D0", {"opponent": 2.3 + 1e-6}, Agreement.DIFFERENT),
        ("D0", {"candidate": 0.9, "stable": False}, Agreement.UNKNOWN),
        ("D0", {"candidate": None}, Agreement.UNSTABLE),
        ("D0", {"candidate": None, "stable": False}, Agreement.UNSTABLE),
        ("D1", {"candidate": 0.9}, Agreement.DIFFERENT),
        ("D1", {"candidate": 0.9, "environment": "amd"}, Agreement.UNKNOWN),
        ("D2", {"candidate": 0.6, "opponent": 2.4, "calibration": 1.1}, Agreement.SAME),
        ("D2", {"candidate": 0.9}, Agreement.DIFFERENT),
        ("D3", {"candidate": 99.0}, Agreement.UNKNOWN),
    ],
)
def test_compare(tolerance: str, change: dict[str, object], verdict: Agreement) -> None:
    assert compare(tolerance, RUN, replace(RUN, **change)) is verdict


def test_a_publisher_cannot_exempt_its_seeds() -> None:
    assert compare("D0", replace(RUN, stable=False), replace(RUN, candidate=0.9)) is Agreement.DIFFERENT


def test_both_diverged_is_the_same() -> None:
    nothing = replace(RUN, candidate=None)
    assert compare("D0", nothing, nothing) is Agreement.SAME
