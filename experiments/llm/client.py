"""Asking a model for an object: budget, ladder, stream, checks, one re-ask.

One request at a time per endpoint (local servers queue in silence and their time-outs would count the queue).
An answer that fails the local check is sent back once with the error; a second failure is an AnswerError, and
the caller records the attempt as failed. A busy endpoint is asked again after what it says in Retry-After,
if that fits into the deadline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import trio

from .answer import check_context
from .budget import Budget, Limits, Price
from .completion import Completion, Usage
from .dialect import Dialect
from .errors import AnswerError, AuthError, Unavailable, UnsupportedError
from .http import Wire
from .ladder import Form, Message, Rung, find_rung
from .schema import Json, Object

__all__ = ["Answer", "Capability", "Client", "Settings"]

T = TypeVar("T")

_MESSAGE_TOKENS: Final = 16  # framing of one message; an upper bound of the templates that we know
_SHORTEST_WAIT_S: Final = 0.2  # against an endpoint that says to come back at once, again and again
_SHOWN: Final = 2000  # characters of a failed answer that go back to the model


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is used."""

    model: str
    max_tokens: int = 2048
    temperature: float = 0.7
    deadline_s: float = 180.0
    """For one question, waiting and re-asking included."""
    price: Price = field(default_factory=Price)


@dataclass(frozen=True, slots=True)
class Capability:
    """What the probe found out."""

    rung: Rung
    enforced: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer cost, and what the model thought on the way."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    reasoning: str = ""


@dataclass(slots=True)
class _Tally:
    """What one question has cost so far."""

    requests: int = 0
    prompt: int = 0
    completion: int = 0


class Client:
    """One model at one endpoint; use it from one trio run."""

    def __init__(
        self,
        wire: Wire,
        settings: Settings,
        *,
        budget: Budget | None = None,
        capability: Capability | None = None,
    ) -> None:
        self.settings = settings
        self._wire = wire
        self._budget = budget or Budget(Limits(), time.time)
        self._capability = capability
        self._dialect = Dialect()
        self._turn = trio.CapacityLimiter(1)

    @property
    def url(self) -> str:
        """The endpoint's base URL."""
        return self._wire.url

    async def probe(self) -> Capability:
        """What the endpoint can do; asked at the first call, remembered afterwards."""
        with self._deadline():
            async with self._turn:
                return await self._known_capability(_Tally())

    async def ask(
        self, messages: Sequence[Message], schema: Object, check: Callable[[dict[str, Json]], T]
    ) -> tuple[T, Answer]:
        """An object that matches the schema and passes `check` (which raises AnswerError to refuse it).

        Raises AnswerError after a failed re-ask, Unavailable past the deadline, BudgetSpent, AuthError.
        """
        start, tally = time.monotonic(), _Tally()
        with self._deadline():
            async with self._turn:
                capability = await self._known_capability(tally)
                form = Form(schema, capability.rung)
                first = form.messages(messages)
                completion = await self._send(first, form, self.settings.max_tokens, tally)
                try:
                    found = check(_read(form, first, completion))
                except AnswerError as error:
                    again = [*first, *_complaint(completion, error)]
                    completion = await self._send(again, form, self.settings.max_tokens, tally)
                    found = check(_read(form, again, completion))
        seconds = time.monotonic() - start
        return found, Answer(tally.requests, tally.prompt, tally.completion, seconds, completion.reasoning)

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        try:
            with trio.fail_after(self.settings.deadline_s):
                yield
        except trio.TooSlowError as error:
            raise Unavailable(f"{self.url} did not answer within {self.settings.deadline_s:g} s") from error

    async def _known_capability(self, tally: _Tally) -> Capability:
        if self._capability is None:
            found = await find_rung(partial(self._send, tally=tally), self.settings.max_tokens)
            self._capability = Capability(*found)
        return self._capability

    async def _send(
        self, messages: Sequence[Message], form: Form, max_tokens: int, tally: _Tally
    ) -> Completion:
        """One completion; where the endpoint is busy and says for how long, once more after that.

        So too, in other words, where it does not know a parameter.
        """
        while True:
            try:
                return await self._send_once(messages, form, max_tokens, tally)
            except UnsupportedError as error:
                learned = self._dialect.corrected(str(error))
                if learned is None:
                    self._capability = None  # another server may have taken its place: probe again
                    raise
                self._dialect = learned
            except Unavailable as error:
                if error.retry_after_s is None:
                    raise
                wait = max(error.retry_after_s, _SHORTEST_WAIT_S)
                if trio.current_time() + wait >= trio.current_effective_deadline():
                    raise
                await trio.sleep(wait)

    async def _send_once(
        self, messages: Sequence[Message], form: Form, max_tokens: int, tally: _Tally
    ) -> Completion:
        """One request within the budget."""
        settings, price = self.settings, self.settings.price
        most = sum(len(m.content.encode()) + _MESSAGE_TOKENS for m in messages) + len(form.text)
        left = trio.current_effective_deadline() - trio.current_time()
        reserved = self._budget.reserve(most + max_tokens, price.of(most, max_tokens), left)
        plain = form.body(messages, max_tokens)
        body = self._dialect.spoken({"model": settings.model, "temperature": settings.temperature, **plain})
        usage, start = Usage(), time.monotonic()
        tally.requests += 1
        try:
            completion = await self._wire.chat(body)
            usage = completion.usage
            return completion
        except (AuthError, UnsupportedError):
            usage = Usage(0, 0)
            raise
        except Unavailable as error:
            usage = usage if error.began else Usage(0, 0)
            raise
        finally:
            prompt = most if usage.prompt is None else usage.prompt
            made = max_tokens if usage.completion is None else usage.completion
            tally.prompt += prompt
            tally.completion += made
            self._budget.settle(reserved, prompt + made, price.of(prompt, made), time.monotonic() - start)


def _read(form: Form, messages: Sequence[Message], completion: Completion) -> dict[str, Json]:
    check_context(sum(len(m.content) for m in messages), completion.usage.prompt)
    return form.schema.check(form.read(completion))


def _complaint(completion: Completion, error: AnswerError) -> list[Message]:
    """The failed answer and what is wrong with it. What was thought or cut off is not sent back."""
    if error.kind in ("truncated", "empty", "context", "filtered"):
        return [Message("user", f"Your answer could not be used: {error}. Answer again, shorter.")]
    said = (completion.arguments or completion.content)[:_SHOWN]
    advice = "Answer again with a corrected JSON object."
    return [Message("assistant", said), Message("user", f"Your answer could not be used: {error}. {advice}")]
