"""`report`, `returns`: what a track has found, and what the next gain will cost. Both compute here."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..api.values import ExportFilter
from ..errors import Misuse
from ..files import read_file
from ..text import visible
from .group import Session, shared
from .output import amount, note, print_json, say
from .records import raw_records

if TYPE_CHECKING:
    from ..report.book import Book
    from ..report.document import Document

__all__ = ["report_command", "returns_command"]

_MOST_EXPORT_BYTES = 1 << 30
_MOST_SENTENCES_BYTES = 1 << 20


@click.command("report")
@click.argument("track", default="")
@click.option("--format", "form", type=click.Choice(["md", "html"]), default="md", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File; else stdout.")
@click.option("--export", "export", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Report on an export instead of this node's records.")  # fmt: skip
@click.option("--sentences", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Sentences of your own or of a model, one a line, with numbers as {key id}.")  # fmt: skip
@click.option("--model", "by_model", is_flag=True, help="Let the configured language model write a summary.")
@shared
def report_command(
    session: Session,
    *,
    track: str,
    form: str,
    output: Path | None,
    export: Path | None,
    sentences: Path | None,
    by_model: bool,
) -> None:
    """Write what TRACK (or every track) has found: every number is a citation of records."""
    from ..report.markdown import render_markdown
    from ..report.page import render_page
    from ..report.template import compose, refused_shown

    given = [] if sentences is None else _lines(sentences)
    found = _books(session, track, export)
    documents = [compose(book, given + (_by_model(session, book) if by_model else [])) for book in found]
    refused = [refused_shown(document) for document in documents]
    render = render_page if form == "html" else render_markdown
    text = render(documents, refused, _made(found))
    count = sum(len(document.refused) for document in documents)
    if count:
        note(f"{count} sentences are refused: their numbers are not in the records")
    _write(session, text, output, documents)


@click.command("returns")
@click.argument("track", default="")
@click.option("--export", "export", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Read an export instead of this node's records.")  # fmt: skip
@shared
def returns_command(session: Session, *, track: str, export: Path | None) -> None:
    """What the next gain on TRACK will probably cost, and how sure that is."""
    from ..report.returns import Outlook, TooLittle, history, outlook

    found = [(book, outlook(history(book))) for book in _books(session, track, export)]
    if session.as_json:
        print_json([{"track": book.manifest.name, **answer.to_json()} for book, answer in found])
        return
    for book, answer in found:
        say(click.style(f"{visible(book.manifest.name)} v{book.manifest.version}", bold=True))
        if isinstance(answer, TooLittle):
            say(f"  {answer.reason}")
        elif isinstance(answer, Outlook):
            for line in answer.lines(amount):
                say(f"  {line}")


def _lines(file: Path) -> list[str]:
    text = read_file(file, _MOST_SENTENCES_BYTES).decode("utf-8", "replace")
    return [line for line in text.splitlines() if line.strip()]


def _by_model(session: Session, book: Book) -> list[str]:
    """Sentences of the configured model; what they cost counts in its budget."""
    import trio

    from experiments.llm import Client, Wire

    from ..config import load
    from ..model_access import model_budget, model_key, model_settings
    from ..notebook import Notebook
    from ..report.writer import write_summary

    config = load(session.home, os.environ, {}).llm
    if not config.endpoint:
        raise Misuse("no language model is configured", "consilience llm use ENDPOINT MODEL")
    with Notebook(session.home.notebook) as notebook:
        wire, budget = Wire(config.endpoint, model_key(config)), model_budget(config, notebook)

        async def ask() -> list[str]:
            return await write_summary(Client(wire, model_settings(config), budget=budget), book)

        return trio.run(ask)


def _books(session: Session, track: str, export: Path | None) -> list[Book]:
    from ..config import load
    from ..report.sources import read_books, read_export

    swarm = load(session.home, os.environ, {}).swarm_id()
    if export is not None:
        if export.stat().st_size > _MOST_EXPORT_BYTES:
            raise Misuse(f"{export} has more than a gibibyte", "export one track with --track")
        content = export.read_bytes()
    else:
        content = raw_records(session.home, ExportFilter(track=track))
        if track:  # an export of one track leaves out who its authors say they are
            content += raw_records(session.home, ExportFilter(kind="profile"))
    return read_books(read_export(content, swarm), track)


def _made(books: list[Book]) -> str:
    from leaderboard.ids import short

    parts = [
        f"{book.manifest.name}: {len(book.records)} records, board {short(book.board.digest)}"
        for book in books
    ]
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return f"Made by consilience on {when} from {'; '.join(parts)}."


def _write(session: Session, text: str, output: Path | None, documents: list[Document]) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    output.write_text(text, encoding="utf-8")
    if session.as_json:
        refused = [item.text for document in documents for item in document.refused]
        print_json({"file": str(output), "bytes": len(text.encode()), "refused": refused})
    else:
        note(f"wrote {output}")
