"""The probe believes only what it tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.sandbox import Level, SandboxReport, spawn
from experiments.sandbox.guest import selftest
from experiments.sandbox.report import Finding, best_level
from leaderboard.errors import Refused


def test_every_level_is_tried(report: SandboxReport) -> None:
    assert [finding.level for finding in report.findings] == list(Level)
    assert all(finding.works != bool(finding.reason) for finding in report.findings)


def test_the_best_working_level_is_chosen() -> None:
    works, broken = Finding(Level.LANDLOCK, True, ""), Finding(Level.BUBBLEWRAP, False, "not installed")
    report = SandboxReport((broken, works), 4)
    assert report.level is Level.LANDLOCK
    assert "not installed" in report.advice
    assert SandboxReport((broken,), 0).level is None


def test_without_a_level_programs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Finding(Level.BUBBLEWRAP, False, "user namespaces are off")
    monkeypatch.setattr("experiments.sandbox.report.probe", lambda: SandboxReport((broken,), 0))
    best_level.cache_clear()
    with pytest.raises(Refused, match="user namespaces are off"):
        best_level()
    best_level.cache_clear()


def test_the_selftest_sees_a_missing_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unconfined, the same attempts do get through: the probe's silence means something."""
    harmless = ("the user database can be read", "the parent can be signalled")
    monkeypatch.setattr(selftest, "BREACHES", {name: selftest.BREACHES[name] for name in harmless})
    assert selftest.breaches() == list(harmless)


def test_spawn_needs_no_probe(level: Level) -> None:
    script = Path(selftest.__file__)
    with spawn(script, level) as child:
        assert child.ask(b"", 4096, 5.0) == b""
