"""A report as Markdown: numbers link to the records listed at its end, strangers' words are code spans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from leaderboard.ids import ContentId, to_text

from ..text import clip, visible
from ..views import summary
from .book import SHORT
from .document import Document, Heading, Paragraph, Picture, Table, is_total, totals_told
from .sentences import Cited, Refusal, Sentence, shown

__all__ = ["render_markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&-])")
_LONGEST_QUOTE = 300


def render_markdown(documents: Sequence[Document], refused: Sequence[Sequence[Refusal]], made: str) -> str:
    """All documents; `made` says when and from what."""
    lines: list[str] = []
    for document, refusals in zip(documents, refused, strict=True):
        lines += _document(document, refusals)
    return "\n".join([*lines, "", f"*{_plain(made)}*"]) + "\n"


def _document(document: Document, refusals: Sequence[Refusal]) -> list[str]:
    lines = [f"# {_plain(document.title)}", "", _quote(document.book.manifest.question), ""]
    for block in document.blocks:
        match block:
            case Heading(text):
                lines += [f"## {_plain(text)}", ""]
            case Paragraph(sentences):
                lines += [" ".join(map(_sentence, sentences)), ""]
            case Table(head, rows):
                lines += [_row(map(_plain, head)), _row("---" for _ in head)]
                lines += [_row(map(_sentence, row)) for row in rows] + [""]
            case Picture():
                pass
    if refusals:
        lines += ["## Refused sentences", ""]
        lines += [f"- {_quote(item.text)}: {_plain(item.reason)}" for item in refusals] + [""]
    lines += ["## Records cited", "", _plain(totals_told(document)), ""]
    return lines + [_record(document, key) for key in document.sources() if key in document.book.records]


def _record(document: Document, key: ContentId) -> str:
    envelope = document.book.records[key]
    name = to_text(key)[:SHORT]
    return f'- <a id="r-{name}"></a>`{to_text(key)}` {envelope.kind}: {_quote(summary(envelope))}'


def _sentence(sentence: Sentence) -> str:
    parts = []
    for part in sentence.parts:
        if isinstance(part, str):
            parts.append(_plain(part))
        elif isinstance(part, Cited):
            number, source = shown(part.figure.value), part.figure.sources
            place = _place(source)
            parts.append(f"[{number}](#{place})" if place else number)
        else:
            parts.append(_quote(part.words.text))
    return "".join(parts)


def _place(sources: Sequence[ContentId]) -> str:
    """Where the records of a number stand."""
    if is_total(sources):
        return "records-cited"
    return f"r-{to_text(sources[0])[:SHORT]}" if sources else ""


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(text: str) -> str:
    """Our own words, or a stranger's made harmless."""
    return _SPECIAL.sub(r"\\\1", visible(text))


def _quote(text: str) -> str:
    """A stranger's words in a code span that they cannot leave; a bar would end a cell of a table."""
    words = clip(visible(text), _LONGEST_QUOTE).replace("|", "\u2223").replace("`", "\u02cb").strip()
    return f"`{words}`" if words else ""
