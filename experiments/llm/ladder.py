"""How an endpoint can be made to answer in a given form, from the strongest way to the weakest.

HTTP 200 proves nothing: servers that ignore a schema say 200 too. So each rung is tried with a *nonce probe*:
a schema whose only legal value is a random word that is not in the prompt. Where the word comes back, the
schema was enforced (or, on the rungs that show the schema to the model, followed). Refusals of the form
(HTTP 400 and the like) lead a rung down; a busy or silent endpoint is no evidence and ends the probing.

The last rung only asks for JSON in words; whatever the rung, every answer is checked here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from .answer import final_text, is_thinking
from .completion import Completion
from .errors import AnswerError
from .schema import Json, Object, OneOf, read_json

__all__ = ["Form", "Message", "Rung", "find_rung"]


class Rung(StrEnum):
    """Ways of asking for JSON, strongest first."""

    JSON_SCHEMA = "json_schema"
    OBJECT_WITH_SCHEMA = "json_object+schema"
    TOOL_CALL = "tool_call"
    OBJECT = "json_object"
    PROMPT = "prompt"


# On these the schema stands in the prompt, because nothing else tells the model.
_IN_WORDS: Final = frozenset({Rung.OBJECT, Rung.PROMPT})
_PROBE_TOKENS: Final = 256  # to repeat a word; who is still thinking then gets as many as for an answer
_TOOL: Final = "answer"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


@dataclass(frozen=True, slots=True)
class Form:
    """A schema, asked for on a rung: how the request looks and how the answer is read."""

    schema: Object
    rung: Rung

    def messages(self, messages: Sequence[Message]) -> list[Message]:
        """The messages, with the schema in words where the rung has no other place for it."""
        if self.rung not in _IN_WORDS:
            return list(messages)
        words = "Answer with one JSON object and nothing else. It must match this JSON Schema:\n"
        return [*messages, Message("user", words + self.text)]

    @property
    def text(self) -> str:
        """The schema as text."""
        return json.dumps(self.schema.schema(), separators=(",", ":"))

    def body(self, messages: Sequence[Message], max_tokens: int) -> dict[str, Json]:
        """The part of a request that does not depend on the model; messages come from `messages`."""
        return {
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_tokens": max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            **_form(self.schema.schema(), self.rung),
        }

    def read(self, completion: Completion) -> Json:
        """The answer as JSON, not yet checked against the schema; AnswerError for one that is cut off."""
        tool_call = self.rung is Rung.TOOL_CALL
        return read_json(final_text(completion, tool_call, fenced=self.rung in _IN_WORDS))


def _form(schema: dict[str, Json], rung: Rung) -> dict[str, Json]:
    match rung:
        case Rung.JSON_SCHEMA:
            described: Json = {"name": _TOOL, "strict": True, "schema": schema}
            return {"response_format": {"type": "json_schema", "json_schema": described}}
        case Rung.OBJECT_WITH_SCHEMA:
            return {"response_format": {"type": "json_object", "schema": schema}}
        case Rung.TOOL_CALL:
            tool: Json = {"type": "function", "function": {"name": _TOOL, "parameters": schema}}
            return {"tools": [tool], "tool_choice": {"type": "function", "function": {"name": _TOOL}}}
        case Rung.OBJECT:
            return {"response_format": {"type": "json_object"}}
        case Rung.PROMPT:
            return {}


Ask: TypeAlias = "Callable[[Sequence[Message], Form, int], Awaitable[Completion]]"
"""Sends one request, with so many tokens for the answer."""


async def find_rung(ask: Ask, most: int) -> tuple[Rung, bool]:
    """The strongest rung on which the endpoint repeats the nonce, and whether it enforces the schema.

    Without any success the lowest rung, unenforced, if the model has said something at all on any; else the
    last AnswerError: whoever answers each question with an error page is no model. Unavailable and AuthError
    pass through. `most` tokens are for a model that was still thinking at the end of the few that a word
    takes; if it still is, no other rung will help it.
    """
    trouble: AnswerError | None = None
    speaks = False
    for rung in Rung:
        try:
            if await _repeats_nonce(ask, rung, most):
                return rung, rung not in _IN_WORDS
            speaks = True
        except AnswerError as error:
            if error.kind == "thinking":
                raise
            trouble = error
    if trouble is not None and not speaks:
        raise trouble
    return Rung.PROMPT, False


async def _repeats_nonce(ask: Ask, rung: Rung, most: int) -> bool:
    """False if the model says something else; AnswerError if it says nothing."""
    nonce = "w" + secrets.token_hex(6)
    form = Form(Object({"word": OneOf((nonce,))}), rung)
    question = form.messages([Message("user", "Answer with a JSON object that has the one field word.")])
    answer = await ask(question, form, _PROBE_TOKENS)
    if is_thinking(answer) and most > _PROBE_TOKENS:
        answer = await ask(question, form, most)
        if is_thinking(answer):
            raise AnswerError("thinking", f"the model still thought after {most} tokens; allow it more")
    try:
        return form.read(answer) == {"word": nonce}
    except AnswerError as error:
        if error.kind == "filtered" or not (answer.content.strip() or answer.arguments):
            raise
        return False
