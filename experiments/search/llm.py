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
from itertools import groupby
from typing import Final

from experiments.llm import AnswerError, Client, Json, Message
from experiments.recipe import Recipe

from .answers import answer_recipe, answer_schema, describe_space, searched
from .candidates import Known, Workshop
from .prompts import prompt
from .proposer import Briefing, Lesson, Proposal, Trial
from .quoting import Field, fill, quoted

__all__ = ["LanguageModel"]

_ROOM: Final = 12_000  # characters of data in a prompt, about 4,000 tokens; small local models have 8,192
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
            budget=_budget(briefing),
            space="\n".join(describe_space(briefing)),
            data="\n".join(line for group in fill(_data(briefing), self._room) for line in group),
            code=f"{rng.getrandbits(64):016x}",
        )
        return [Message("system", prompt("system").substitute()), Message("user", question)]

    def _proposal(self, value: dict[str, Json], briefing: Briefing, workshop: Workshop) -> Proposal:
        recipe = answer_recipe(value, briefing)
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


def _data(briefing: Briefing) -> list[Iterator[str]]:
    """Groups of lines, the most telling first in each."""
    best = sorted(briefing.history, key=lambda t: -math.inf if t.effect is None else t.effect, reverse=True)
    return [
        iter([quoted("reference", _said(briefing, briefing.track.reference))]),
        (_trial_line("confirmed by the swarm", trial, briefing) for trial in briefing.pool),
        (_trial_line("own trial", trial, briefing) for trial in best),
        *_lessons(briefing.lessons),
        (quoted("claimed by a peer", _said(briefing, recipe)) for recipe in briefing.open_claims),
    ]


def _lessons(lessons: tuple[Lesson, ...]) -> Iterator[Iterator[str]]:
    """A group for each kind, so that many dead ends do not crowd out the one cause."""
    for kind, group in groupby(sorted(lessons, key=lambda lesson: lesson.kind), lambda lesson: lesson.kind):
        yield iter([quoted(kind, {"lesson": lesson.text}) for lesson in group])


def _budget(briefing: Briefing) -> str:
    """What one trial may use."""
    return ", ".join(f"{name} {amount!r}" for name, amount in sorted(briefing.track.manifest.budget.items()))


def _said(briefing: Briefing, recipe: Recipe) -> dict[str, Field]:
    slots, settings = searched(briefing)
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
