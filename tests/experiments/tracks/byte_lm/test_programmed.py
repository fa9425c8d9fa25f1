"""Programs: a stranger's model, optimizer and slots, behind the wall, at a small budget."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from experiments.programs.canonical import read_program
from experiments.programs.slots import Confinable
from experiments.sandbox import Code, Rejected, best_level
from experiments.track import Track
from experiments.tracks.byte_lm import programmed
from experiments.tracks.byte_lm.budget import Budget
from experiments.tracks.byte_lm.examiner import ByteExaminer

pytestmark = pytest.mark.slow

BIGRAM = """
import torch

class Table(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(256, 256))

    def forward(self, text):
        return self.table[text]

def model(context):
    return Table()

def optimizer(parameters):
    return torch.optim.Adam([value for _, value in parameters], lr=0.1)
"""
LOOKS_AHEAD = """
import torch

class Next(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, text):
        ahead = torch.cat((text[:, 1:], text[:, :1]), dim=1)
        return 20 * self.scale * torch.nn.functional.one_hot(ahead, 256).float()

def model(context):
    return Next()
"""
SGD = """
import torch

def optimizer(parameters):
    return torch.optim.SGD([value for _, value in parameters], lr=0.3, momentum=0.9)
"""
BY_HAND = """
class Rule:
    def __init__(self, parameters):
        self.values = [value for _, value in parameters]

    def step(self):
        for value in self.values:
            value.data -= 0.01 * self.multiplier * value.grad.sign()

def optimizer(parameters):
    return Rule(parameters)
"""
SLOTS = """
import numpy as np

def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.normal(0, 0.3 / fan_in ** 0.5, shape)

def schedule(t):
    return 1 - t
"""


@pytest.fixture
def scored(
    track: Track, small: Budget, examiner: ByteExaminer, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], float | None]:
    monkeypatch.setattr(programmed, "CPU", small)

    def value(source: str) -> float | None:
        exam = examiner.prepare(5)
        code = Confinable(read_program(source), best_level())
        return examiner.score(exam, programmed.answer(track.reference, code, 5, exam.inputs))

    return value


def test_a_table_of_pairs_learns(scored: Callable[[str], float | None]) -> None:
    found = scored(BIGRAM)
    assert found is not None
    assert 2.0 < found < 4.5


@pytest.mark.parametrize("source", [SGD, BY_HAND, SLOTS])
def test_our_net_with_a_strangers_functions_learns(
    scored: Callable[[str], float | None], source: str
) -> None:
    found = scored(source)
    assert found is not None
    assert found < 5.5


def test_looking_ahead_gains_nothing(scored: Callable[[str], float | None]) -> None:
    """The next byte is not there yet: what it takes for the next one is the first of the row."""
    found = scored(LOOKS_AHEAD)
    assert found is None or found > 8.0


@pytest.mark.parametrize("source", [BIGRAM, SGD])
def test_too_much_processor_time_is_refused(
    scored: Callable[[str], float | None], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programmed, "_SLACK", 0.0)
    monkeypatch.setattr(programmed, "_START_S", 0.01)
    with pytest.raises(Rejected, match="this budget allows") as caught:
        scored(source)
    assert caught.value.code is Code.TIME_LIMIT


def test_what_torch_loads_at_first_is_no_yardstick() -> None:
    """A fresh process measures the reference no slower than one that has measured it before."""
    code = """
from experiments.harness.exam import load_examiner
from experiments.track import load_track
from experiments.tracks.byte_lm import programmed
from experiments.tracks.byte_lm.budget import CPU
from experiments.tracks.byte_lm.training import Job
import torch
torch.set_num_threads(1)
exam = load_examiner(load_track("byte-lm").examiner).prepare(5)
job = Job(5, exam.inputs, lambda *_: None, 0, CPU)
first, second, third = (programmed._allowed_seconds(job) for _ in range(3))
assert first < 2.5 * max(second, third), (first, second, third)
"""
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=120)


def test_a_schedule_beside_a_model_is_asked(scored: Callable[[str], float | None]) -> None:
    with pytest.raises(Rejected, match="asked") as caught:
        scored(BIGRAM + "\ndef schedule(t):\n    raise ValueError('asked')\n")
    assert caught.value.code is Code.PROGRAM_ERROR


def test_what_defines_nothing_of_ours_is_refused(scored: Callable[[str], float | None]) -> None:
    with pytest.raises(Rejected) as caught:
        scored("def other(x):\n    return x\n")
    assert caught.value.code is Code.PROGRAM_SLOTS


def test_a_wrong_shape_is_refused(scored: Callable[[str], float | None]) -> None:
    with pytest.raises(Rejected) as caught:
        scored(BIGRAM.replace("256, 256", "256, 100"))
    assert caught.value.code in (Code.WRONG_SHAPE, Code.PROGRAM_ERROR)
