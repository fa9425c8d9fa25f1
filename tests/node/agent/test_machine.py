"""Battery and load, read from folders that look like /sys and /proc."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.harness.processes import tree_cpu_seconds
from node.agent.machine import OtherLoad, is_on_battery


def supply(folder: Path, name: str, **facts: str) -> None:
    (folder / name).mkdir(parents=True)
    for key, value in facts.items():
        (folder / name / key).write_text(value + "\n")


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, False),
        ({"AC": {"type": "Mains", "online": "1"}}, False),
        ({"AC": {"type": "Mains", "online": "0"}}, False),
        ({"BAT0": {"type": "Battery", "status": "Discharging"}}, True),
        ({"BAT0": {"type": "Battery", "status": "Full"}, "AC": {"type": "Mains", "online": "1"}}, False),
        (
            {"BAT0": {"type": "Battery", "status": "Discharging"}, "AC": {"type": "Mains", "online": "0"}},
            True,
        ),
        ({"BAT0": {"type": "Battery", "status": "Discharging"}, "C": {"type": "USB", "online": "1"}}, False),
        ({"hid": {"type": "Battery", "status": "Discharging", "scope": "Device"}}, False),
        ({"BAT0": {"type": "Battery"}}, False),
    ],
)
def test_on_battery(tmp_path, supplies, expected):
    for name, facts in supplies.items():
        supply(tmp_path, name, **facts)
    assert is_on_battery(tmp_path) is expected


def test_a_machine_that_does_not_say_is_not_on_battery(tmp_path):
    assert not is_on_battery(tmp_path / "nothing")


def stat(path: Path, busy_s: float, idle_s: float) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    path.write_text(f"cpu  {round(busy_s * ticks)} 0 0 {round(idle_s * ticks)} 0 0 0 0 0 0\ncpu0 1 1\n")


def test_the_load_of_others_is_what_is_busy_and_not_ours(tmp_path):
    path, own = tmp_path / "stat", [10.0]
    stat(path, 100, 100)
    load = OtherLoad(path, lambda: own[0])
    stat(path, 108, 102)  # 10 s of all processors, 8 busy
    own[0] = 15.0  # 5 of them ours
    assert load.share() == pytest.approx(0.3)
    assert load.share() == 0.0  # nothing has passed since


def test_a_system_without_proc_has_nobody_else(tmp_path):
    load = OtherLoad(tmp_path / "none", lambda: 0.0)
    assert load.share() == 0.0


def test_our_own_work_is_counted_with_our_children_alive_and_dead():
    spun = 0.3 - 4 / os.sysconf("SC_CLK_TCK")  # user and system time, theirs and ours, in whole ticks
    before = tree_cpu_seconds(os.getpid())
    spin = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    subprocess.run([sys.executable, "-c", spin], check=True)
    after_dead = tree_cpu_seconds(os.getpid())
    assert after_dead - before >= spun
    with subprocess.Popen([sys.executable, "-c", spin + "\nprint('spun', flush=True); input()"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        assert tree_cpu_seconds(os.getpid()) - after_dead >= spun
        child.communicate(b"\n")
    assert time.process_time() >= 0
