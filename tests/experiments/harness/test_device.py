"""Devices with real worker processes that crash, hang, flood, lie about shapes and break the protocol."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

from experiments.harness.device import Device, open_device
from experiments.harness.link import WorkerLink
from experiments.harness.measure import TWIN_ULPS
from experiments.harness.outcome import Fault, Progress, TrialError
from experiments.harness.pool import open_pool
from experiments.recipe import Recipe
from leaderboard.errors import LocalError, Refused

PATIENCE_S = 30.0
"""For what takes a moment, on a machine that may stand still for seconds."""


def gone(pid: int) -> bool:
    """Is the process dead or a zombie that waits for its parent?"""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rsplit(")", 1)[1].split()[0] == "Z"


async def wait_gone(pid: int) -> bool:
    with trio.move_on_after(PATIENCE_S):
        while not gone(pid):  # noqa: ASYNC110  the system tells nobody but the parent
            await trio.sleep(0.01)
    return gone(pid)


def worker_of(device: Device) -> int:
    link = device._link
    assert link is not None
    return link._process.pid


async def test_a_trial_runs_and_the_worker_stays_warm(drill, behaving, folder) -> None:
    async with open_device(folders=[folder]) as device:
        first = await device.run(drill, behaving("sums"), 7)
        worker = worker_of(device)
        second = await device.run(drill, behaving("sums", 2.0), 7)
        assert worker_of(device) == worker
    assert (first.value, second.value) == (8.0, 10.0)
    assert first.wall_s > 0
    assert first.note == ""
    assert "numpy" in first.environment.short
    assert len(first.environment.short) <= 120


async def test_progress_is_streamed(drill, behaving, folder) -> None:
    seen: list[Progress] = []
    async with open_device(folders=[folder]) as device:
        await device.run(drill, behaving("counts"), 1, on_progress=seen.append)
    assert seen
    assert all(p.steps == 3 and 1 <= p.step <= 3 for p in seen)


async def test_the_body_of_a_device_raises_its_own_error(folder) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with open_device(folders=[folder]):
            raise KeyError("mine")


async def test_a_diverged_run_is_an_outcome(drill, behaving, folder) -> None:
    async with open_device(folders=[folder]) as device:
        outcome = await device.run(drill, behaving("diverges"), 1)
    assert outcome.value is None
    assert outcome.note == "diverged"


@pytest.mark.parametrize(
    ("conduct", "fault", "text"),
    [
        ("raises", Fault.RUNNER, "on purpose"),
        ("exits", Fault.CRASH, "last words"),
        ("floods", Fault.FLOOD, "printed more"),
        ("wrong_shape", Fault.ANSWER, r"\(4,\)"),
        ("wrong_type", Fault.ANSWER, "float64, float32, int64, uint8"),
        ("wrong_name", Fault.ANSWER, "'z'"),
        ("objects", Fault.ANSWER, "another type"),
        ("nothing", Fault.RUNNER, "NoneType"),
        ("huge_frame", Fault.PROTOCOL, "over the limit"),
        ("garbage", Fault.PROTOCOL, "no MessagePack map"),
        ("odd_progress", Fault.PROTOCOL, "no steps"),
    ],
)
async def test_misconduct_has_a_stable_code_and_the_next_trial_runs(
    drill, behaving, folder, conduct: str, fault: Fault, text: str
) -> None:
    async with open_device(folders=[folder]) as device:
        with pytest.raises(TrialError, match=text) as caught:
            await device.run(drill, behaving(conduct), 1, timeout_s=20)
        assert caught.value.fault is fault
        assert (await device.run(drill, behaving("sums"), 1)).value == 2.0


async def test_a_hanging_trial_is_killed_with_its_grandchildren(drill, behaving, folder) -> None:
    async with open_device(folders=[folder]) as device:
        links = []
        for limit_s in (1.0, 4.0, 16.0):  # a slow machine may not have started the family when time is up
            with pytest.raises(TrialError) as caught:
                await device.run(
                    drill,
                    behaving("hangs"),
                    1,
                    timeout_s=limit_s,
                    on_progress=lambda _p: links.append((device._link, descendants(worker_of(device)))),
                )
            assert caught.value.fault is Fault.TIMEOUT
            if links and len(links[-1][1]) >= 2:
                break
        link, family = links[-1]
        assert len(family) >= 2
        assert re.search(r"child \d+", link.printed)
        for pid in {link._process.pid, *family}:
            assert await wait_gone(pid)
        assert (await device.run(drill, behaving("sums"), 1)).value == 2.0


def descendants(root: int) -> set[int]:
    found: set[int] = set()
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != root:
            pid = int(name)
            for _ in range(4):
                try:
                    pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
                except OSError:
                    break
                if pid == root:
                    found.add(int(name))
                    break
    return found


async def test_cancelling_a_trial_kills_it_at_once(drill, behaving, folder) -> None:
    async with open_device(folders=[folder]) as device:
        await device.run(drill, behaving("sums"), 1)
        worker = worker_of(device)
        with trio.move_on_after(0.3) as scope:
            await device.run(drill, behaving("hangs"), 1)
        assert scope.cancelled_caught
        assert await wait_gone(worker)
        assert (await device.run(drill, behaving("sums"), 1)).value == 2.0


async def test_closing_in_the_middle_of_a_trial_is_quick(drill, behaving, folder) -> None:
    async with trio.open_nursery() as nursery:
        async with open_device(folders=[folder]) as device:
            await device.run(drill, behaving("sums"), 1)
            worker = worker_of(device)
            hangs = trio.Event()
            nursery.start_soon(_expect_crash, device, drill, behaving("hangs"), hangs)
            await hangs.wait()
            start = time.perf_counter()
        assert time.perf_counter() - start < PATIENCE_S  # half of what the trial would take
    assert await wait_gone(worker)


async def _expect_crash(device: Device, track, recipe: Recipe, hangs: trio.Event) -> None:
    with pytest.raises(TrialError) as caught:
        await device.run(track, recipe, 1, on_progress=lambda _: hangs.set())
    assert caught.value.fault is Fault.CRASH


async def test_a_worker_sees_neither_labels_nor_secrets(
    drill, behaving, folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "x")
    async with open_device(folders=[folder]) as device:
        assert (await device.run(drill, behaving("peeks"), 1)).value == 0.0


async def test_one_device_runs_one_trial_at_a_time(drill, behaving, folder) -> None:
    async with open_device(folders=[folder]) as device, trio.open_nursery() as nursery:
        values: list[float | None] = []

        async def one(shift: float) -> None:
            values.append((await device.run(drill, behaving("sums", shift), 0)).value)

        for shift in (0.0, 1.0, 2.0):
            nursery.start_soon(one, shift)
    assert sorted(v for v in values if v is not None) == [1.0, 2.0, 3.0]


async def test_programs_are_refused(drill, folder) -> None:
    async with open_device(folders=[folder]) as device:
        with pytest.raises(Refused):
            await device.run(drill, Recipe(drill.reference.settings, (), b"x" * 32), 1)


async def test_measure_pairs_gates_and_caches(drill, behaving, folder) -> None:
    seen: list[Progress] = []
    async with open_device(folders=[folder]) as device:
        found = await device.measure(
            drill, behaving("sums", 0.5), drill.reference, [3, 4, 2**63 - 1], on_progress=seen.append
        )
        again = await device.measure(drill, behaving("diverges"), drill.reference, [3, 4], gate=False)
        unstable = await device.measure(drill, behaving("wobbles"), drill.reference, [3])
        _, ran = await device.cached(drill, drill.reference, 3, ulps=TWIN_ULPS)
    assert found.candidate[:2] == (4.5, 5.5)
    assert found.opponent[:2] == (4.0, 5.0)
    assert found.stable == (True, True, True)
    assert found.calibration == 1.0
    assert found.sandbox == "none"
    assert again.candidate == (None, None)
    assert again.opponent == (4.0, 5.0)
    assert again.stable == (False, False)
    assert unstable.stable == (False,)
    assert not ran
    assert again.cost_ms <= found.cost_ms


async def test_a_worker_dies_with_its_parent(tmp_path, folder) -> None:
    """A parent killed without warning leaves no worker behind."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    process = await trio.lowlevel.open_process(
        [os.sys.executable, str(script), str(Path(__file__).parents[3])], stdout=-1
    )
    assert process.stdout is not None
    worker = int(await process.stdout.receive_some(100))
    assert not gone(worker)
    process.kill()
    await process.wait()
    await process.stdout.aclose()
    assert await wait_gone(worker)


