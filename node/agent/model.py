"""The language model among the proposers: asked within its budget, watched, and never needed.

Whatever fails (nobody there, busy, the key, the budget, an answer of no use), the model is left alone for a
while and somebody else is asked; research goes on with the embedded search. The state line says what is the
matter, so that nobody wonders why a model that was configured has no ideas.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

import structlog

from experiments.llm import AnswerError, AuthError, Budget, BudgetSpent, Client, Unavailable, Wire
from experiments.search.llm import LanguageModel
from experiments.search.proposer import Briefing, Proposal
from leaderboard.errors import LocalError, Refused

from ..api.values import ModelStatus
from ..model_access import model_budget, model_key, model_settings
from ..notebook import Notebook
from ..sections import Llm

__all__ = ["Model", "open_model"]

_CHARACTERS_PER_TOKEN = 3
"""In a briefing: formulas and JSON take more tokens than prose does."""
_PATIENCE = 3
"""Answers of no use in a row: a bandit sees only trials, so it would go on asking who never causes one."""
_FIRST_REST_S = 5.0
_LONGEST_REST_S = 300.0
_AUTH_REST_S = 600.0
"""A key does not mend itself, but a person may have replaced it in its file."""
_BUDGET_REST_S = 60.0


class Model:
    """A language model as a proposer that refuses while there is trouble, and says so."""

    def __init__(
        self,
        config: Llm,
        budget: Budget,
        client: Client | None,
        *,
        trouble: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without a client it always refuses, with `trouble` as the reason."""
        room = config.briefing_tokens * _CHARACTERS_PER_TOKEN
        found = None if client is None else LanguageModel(client, room=room, on_failure=self._failed)
        self.name = "llm/" if found is None else found.name
        self._proposer = found
        self._config = config
        self._budget = budget
        self._trouble = trouble
        self._clock = clock
        self._quiet_until = float("inf") if found is None else 0.0
        self._in_a_row = 0
        self._useless = 0
        self._thinking = 0
        self._asked = 0
        self._ideas = 0
        self._failures: Counter[str] = Counter()
        self._log = structlog.get_logger("model")

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The next recipe, or None if the answer was of no use. Raises Refused while there is trouble."""
        if self._proposer is None or self._clock() < self._quiet_until:
            raise Refused(self._trouble)
        self._asked += 1
        self._thinking += 1
        try:
            proposal = await self._proposer.propose(briefing, rng)
        except (Refused, AuthError) as error:
            self._rest(error)
            raise Refused(self._trouble) from error
        finally:
            self._thinking -= 1
        self._in_a_row, self._trouble = 0, ""
        self._ideas += proposal is not None
        self._useless = 0 if proposal is not None else self._useless + 1
        if self._useless >= _PATIENCE:
            self._quiet(_seconds(self._useless - _PATIENCE), f"{self._useless} answers of no use in a row")
        return proposal

    def _rest(self, error: Refused | AuthError) -> None:
        """Leave the model alone, longer each time."""
        seconds = _seconds(self._in_a_row)
        self._in_a_row += 1
        if isinstance(error, AuthError):
            seconds = _AUTH_REST_S
        elif isinstance(error, BudgetSpent):
            seconds = _BUDGET_REST_S
        elif isinstance(error, Unavailable) and error.retry_after_s is not None:
            seconds = max(seconds, error.retry_after_s)
        self._failures[type(error).__name__] += 1
        self._quiet(seconds, str(error))

    def _quiet(self, seconds: float, trouble: str) -> None:
        self._quiet_until = self._clock() + seconds
        self._trouble = trouble
        self._log.warning("the model rests", seconds=round(seconds), reason=trouble)

    def _failed(self, error: AnswerError) -> None:
        """Count an answer that could not be used, re-asking included."""
        self._failures[error.kind] += 1
        self._log.info("no proposal from the model", kind=error.kind, reason=str(error)[:300])

    def status(self) -> ModelStatus:
        """What a person wants to know of it."""
        spent, config = self._budget.spent, self._config
        return ModelStatus(
            name=config.model,
            endpoint=config.endpoint,
            state=self._state(),
            asked=self._asked,
            ideas=self._ideas,
            failures=dict(self._failures),
            requests=spent.requests,
            requests_per_day=config.requests_per_day,
            tokens=spent.tokens,
            tokens_per_day=config.tokens_per_day,
            dollars=spent.dollars,
            dollars_per_day=config.dollars_per_day,
            seconds=spent.seconds,
            seconds_per_day=config.seconds_per_day,
        )

    def _state(self) -> str:
        if self._trouble:
            return f"resting, the embedded search carries on: {self._trouble}"
        return "thinking" if self._thinking else "ready"


def _seconds(times: int) -> float:
    """How long to rest after trouble that came `times` times before."""
    return min(_FIRST_REST_S * 2.0 ** min(times, 16), _LONGEST_REST_S)


def open_model(config: Llm, notebook: Notebook) -> Model | None:
    """The model that the configuration names; None if it names none. A wrong key does not stop the agent."""
    if not config.endpoint:
        return None
    budget = model_budget(config, notebook)
    try:
        client = Client(Wire(config.endpoint, model_key(config)), model_settings(config), budget=budget)
    except LocalError as error:
        return Model(config, budget, None, trouble=str(error))
    return Model(config, budget, client)
