"""Real daemons that rest: a pause outlives a power cut, and quiet hours start nothing."""

from __future__ import annotations

import pytest

from .processes import Daemon, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_pause_outlives_a_power_cut(tmp_path) -> None:
    daemon = Daemon.settle(tmp_path, "one").start()
    try:
        wait_until(lambda: daemon.status()["agent"]["trials"] > 0)
        daemon.post("/v1/agent/pause")
        daemon.kill()
        daemon.start()
        wait_until(lambda: daemon.status()["agent"]["activity"] == "paused")
        agent = daemon.status()["agent"]
        assert agent["resting"] == "paused"
        assert agent["trials"] <= 2  # what the power cut interrupted is finished, and nothing is begun
        daemon.post("/v1/agent/resume")
        wait_until(lambda: daemon.status()["agent"]["trials"] > 0)
        assert daemon.status()["agent"]["resting"] == ""
    finally:
        daemon.stop()


def test_quiet_hours_start_nothing_and_are_shown(tmp_path) -> None:
    daemon = Daemon.settle(tmp_path, "one", agent__quiet=["00:00-12:00", "12:00-24:00"]).start()
    try:
        wait_until(lambda: daemon.status()["agent"]["resting"].startswith("quiet hours ("))
        wait_until(lambda: daemon.status()["agent"]["activity"].startswith("quiet hours ("))
        assert daemon.status()["agent"]["trials"] == 0
        assert [device["trials"] for device in daemon.status()["agent"]["devices"]] == [0]
    finally:
        daemon.stop()


def test_two_workers_share_the_work(tmp_path) -> None:
    daemon = Daemon.settle(tmp_path, "one", agent__devices=["cpu*2"]).start()
    try:
        wait_until(lambda: all(device["trials"] > 2 for device in daemon.status()["agent"]["devices"]))
        assert [device["name"] for device in daemon.status()["agent"]["devices"]] == ["cpu", "cpu"]
    finally:
        daemon.stop()
