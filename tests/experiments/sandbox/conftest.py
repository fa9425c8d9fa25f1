"""Levels of this machine: a test of a level that does not work here says so and skips."""

from __future__ import annotations

import pytest

from experiments.sandbox import Level, SandboxReport, probe


@pytest.fixture(scope="session")
def report() -> SandboxReport:
    return probe()


@pytest.fixture(params=list(Level))
def level(request: pytest.FixtureRequest, report: SandboxReport) -> Level:
    finding = next(finding for finding in report.findings if finding.level is request.param)
    if not finding.works:
        pytest.skip(f"{finding.level} does not work here: {finding.reason}")
    return finding.level
