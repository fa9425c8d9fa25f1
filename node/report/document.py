"""A report before it is written out: headings, paragraphs, tables and pictures, with everything checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from leaderboard.ids import ContentId

from .book import Book
from .sentences import Refusal, Sentence, read_sentence

__all__ = ["Block", "Document", "Heading", "Paragraph", "Picture", "Table", "is_total", "totals_told"]

_MOST_LISTED = 48


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[Sentence, ...], ...]
    """One sentence a cell."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing for pages; text forms leave it out, since a table says the same."""

    svg: str
    caption: str


Block: TypeAlias = Heading | Paragraph | Table | Picture


@dataclass(slots=True)
class Document:
    """Collects blocks; what does not pass the check is kept apart and listed at the end."""

    book: Book
    title: str
    blocks: list[Block] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def head(self, text: str) -> None:
        self.blocks.append(Heading(text))

    def say(self, *texts: str) -> None:
        """A paragraph of those sentences that pass."""
        found = [sentence for text in texts if (sentence := self._read(text)) is not None]
        if found:
            self.blocks.append(Paragraph(tuple(found)))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; a cell that does not pass is empty."""
        empty = Sentence(())
        read = [tuple(self._read(cell) or empty for cell in row) for row in rows]
        if read:
            self.blocks.append(Table(tuple(head), tuple(read)))

    def draw(self, svg: str, caption: str) -> None:
        if svg:
            self.blocks.append(Picture(svg, caption))

    def sources(self) -> tuple[ContentId, ...]:
        """Records that are cited, in the order in which they first are."""
        found: dict[ContentId, None] = {}
        for block in self.blocks:
            for sentence in _sentences(block):
                for sources in sentence.cited:
                    found.update(dict.fromkeys(() if is_total(sources) else sources))
        return tuple(found)

    def _read(self, text: str) -> Sentence | None:
        found = read_sentence(text, self.book)
        if isinstance(found, Refusal):
            self.refused.append(found)
            return None
        return found


def is_total(sources: Sequence[ContentId]) -> bool:
    """Whether so many records stand behind a number that naming each one would help nobody."""
    return len(sources) > _MOST_LISTED


def totals_told(document: Document) -> str:
    """How to check the numbers that are counted over many records."""
    book = document.book
    return (
        f"Totals are counted over all {len(book.records)} records of this track: "
        f"consilience export --track {book.manifest.name} lists them. The other numbers follow from these."
    )


def _sentences(block: Block) -> Sequence[Sentence]:
    match block:
        case Paragraph(sentences):
            return sentences
        case Table(rows=rows):
            return [cell for row in rows for cell in row]
    return ()
