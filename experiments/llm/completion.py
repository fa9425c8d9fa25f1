"""What came back from a model, put together from the events of a stream or from one document.

Endpoints differ in where they put things (`delta` or `message`, `reasoning_content` or `reasoning`) and in
what they leave out; whatever is not of the kind it should be counts as absent. Texts are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .errors import AnswerError
from .schema import Json

__all__ = ["NO_COMPLETION", "Completion", "Usage"]

NO_COMPLETION: Final = "the endpoint answered with something that is no completion; does its URL end in /v1?"
_MAX_TEXT: Final = 256 * 1024  # characters of content, of reasoning, of arguments
_MAX_FINGERPRINT: Final = 128
_MAX_FINISH: Final = 32


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint counts them; None where it says nothing."""

    prompt: int | None = None
    completion: int | None = None


@dataclass(slots=True)
class Completion:
    """What came back: the text, the reasoning apart from it, arguments of a tool call."""

    content: str = ""
    reasoning: str = ""
    arguments: str = ""
    finish: str | None = None
    usage: Usage = field(default_factory=Usage)
    fingerprint: str = ""

    @classmethod
    def of(cls, document: Json) -> Completion:
        """A completion that came in one piece: its message is one large delta."""
        found = cls()
        found.add(document)
        if found.finish is None and not (found.content or found.arguments):
            raise AnswerError("garbage", NO_COMPLETION)
        return found

    def add(self, event: Json) -> None:
        """Append what one event of a stream says; AnswerError if it is none, an error, or too much."""
        if not isinstance(event, dict):
            raise AnswerError("garbage", "an event of the stream is no object")
        if event.get("error"):
            raise AnswerError("error", f"the endpoint reports an error in its answer: {event['error']}")
        fingerprint = event.get("system_fingerprint")
        if isinstance(fingerprint, str):
            self.fingerprint = fingerprint[:_MAX_FINGERPRINT]
        self.usage = _usage(event.get("usage")) or self.usage
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return
        finish = choice.get("finish_reason")
        if isinstance(finish, str):
            self.finish = finish[:_MAX_FINISH]
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._add_delta(delta)

    def _add_delta(self, delta: dict[str, Json]) -> None:
        self.content += _string(delta.get("content"))
        self.reasoning += _string(delta.get("reasoning_content")) or _string(delta.get("reasoning"))
        calls = delta.get("tool_calls")
        call = calls[0] if isinstance(calls, list) and calls else None
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            self.arguments += _string(function.get("arguments"))
        if max(len(self.content), len(self.reasoning), len(self.arguments)) > _MAX_TEXT:
            raise AnswerError("too_large", f"the answer is longer than {_MAX_TEXT} characters")


def _string(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _usage(value: Json) -> Usage | None:
    if not isinstance(value, dict):
        return None

    def count(name: str) -> int | None:
        number = value.get(name)
        return number if type(number) is int and 0 <= number < 2**40 else None

    return Usage(count("prompt_tokens"), count("completion_tokens"))
