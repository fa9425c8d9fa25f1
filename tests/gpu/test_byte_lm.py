"""The GPU class of byte-lm: it learns, and two runs of one seed stay together.

Run where a card is: `pytest -m gpu tests/gpu`. Written without one: a failure here is news.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from experiments.harness.exam import load_examiner
from experiments.recipe import Recipe
from experiments.track import load_track
from experiments.tracks.byte_lm import gpu_runner
from experiments.tracks.byte_lm.budget import GPU
from experiments.tracks.byte_lm.examiner import ByteExaminer, _Generated
from experiments.tracks.byte_lm.training import Job, run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA card here"),
]
FEW = replace(GPU, tokens=1 << 22, flops=10**15)


def test_the_reference_learns() -> None:
    track = load_track("byte-lm-gpu")
    examiner = load_examiner(track.examiner)
    exam = examiner.prepare(1)
    found = examiner.score(exam, gpu_runner.run(track.reference, 1, exam.inputs, lambda *_: None))
    assert found is not None
    assert 0.7 < found < 2.0


@pytest.mark.parametrize(
    "changes", [{}, {"optimizer": "muon"}, {"positions": "rotary"}, {"positions": "alibi"}]
)
def test_runs_of_one_seed_stay_together(changes: dict) -> None:
    recipe = Recipe.from_payload({"settings": changes}, load_track("byte-lm-gpu"))
    examiner = ByteExaminer(FEW, _Generated())
    exam = examiner.prepare(2)
    one, two = (
        examiner.score(exam, run(recipe, Job(2, exam.inputs, lambda *_: None, 0, FEW))) for _ in range(2)
    )
    assert one == pytest.approx(two, abs=0.05)
