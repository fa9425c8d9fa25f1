"""Recognise a learning-rate schedule by the curve it draws.

The curve, best taken from the log of a real run, is divided by its peak and cut into a rise, a plateau and a
fall; jumps upward cut it into cycles.  Each piece is matched with the shapes of `decay_shapes` within 0.2 %
of the peak (39 disguised known schedules deviated by at most 0.05 %, odd ones by at least 2.9 %).  The pieces
then have a name together: warm-up, plateau and decay is WSD, a rise and a fall of cosines is one-cycle,
equal cosine pieces are warm restarts.

Not covered: rates that depend on the loss (reduce on plateau), and differences between parameter groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..structure.formula import Array
from ..verdict import Evidence, Relation
from .decay_shapes import SHAPES, Shape, ShapeFit, fit_shape
from .report import Numbers, behaviour, not_probed, unmatched

__all__ = ["probe_schedule"]

_FIT = 2e-3  # of the peak; see the module's measurements
_FLAT = 1e-6  # of the peak
_MIN_STEPS = 16
_JUMP = 0.2  # of the peak: a rise within one step that starts a new cycle
_LATE = (0.1, 0.3, 0.5, 0.7, 0.9)  # steps from a peak that falls between two samples to the next one
_ALL_RISE = 0.95  # of the steps: what only rises is no warm-up
_ALMOST = 0.05  # misfit from which a peak between two samples is worth a look
_LEAST_RISE = 4.0  # steps; a rise within fewer is a jump
_MIN_CYCLE = 5  # steps between two turns; faster ones are a misread argument, not a schedule
_SHORT_PLATEAU = 0.02  # of the whole: shorter flat tops are rounding, not a phase


@dataclass(frozen=True, slots=True)
class _Phases:
    """Indices: rise [0, top], plateau [top, edge], fall [edge, end)."""

    top: int
    edge: int
    end: int

    @property
    def plateau(self) -> float:
        return (self.edge - self.top) / self.end


def probe_schedule(rates: Array) -> tuple[Evidence, ...]:
    """Name a schedule from its learning rates, one a step (at least 16); best evidence first."""
    y = np.asarray(rates, dtype=np.float64)
    if (
        y.ndim != 1
        or y.size < _MIN_STEPS
        or not np.all(np.isfinite(y))
        or np.min(y) < 0.0
        or np.max(y) <= 0.0
    ):
        return (not_probed("a schedule needs at least 16 finite learning rates, none negative"),)
    y = y / np.max(y)
    if float(np.ptp(y)) <= _FLAT:
        return (behaviour(Relation.EQUAL, "constant-lr", "the same learning rate at every step"),)
    found = _steps(y) or _cycles(y) or _one_hump(y)
    return found or (unmatched("no known rise, plateau and fall fits within 0.2 % of the peak"),)


def _steps(y: Array) -> tuple[Evidence, ...]:
    """Piecewise constant and falling: at most one change in eight steps."""
    drops = np.flatnonzero(np.abs(np.diff(y)) > _FLAT)
    if not 0 < drops.size <= y.size // 8 or np.any(np.diff(y) > _FLAT):
        return ()
    ratios = y[drops + 1] / y[drops]
    numbers: Numbers = (("drops", float(drops.size)), ("factor", float(np.median(ratios))))
    if drops.size == 1 or float(np.ptp(ratios)) <= 0.01:
        words = f"constant between {drops.size} drops by the factor {float(np.median(ratios)):.4g}"
        return (behaviour(Relation.EQUAL, "step-decay", words, numbers=numbers),)
    words = f"constant between {drops.size} drops by unequal factors"
    return (behaviour(Relation.SPECIAL_CASE, "step-decay", words, numbers=numbers, differs="unequal drops"),)


# --- several cycles -------------------------------------------------------------------------------------


def _cycles(y: Array) -> tuple[Evidence, ...]:
    """Warm restarts (jumps up) and cyclical rates (several smooth peaks)."""
    jumps = np.flatnonzero(np.diff(y) > _JUMP) + 1
    if jumps.size and jumps[0] > 3:
        return _restarts(np.split(y, jumps))
    turns = _turning_points(y)
    if len(turns) < 3 or len(turns) > y.size // _MIN_CYCLE:
        return ()
    pieces = [y[a : b + 1] for a, b in zip([0, *turns], [*turns, y.size - 1], strict=True) if b - a >= 3]
    if all(_straight(piece) for piece in pieces):
        return (behaviour(Relation.EQUAL, "cyclical-lr", f"{len(turns)} turns joined by straight lines"),)
    if _is_wave(y):
        words = "a cosine wave of several periods"
        return (behaviour(Relation.SPECIAL_CASE, "cyclical-lr", words, differs="cosine wave"),)
    return ()


def _restarts(pieces: list[Array]) -> tuple[Evidence, ...]:
    whole = [piece for piece in pieces[:-1] if piece.size >= 4] or pieces[:1]
    fits = [_best_fall(piece) for piece in whole]
    shapes = {fit.shape.technique for fit in fits if fit is not None}
    if None in fits or len(shapes) != 1:
        return ()
    lengths = [piece.size for piece in pieces]
    words = f"{len(pieces)} cycles of {lengths} steps, each falling as {next(iter(shapes))}"
    numbers: Numbers = (("cycles", float(len(pieces))),)
    if shapes == {"cosine-annealing"}:
        return (behaviour(Relation.EQUAL, "sgdr-warm-restarts", words, numbers=numbers),)
    differs = f"each cycle is {next(iter(shapes))}"
    return (
        behaviour(Relation.REPARAMETRISATION, "sgdr-warm-restarts", words, numbers=numbers, differs=differs),
    )


def _turning_points(y: Array) -> list[int]:
    direction = np.sign(np.where(np.abs(np.diff(y)) > _FLAT, np.diff(y), 0.0))
    moving = np.flatnonzero(direction)
    return [int(b) for a, b in pairwise(moving) if direction[a] != direction[b]]


def _straight(piece: Array) -> bool:
    line = np.linspace(piece[0], piece[-1], piece.size)
    inner = slice(1, -1) if piece.size > 4 else slice(None)
    return bool(
        np.max(np.abs(piece[inner] - line[inner])) <= max(_FIT, 1.5 / piece.size * float(np.ptp(piece)))
    )


def _is_wave(y: Array) -> bool:
    """Whether one sine at one frequency explains the curve."""
    step = np.arange(y.size)
    strength = np.abs(np.fft.rfft(y - np.mean(y), 8 * y.size))
    peak = 2.0 * math.pi * int(np.argmax(strength)) / (8 * y.size)
    for frequency in np.linspace(0.97 * peak, 1.03 * peak, 241):
        design = np.column_stack([np.ones(y.size), np.cos(frequency * step), np.sin(frequency * step)])
        gap = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        if float(np.max(np.abs(gap))) <= _FIT:
            return True
    return False


# --- one rise and one fall ------------------------------------------------------------------------------


def _one_hump(y: Array) -> tuple[Evidence, ...]:
    phases = _phases(y)
    rise = _rise_name(y[: phases.top + 1])
    falling = y[phases.edge :]
    fall = _best_fall(falling) if falling.size >= 4 and float(np.ptp(falling)) > _FLAT else None
    if rise is None or (fall is None and float(np.ptp(falling)) > _FLAT):
        return ()
    numbers = _numbers(phases, fall)
    if fall is None and phases.top > _ALL_RISE * y.size:
        return ()
    if fall is None:
        words = f"{rise} rise over {phases.top} steps, then constant"
        relation = Relation.EQUAL if rise == "linear" else Relation.REPARAMETRISATION
        return (behaviour(relation, "linear-warmup", words, numbers=numbers, differs=_unless_linear(rise)),)
    return _together(y, phases, rise, fall, numbers)


def _phases(y: Array) -> _Phases:
    high = np.flatnonzero(y >= 1.0 - _FLAT)
    return _Phases(int(high[0]), int(high[-1]), y.size)


def _rise_name(rise: Array) -> str | None:
    """ "" where there is none, the shape's name, or None for a rise of no known shape."""
    if rise.size < 3:
        return ""
    if _straight(rise):
        return "linear"
    if (power := _power_of(rise)) is not None:
        return f"power {power:.3g}"
    for name, shape in (("cosine", SHAPES[1]), ("exponential", SHAPES[3])):
        backwards = rise[::-1]  # a rise seen backwards is a fall
        fit = fit_shape(shape, backwards)
        late = fit if fit.misfit <= _FIT else _falls_late(shape, backwards)
        if late is not None and late.horizon >= _LEAST_RISE:
            return name
    return None


