"""Recognise an initialiser's law from standard deviations over layers.

Every pair of a width law and a depth law is compared in log space: the gain is the median of
`log(std) - log(law)`, the misfit the largest remaining deviation.  Over 27
disguised known laws the misfit was at most 0.013, over odd laws at least 0.147, so 0.02 (2 %) decides; the
simplest law that fits wins.

Degenerate designs are the trap: on layers of one width every law is a constant.  A fit counts only where the
law itself varies over the layers measured; otherwise the answer is `not_probed`, never a name.

`probe_init_law` runs a function of (fan_in, fan_out, depth, layer) on the track's own layers, if it gets
them, and on a wide design of its own.  What the function does on the track's layers decides; the wide
design says whether it does so everywhere.  `probe_init_table` judges bare numbers on their own layers only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from ..verdict import Evidence, Relation
from .init_laws import DEPTH_LAWS, GAIN_TOLERANCE, NAMED_LAWS, WIDTH_LAWS, Layer, NamedLaw, base_std
from .report import Numbers, behaviour, not_probed, unmatched

__all__ = ["InitStd", "StdRow", "probe_init_law", "probe_init_table"]

InitStd = Callable[[int, int, int, int], float]
"""Standard deviation as a function of (fan_in, fan_out, depth, layer), layer counted from 0."""

_FIT = 0.02  # largest log deviation of a law that fits; see the module's measurements
_NEAR = 0.10  # informational only
_SPREAD = 0.25  # a law must vary by this much (log) over the layers before a fit means anything
_MAJORITY = 0.6  # share of layers that must agree before the rest are called exceptions
_SIGMAS = 3.0  # allowance for sampling noise, in standard errors of a log standard deviation

_FANS = (24, 40, 96, 160, 384, 1000)
_DEPTHS = (3, 8, 24, 48)


@dataclass(frozen=True, slots=True)
class StdRow:
    """A measured standard deviation; `log_error` is the standard error of its logarithm (0 if exact)."""

    layer: Layer
    std: float
    log_error: float = 0.0


@dataclass(frozen=True, slots=True)
class _Fit:
    width: str
    depth: str
    gain: float
    misfit: float
    spread: float
    exceptions: tuple[int, ...] = ()
    factor: float = 1.0  # of the exceptions, against the law

    @property
    def size(self) -> tuple[int, int]:
        """Fewer moving parts first: exceptions, then a depth law."""
        return (len(self.exceptions), 0 if self.depth == "" else 1)


def probe_init_law(std: InitStd, own: Sequence[Layer] = ()) -> tuple[Evidence, ...]:
    """Name the law that a function of (fan_in, fan_out, depth, layer) follows; best evidence first.

    `own` are the layers on which the function is really used.  Errors of the function (ArithmeticError,
    ValueError) mark single layers as unusable; with no usable layer the answer is `not_probed`.
    """
    wide = probe_init_table(_evaluate(std, _wide_design()))
    if not own:
        return wide
    here = probe_init_table(_evaluate(std, own))
    if here[0].relation is Relation.NOT_PROBED:
        return wide
    if wide[0].relation is Relation.EQUAL and here[0].relation is not Relation.EQUAL:
        return wide  # a law in the depth, which one track of one depth cannot show
    if here[0].flags and not _same_law(here[0], wide[0]):
        note = "so on this track's layers; it departs from the law elsewhere"
        return (replace(here[0], summary=f"{here[0].summary}; {note}"), *here[1:])
    return here


def probe_init_table(rows: Sequence[StdRow]) -> tuple[Evidence, ...]:
    """Name the law behind measured standard deviations, judged on these layers only."""
    usable = [row for row in rows if math.isfinite(row.std) and row.std >= 0.0]
    if not usable or len(usable) < 0.5 * len(rows):
        return (not_probed("it gave no finite standard deviation on most layers"),)
    if all(row.std == 0.0 for row in usable):
        return (behaviour(Relation.EQUAL, "zero-init-residual", "every weight is zero"),)
    positive = [row for row in usable if row.std > 0.0]
    fits = _fits(positive)
    good = [fit for fit in fits if fit.misfit <= _FIT]
    if not good:
        exceptional = _with_exceptions(positive)
        if exceptional is not None:
            return _named(exceptional, positive)
        return (_unmatched(fits, positive),)
    if _degenerate(good, positive):
        return (not_probed("these layers are too alike to tell one law from another"),)
    return _named(_simplest(good), positive)


# --- measuring ------------------------------------------------------------------------------------------


def _wide_design() -> list[Layer]:
    """Uneven fans, every fan with every other, several depths, first to last layer."""
    pairs = [(i, o) for i, o in product(_FANS, _FANS) if i != o]
    layers = []
    for number, (fan_in, fan_out) in enumerate(pairs):
        depth = _DEPTHS[number % len(_DEPTHS)]
        layers += [Layer(fan_in, fan_out, at, depth) for at in (0, depth // 2, depth - 1)]
    return layers


def _evaluate(std: InitStd, layers: Sequence[Layer]) -> list[StdRow]:
    rows = []
    for layer in layers:
        try:
            value = float(std(layer.fan_in, layer.fan_out, layer.depth, layer.layer))
        except (ArithmeticError, ValueError):
            value = math.nan
        rows.append(StdRow(layer, value))
    return rows


# --- fitting --------------------------------------------------------------------------------------------


def _fits(rows: Sequence[StdRow]) -> list[_Fit]:
    return sorted(
        (_fit(rows, width, depth) for width, depth in product(WIDTH_LAWS, DEPTH_LAWS)),
        key=lambda fit: fit.misfit,
    )


def _fit(rows: Sequence[StdRow], width: str, depth: str) -> _Fit:
    base = np.log([base_std(width, depth, row.layer) for row in rows])
    offset = np.log([row.std for row in rows]) - base
    gain = float(np.median(offset))
    noise = _SIGMAS * np.array([row.log_error for row in rows])
    misfit = float(np.max(np.maximum(np.abs(offset - gain) - noise, 0.0)))
    return _Fit(width, depth, math.exp(gain), misfit, float(np.ptp(base)))


def _simplest(fits: Sequence[_Fit]) -> _Fit:
    """Fewest moving parts first; among equals a canonical gain, then the smallest misfit."""
    return min(fits, key=lambda fit: (fit.size, _canonical(fit) is None, fit.misfit))


def _degenerate(fits: Sequence[_Fit], rows: Sequence[StdRow]) -> bool:
    """Whether the layers cannot separate a constant from a law in the fans."""
    widths = np.log([[row.layer.fan_in, row.layer.fan_out] for row in rows])
    varied = bool(np.all(np.ptp(widths, axis=0) >= _SPREAD))
    constant_fits = any(fit.width == "constant" and fit.depth == "" for fit in fits)
    others_fit = any(fit.width != "constant" for fit in fits)
    return not varied if constant_fits else others_fit and all(fit.spread < _SPREAD for fit in fits)


def _with_exceptions(rows: Sequence[StdRow]) -> _Fit | None:
    """A named law with its first or its last layers at another scale, one scale for all of those."""
    best: _Fit | None = None
    for width in ("fan_in", "fan_out", "fan_avg", "constant"):
        offset = np.array([math.log(row.std / base_std(width, "", row.layer)) for row in rows])
        noise = _SIGMAS * np.array([row.log_error for row in rows])
        off = np.abs(offset - float(np.median(offset))) > _FIT + noise
        places = tuple(sorted({row.layer.layer for row, out in zip(rows, off, strict=True) if out}))
        kept = [row for row, out in zip(rows, off, strict=True) if not out]
        if len(kept) < max(4, _MAJORITY * len(rows)) or not _at_one_end(places, rows):
            continue
        if float(np.ptp(offset[off])) > _FIT + float(np.max(noise)):
            continue
        refit = _fit(kept, width, "")
        fit = replace(
            refit, exceptions=places, factor=math.exp(float(np.median(offset[off])) - math.log(refit.gain))
        )
        if not _degenerate([fit], kept) and (best is None or len(places) < len(best.exceptions)):
            best = fit
    return best


def _at_one_end(places: Sequence[int], rows: Sequence[StdRow]) -> bool:
    """Whether the places are the first or the last layers, without a gap."""
    layers = sorted({row.layer.layer for row in rows})
    count = len(places)
    return bool(count) and tuple(places) in {tuple(layers[:count]), tuple(layers[-count:])}


# --- naming ---------------------------------------------------------------------------------------------


_FAR = math.log(2.0)
"""Beyond half or twice its canonical gain a law is no variant of a technique any more; a judgement."""


def _canonical(fit: _Fit) -> NamedLaw | None:
    """The named law whose canonical gain this fit has, within 2 %."""
    close = [
        (abs(fit.gain / law.gain - 1.0), at)
        for at, law in enumerate(NAMED_LAWS)
        if (law.width, law.depth) == (fit.width, fit.depth) and law.gain is not None
    ]
    distance, at = min(close, default=(math.inf, 0))
    return NAMED_LAWS[at] if distance <= GAIN_TOLERANCE else None


def _named(fit: _Fit, rows: Sequence[StdRow]) -> tuple[Evidence, ...]:
    numbers = _numbers(fit, rows)
    words = f"std = {fit.gain:.4g} * {_law_text(fit)}, largest deviation {fit.misfit:.2g} (log)"
    exact = _canonical(fit)
    law = exact or _lineage(fit)
    if law is None:
        return (unmatched(f"{words}; no paper names it", numbers),)
    ratio = fit.gain / law.gain if law.gain is not None else None
    differs = _differences(fit, law)
    if ratio is not None and abs(math.log(ratio)) > _FAR:
        # One power of the fans with any constant is a family of laws, not one technique.
        return (behaviour(Relation.NEAR, law.technique, words, numbers=numbers, gain=ratio),)
    if fit.exceptions:
        relation = Relation.REPARAMETRISATION
    elif exact is not None:
        relation = Relation.EQUAL
    else:
        relation = Relation.SPECIAL_CASE if law.gain is None else Relation.REPARAMETRISATION
    return (
        behaviour(
            relation, law.technique, words, numbers=numbers, mode=law.mode, gain=ratio, differs=differs
        ),
    )


def _lineage(fit: _Fit) -> NamedLaw | None:
    """The law's namesake at another gain.

    For fan_in^-1/2 that is LeCun's or He's: He's unless LeCun's gain is more than twice as close (in log),
    because nets that scale this law up or down today are ReLU nets.
    """
    same = [law for law in NAMED_LAWS if (law.width, law.depth) == (fit.width, fit.depth)]
    free = next((law for law in same if law.gain is None), None)
    if free is not None or (fit.width, fit.depth) != ("fan_in", ""):
        return free or next(iter(same), None)
    he, lecun = same[0], same[1]
    far_from_he = abs(math.log(fit.gain / (he.gain or 1.0)))
    return lecun if 2.0 * abs(math.log(fit.gain)) < far_from_he or fit.gain < 1.0 else he


def _differences(fit: _Fit, law: NamedLaw) -> str:
    if fit.exceptions:
        first, last = fit.exceptions[0], fit.exceptions[-1]
        layers = f"layer {first}" if first == last else f"layers {first} to {last}"
        return f"{fit.factor:.2f}x in {layers}"
    if law.gain is None:
        return f"std {fit.gain:.3g}" if (fit.width, fit.depth) == ("constant", "") else f"gain {fit.gain:.3g}"
    return ""


_LAW_TEXT = {
    "constant": "1",
    "fan_in": "fan_in^-1/2",
    "fan_out": "fan_out^-1/2",
    "fan_avg": "((fan_in+fan_out)/2)^-1/2",
    "inverse fan_in": "1/fan_in",
    "spectral": "sqrt(fan_out/fan_in)/(sqrt(fan_in)+sqrt(fan_out))",
    "spectral clipped": "fan_in^-1/2 * min(1, sqrt(fan_out/fan_in))",
}


def _law_text(fit: _Fit) -> str:
    text = _LAW_TEXT[fit.width]
    return f"{text} * {fit.depth}" if fit.depth else text


def _unmatched(fits: Sequence[_Fit], rows: Sequence[StdRow]) -> Evidence:
    """What was measured instead: the closest law and the fitted exponents."""
    best = fits[0]
    exponents = _exponents(rows)
    text = " ".join(f"{name}^{value:+.3f}" for name, value in exponents if abs(value) > 0.005)
    numbers = (*_numbers(best, rows), *((f"exponent of {name}", value) for name, value in exponents))
    summary = (
        f"std ~ {text or 'no power of fans or depth'}; the closest law is off by {best.misfit:.2g} (log)"
    )
    law = _canonical(best) or _lineage(best)
    if best.misfit <= _NEAR and law is not None:
        return behaviour(Relation.NEAR, law.technique, summary, numbers=numbers, mode=law.mode)
    return unmatched(summary, numbers)


def _exponents(rows: Sequence[StdRow]) -> list[tuple[str, float]]:
    """Least-squares exponents of those quantities that vary over the layers."""
    columns = {
        "fan_in": [row.layer.fan_in for row in rows],
        "fan_out": [row.layer.fan_out for row in rows],
        "depth": [row.layer.depth for row in rows],
        "layer": [row.layer.layer + 1 for row in rows],
    }
    varying = {name: np.log(values) for name, values in columns.items() if max(values) > min(values)}
    design = np.column_stack([np.ones(len(rows)), *varying.values()])
    solution = np.linalg.lstsq(design, np.log([row.std for row in rows]), rcond=None)[0]
    return list(zip(varying, (float(value) for value in solution[1:]), strict=True))


def _numbers(fit: _Fit, rows: Sequence[StdRow]) -> Numbers:
    return (
        ("gain", fit.gain),
        ("largest log deviation", fit.misfit),
        ("layers measured", float(len(rows))),
    )


def _same_law(one: Evidence, other: Evidence) -> bool:
    return other.flags and (one.technique, one.mode) == (other.technique, other.mode)
