"""Small swarms under attack: honest nodes make progress on their own boards, and lies do not steer them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.evidence.drill import Drill, Setup
from leaderboard.evidence.tactics import Tactic

SMALL = Setup(nodes=8, rounds=14, target=3.0)


def run(**changes: object):
    return Drill(replace(SMALL, **changes)).run()


def test_an_honest_swarm_reaches_the_target() -> None:
    outcome = run()
    assert outcome.reached is not None
    assert not outcome.false_confirmed
    assert not outcome.quarantined


def test_trusting_authors_is_thrown_back_by_two_liars() -> None:
    assert run(liars=2, believes="authors").best < 0.0


@pytest.mark.slow
def test_my_board_withstands_two_colluding_liars_of_eight() -> None:
    outcome = run(liars=2, rounds=30)
    assert outcome.reached is not None
    assert not outcome.false_confirmed
    assert not outcome.quarantined
    assert outcome.caught > 0.5
    assert outcome.verification_share <= 0.30


@pytest.mark.slow
def test_honest_nodes_with_faulty_machines_are_restored_on_appeal() -> None:
    """One re-run in eight goes wrong: quarantines happen, and second runs lift most of them."""
    outcome = run(glitch=0.12, rounds=30)
    assert outcome.reached is not None
    assert outcome.quarantined
    assert len(outcome.still_quarantined) < len(outcome.quarantined)


def test_a_rare_fault_quarantines_nobody() -> None:
    """What contradicts a peer is run twice before it is published."""
    assert not run(glitch=0.01).quarantined


@pytest.mark.slow
def test_liars_who_worked_honestly_for_long_confirm_nothing_worthless() -> None:
    """True numbers for a worthless recipe, confirmed by peers whom everybody trusts by then."""
    outcome = run(liars=3, rounds=24, tactic=Tactic("hollow", 0.5, wakes=12))
    assert not outcome.false_confirmed
    assert not outcome.quarantined
    assert outcome.caught > 0.5
