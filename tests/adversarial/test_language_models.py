"""The corpus on byte-lm, at a small budget: no language model gets a score that it did not earn.

What a header expects:
    rejected CODE ...   one of these codes, and no score
    diverged            no score, which counts as a loss
    no-better           no score, or one that is no better than that of a table of pairs, trained honestly
Its `recipe` is what the program's recipe says beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.harness.outcome import TrialError
from experiments.programs.canonical import read_program
from experiments.programs.slots import Confinable
from experiments.recipe import Recipe
from experiments.sandbox import Code, Rejected, best_level
from experiments.track import load_track
from experiments.tracks.byte_lm import programmed
from experiments.tracks.byte_lm.budget import Budget
from experiments.tracks.byte_lm.examiner import ByteExaminer, _Generated
from leaderboard.errors import Refused

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).parent / "programs"
SEED = 5
# A fortieth of the real one.
SMALL = Budget(
    context=32, tokens=1 << 13, flops=10**9, windows=24, decoys=16, precision="float64", device="cpu"
)
PAIRS = """
import torch

class Pairs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(256, 256))

    def forward(self, text):
        return self.table[text]

def model(context):
    return Pairs()

def optimizer(parameters):
    return torch.optim.Adam([value for _, value in parameters], lr=0.1)
"""
Outcome = float | Code | None
Run = Callable[..., Outcome]


def header_of(path: Path) -> dict[str, str]:
    lines = [line[2:] for line in path.read_text().splitlines() if line.startswith("# ") and ": " in line]
    return dict(line.split(": ", 1) for line in lines)


ATTACKS = [
    path for path in sorted((PROGRAMS / "attacks").glob("*.py")) if header_of(path).get("track") == "byte-lm"
]

HONEST = sorted((PROGRAMS / "honest_small").glob("*.py"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """The value of a trial of a program, None if it diverged, or the code of its rejection."""
    try:
        level = best_level()
    except Refused as error:
        pytest.skip(str(error))
    monkeypatch.setattr(programmed, "CPU", SMALL)

    def outcome(source: str, beside: str = "{}") -> Outcome:
        program, track = read_program(source), load_track("byte-lm")
        examiner = ByteExaminer(SMALL, _Generated())
        exam = examiner.prepare(SEED)
        recipe = Recipe.from_payload({**json.loads(beside), "program": program.id}, track)
        try:
            answers = programmed.answer(recipe, Confinable(program, level), SEED, exam.inputs)
            return examiner.score(exam, answers)
        except Rejected as error:
            return error.code
        except TrialError as error:
            return Code(error.fault.value)

    return outcome


@pytest.fixture(scope="module")
def honest() -> list[float]:
    """Where the score of the honest table is kept, once somebody asked for it."""
    return []


@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_attack(path: Path, run: Run, honest: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    header = header_of(path)
    if header["expect"] == "rejected time-limit":
        monkeypatch.setattr(programmed, "_START_S", 1.0)  # the sooner it is over
    outcome = run(path.read_text(), header.get("recipe", "{}"))
    expected, *codes = header["expect"].split()
    if expected == "rejected":
        assert outcome in {Code(code) for code in codes}
    elif expected == "diverged":
        assert outcome is None
    else:
        if not honest:
            found = run(PAIRS)
            assert isinstance(found, float)
            honest.append(found)
        assert expected == "no-better"
        assert outcome is None or (isinstance(outcome, float) and outcome >= honest[0] - 1e-9), outcome


@pytest.mark.parametrize("path", HONEST, ids=lambda path: path.stem)
def test_honest_program_is_not_turned_away(path: Path, run: Run) -> None:
    outcome = run(path.read_text())
    assert isinstance(outcome, float)
    assert outcome < 8.0  # bits that nobody needs who knows nothing
