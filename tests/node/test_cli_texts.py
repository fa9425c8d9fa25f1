"""`track data`: texts are listed, kept, and removed, and errors say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONSILIENCE_DATA", str(tmp_path / "texts"))
    return tmp_path / "texts"


def test_own_files_are_kept_listed_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("my own words\n" * 100)
    assert main(["track", "data", "add", "mine", str(file), "--title", "words \x1b[31m"]) == 0
    assert 'agent.tracks = ["byte-lm:mine"]' in capsys.readouterr().out
    assert main(["track", "data", "ls"]) == 0
    shown = capsys.readouterr().out
    assert "mine" in shown
    assert "\x1b" not in shown
    assert "enwik8" in shown
    assert main(["track", "data", "ls", "--json"]) == 0
    (here,) = [item for item in json.loads(capsys.readouterr().out) if item["here"]]
    assert here["name"] == "mine"
    assert here["size"] == 1300
    assert main(["track", "data", "add", "mine", str(file)]) == 1
    assert "remove it first" in capsys.readouterr().err
    assert main(["track", "data", "rm", "mine"]) == 0
    assert main(["track", "data", "rm", "mine"]) == 1


def test_what_is_not_there_or_no_hash_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["track", "data", "get", "enwik9"]) == 1
    assert "there are: enwik8" in capsys.readouterr().err
    assert main(["track", "data", "get", "tinystories", "--sha256", "xyz"]) == 2
    assert "64 hex digits" in capsys.readouterr().err
