"""What is left of a claim when its results are taken away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.novelty.text.mechanism import mechanism_of


@pytest.mark.parametrize(
    ("claim", "left"),
    [
        ("perf(init): scale the weights by fan-in. val 3.31 -> 3.24", "scale the weights by fan-in."),
        ("**Result**: rotate the keys by position; 3/3 seeds, 5% faster", "rotate the keys by position;"),
        ("We found that dropping units at random helps. +1.9 points!", "dropping units at random helps."),
        ("What if layers vanish by coin toss - acc 0.81", "layers vanish by coin toss"),
        ("loss 0.3 better", "loss 0.3 better"),
        ("", ""),
    ],
)
def test_results_and_sayings_go_and_the_mechanism_stays(claim: str, left: str) -> None:
    assert mechanism_of(claim) == left


def test_numbers_that_belong_to_the_mechanism_stay() -> None:
    claim = "Keep the top 1% of gradient entries and remember the rest for the next round."
    assert mechanism_of(claim) == claim


@given(st.text(max_size=300))
def test_nothing_is_made_up(claim: str) -> None:
    assert set(mechanism_of(claim).split()) <= set(claim.split()) | set()
