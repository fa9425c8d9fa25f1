"""The next gain: refusals, the fit, and intervals that hold as often as they say."""

from __future__ import annotations

import random
from dataclasses import replace
from statistics import median

import pytest

from node.report.returns import History, Outlook, Span, TooLittle, gains, history, outlook


def steady(rng: random.Random, exponent: float, scale: float, count: int) -> tuple[float, ...]:
    """Effects whose gains are a power-law process: expected number scale * n^exponent."""
    best, effects = 0.0, []
    for n in range(1, count + 1):
        chance = scale * (n**exponent - (n - 1) ** exponent)
        if rng.random() < chance:
            best += 0.1
            effects.append(best)
        else:
            effects.append(best - rng.random())
    return tuple(effects)


def test_gains_are_steps_over_the_best_before():
    assert gains([0.05, 0.2, 0.1, 0.25, 0.5, 0.5, -3.0], 0.1) == [(2, 0.2), (5, pytest.approx(0.3))]


def test_too_little_is_said_and_not_guessed():
    few = outlook(History((0.1,) * 19, (0.1,) * 19, 0.01))
    assert isinstance(few, TooLittle)
    assert "1 more are needed" in few.reason
    flat = outlook(History((0.1,) * 100, (0.1,) * 100, 0.01))
    assert isinstance(flat, TooLittle)
    assert "1 gains in 100" in flat.reason


def test_the_same_history_gives_the_same_answer():
    past = History(steady(random.Random(1), 0.5, 1.0, 200), (0.01,) * 200, 0.05)
    assert outlook(past) == outlook(past)


@pytest.mark.parametrize("exponent", [0.5, 0.7, 0.9])
def test_the_exponent_is_found(exponent):
    middles, held = [], 0
    for seed in range(40):
        effects = steady(random.Random(seed), exponent, min(1.0, 40 / 1500**exponent), 1500)
        found = outlook(History(effects, (0.01,) * 1500, 0.05))
        assert isinstance(found, Outlook)
        middles.append(found.exponent.median)
        held += found.exponent.low <= exponent <= found.exponent.high
    assert median(middles) == pytest.approx(exponent, abs=0.12)
    assert held >= 24  # 32 expected


def test_equal_effort_per_experiment_gives_equal_answers_in_hours():
    effects = steady(random.Random(5), 0.6, 0.8, 300)
    found = outlook(History(effects, (0.5,) * 300, 0.05))
    assert isinstance(found, Outlook)
    assert found.next_hours.median == pytest.approx(0.5 * found.next_experiments.median, rel=0.15)


def test_four_intervals_in_five_hold():
    """Held-out futures of simulated searches: 80 % intervals of the next gain's cost."""
    held = said = 0
    for seed in range(160):
        effects = steady(random.Random(seed), 0.5, 1.0, 2000)
        found = outlook(History(effects[:150], (1.0,) * 150, 0.05))
        if isinstance(found, TooLittle):
            continue
        best = max(effects[:150])
        wait = next((n for n, effect in enumerate(effects[150:], 1) if effect - best >= 0.05), 10**9)
        said += 1
        span = found.next_experiments
        held += span.low <= wait <= (span.high or 10**9)
    assert said > 120
    assert 0.72 <= held / said <= 0.90


def test_a_dry_well_is_said_to_be_out_of_reach():
    effects = (0.2, 0.4, 0.6, *([0.1] * 3000))
    found = outlook(History(effects, (1.0,) * len(effects), 0.05))
    assert isinstance(found, Outlook)
    assert found.next_experiments.high is None
    told = found.lines(str)
    if found.next_experiments.median is None:
        assert any("probably out of reach" in line for line in told)
        assert not any("take" in line and "None" in line for line in told)
    else:
        assert any("no end in sight" in line for line in told)


def test_an_outlook_is_told_in_whole_sentences():
    far, near = Span(None, 2113.0, None), Span(40.0, 6.0, 229.0)
    told = Outlook(4065, 7, 2.41, Span(-0.3, -0.5, -0.1), far, Span(None, 0.84, None), near).lines(str)
    assert told[-1] == (
        "the next gain is probably out of reach: nine times in ten it takes more than 2113.0 experiments"
        " and 0.84 hours of computing"
    )
    open_ended = replace(near, high=None)
    told = Outlook(4065, 7, 2.41, Span(0.5, 0.2, 1.0), open_ended, near, near).lines(str)
    assert "take 40.0 experiments (nine times in ten more than 6.0, with no end in sight)" in told[3]
    assert told[-1] == "  and be worth 40.0 (four times in five between 6.0 and 229.0)"
    assert not any("None" in line for line in told)


def test_a_track_becomes_a_history_in_order_of_time(book, case):
    past = history(book)
    assert len(past.effects) == len(past.hours) == 2  # the third claim was never measured
    assert past.effects[0] == book.figure("effect", case.good).value
    assert sum(past.hours) == pytest.approx(book.figure("hours", "track").value)
