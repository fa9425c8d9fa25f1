"""Thousands of trials through real workers: neither side grows, and nothing is left open."""

from __future__ import annotations

import gc
import os
from functools import partial

import pytest
import trio

from experiments.harness.device import open_device
from experiments.harness.outcome import TrialError
from experiments.harness.processes import memory_bytes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WARM, MANY = 500, 4000
MEGABYTE = 2**20


def files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


async def test_thousands_of_trials_leave_nothing_behind(drill, behaving, folder) -> None:
    async with open_device(folders=[folder]) as device:

        async def work(count: int, shift: float) -> None:
            for seed in range(count):
                await device.cached(drill, behaving("sums", shift), seed % 4500)

        async def together(count: int, shift: float) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(work, count // 2, shift))
                nursery.start_soon(partial(work, count // 2, -shift))

        def state() -> tuple[int, int, int, int]:
            gc.collect()
            link = device._link
            assert link is not None
            worker = link._process.pid
            mine = memory_bytes(os.getpid()) - memory_bytes(worker)
            return mine, memory_bytes(worker), files(os.getpid()), files(worker)

        await together(WARM, 1.0)
        before = state()
        await together(MANY, 2.0)
        after = state()
        assert device.statistics().trials >= WARM + MANY - 10
        assert device.statistics().starts == 1
    assert after[1] - before[1] < 4 * MEGABYTE  # the worker
    assert after[0] - before[0] < 12 * MEGABYTE  # the parent, whose cache fills up meanwhile
    assert after[2:] == before[2:]


async def test_workers_that_come_and_go_leave_nothing_behind(drill, behaving, folder) -> None:
    async with open_device(folders=[folder]) as device:

        async def lose_one() -> None:
            with pytest.raises(TrialError):
                await device.run(drill, behaving("raises"), 1)
            await device.run(drill, behaving("sums"), 1)

        for _ in range(3):
            await lose_one()
        gc.collect()
        opened, tasks = files(os.getpid()), len(device._nursery.child_tasks)
        for _ in range(25):
            await lose_one()
        gc.collect()
        with trio.move_on_after(30):  # the last watcher lingers for the last words of its worker
            while files(os.getpid()) > opened + 1 or len(device._nursery.child_tasks) > tasks + 1:  # noqa: ASYNC110
                await trio.sleep(0.05)
        assert files(os.getpid()) <= opened + 1
        assert len(device._nursery.child_tasks) <= tasks + 1
