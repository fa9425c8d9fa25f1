"""`report` and `returns` as they are typed, over a store whose daemon is down and over exports."""

from __future__ import annotations

import json

import pytest

from leaderboard.evidence.synthetic import SWARM
from node.cli import main
from node.config import template
from node.home import Home
from node.store import Store


@pytest.fixture
def home(tmp_path, case) -> Home:
    made = Home(tmp_path / "node")
    made.path.mkdir()
    made.config.write_text(template({"node.swarm": "synthetic"}))
    with Store(made.store, SWARM) as store:
        store.append(case.envelopes)
    return made


def test_a_report_is_written_to_stdout_and_to_a_file(home, case, tmp_path, capsys) -> None:
    assert main(["--home", str(home.path), "report"]) == 0
    assert "# synthetic v1" in capsys.readouterr().out
    page = tmp_path / "report.html"
    words = ["report", "synthetic", "--format", "html", "-o", str(page), "--json"]
    assert main(["--home", str(home.path), *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"file": str(page), "bytes": len(page.read_bytes()), "refused": []}
    assert page.read_text().startswith("<!doctype html>")


def test_sentences_are_checked_and_refusals_are_told(home, case, tmp_path, capsys) -> None:
    file = tmp_path / "sentences.txt"
    file.write_text(f"It won {{wins {case.good}}} seeds.\n\nIt is three times as good.\n")
    assert main(["--home", str(home.path), "report", "--sentences", str(file)]) == 0
    said = capsys.readouterr()
    assert "## In words" in said.out
    assert "1 sentences are refused" in said.err
    assert "`It is three times as good.`" in said.out


def test_an_export_needs_no_store(case, tmp_path, capsys) -> None:
    home = Home(tmp_path / "other")
    home.path.mkdir()
    home.config.write_text(template({"node.swarm": "synthetic"}))
    export = tmp_path / "records.raw"
    export.write_bytes(case.content)
    assert main(["--home", str(home.path), "report", "--export", str(export)]) == 0
    assert "the gain law" in capsys.readouterr().out
    export.write_bytes(case.content[:-5])
    assert main(["--home", str(home.path), "report", "--export", str(export)]) == 1
    assert "cut or malformed" in capsys.readouterr().err


def test_returns_says_when_there_is_too_little(home, capsys) -> None:
    assert main(["--home", str(home.path), "returns", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["track"] == "synthetic"
    assert "too few to say" in answer["reason"]
    assert main(["--home", str(home.path), "returns", "nothing"]) == 5
