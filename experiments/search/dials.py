"""The numbers of a recipe that a numeric optimiser can turn: settings, and the power law of a slot.

For a slot whose values are scales the family is `c * x**a * y**b * ...` over the variables that are positive
at all of the slot's points: with logarithms a linear model, the plainest skeleton there is. Whether a tried
recipe belongs to the family is asked of its behaviour, by regression, so it does not matter how it was
written. Slots whose values are no scales have no such family here; they stay as in the base recipe.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from experiments.expr import Binary, Expr, Num, Var, parse
from experiments.recipe import Recipe
from experiments.space import Choice, FloatRange, IntRange, Scalar, Setting, Slot, Switch
from experiments.track import Track

from .grammar import round_to
from .region import Region, Table

__all__ = ["Dial", "Dials"]

_EXPONENTS: Final = 2.0  # powers from -2 to 2; a guess
_DIGITS: Final = 4  # of the numbers that are written into an expression
_FIT: Final = 1e-3  # largest residual, in logarithms, of a behaviour that counts as a power law


@dataclass(frozen=True, slots=True)
class Dial:
    """One number or choice: its place in the recipe and its domain."""

    key: str
    """`setting:NAME`, or `slot:NAME:PART` where the part is `scale` or a variable's exponent."""
    domain: FloatRange | IntRange | Choice | Switch


class Dials:
    """All dials of the searched parts of a track; `laws=False` leaves the slots as they are."""

    def __init__(self, track: Track, searched: tuple[str, ...], *, laws: bool = True) -> None:
        self._track = track
        self._settings = [setting for setting in track.space.settings if setting.name in searched]
        slots = [(slot, Region.of(slot)) for slot in track.space.slots if laws and slot.name in searched]
        self._laws = [_PowerLaw(slot, region) for slot, region in slots if region.positive]
        self.all = (
            *(_setting_dial(setting) for setting in self._settings),
            *(dial for law in self._laws for dial in law.dials),
        )

    def read(self, recipe: Recipe) -> dict[str, Scalar] | None:
        """The positions of the dials; None if a slot's behaviour is outside of the family."""
        said = dict(recipe.settings)
        values: dict[str, Scalar] = {f"setting:{s.name}": said[s.name] for s in self._settings}
        for law in self._laws:
            read = law.read(recipe.slot(law.slot.name))
            if read is None:
                return None
            values.update(read)
        return values

    def write(self, values: Mapping[str, Scalar], base: Recipe) -> Recipe | None:
        """The base with the dials turned; None if a law leaves the slot's range."""
        settings = {**dict(base.settings), **{s.name: values[f"setting:{s.name}"] for s in self._settings}}
        slots: dict[str, str] = dict(base.slots)
        for law in self._laws:
            expr = law.write(values)
            if not law.region.sensible(law.region.values(expr)):
                return None
            slots[law.slot.name] = str(expr)
        return Recipe.complete(self._track.space, settings, slots, base.program)


def _setting_dial(setting: Setting) -> Dial:
    return Dial(f"setting:{setting.name}", setting.domain)


class _PowerLaw:
    """scale * product of variable**exponent."""

    def __init__(self, slot: Slot, region: Region) -> None:
        self.slot = slot
        self.region = region
        self._names = [name for name in region.variables if region.columns[name].min() > 0.0]
        columns = [np.log(region.columns[name]) for name in self._names]
        self._design: Table = np.stack([np.ones(region.points), *columns], axis=1)
        exponents = FloatRange(-_EXPONENTS, _EXPONENTS)
        # The scale is that of the law at the mean of the logarithms, so that it does not fight the exponents.
        self._centre: Table = self._design[:, 1:].mean(axis=0)
        self.dials = (
            Dial(self._key("scale"), FloatRange(region.low, region.high, log=True)),
            *(Dial(self._key(name), exponents) for name in self._names),
        )

    def _key(self, part: str) -> str:
        return f"slot:{self.slot.name}:{part}"

    def read(self, text: str) -> dict[str, Scalar] | None:
        table = self.region.values(parse(text, self.slot.variables))
        if not self.region.sensible(table):
            return None
        logs = np.log(table)
        solution = np.linalg.lstsq(self._design, logs, rcond=None)[0]
        if float(np.abs(self._design @ solution - logs).max()) > _FIT:
            return None
        exponents = np.clip(solution[1:], -_EXPONENTS, _EXPONENTS)
        scale = math.exp(float(solution[0] + exponents @ self._centre))
        found: dict[str, Scalar] = {self._key("scale"): min(max(scale, self.region.low), self.region.high)}
        found.update((self._key(n), float(e)) for n, e in zip(self._names, exponents, strict=True))
        return found

    def write(self, values: Mapping[str, Scalar]) -> Expr:
        exponents = [float(values[self._key(name)]) for name in self._names]
        scale = float(values[self._key("scale")]) * math.exp(-float(np.array(exponents) @ self._centre))
        expr: Expr = Num(round_to(scale, _DIGITS))
        for name, exponent in zip(self._names, exponents, strict=True):
            expr = Binary("*", expr, Binary("**", Var(name), Num(round_to(exponent, _DIGITS))))
        return expr
