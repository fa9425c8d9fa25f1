"""The track that docs/tracks/your-own.md builds is found, runs in a worker, and answers its question."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from experiments.harness.device import open_device
from experiments.recipe import Recipe
from experiments.track import load_track
from leaderboard.evidence.effects import paired_effects
from leaderboard.records import Track, parse_payload

PAGE = Path(__file__).parents[1] / "docs" / "tracks" / "your-own.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the page shows, each below a line with its name."""
    files = re.findall(r"^\*\*`(.+?)`\*\*\n\n```\w*\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(files) == 5
    for name, text in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_try_finds_it_in_the_folder_that_the_configuration_names(folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(f'[agent]\ntrack_folders = ["{folder}"]\n')
    words = ("--home", str(home), "try", "shrinkage", "--slot", "penalty=noise**2", "--seeds", "4", "--json")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "node.cli", *words], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["accepted"] is True


async def test_the_track_of_the_page_works(folder: Path) -> None:
    track = load_track("shrinkage")
    manifest = Track(track.manifest)
    assert parse_payload("track", manifest.payload()) == manifest  # others would take it in
    effects = {}
    async with open_device(folders=[folder]) as device:
        for penalty in ("noise**2", "0.01 + 0*noise", "log(-noise)"):
            recipe = Recipe.from_payload({"slots": {"penalty": penalty}}, track)
            found = await device.measure(track, recipe, track.reference, range(1, 9))
            assert all(found.stable)
            effects[penalty] = median(paired_effects(found, track.manifest, 8))
    assert effects["noise**2"] > 0.05
    assert effects["0.01 + 0*noise"] == pytest.approx(0.0, abs=1e-9)
    assert effects["log(-noise)"] == -20.0
