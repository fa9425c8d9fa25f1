"""The linter finds each fault it promises to find, and none in the catalogue as shipped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.novelty.catalogue import PROBES, Technique, build_catalogue, load_catalogue
from experiments.novelty.catalogue.lint import LEAST_DESCRIPTIONS, main, problems, unresolved_symbols

ROOT = Path(__file__).parents[3]
DESCRIPTIONS = [
    "step downhill along the slope of the loss",
    "subtract the learning rate times the gradient",
    "follow a noisy estimate of the steepest descent",
]


def entry(**changes: object) -> dict[str, object]:
    """A sound entry in the form of the data files, with some fields changed."""
    return {
        "id": "sgd",
        "name": "Gradient descent",
        "aliases": ["SGD"],
        "year": 1951,
        "authors": ["Robbins"],
        "paper_title": "A Stochastic Approximation Method",
        "paper_ref": "Annals of Mathematical Statistics 1951",
        "formula": "-lr*g",
        "probe": "optimizer",
        "descriptions": DESCRIPTIONS,
        **changes,
    }


def faults(*entries: dict[str, object]) -> list[str]:
    return problems(build_catalogue({"optimizers": json.dumps(entries).encode()}))


def test_the_shipped_catalogue_is_sound() -> None:
    assert problems(load_catalogue()) == []


def test_a_sound_entry_has_no_faults() -> None:
    assert faults(entry()) == []
    assert faults(entry(year=2014, paper_ref="arXiv:1412.6980")) == []
    assert faults(entry(year=2020, paper_ref="arXiv:2002.12345")) == []
    assert faults(entry(paper_ref="doi:10.1214/aoms/1177729586")) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "Bad Id"}, "lower-case words"),
        ({"id": "double--hyphen"}, "lower-case words"),
        ({"year": 1599, "paper_ref": "Venice 1600"}, "outside 1600..2026"),
        ({"year": 2027, "paper_ref": "arXiv:2701.12345"}, "outside 1600..2026"),
        ({"authors": []}, "at least one author"),
        ({"probe": "telepathy"}, "unknown probe 'telepathy'"),
        ({"probe": None, "probe_params": {"momentum": 0.9}}, "probe_params but no probe"),
        ({"paper_ref": "arXiv:2013.12345"}, "not of the form arXiv"),
        ({"paper_ref": "arxiv:1912.12345"}, "not of the form arXiv"),
        ({"paper_ref": "arXiv:1912.1234"}, "wrong number of digits"),
        ({"paper_ref": "arXiv:1412.12345"}, "wrong number of digits"),
        ({"year": 2021, "paper_ref": "arXiv:2002.12345"}, "dated 2021, but arXiv:2002.12345 is of 2020"),
        ({"paper_ref": "doi:11.1/x"}, "not of the form doi"),
        ({"paper_ref": "a journal"}, "a venue followed by its year"),
        ({"year": 1952}, "dated 1952, but its paper is of 1951"),
        ({"descriptions": DESCRIPTIONS[:2]}, f"needs {LEAST_DESCRIPTIONS}"),
        ({"descriptions": [*DESCRIPTIONS, "x = f(y) - z"]}, "shorter than 6 words"),
        ({"formula": "lr *"}, "does not parse"),
        ({"special_case_of": ["nothing"]}, "special_case_of names 'nothing'"),
        ({"combines_with": ["nothing"]}, "combines_with names 'nothing'"),
        ({"not_to_confuse": ["sgd"]}, "names the entry itself"),
    ],
)
def test_a_planted_fault_is_found(changes: dict[str, object], words: str) -> None:
    found = faults(entry(**changes))
    assert any(words in line and line.startswith("optimizers.json, ") for line in found), found


def test_ids_names_and_descriptions_belong_to_one_entry() -> None:
    other = [
        "walk against the derivative of the error",
        "move weights by minus eta times slope",
        "no memory, no curvature, just the slope",
    ]
    clash = entry(id="other", name="S-G-D", aliases=[], descriptions=other)
    assert faults(entry(), clash) == ["name 'sgd' belongs to several entries: other, sgd"]
    twice = entry(name="Another", aliases=[], descriptions=other)
    assert faults(entry(), twice) == ["id 'sgd' is used by 2 entries"]
    reordered = [*other[:2], "along the slope of the loss step downhill"]
    copied = entry(id="other", name="Other", aliases=[], descriptions=reordered)
    assert ["one description serves sgd, other" in line for line in faults(entry(), copied)] == [True]


def test_a_reference_is_listed_once() -> None:
    second = entry(
        id="second", name="Second", aliases=[], descriptions=[f"{d} twice over" for d in DESCRIPTIONS]
    )
    assert any("twice" in line for line in faults(entry(combines_with=["second", "second"]), second))
    assert faults(entry(combines_with=["second"]), second) == []


def test_symbols_are_resolved_where_the_library_is_installed() -> None:
    def technique(symbol: str) -> Technique:
        content = json.dumps([entry(symbol=symbol)]).encode()
        return build_catalogue({"optimizers": content}).techniques[0]

    sound = [technique(s) for s in ("json.dumps", "json.decoder.JSONDecoder", "no_such_library.Thing")]
    assert unresolved_symbols(sound) == []
    assert unresolved_symbols([technique("json.thing")]) == [
        "optimizers.json, sgd: no such symbol json.thing"
    ]


def test_the_command_reports_and_refuses_unknown_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "0 problems" in capsys.readouterr().out
    assert main(["--fix"]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.slow
def test_every_library_symbol_exists() -> None:
    """In a process of its own, because it imports torch."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "experiments.novelty.catalogue.lint", "--symbols"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_guide_names_each_field_probe_and_the_command() -> None:
    guide = (ROOT / "docs" / "novelty-catalogue.md").read_text(encoding="utf-8")
    fields = set(Technique.__dataclass_fields__)
    assert {name for name in fields if f"`{name}`" not in guide} == set()
    assert {name for name in PROBES if f"`{name}`" not in guide} == set()
    assert "python -P -m experiments.novelty.catalogue.lint" in guide
