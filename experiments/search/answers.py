"""What a model may answer about a track, in a schema, in words, and as a recipe.

The schema holds no free numbers (`scales`), so whoever enforces it can only be wrong about expressions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from experiments.llm import AnswerError, Json, Object, OneOf, Text
from experiments.llm.schema import JsonSchema
from experiments.recipe import Recipe
from experiments.space import Choice, FloatRange, IntRange, Setting, Slot, Switch
from leaderboard.errors import PeerError

from .proposer import Briefing
from .scales import effect_scale, range_scale

__all__ = ["answer_recipe", "answer_schema", "describe_space", "searched"]

_MAX_EXPRESSION: Final = 400


def answer_schema(briefing: Briefing) -> Object:
    """What an answer looks like on this track."""
    manifest = briefing.track.manifest
    fields: dict[str, JsonSchema] = {
        "hypothesis": Text(300),
        "mechanism": Text(600),
        "predicted_effect": effect_scale(manifest.delta_min, manifest.effect_bound),
    }
    slots, settings = searched(briefing)
    if slots:
        fields["slots"] = Object({slot.name: Text(_MAX_EXPRESSION) for slot in slots})
    if settings:
        fields["settings"] = Object({setting.name: _value_schema(setting) for setting in settings})
    return Object(fields)


def searched(briefing: Briefing) -> tuple[list[Slot], list[Setting]]:
    """The slots and the settings to explore."""
    space, names = briefing.track.space, briefing.searched
    return (
        [slot for slot in space.slots if slot.name in names],
        [setting for setting in space.settings if setting.name in names],
    )


def _value_schema(setting: Setting) -> JsonSchema:
    match setting.domain:
        case FloatRange() | IntRange() as domain:
            return range_scale(domain)
        case Choice(options):
            return OneOf(options)
        case Switch():
            return OneOf((False, True))


def answer_recipe(value: dict[str, Json], briefing: Briefing) -> Recipe:
    """The recipe that an answer of this schema says; AnswerError with what is wrong if it says none."""
    reference = briefing.track.reference
    slots, settings = value.get("slots"), value.get("settings")
    said = {
        "slots": {**dict(reference.slots), **(slots if isinstance(slots, dict) else {})},
        "settings": {**dict(reference.settings), **(settings if isinstance(settings, dict) else {})},
    }
    try:
        return Recipe.complete(briefing.track.space, said["settings"], said["slots"])
    except PeerError as error:
        raise AnswerError("recipe", str(error)) from error


def describe_space(briefing: Briefing) -> Iterator[str]:
    """What may be varied, a line each."""
    slots, settings = searched(briefing)
    for slot in slots:
        yield f"- slot {slot.name}, an expression in {', '.join(slot.variables)}: {slot.purpose}"
    for setting in settings:
        domain = _describe_domain(setting)
        yield f"- setting {setting.name} ({domain}): {setting.purpose}"


def _describe_domain(setting: Setting) -> str:
    match setting.domain:
        case FloatRange(low, high, log):
            return f"a number from {low:g} to {high:g}{', its order of magnitude matters' if log else ''}"
        case IntRange(low, high):
            return f"an integer from {low} to {high}"
        case Choice(options):
            return "one of " + ", ".join(options)
        case Switch():
            return "true or false"
