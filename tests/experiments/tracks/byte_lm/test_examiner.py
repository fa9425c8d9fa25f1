"""The parent's part: what goes over, what stays, and what no honest model can have answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from experiments.data.store import keep
from experiments.harness.exam import Exam, load_examiner
from experiments.harness.outcome import Fault, TrialError
from experiments.track import installed_tracks, load_track
from experiments.tracks.byte_lm.budget import CPU, Budget
from experiments.tracks.byte_lm.examiner import LUCK_BITS, ByteExaminer, _Kept
from experiments.tracks.byte_lm.grammar import entropy_rate
from leaderboard.errors import LocalError

Ideal = Callable[[int, Exam], np.ndarray]


def test_the_exam_shows_no_byte_that_it_asks_for_last(examiner: ByteExaminer, small: Budget) -> None:
    exam = examiner.prepare(3)
    rows = small.windows + small.decoys
    assert exam.inputs["text"].shape == (small.tokens + 1,)
    assert exam.inputs["questions"].shape == (rows, small.context)
    assert exam.answers["logits"].shape == (rows, small.scored, 256)
    questions = exam.inputs["questions"][exam.sealed["places"]]
    # What is scored are the next bytes; all but the last of them are inputs of later places.
    assert (exam.sealed["bytes"][:, :-1] == questions[:, -small.scored + 1 :]).all()


def test_decoys_begin_as_a_window_and_end_otherwise(examiner: ByteExaminer, small: Budget) -> None:
    exam = examiner.prepare(4)
    questions = exam.inputs["questions"]
    shared = small.context - small.scored
    for decoy, origin, cut in zip(*(exam.sealed[k] for k in ("decoys", "origins", "cuts")), strict=True):
        assert (questions[decoy, :cut] == questions[origin, :cut]).all()
        assert questions[decoy, cut] != questions[origin, cut]
        assert shared < cut < small.context


def test_an_untaught_answer_costs_eight_bits(examiner: ByteExaminer) -> None:
    exam = examiner.prepare(5)
    form = exam.answers["logits"]
    assert examiner.score(exam, {"logits": np.zeros(form.shape, np.float32)}) == pytest.approx(8.0)


def test_unnormalised_answers_are_normalised_here(examiner: ByteExaminer, ideal: Ideal) -> None:
    exam = examiner.prepare(6)
    logits = ideal(6, exam)
    shifted = examiner.score(exam, {"logits": logits + 37.0})
    assert shifted == pytest.approx(examiner.score(exam, {"logits": logits}), abs=1e-4)
    full = np.full(logits.shape, np.log(0.9999), np.float32)
    assert examiner.score(exam, {"logits": full}) == pytest.approx(8.0)


def test_the_ideal_reader_is_let_through_at_the_floor(examiner: ByteExaminer, ideal: Ideal) -> None:
    values = []
    for seed in range(20, 28):
        exam = examiner.prepare(seed)
        values.append(examiner.score(exam, {"logits": ideal(seed, exam)}))
        assert values[-1] == pytest.approx(exam.sealed["costs"].mean(), abs=1e-5)
    assert np.mean(values) == pytest.approx(entropy_rate(), abs=0.08)


def test_knowing_the_bytes_is_below_the_floor_and_refused(examiner: ByteExaminer, ideal: Ideal) -> None:
    exam = examiner.prepare(7)
    logits = ideal(7, exam)
    places = exam.sealed["places"]
    known = logits.copy()
    # Not looking ahead within a window (decoys would tell), but having the text by heart.
    np.put_along_axis(known[places], exam.sealed["bytes"][..., None].astype(np.int64), 50.0, axis=-1)
    sharp = known[places]
    np.put_along_axis(sharp, exam.sealed["bytes"][..., None].astype(np.int64), 50.0, axis=-1)
    known[places] = sharp
    known[exam.sealed["decoys"]] = known[exam.sealed["origins"]]
    with pytest.raises(TrialError, match="ideal reader") as caught:
        examiner.score(exam, {"logits": known})
    assert caught.value.fault is Fault.FOUL


def test_luck_is_allowed_and_no_more(examiner: ByteExaminer, ideal: Ideal) -> None:
    exam = examiner.prepare(8)
    answers = {"logits": ideal(8, exam)}
    slack = LUCK_BITS / exam.sealed["costs"].size
    for extra, foul in ((0.9 * slack, False), (1.1 * slack, True)):
        dearer = replace(exam, sealed={**exam.sealed, "costs": exam.sealed["costs"] + extra})
        if foul:
            with pytest.raises(TrialError, match="chance allows 40"):
                examiner.score(dearer, answers)
        else:
            assert examiner.score(dearer, answers) is not None


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_looking_ahead_is_seen(examiner: ByteExaminer, small: Budget, ahead: int) -> None:
    """A model that hints at a byte which it is about to be asked for."""
    exam = examiner.prepare(9)
    rows = np.pad(exam.inputs["questions"], ((0, 0), (0, ahead)))[:, ahead:][:, -small.scored :]
    logits = np.zeros(exam.answers["logits"].shape, np.float32)
    np.put_along_axis(logits, rows[..., None].astype(np.int64), 0.01, axis=-1)
    with pytest.raises(TrialError, match="looks ahead"):
        examiner.score(exam, {"logits": logits})


def test_a_diverged_run_has_no_value(examiner: ByteExaminer) -> None:
    exam = examiner.prepare(10)
    logits = np.zeros(exam.answers["logits"].shape, np.float32)
    logits[0, 0, 0] = np.nan
    assert examiner.score(exam, {"logits": logits}) is None


def test_the_track_names_its_examiner() -> None:
    found = load_examiner("experiments.tracks.byte_lm.examiner:cpu/language")
    assert isinstance(found, ByteExaminer)
    assert found._budget is CPU


@pytest.fixture
def corpus(tmp_path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setenv("CONSILIENCE_DATA", str(tmp_path))
    text = b" ".join(b"%d" % number for number in range(20_000))
    keep("mine", "my text", "own files", [text], limit=1 << 20, expected=None)
    return text


def test_a_kept_text_is_split_by_the_seed(corpus: bytes, small: Budget) -> None:
    examiner = ByteExaminer(small, _Kept("mine"))
    one, two = examiner.prepare(1), examiner.prepare(2)
    assert (one.inputs["text"] != two.inputs["text"]).any()
    assert (one.sealed["bytes"] != two.sealed["bytes"]).any()
    assert (one.inputs["text"] == examiner.prepare(1).inputs["text"]).all()
    assert "costs" not in one.sealed
    taught = one.inputs["text"].tobytes()
    for row in one.inputs["questions"][one.sealed["places"]]:
        assert row.tobytes() in corpus
        assert row.tobytes() not in taught  # counting: no window occurs twice


def test_a_short_text_says_how_long_it_must_be(corpus: bytes) -> None:
    with pytest.raises(LocalError, match=f"has {len(corpus)} bytes; this track needs"):
        ByteExaminer(CPU, _Kept("mine")).prepare(1)


def test_a_kept_text_makes_a_track_of_its_own(corpus: bytes) -> None:
    found = load_track.__wrapped__("byte-lm:mine")
    assert found.manifest.data == hashlib.sha256(corpus).digest()
    assert "my text" in found.manifest.question
    assert "floor_bits_per_byte" not in found.manifest.budget
    assert found.id != load_track("byte-lm").id
    assert "byte-lm:mine" in installed_tracks()
    assert load_examiner(found.examiner)._text == _Kept("mine")
    with pytest.raises(LocalError, match="track data ls"):
        load_track.__wrapped__("byte-lm:other")


def test_the_gpu_class_is_another_board() -> None:
    found = load_track("byte-lm-gpu")
    assert found.runs_on == ("cuda",)
    assert found.manifest.tolerance == "D3"
    assert found.id != load_track("byte-lm").id
