"""A language model as the writer of a report's summary; its sentences are checked like everybody's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources
from typing import Protocol, TypeVar, cast

from experiments.llm import Answer, Array, Json, Message, Object, Text
from leaderboard.ids import to_text

from ..text import clip, visible
from .book import SHORT, TRACK, Book
from .sentences import shown

__all__ = ["Asks", "write_summary"]

T = TypeVar("T")

_MOST_CLAIMS = 8
_MOST_SENTENCES = 8
_LONGEST_QUOTE = 200
_SCHEMA = Object({"sentences": Array(Text(600), _MOST_SENTENCES)})


class Asks(Protocol):
    """What the writer needs of a model's client."""

    async def ask(
        self, messages: Sequence[Message], schema: Object, check: Callable[[dict[str, Json]], T]
    ) -> tuple[T, Answer]:
        """An object of the schema; see `experiments.llm.Client`."""


async def write_summary(client: Asks, book: Book) -> list[str]:
    """Sentences about a track, not yet checked. Raises what `Client.ask` raises."""
    rules = resources.files(__package__).joinpath("writer.md").read_text(encoding="utf-8")
    data = "\n".join(["BEGIN", *_citable(book), "END"])
    found, _ = await client.ask([Message("system", rules), Message("user", data)], _SCHEMA, _sentences)
    return found


def _sentences(answer: dict[str, Json]) -> list[str]:
    return [
        " ".join(sentence.split()) for sentence in cast("list[str]", answer["sentences"]) if sentence.strip()
    ]


def _citable(book: Book) -> list[str]:
    """What may be cited: the track, then its first claims."""
    subjects = [TRACK, *(to_text(row.view.id) for row in book.rows[:_MOST_CLAIMS])]
    lines = []
    for subject in subjects:
        for key in book.keys(subject):
            figure, words = book.figure(key, subject), book.words(key, subject)
            said = (
                shown(figure.value) if figure else clip(visible(words.text), _LONGEST_QUOTE) if words else ""
            )
            lines.append(f"{subject[:SHORT]} {key}: {said}")
    return lines
