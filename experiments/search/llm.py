"""A language model as a researcher: the briefing as a prompt, the answer as a recipe.

The prompt's texts are files in `prompts`. What peers wrote goes in as quoted data (`quoting`). The answer has
to match a schema made from the track's space, to be a recipe of the track, and to behave unlike everything
that was tried; if it does not, the model is told why, once. A second failure is no proposal: it is reported
to `on_failure` for the node to record, and somebody else is asked.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import Final

from experiments.llm import AnswerError, Client, Json, Message, Number, Object, OneOf, Text
from experiments.llm.schema import JsonSchema
from experiments.recipe import Recipe
from experiments.space import Choice, FloatRange, IntRange, Setting, Slot, Switch
from leaderboard.errors import PeerError

from .candidates import Known, Workshop
from .prompts import prompt
from .proposer import Briefing, Proposal, Trial
from .quoting import Field, fill, quoted

__all__ = ["LanguageModel"]

_ROOM: Final = 12_000  # characters of data in a prompt, about 4,000 tokens; small local models have 8,192
_MAX_EXPRESSION: Final = 400
_MAX_NAME: Final = 60


class LanguageModel:
    """A proposer that asks a model."""

    def __init__(
        self, client: Client, *, room: int = _ROOM, on_failure: Callable[[AnswerError], None] | None = None
    ) -> None:
        self._client = client
        self._room = room
        self._on_failure = on_failure
        model = "".join(c if c.isalnum() or c in "-._:/" else "-" for c in client.settings.model)
        self.name = f"llm/{model}"[:_MAX_NAME]

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The next recipe, or None if the model's answers cannot be used.

        Raises Refused if the endpoint is not there or the budget is spent, AuthError if the key is wrong.
        """
        workshop = Workshop(briefing)

        def check(value: dict[str, Json]) -> Proposal:
            return self._proposal(value, briefing, workshop)

        try:
            proposal, _ = await self._client.ask(self.messages(briefing, rng), answer_schema(briefing), check)
        except AnswerError as error:
            if self._on_failure is not None:
                self._on_failure(error)
            return None
        return proposal

    def messages(self, briefing: Briefing, rng: random.Random) -> list[Message]:
        """What the model is asked."""
        manifest = briefing.track.manifest
        question = prompt("question").substitute(
            track=manifest.name,
            question=manifest.question,
            metric=manifest.metric,
            direction="lower" if manifest.direction == "min" else "higher",
            least=f"{manifest.delta_min:g}",
            space="\n".join(_describe_space(briefing)),
            data="\n".join(line for group in fill(_data(briefing), self._room) for line in group),
            code=f"{rng.getrandbits(64):016x}",
        )
        return [Message("system", prompt("system").substitute()), Message("user", question)]

    def _proposal(self, value: dict[str, Json], briefing: Briefing, workshop: Workshop) -> Proposal:
        recipe = _recipe(value, briefing)
        known = workshop.namesake(recipe)
        if known is not None or recipe.id in briefing.taken:
            said = _outcome(known, workshop)
            raise AnswerError("duplicate", f"this behaves like a known recipe ({said}); propose another")
        predicted = value["predicted_effect"]
        return Proposal(
            recipe=recipe,
            hypothesis=str(value["hypothesis"]),
            mechanism=str(value["mechanism"]),
            predicted_effect=float(predicted) if isinstance(predicted, int | float) else None,
            proposer=self.name,
            parents=workshop.ancestors(recipe),
        )


def _outcome(known: Known | None, workshop: Workshop) -> str:
    """What is known of a recipe that need not be tried again."""
    if known is workshop.reference:
        return "the reference"
    if known is None or known.trial is None:
        return "being run by somebody"
    return "it diverged" if known.trial.effect is None else f"its effect was {known.trial.effect:.3g}"


def answer_schema(briefing: Briefing) -> Object:
    """What an answer looks like on this track."""
    bound = briefing.track.manifest.effect_bound
    fields: dict[str, JsonSchema] = {
        "hypothesis": Text(300),
        "mechanism": Text(600),
        "predicted_effect": Number(-bound, bound),
    }
    slots, settings = _searched(briefing)
    if slots:
        fields["slots"] = Object({slot.name: Text(_MAX_EXPRESSION) for slot in slots})
    if settings:
        fields["settings"] = Object({setting.name: _value_schema(setting) for setting in settings})
    return Object(fields)


def _searched(briefing: Briefing) -> tuple[list[Slot], list[Setting]]:
    space, names = briefing.track.space, briefing.searched
    return (
        [slot for slot in space.slots if slot.name in names],
        [setting for setting in space.settings if setting.name in names],
    )


def _value_schema(setting: Setting) -> JsonSchema:
    match setting.domain:
        case FloatRange(low, high):
            return Number(low, high)
        case IntRange(low, high):
            return Number(low, high, integer=True)
        case Choice(options):
            return OneOf(options)
        case Switch():
            return OneOf((False, True))


def _recipe(value: dict[str, Json], briefing: Briefing) -> Recipe:
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


def _describe_space(briefing: Briefing) -> Iterator[str]:
    slots, settings = _searched(briefing)
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


def _data(briefing: Briefing) -> list[Iterator[str]]:
    """Groups of lines, the most telling first in each."""
    best = sorted(briefing.history, key=lambda t: -math.inf if t.effect is None else t.effect, reverse=True)
    return [
        iter([quoted("reference", _said(briefing, briefing.track.reference))]),
        (_trial_line("confirmed by the swarm", trial, briefing) for trial in briefing.pool),
        (_trial_line("own trial", trial, briefing) for trial in best),
        (quoted("lesson", {"text": lesson}) for lesson in briefing.lessons),
        (quoted("running at a peer", _said(briefing, recipe)) for recipe in briefing.open_claims),
    ]


def _said(briefing: Briefing, recipe: Recipe) -> dict[str, Field]:
    slots, settings = _searched(briefing)
    said: dict[str, Field] = {slot.name: recipe.slot(slot.name) for slot in slots}
    for setting in settings:
        said[f"setting {setting.name}"] = recipe.setting(setting.name)
    return said


def _trial_line(kind: str, trial: Trial, briefing: Briefing) -> str:
    fields = _said(briefing, trial.recipe)
    fields["effect"] = "diverged" if trial.effect is None else trial.effect
    fields["seeds"] = trial.seeds
    if trial.interval is not None:
        fields["interval"] = f"{trial.interval[0]:.3g} to {trial.interval[1]:.3g}"
    if trial.standing not in ("measured", "confirmed"):
        fields["standing"] = trial.standing
    if trial.predicted_effect is not None:
        fields["predicted"] = trial.predicted_effect
    if trial.hypothesis:
        fields["hypothesis"] = trial.hypothesis
    return quoted(kind, fields)