def _power_of(rise: Array) -> float | None:
    """The power p of a rise as u**p from zero, or None."""
    inside = rise > 1e-3
    u = np.arange(rise.size) / (rise.size - 1)
    inside[0] = False
    if np.count_nonzero(inside) < 5:
        return None
    power = float(np.polyfit(np.log(u[inside]), np.log(rise[inside]), 1)[0])
    if power <= 0.0:
        return None
    return power if float(np.max(np.abs(u**power - rise))) <= _FIT else None


def _unless_linear(rise: str) -> str:
    return "" if rise in {"", "linear"} else f"{rise} warm-up"


def _best_fall(y: Array) -> ShapeFit | None:
    """The simplest shape that fits, also if the true peak lies between two steps (its sample is left out)."""
    for shape in SHAPES:
        fit = fit_shape(shape, y)
        if fit.misfit <= _FIT:
            return fit
    late = (_falls_late(shape, y) for shape in SHAPES[:2] if fit_shape(shape, y).misfit <= _ALMOST)
    return next((fit for fit in late if fit is not None), None)


def _falls_late(shape: Shape, y: Array) -> ShapeFit | None:
    """The fit if the true peak lies between two samples, before or after the highest one."""
    for late in _LATE if y.size > _MIN_STEPS else ():
        for samples in (y, y[1:]):
            fit = fit_shape(shape, samples, late=late)
            if fit.misfit <= _FIT:
                return fit
    return None


