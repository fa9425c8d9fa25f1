"""How much faster is one program than another? Two independent sessions, or no number.

A session starts both programs afresh on one processor and calls them in the order A B B A, then B A A B, so
that neither a drift of the machine's speed nor what precedes a call falls on one side. Each pair of calls
has contents of its own, at new addresses, and every output is checked in full. The statistic is log2 of the
ratio of lower quartiles of the call times, baseline over candidate: neighbours on a shared machine only
ever add time, so the lower quartile moves less than the median, and unlike the minimum it is no single
lucky call. A session goes on until its standard error is small, or it has had its rounds.

Two sessions share nothing but the shapes. If they do not agree, each is repeated twice and replaced by its
median; if they still do not, there is no number: a famous list of hundredfold
speed-ups held results whose two runs differed, and nobody had looked why.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median_low
from typing import Final

import numpy as np

from ...programs.answers import FloatArray
from ...programs.slots import Confinable
from ...sandbox import Code, Rejected
from .contender import Call, Contender
from .tasks import Shapes, Task, draw_inputs

__all__ = ["Session", "Work", "agree", "agreed", "duel", "session"]

_WARM_UP: Final = 2  # rounds that are checked and not counted
_LEAST: Final = 12  # rounds, of two calls for each side
_MOST: Final = 48
_ERROR: Final = 0.01  # standard error of the log2 ratio at which a session may end: 0.7 %
_BLOCKS: Final = 6  # interleaved parts of a session, whose spread gives that error
_APART: Final = 0.06  # how far two sessions may differ, in log2: 4 %, twice what fresh processes differ by
_APART_SHARE: Final = 0.05  # and this share of their mean
_ROOFLINE: Final = 0.25  # of the time that moving or multiplying the data takes at its best
_TRIES: Final = 7

Work = Mapping[Task, Shapes]


@dataclass(frozen=True, slots=True, order=True)
class Session:
    """What one session found for one task."""

    log2_speedup: float
    error: float
    """Standard error of log2_speedup, from the spread of its blocks."""
    rounds: int
    seconds: float
    """Lower quartile of the candidate's call."""


def duel(work: Work, candidate: Confinable, baseline: Confinable) -> dict[str, float]:
    """log2 of the candidate's speed-up for each task; Rejected if there is one that cannot be had."""
    once, again = ([session(work, candidate, baseline)] for _ in range(2))
    for task, shapes in work.items() if not candidate.gpu else ():
        _check_roofline(task, shapes, min(once[0][task].seconds, again[0][task].seconds))
    doubtful = {task: shapes for task, shapes in work.items() if not agree(*_both(task, once, again))}
    if doubtful:
        # Fresh processes differ by a few per cent on some machines: each side asks twice more, takes its
        # median.
        for side in (once, again):
            side += [session(doubtful, candidate, baseline) for _ in range(2)]
    return {task.name: agreed(task.name, *_both(task, once, again)) for task in work}


def _both(task: Task, *sides: list[dict[Task, Session]]) -> tuple[Session, Session]:
    once, again = ([found[task] for found in side if task in found] for side in sides)
    return median_low(once), median_low(again)


def agree(first: Session, second: Session) -> bool:
    """Do two measurements differ by no more than noise explains?"""
    mean = (first.log2_speedup + second.log2_speedup) / 2.0
    noise = 3.0 * math.hypot(first.error, second.error)
    return abs(first.log2_speedup - second.log2_speedup) <= _APART + _APART_SHARE * abs(mean) + noise


def agreed(name: str, first: Session, second: Session) -> float:
    """The mean of two measurements; Rejected(DISAGREEMENT) if there is no number."""
    if not agree(first, second):
        once, again = 2.0**first.log2_speedup, 2.0**second.log2_speedup
        raise Rejected(
            Code.DISAGREEMENT,
            f"{name}: two measurements gave {once:.3f}x and {again:.3f}x, and they must agree; try again on "
            "a quieter machine",
        )
    return (first.log2_speedup + second.log2_speedup) / 2.0


def session(work: Work, candidate: Confinable, baseline: Confinable) -> dict[Task, Session]:
    """One comparison, from fresh processes and with contents from the system's entropy."""
    draw = np.random.default_rng()
    processor = int(draw.choice(sorted(os.sched_getaffinity(0))))
    with Contender(candidate, draw, processor) as ours, Contender(baseline, draw, processor) as theirs:
        found = {task: _compare(task, shapes, (ours, theirs), draw) for task, shapes in work.items()}
        ours.audit()
    return found


def _compare(
    task: Task, shapes: Shapes, sides: tuple[Contender, Contender], draw: np.random.Generator
) -> Session:
    times = np.empty((2, 0))  # of candidate and baseline
    for number in range(_WARM_UP + _MOST):
        lead = number % 2
        for first in (lead, 1 - lead):
            call = Call(task, shapes, draw_inputs(shapes, draw))
            pair = np.empty((2, 1))
            for side in (first, 1 - first):
                pair[side] = sides[side].seconds(call)
            if number >= _WARM_UP:
                times = np.concatenate([times, pair], axis=1)
        if times.shape[1] >= 2 * _LEAST and _error(times) < _ERROR:
            break
    quartile = float(np.percentile(times[0], 25))
    return Session(_log2_ratio(times), _error(times), times.shape[1] // 2, quartile)


def _log2_ratio(times: FloatArray) -> float:
    ours, theirs = np.percentile(times, 25, axis=1)
    return math.log2(theirs / ours)


def _error(times: FloatArray) -> float:
    blocks = [_log2_ratio(times[:, start::_BLOCKS]) for start in range(_BLOCKS)]
    return float(np.std(blocks, ddof=1)) / math.sqrt(_BLOCKS)


def _check_roofline(task: Task, shapes: Shapes, seconds: float) -> None:
    floor = _floor_seconds(task, shapes)
    if seconds < _ROOFLINE * floor:
        raise Rejected(
            Code.ROOFLINE,
            f"{task.name}: {seconds:.2e} s is less than {_ROOFLINE} of the {floor:.2e} s that this "
            "machine needs at its best",
        )


def _floor_seconds(task: Task, shapes: Shapes) -> float:
    """What this machine needs at its best to read the inputs once, or to multiply them.

    One library's matrix product can be four times slower than another's on the same processor, so the bound
    is the faster of NumPy's and torch's; this code runs in the judge's process, where torch is loaded anyway.
    """
    inputs = draw_inputs(shapes, np.random.default_rng())
    if task.multiplies:
        import torch

        torch.set_num_threads(1)
        left, right = (torch.from_numpy(array) for array in inputs)
        return min(_best(lambda: inputs[0] @ inputs[1]), _best(lambda: left @ right))
    return _best(lambda: [array.copy() for array in inputs])


def _best(action: Callable[[], object]) -> float:
    best = math.inf
    for _ in range(_TRIES):
        start = time.thread_time()
        action()
        best = min(best, time.thread_time() - start)
    return best
