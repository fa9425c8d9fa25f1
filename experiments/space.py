"""What a recipe of a track may say: settings with their ranges, and slots with the variables they see.

A space is part of the track's manifest (`describe`), read by people and by proposers alike.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from leaderboard.codec import ValueMap
from leaderboard.errors import PeerError

from .expr import parse

__all__ = [
    "Choice",
    "Domain",
    "FloatRange",
    "IntRange",
    "RecipeError",
    "Scalar",
    "Setting",
    "Slot",
    "Space",
    "Switch",
    "nearest",
]

Scalar: TypeAlias = "int | float | str | bool"

_MAX_SHOWN: Final = 32  # characters of a foreign name that an error repeats


class RecipeError(PeerError):
    """A recipe that does not fit its track's space."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A short advice that names the known key closest to `name`."""
    names = sorted(known)
    close = difflib.get_close_matches(name[:64], names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names) or 'none'}"


@dataclass(frozen=True, slots=True)
class FloatRange:
    """A real number from low to high, both included; `log` says that its order of magnitude matters."""

    low: float
    high: float
    log: bool = False

    def read(self, name: str, value: object) -> float:
        """The value as the canonical float; RecipeError if it is no number or outside."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RecipeError(f"{name} must be a number from {self.low} to {self.high}")
        if not self.low <= value <= self.high:  # also refuses NaN, and integers too large for a float
            raise RecipeError(f"{name} must lie between {self.low} and {self.high}")
        return float(value) + 0.0  # -0.0 becomes 0.0: one encoding per value

    def describe(self) -> ValueMap:
        return {"kind": "float", "low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True, slots=True)
class IntRange:
    """An integer from low to high, both included."""

    low: int
    high: int
    log: bool = False

    def read(self, name: str, value: object) -> int:
        """The value as an integer; RecipeError if it is none or outside."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise RecipeError(f"{name} must be an integer from {self.low} to {self.high}")
        if not self.low <= value <= self.high:
            raise RecipeError(f"{name} must lie between {self.low} and {self.high}")
        return value

    def describe(self) -> ValueMap:
        return {"kind": "int", "low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    options: tuple[str, ...]

    def read(self, name: str, value: object) -> str:
        """The option; RecipeError with the nearest one for anything else."""
        if not isinstance(value, str) or value not in self.options:
            shown = str(value)[:_MAX_SHOWN] if isinstance(value, str | int | float) else type(value).__name__
            raise RecipeError(f"{name} cannot be {shown!r}; {nearest(shown, self.options)}")
        return value

    def describe(self) -> ValueMap:
        return {"kind": "choice", "options": self.options}


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false."""

    def read(self, name: str, value: object) -> bool:
        """The value; RecipeError if it is not a truth value."""
        if not isinstance(value, bool):
            raise RecipeError(f"{name} must be true or false")
        return value

    def describe(self) -> ValueMap:
        return {"kind": "switch"}


Domain: TypeAlias = "FloatRange | IntRange | Choice | Switch"


@dataclass(frozen=True, slots=True)
class Setting:
    """A named, typed value of a recipe."""

    name: str
    domain: Domain
    purpose: str
    searched: bool = True
    """Do searches vary it unless told otherwise? A hint, not part of the contest."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for an expression, and the variables that it may use."""

    name: str
    variables: tuple[str, ...]
    purpose: str
    low: float = -math.inf
    high: float = math.inf
    """Values outside cannot be meant: searches stay inside, people need not. A hint like the next two."""
    points: tuple[tuple[float, ...], ...] = ()
    """Rows of the variables as trials meet them: where searches compare how expressions behave."""
    searched: bool = True
    """Do searches vary it unless told otherwise?"""

    def read(self, value: object) -> str:
        """The canonical text of an expression for this slot; PeerError if it is none."""
        if not isinstance(value, str):
            raise RecipeError(f"{self.name} must be an expression in {', '.join(self.variables)}, as text")
        try:
            return parse(value, self.variables).canonical()
        except PeerError as error:
            raise RecipeError(f"{self.name}: {error}") from error


@dataclass(frozen=True, slots=True)
class Space:
    """All settings and slots of a track."""

    settings: tuple[Setting, ...]
    slots: tuple[Slot, ...]
    programs: bool = False
    """May a recipe carry a program? Such recipes need a sandbox, so most tracks say no."""

    def __post_init__(self) -> None:
        # A setting and a slot may share a name (a step size and its schedule); two of a kind may not.
        for names in ([s.name for s in self.settings], [s.name for s in self.slots]):
            if len(set(names)) != len(names):
                raise RecipeError("a space names one of its keys twice")

    def setting(self, name: str) -> Setting:
        """The setting of that name; RecipeError names the nearest one."""
        for setting in self.settings:
            if setting.name == name:
                return setting
        known = (setting.name for setting in self.settings)
        raise RecipeError(f"unknown setting {name[:_MAX_SHOWN]!r}; {nearest(name, known)}")

    def slot(self, name: str) -> Slot:
        """The slot of that name; RecipeError names the nearest one."""
        for slot in self.slots:
            if slot.name == name:
                return slot
        known = (slot.name for slot in self.slots)
        raise RecipeError(f"unknown slot {name[:_MAX_SHOWN]!r}; {nearest(name, known)}")

    def describe(self) -> ValueMap:
        """The plain form for the manifest."""
        return {
            "programs": self.programs,
            "settings": {
                setting.name: {"domain": setting.domain.describe(), "purpose": setting.purpose}
                for setting in self.settings
            },
            "slots": {
                slot.name: {"variables": slot.variables, "purpose": slot.purpose} for slot in self.slots
            },
        }