PARENT = """
import sys
sys.path.insert(0, sys.argv[1])
import trio
from experiments.harness.link import WorkerLink

async def main():
    async with trio.open_nursery() as nursery:
        link = await WorkerLink.start(nursery, [])
        print(link._process.pid, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


async def waiting(device: Device, trials: int) -> None:
    """Until so many trials have been handed over and wait for their turn."""
    with trio.fail_after(PATIENCE_S):
        while device._turn.statistics().tasks_waiting < trials:  # noqa: ASYNC110  a device sends no events
            await trio.sleep(0.01)


def read_behind_its_back(device: Device, wanted: int) -> bool:
    """Whether so many answers of the worker lie in the socket, while nobody of ours can read them."""
    link = device._link
    assert link is not None
    ends = time.perf_counter() + PATIENCE_S
    with socket.socket(fileno=os.dup(link._stream.socket.fileno())) as waiting_answers:
        while time.perf_counter() < ends:
            select.select([waiting_answers], [], [], PATIENCE_S)
            if waiting_answers.recv(65536, socket.MSG_PEEK).count(b"answers") == wanted:
                return True
            time.sleep(0.01)
    return False


async def test_the_next_trial_waits_in_the_worker(drill, behaving, folder) -> None:
    """Two tasks share a device: the worker goes from trial to trial while the parent does something else."""
    async with open_device(folders=[folder]) as device:
        await device.run(drill, behaving("sums"), 1)
        os.kill(worker_of(device), signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(device.run, drill, behaving("counts"), 1)
            nursery.start_soon(device.run, drill, behaving("counts"), 1)
            await waiting(device, 1)
            os.kill(worker_of(device), signal.SIGCONT)
            assert read_behind_its_back(device, 2)  # the parent is busy beyond the end of both trials
        assert device.statistics().trials == 3
        assert device.statistics().starts == 1


async def test_a_trial_in_a_lost_worker_runs_in_the_next_one(drill, behaving, folder) -> None:
    async with open_device(folders=[folder]) as device, trio.open_nursery() as nursery:
        await device.run(drill, behaving("sums"), 1)
        hangs = trio.Event()

        async def crash() -> None:
            with pytest.raises(TrialError):
                await device.run(
                    drill, behaving("hangs"), 1, timeout_s=0.5, on_progress=lambda _: hangs.set()
                )
            hangs.set()  # its time was up before it could say so

        nursery.start_soon(crash)
        await hangs.wait()
        assert (await device.run(drill, behaving("sums", 2.0), 1)).value == 4.0
        assert device.statistics().starts == 2
        assert device.statistics().last_fault == "timeout"


async def test_a_waiting_trial_that_is_cancelled_leaves_no_answer_to_others(drill, behaving, folder) -> None:
    async with open_device(folders=[folder]) as device, trio.open_nursery() as nursery:
        await device.run(drill, behaving("sums"), 1)
        hangs = trio.Event()
        nursery.start_soon(_expect_crash, device, drill, behaving("hangs"), hangs)  # its worker has to go
        await hangs.wait()
        async with trio.open_nursery() as second:
            second.start_soon(device.run, drill, behaving("sums", 5.0), 1)
            await waiting(device, 1)
            second.cancel_scope.cancel()
        assert (await device.run(drill, behaving("sums", 2.0), 1)).value == 4.0


async def test_a_trial_over_its_memory_fails_alone(drill, behaving, folder) -> None:
    async with open_device(folders=[folder], memory_bytes=600 * 2**20) as device:
        with pytest.raises(TrialError) as caught:
            await device.run(drill, behaving("swells"), 1)
        assert caught.value.fault is Fault.MEMORY
        assert (await device.run(drill, behaving("sums"), 1)).value == 2.0


async def test_the_parent_sees_what_the_system_lets_pass(drill, behaving, folder, monkeypatch) -> None:
    """Where no limit of the system holds (a card's driver needs room), the parent's look does."""
    monkeypatch.setattr(WorkerLink, "start", unbounded_start(WorkerLink.start))
    async with open_device(folders=[folder], memory_bytes=600 * 2**20) as device:
        with pytest.raises(TrialError, match="held more memory") as caught:
            await device.run(drill, behaving("swells"), 1)
        assert caught.value.fault is Fault.MEMORY


def unbounded_start(start):
    async def begin(nursery, means):
        link = await start(nursery, replace(means, memory_bytes=0))
        link._means = means
        return link

    return begin


async def test_workers_that_are_lost_in_a_row_come_back_slower(
    drill, behaving, folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    really = trio.sleep

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        await really(seconds)

    monkeypatch.setattr(trio, "sleep", sleep)
    async with open_device(folders=[folder]) as device:
        for wanted in ([], [], [1.0]):
            start = time.perf_counter()
            with pytest.raises(TrialError):
                await device.run(drill, behaving("exits"), 1)
            assert naps == wanted
        assert time.perf_counter() - start >= 1.0
        await device.run(drill, behaving("sums"), 1)
        assert naps == [1.0, 2.0]
        assert device._lost == 0


async def test_a_pool_uses_all_devices_and_keeps_a_recipe_on_one(drill, behaving, folder) -> None:
    async with open_pool(["cpu", "cpu"], [folder]) as pool:
        async with trio.open_nursery() as nursery:
            for shift in (0.0, 1.0, 2.0, 3.0):
                nursery.start_soon(
                    partial(pool.measure, drill, behaving("sums", shift), drill.reference, [1], gate=False)
                )
        trials = [found.trials for found in pool.statistics()]
        assert all(trials)
        await pool.measure(drill, behaving("sums", 2.0), drill.reference, [1, 2], gate=False)
        changed = [now.trials > before for now, before in zip(pool.statistics(), trials, strict=True)]
        assert sorted(changed) == [False, True]


async def test_a_pool_refuses_a_track_for_which_it_has_no_device(drill, folder) -> None:
    async with open_pool(["cpu"], [folder]) as pool:
        gpu = replace(drill, runs_on=("cuda",))
        assert not pool.runs(gpu)
        with pytest.raises(LocalError, match="runs on cuda"):
            await pool.measure(gpu, drill.reference, drill.reference, [1])


async def test_no_trial_starts_without_permission(drill, folder) -> None:
    allowed = trio.Event()
    async with open_device(folders=[folder], permit=allowed.wait) as device, trio.open_nursery() as nursery:
        nursery.start_soon(device.run, drill, drill.reference, 1)
        with trio.move_on_after(0.3):
            while not device.statistics().trials:  # noqa: ASYNC110
                await trio.sleep(0.01)
        assert device.statistics().trials == 0
        assert device.statistics().starts == 0
        allowed.set()
