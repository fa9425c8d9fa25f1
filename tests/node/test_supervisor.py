"""A failing part is restarted with growing pauses and never takes its neighbours down."""

from __future__ import annotations

import itertools

import pytest
import trio
from trio.testing import MockClock

from node.supervisor import HEALTHY_AFTER_S, Supervisor


@pytest.fixture
def autojump_clock():
    return MockClock(autojump_threshold=0)


async def test_a_failing_part_comes_back_and_its_neighbour_never_notices(autojump_clock):
    starts, beats = [], []

    async def failing():
        starts.append(trio.current_time())
        raise ExceptionGroup("outer", [ValueError("inner trouble")])

    async def healthy():
        while True:
            beats.append(trio.current_time())
            await trio.sleep(1)

    supervisor = Supervisor()
    with trio.move_on_after(16):
        await supervisor.run({"failing": failing, "healthy": healthy})
    assert [round(t - starts[0], 3) for t in starts] == [0, 0.5, 1.5, 3.5, 7.5, 15.5]
    assert len(beats) == 16
    failed, fine = supervisor.statistics()
    assert (failed.name, failed.state, failed.restarts) == ("failing", "waiting", 6)
    assert failed.last_error == "ValueError: inner trouble"
    assert (fine.state, fine.restarts, fine.last_error) == ("running", 0, "")


async def test_a_part_that_was_healthy_for_long_starts_again_at_once(autojump_clock):
    starts = []

    async def flaky():
        starts.append(trio.current_time())
        await trio.sleep(HEALTHY_AFTER_S + 1 if len(starts) > 3 else 0)
        raise OSError("gone")

    with trio.move_on_after(200):
        await Supervisor().run({"flaky": flaky})
    pauses = [b - a for a, b in itertools.pairwise(starts)]
    assert pauses[:3] == [0.5, 1.0, 2.0]
    assert pauses[3] == pytest.approx(HEALTHY_AFTER_S + 1.5)


async def test_a_part_that_returns_has_ended(autojump_clock):
    supervisor = Supervisor()

    async def brief():
        await trio.lowlevel.checkpoint()

    await supervisor.run({"brief": brief})
    assert supervisor.statistics()[0].state == "ended"


async def test_cancellation_passes_through(autojump_clock):
    supervisor = Supervisor()
    with trio.move_on_after(1) as scope:
        await supervisor.run({"sleeper": trio.sleep_forever})
    assert scope.cancelled_caught
    assert supervisor.statistics()[0].restarts == 0
