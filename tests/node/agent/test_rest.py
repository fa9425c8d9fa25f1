"""When the agent rests, with a clock that the test turns."""

from __future__ import annotations

from datetime import datetime

import trio

from node.agent.rest import Rest
from node.quiet import Quiet


class Wall:
    """The clock on the wall."""

    def __init__(self, hour: int) -> None:
        self.hour = hour

    def __call__(self) -> datetime:
        return datetime(2026, 11, 20, self.hour)


def test_a_pause_outlives_the_daemon(tmp_path):
    file = tmp_path / "agent.paused"
    Rest(file).pause()
    again = Rest(file)
    assert again.paused
    assert again.reason() == "paused"
    again.resume()
    assert not Rest(file).paused


async def test_quiet_hours_begin_and_end_by_the_clock(autojump_clock):
    wall = Wall(7)
    rest = Rest(quiet=[Quiet.read("08:00-18:00")], local_time=wall)
    assert rest.reason() == ""
    wall.hour = 8
    await trio.sleep(5)
    assert rest.reason() == "quiet hours (08:00-18:00)"
    with trio.move_on_after(3600) as scope:
        await rest.wait_for_machine()
    assert scope.cancelled_caught
    wall.hour = 18
    with trio.fail_after(6):
        await rest.wait_for_machine()


async def test_the_machine_is_not_asked_all_the_time(autojump_clock):
    asked = []

    def battery() -> bool:
        asked.append(trio.current_time())
        return True

    rest = Rest(on_battery=battery)
    for _ in range(100):
        assert rest.machine() == "on battery"
        await trio.sleep(0.1)
    assert len(asked) <= 3


async def test_it_goes_on_when_others_have_clearly_done(autojump_clock):
    load = [0.5]
    rest = Rest(other_load=lambda: load[0], most_load=0.4)
    assert rest.machine() == "others use 50% of the processors"
    load[0] = 0.39  # under the bound, and not by much
    await trio.sleep(5)
    assert rest.machine()
    load[0] = 0.3
    await trio.sleep(5)
    assert not rest.machine()


async def test_resuming_wakes_who_waits(autojump_clock):
    rest = Rest()
    rest.pause()
    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rest.wait_over)
        await trio.testing.wait_all_tasks_blocked()
        rest.resume()
    assert trio.current_time() == started
