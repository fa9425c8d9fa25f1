"""A budget small enough for tests, with the track's own examiner and training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from experiments.harness.exam import Exam
from experiments.recipe import Recipe
from experiments.track import Track, load_track
from experiments.tracks.byte_lm import runner
from experiments.tracks.byte_lm.budget import Budget
from experiments.tracks.byte_lm.examiner import ByteExaminer, _Generated
from experiments.tracks.byte_lm.language import Language
from experiments.tracks.byte_lm.training import Job


@pytest.fixture(scope="session")
def track() -> Track:
    return load_track("byte-lm")


@pytest.fixture(scope="session")
def small() -> Budget:
    """A fiftieth of the real one."""
    return Budget(
        context=32, tokens=1 << 14, flops=2 * 10**9, windows=24, decoys=8, precision="float64", device="cpu"
    )


@pytest.fixture(scope="session")
def examiner(small: Budget) -> ByteExaminer:
    return ByteExaminer(small, _Generated())


@pytest.fixture(scope="session")
def ideal(small: Budget) -> Callable[[int, Exam], np.ndarray]:
    """The logits of the source's own reader for the rows of an exam; it reads the gaps too."""

    def answer(seed: int, exam: Exam) -> np.ndarray:
        text = Language(seed).write(2 * small.context * small.windows, 1)
        reader, chances = Language(seed).reader(), []
        for byte in text:
            chances.append(reader.predict())
            reader.read(byte)
        whole = np.log(np.maximum(np.array(chances), 1e-30))
        windows = whole.reshape(small.windows, 2 * small.context, 256)[:, : small.context + 1]
        logits = np.zeros((len(exam.inputs["questions"]), small.scored, 256), np.float32)
        logits[exam.sealed["places"]] = windows[:, -small.scored :]
        logits[exam.sealed["decoys"]] = logits[exam.sealed["origins"]]
        return logits

    return answer


@pytest.fixture(scope="session")
def value(track: Track, small: Budget, examiner: ByteExaminer) -> Callable[..., float | None]:
    """The value of a recipe under the small budget: settings by name, slots in `slots`."""

    def measured(seed: int = 1, ulps: int = 0, slots: object = (), **settings: object) -> float | None:
        recipe = Recipe.from_payload({"settings": settings, "slots": dict(slots)}, track)  # type: ignore[call-overload]
        exam = examiner.prepare(seed)
        # By way of the runner, which keeps torch to one thread: many small products wait for each other else.
        return examiner.score(
            exam, runner.run_job(recipe, Job(seed, exam.inputs, lambda *_: None, ulps, small))
        )

    return measured
