"""Pictures of a report as inline SVG: no script, no font, no request; colours come from the page's style.

Everything in them is a number or an id; no text of a stranger is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import accumulate
from typing import Final

from leaderboard.board.rows import Row
from leaderboard.ids import to_text

from .book import SHORT, Book
from .sentences import shown

__all__ = ["forest", "progress"]

_WIDTH: Final = 640
_LEFT, _RIGHT = 110, 24
_GUTTER: Final = 64
_LINE: Final = 26
_HEIGHT: Final = 240
_TICKS: Final = 4


def forest(book: Book, rows: Sequence[Row]) -> str:
    """Median and interval of each claim on one axis; empty without rows."""
    found = [row.view for row in rows if row.view.evidence.median is not None]
    if not found:
        return ""
    spans = [view.evidence.interval or (view.evidence.median, view.evidence.median) for view in found]
    values = [0.0, *(value for span in spans for value in span if value is not None)]
    axis = _Axis(min(values), max(values), _LEFT, _WIDTH - _RIGHT)
    height = _LINE * len(found) + 34
    parts = [axis.grid(height - 28)]
    for number, view in enumerate(found):
        y = _LINE * number + 16
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{to_text(view.id)[:SHORT]}</text>')
        if view.evidence.interval is not None:
            low, high = (axis.at(value) for value in view.evidence.interval)
            parts.append(f'<line class="span" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>')
        assert view.evidence.median is not None
        parts.append(f'<circle class="dot" cx="{axis.at(view.evidence.median):.1f}" cy="{y}" r="4.5"/>')
    return _svg(height, parts, f"effects of {len(found)} confirmed claims, {book.manifest.metric}")


def progress(book: Book) -> str:
    """Claims in order of time: what each author measured, and the best that others found so far."""
    views = sorted(book.views, key=lambda view: (view.time_ms, view.id))
    own = [view.evidence.author.median if view.evidence.author else None for view in views]
    others = [view.evidence.median for view in views]
    known = [value for value in (*own, *others) if value is not None]
    if len(known) < 2:
        return ""
    across = _Axis(0.0, float(max(len(views) - 1, 1)), _GUTTER, _WIDTH - _RIGHT)
    up = _Axis(min(0.0, *known), max(known), _HEIGHT - 12, 12)
    parts = [up.rungs(_GUTTER, _WIDTH - _RIGHT)]
    parts += [
        f'<circle class="own" cx="{across.at(n):.1f}" cy="{up.at(value):.1f}" r="2.5"/>'
        for n, value in enumerate(own)
        if value is not None
    ]
    best = accumulate((value if value is not None else float("-inf") for value in others), max)
    steps = [(across.at(n), up.at(value)) for n, value in enumerate(best) if value > float("-inf")]
    if steps:
        path = f"M{steps[0][0]:.1f} {steps[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in steps[1:])
        parts.append(f'<path class="best" d="{path}H{across.at(len(views) - 1):.1f}"/>')
    return _svg(_HEIGHT, parts, "effects of all claims in order of time")


class _Axis:
    """A linear scale from values to places."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._high = low, high if high > low else low + 1.0
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        return self._start + (value - self._low) / (self._high - self._low) * (self._end - self._start)

    def ticks(self) -> list[float]:
        """Round values within the range, about as many as fit."""
        rough = (self._high - self._low) / _TICKS
        ten = 10.0 ** math.floor(math.log10(rough))
        step = next(ten * factor for factor in (1, 2, 5, 10) if ten * factor >= rough)
        first, last = math.ceil(self._low / step - 1e-9), math.floor(self._high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def grid(self, bottom: float) -> str:
        """Vertical lines with their values below."""
        parts = []
        for value in self.ticks():
            x = self.at(value)
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom}"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{shown(value)}</text>')
        return "".join(parts)

    def rungs(self, left: float, right: float) -> str:
        """Horizontal lines with their values on the left."""
        parts = []
        for value in self.ticks():
            y = self.at(value)
            parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{shown(value)}</text>')
        return "".join(parts)


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
