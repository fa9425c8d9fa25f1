"""The import law holds, and every contract fails on a planted breach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("experiments", "gossip", "leaderboard", "node")
SOURCE_ONLY = shutil.ignore_patterns("__pycache__", "*.json", "*.npz")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def house(tmp_path):
    """A copy of the source that a breach can be planted in."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=SOURCE_ONLY)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_house_keeps_its_law(house):
    outcome = _lint(house)
    assert outcome.returncode == 0, outcome.stdout
    assert " 0 broken" in outcome.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "breach"),
    [
        ("gossip", "import experiments.expr"),
        ("experiments", "import gossip.proto"),
        ("leaderboard", "import node.errors"),
        ("experiments", "import node.errors"),
        ("leaderboard", "import gossip.proto"),
        ("node", "import libp2p"),
        ("gossip/proto", "import multiaddr"),
        ("node", "import torch"),
        ("gossip/net", "import torch"),
        ("leaderboard", "import time"),
        ("gossip/proto", "import random"),
        ("gossip", "import sqlite3"),
        ("experiments", "import sqlite3"),
    ],
)
def test_a_planted_breach_is_caught(house, room, breach):
    (house / room / "breach.py").write_text(f'"""A breach."""\n\n{breach}\n')
    outcome = _lint(house)
    assert outcome.returncode != 0
    assert "BROKEN" in outcome.stdout
    assert breach.split()[1].split(".")[0] in outcome.stdout
