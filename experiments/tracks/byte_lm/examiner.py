"""What the parent owns of byte-lm: the text, the split, the bytes to be predicted, and the judgement.

Each validation window gives its first bytes and is asked for the distribution of the byte after every place
of its second half. What comes back are logits: the parent makes probabilities of them, in float64, so nobody
can claim more than all of the probability. Among the windows are decoys, which have the beginning of a real
window and the end of another one: predictions before the place where they part must agree, or the model has
looked ahead. A decoy parts where the two bytes before are alike if it can, so that its end does not
look out of place.

On a generated language the source itself is the yardstick: a model that needs far fewer bits than the ideal
reader does on the same bytes was not honest (`language` has the inequality), and gets no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from leaderboard.errors import LocalError

from ...data import find_corpus
from ...harness.exam import Exam, Form
from ...harness.outcome import Fault, TrialError
from .budget import CPU, GPU, Budget
from .draws import stream
from .language import Language

__all__ = ["LUCK_BITS", "ByteExaminer", "examiner"]

LUCK_BITS: Final = 40.0
"""Bits by which a model may beat the ideal reader on all scored bytes together: chance 2**-40."""

_SPLIT, _DECOYS, _ROWS = 4, 5, 6  # purposes of random streams, after those of training
_TRAINING, _VALIDATION = 0, 1  # parts of a generated text
_PIECE: Final = 4096  # bytes of a corpus that stay together in a training text
# Largest difference of a probability that may come from where a row stands in a batch. 1e-5 is the harness's
# usual bound; bfloat16 has three digits (guess, not measured).
_SLACK: Final = {"cpu": 1e-5, "cuda": 2e-2}


class Text(Protocol):
    """Where a trial's bytes come from."""

    def draw(self, seed: int, budget: Budget) -> tuple[bytes, bytes, npt.NDArray[np.float64] | None]:
        """Training text (tokens + 1 bytes), validation text, and what the latter's bytes cost at best."""


