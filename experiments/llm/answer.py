"""From a completion to the text that counts: reasoning is taken away, truncation is found, nothing repaired.

Reasoning comes in its own field or between <think> marks. A <think> that never closes means that the model
ran out of room while thinking: what it was going to say is unknown, and a draft inside is not an answer. An
answer that ended for length is broken even if what there is happens to parse.
"""

from __future__ import annotations

import re
from typing import Final

from .completion import Completion
from .errors import AnswerError

__all__ = ["check_context", "final_text", "is_thinking"]

_OPEN, _CLOSE = "<think>", "</think>"
_FENCE: Final = re.compile(r"\A```(?:json)?[ \t]*\n(.*?)\n?```\Z", re.DOTALL)
_CHARACTERS_PER_TOKEN: Final = (
    10  # no tokenizer that we know needs fewer than a token for ten characters of prose
)


def _without_reasoning(text: str) -> str:
    """The text after the reasoning; AnswerError if the reasoning never ends."""
    if text.count(_OPEN) > text.count(_CLOSE):
        raise AnswerError("truncated", "the model was still thinking at its limit; allow more tokens")
    # Some templates give the opening mark to the prompt, so that only the closing one is in the answer.
    return text.rpartition(_CLOSE)[2].strip()


def is_thinking(completion: Completion) -> bool:
    """Whether an answer ended for length before its reasoning did."""
    if completion.finish != "length" or completion.arguments:
        return False
    said = completion.content
    return said.count(_OPEN) > said.count(_CLOSE) or (bool(completion.reasoning) and not said.strip())


def final_text(completion: Completion, tool_call: bool, *, fenced: bool) -> str:
    """The answer's JSON as text; AnswerError if it is empty or was cut off."""
    if completion.finish == "length":
        raise AnswerError("truncated", "the answer reached the limit of tokens before its end")
    if completion.finish == "content_filter":
        raise AnswerError("filtered", "the endpoint withheld the answer")
    text = completion.arguments.strip() if tool_call else _without_reasoning(completion.content)
    if fenced and (found := _FENCE.match(text)):
        text = found.group(1)
    if not text:
        raise AnswerError("empty", "the model gave no answer")
    return text


def check_context(prompt_characters: int, counted_tokens: int | None) -> None:
    """Did the endpoint read the whole prompt? AnswerError if it counted far fewer tokens than there were."""
    if counted_tokens is not None and 0 < counted_tokens < prompt_characters / _CHARACTERS_PER_TOKEN:
        raise AnswerError(
            "context",
            f"the endpoint read only {counted_tokens} tokens of a prompt of {prompt_characters} characters;"
            " raise its context length",
        )
