"""Leave one out: what a recipe loses when one of its changes is undone.

A change is a setting, a slot or the program that differs from the baseline. The whole recipe meets itself
without that change on paired seeds. Its own runs recur from change to change and come from the device's
cache, so k changes on n seeds cost (k + 1) n runs.

What this does not say: changes may need each other. Where two of them gain only together, each seems to carry
the whole gain; where either suffices, neither seems to matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from leaderboard.ablation import Change
from leaderboard.measurement import Measurement

from ..recipe import Recipe
from ..track import Track
from .outcome import OnProgress

__all__ = ["MeasuresPairs", "differences", "measure_changes"]

V = TypeVar("V")


class MeasuresPairs(Protocol):
    """What an ablation needs of a device."""

    async def measure(
        self,
        track: Track,
        recipe: Recipe,
        opponent: Recipe,
        seeds: Sequence[int],
        *,
        gate: bool = True,
        on_progress: OnProgress | None = None,
    ) -> Measurement:
        """Paired values of recipe and opponent; repeated runs of the opponent may come from a cache."""


def differences(recipe: Recipe, baseline: Recipe) -> tuple[tuple[str, Recipe], ...]:
    """Every change of `recipe` from `baseline` by name, with the recipe that lacks it; sorted by name.

    A name that is both a setting and a slot says which of the two it means.
    """
    found: list[tuple[str, Recipe]] = []
    if recipe.program != baseline.program:
        found.append(("program", replace(recipe, program=baseline.program)))
    slots = {name for name, _ in recipe.slots}
    shared = slots & {name for name, _ in recipe.settings}
    for name, before in _changed(recipe.slots, baseline.slots):
        undone = _with(recipe.slots, name, before)
        found.append((f"{name} (slot)" if name in shared else name, replace(recipe, slots=undone)))
    for name, value in _changed(recipe.settings, baseline.settings):
        restored = _with(recipe.settings, name, value)
        found.append((f"{name} (setting)" if name in shared else name, replace(recipe, settings=restored)))
    return tuple(sorted(found, key=lambda item: item[0]))


async def measure_changes(
    device: MeasuresPairs,
    track: Track,
    recipe: Recipe,
    baseline: Recipe,
    seeds: Sequence[int],
    *,
    on_progress: OnProgress | None = None,
) -> tuple[Change, ...]:
    """Each change of `recipe` from `baseline`, measured: the recipe against itself without it."""
    changes = []
    for name, without in differences(recipe, baseline):
        # The whole recipe stands where the device caches, and the sides are exchanged afterwards.
        found = await device.measure(track, without, recipe, seeds, gate=False, on_progress=on_progress)
        whole = replace(found, candidate=found.opponent, opponent=found.candidate)
        changes.append(Change(name, without.to_payload(), whole))
    return tuple(changes)


def _changed(ours: Sequence[tuple[str, V]], theirs: Sequence[tuple[str, V]]) -> list[tuple[str, V]]:
    """Names whose values differ, with the baseline's value."""
    known = dict(theirs)
    return [(name, known[name]) for name, value in ours if known[name] != value]


def _with(items: Sequence[tuple[str, V]], changed: str, value: V) -> tuple[tuple[str, V], ...]:
    return tuple((name, value if name == changed else old) for name, old in items)
