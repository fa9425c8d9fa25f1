"""Tolerance classes: what counts as equal, and what must never be compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.evidence.replay import Agreement, Run, compare, contradictions, settle

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


def test_what_contradicts_is_said_only_if_a_second_run_bears_it_out(scene) -> None:
    published = scene.publish(lie=1.0).record.measurement
    scene.replicate("honest")
    facts, seeds = scene.standings.facts(scene.claim.id), published.seeds[:2]
    truth = scene.contest.measure(scene.gain, 0.0, seeds)
    glitch = replace(truth, candidate=(truth.candidate[0] + 0.5, truth.candidate[1]))
    assert contradictions(facts, "D0", truth) == dict.fromkeys(seeds, Agreement.DIFFERENT)
    assert settle(facts, "D0", truth, truth).candidate == truth.candidate
    told = settle(facts, "D0", glitch, truth)  # the machine contradicts itself on the first seed
    assert (told.seeds, told.candidate) == (seeds[1:], truth.candidate[1:])
    nothing = truth.only(())
    assert settle(facts, "D0", truth, nothing).seeds == ()


def test_a_glitch_is_withdrawn_by_a_second_run_that_agrees(scene) -> None:
    published = scene.publish().record.measurement
    facts, seeds = scene.standings.facts(scene.claim.id), published.seeds[:2]
    truth = scene.contest.measure(scene.gain, 0.0, seeds)
    glitch = replace(truth, candidate=(truth.candidate[0] + 0.5, None))
    assert contradictions(facts, "D0", glitch) == {
        seeds[0]: Agreement.DIFFERENT,
        seeds[1]: Agreement.UNSTABLE,
    }
    told = settle(facts, "D0", glitch, truth)
    assert set(zip(told.seeds, told.candidate, strict=True)) == set(zip(seeds, truth.candidate, strict=True))
    assert contradictions(facts, "D3", glitch) == {}