def _together(  # noqa: PLR0911 - one return for each kind of whole
    y: Array, phases: _Phases, rise: str, fall: ShapeFit, numbers: Numbers
) -> tuple[Evidence, ...]:
    """The name of a rise, a plateau and a fall as a whole."""
    decay = fall.shape.technique
    words = f"{rise or 'no'} rise, plateau {phases.plateau:.0%}, then {decay} (misfit {fall.misfit:.1e})"
    if phases.plateau > _SHORT_PLATEAU and decay == "inverse-sqrt-decay":
        differs = "" if rise else "constant at first"
        return (behaviour(Relation.EQUAL, decay, words, numbers=numbers, differs=differs),)
    if phases.plateau > _SHORT_PLATEAU:
        differs = f"{decay} at the end" if rise else f"no warm-up, {decay} at the end"
        return (behaviour(Relation.SPECIAL_CASE, "wsd-schedule", words, numbers=numbers, differs=differs),)
    if not rise:
        return (_plain_fall(fall, words, numbers),)
    if rise == "cosine" or (
        phases.top >= 0.15 * y.size and y[-1] < 0.5 * y[0] and decay != "inverse-sqrt-decay"
    ):
        relation = (
            Relation.EQUAL if decay in {"cosine-annealing", "linear-decay"} else Relation.REPARAMETRISATION
        )
        return (behaviour(relation, "one-cycle", words, numbers=numbers),)
    if decay == "inverse-sqrt-decay" and abs(fall.horizon / max(phases.top, 1) - 1.0) < 0.25:
        return (behaviour(Relation.EQUAL, "noam-schedule", words, numbers=numbers),)
    parts = ("linear-warmup", decay)
    combined = behaviour(Relation.COMBINATION, decay, words, numbers=numbers, parts=parts)
    if decay == "linear-decay":
        return (behaviour(Relation.EQUAL, "slanted-triangular", words, numbers=numbers), combined)
    return (combined,)


def _plain_fall(fall: ShapeFit, words: str, numbers: Numbers) -> Evidence:
    technique = fall.shape.technique
    if fall.shape.power and technique == "cosine-annealing":
        differs = f"raised to the power {fall.power:.3g}"
        return behaviour(Relation.REPARAMETRISATION, technique, words, numbers=numbers, differs=differs)
    if fall.shape.power:
        differs = f"power {fall.power:.3g}"
        return behaviour(Relation.SPECIAL_CASE, technique, words, numbers=numbers, differs=differs)
    return behaviour(Relation.EQUAL, technique, words, numbers=numbers)


def _numbers(phases: _Phases, fall: ShapeFit | None) -> Numbers:
    base: Numbers = (
        ("rise, share of steps", phases.top / phases.end),
        ("plateau, share of steps", phases.plateau),
    )
    if fall is None:
        return base
    return (*base, ("horizon of the fall", fall.horizon), ("floor", fall.floor), ("misfit", fall.misfit))