@dataclass(frozen=True, slots=True)
class _Generated:
    """The language whose words the seed draws."""

    def draw(self, seed: int, budget: Budget) -> tuple[bytes, bytes, npt.NDArray[np.float64] | None]:
        language = Language(seed)
        validation = language.write(_validation_bytes(budget), _VALIDATION)
        return language.write(budget.tokens + 1, _TRAINING), validation, language.bits(validation)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A corpus of this machine; the seed draws what is held out and what is learnt from."""

    name: str

    def draw(self, seed: int, budget: Budget) -> tuple[bytes, bytes, npt.NDArray[np.float64] | None]:
        whole = _bytes(self.name)
        draw = stream(seed, _SPLIT)
        asked = _validation_bytes(budget)
        places = len(whole) // _PIECE
        held = -(-asked // _PIECE) + 1
        if places - held < budget.tokens // _PIECE + 1:
            least = (held + budget.tokens // _PIECE + 1) * _PIECE
            raise LocalError(f"the text {self.name!r} has {len(whole)} bytes; this track needs {least}")
        first = int(draw.randint(places - held + 1))
        left = np.concatenate([np.arange(first), np.arange(first + held, places)])
        chosen = draw.permutation(left)[: budget.tokens // _PIECE + 1]
        taught = b"".join(whole[place * _PIECE : (place + 1) * _PIECE].tobytes() for place in chosen)
        start = first * _PIECE
        return taught[: budget.tokens + 1], whole[start : start + asked].tobytes(), None


class ByteExaminer:
    """Prepares and judges trials of one class on one source of text."""

    def __init__(self, budget: Budget, text: Text) -> None:
        self._budget = budget
        self._text = text

    def prepare(self, seed: int) -> Exam:
        """Training text, validation windows among decoys; the bytes that follow stay here."""
        budget = self._budget
        taught, asked, costs = self._text.draw(seed, budget)
        windows = _windows(np.frombuffer(asked, np.uint8), budget)
        decoys, origins, cuts = _decoys(windows, budget, seed)
        rows = np.concatenate([windows[:, :-1], decoys])
        order = stream(seed, _ROWS).permutation(len(rows))
        place = np.empty(len(rows), np.int64)
        place[order] = np.arange(len(rows))
        sealed = {
            "bytes": windows[:, -budget.scored :],
            "places": place[: len(windows)],
            "decoys": place[len(windows) :],
            "origins": place[origins],
            "cuts": cuts,
        }
        if costs is not None:
            sealed["costs"] = _windows(costs, budget)[:, -budget.scored :]
        return Exam(
            inputs={"text": np.frombuffer(taught, np.uint8), "questions": rows[order]},
            answers={"logits": Form((len(rows), budget.scored, 256), "float32")},
            sealed=sealed,
        )

    def score(self, exam: Exam, answers: Mapping[str, np.ndarray]) -> float | None:
        """Mean bits per scored byte; None if the run diverged, TrialError(FOUL) for what nobody can know."""
        logits = answers["logits"]
        if not np.isfinite(logits).all():
            return None
        sealed = exam.sealed
        self._check_causal(sealed, logits)
        chances = _log2_chances(logits[sealed["places"]])
        bits = -np.take_along_axis(chances, sealed["bytes"][..., None].astype(np.int64), axis=-1)[..., 0]
        if "costs" in sealed and (ahead := float(sealed["costs"].sum() - bits.sum())) > LUCK_BITS:
            raise TrialError(
                Fault.FOUL,
                f"{ahead:.0f} bits fewer than the ideal reader needs; chance allows {LUCK_BITS:.0f}",
            )
        return float(bits.mean())

    def _check_causal(self, sealed: Mapping[str, np.ndarray], logits: np.ndarray) -> None:
        """TrialError(FOUL) if what came after a byte moved the prediction of it."""
        shared = self._budget.context - self._budget.scored
        slack = _SLACK[self._budget.device]
        for decoy, origin, cut in zip(sealed["decoys"], sealed["origins"], sealed["cuts"], strict=True):
            alike = slice(0, int(cut) - shared)
            gap = np.abs(_chances(logits[decoy, alike]) - _chances(logits[origin, alike])).max()
            if gap > slack:
                raise TrialError(
                    Fault.FOUL, f"bytes that come later move a prediction by {gap:.2g}: the model looks ahead"
                )


def examiner(argument: str) -> ByteExaminer:
    """The examiner of `cpu/language`, `gpu/corpus/NAME` and the like."""
    kind, _, source = argument.partition("/")
    budget = {"cpu": CPU, "gpu": GPU}[kind]
    text: Text = _Generated() if source == "language" else _Kept(source.removeprefix("corpus/"))
    return ByteExaminer(budget, text)


def _validation_bytes(budget: Budget) -> int:
    return 2 * budget.context * budget.windows


def _windows(values: np.ndarray, budget: Budget) -> np.ndarray:
    """Windows (n, context + 1) with gaps of about their own length, so that none shows what another asks."""
    return values.reshape(budget.windows, 2 * budget.context)[:, : budget.context + 1]


def _decoys(windows: np.ndarray, budget: Budget, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decoys (n, context) with the windows that they begin as, and the place from which on they differ."""
    draw = stream(seed, _DECOYS)
    least = budget.context - budget.scored + 1
    made = np.empty((budget.decoys, budget.context), np.uint8)
    origins = draw.permutation(len(windows))[: budget.decoys]
    cuts = draw.randint(least, budget.context, size=budget.decoys)
    for row, (origin, cut) in enumerate(zip(origins, cuts, strict=True)):
        others = np.flatnonzero(windows[:, cut] != windows[origin, cut])
        alike = others[(windows[others, cut - 2 : cut] == windows[origin, cut - 2 : cut]).all(axis=1)]
        donors = alike if len(alike) else others
        donor = donors[draw.randint(len(donors))] if len(donors) else origin
        made[row] = windows[origin, :-1]
        made[row, cut:] = windows[donor, cut:-1]
    return made, origins, cuts


def _log2_chances(logits: np.ndarray) -> npt.NDArray[np.float64]:
    """Base-2 logarithms of probabilities that sum to one, in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    whole = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    in_bits: npt.NDArray[np.float64] = whole / np.log(2.0)
    return in_bits


def _chances(logits: np.ndarray) -> npt.NDArray[np.float64]:
    chances: npt.NDArray[np.float64] = np.exp2(_log2_chances(logits))
    return chances


@cache
def _bytes(name: str) -> np.ndarray:
    """The bytes of a corpus, mapped and checked once."""
    corpus = find_corpus(name)
    corpus.check()
    return np.memmap(corpus.path, np.uint8, mode="r")
