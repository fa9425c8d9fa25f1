"""`notebook ls|search|export|import`: what the agent remembers. Reads the file; no daemon is needed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import IO

import click

from leaderboard.codec import Value, ValueMap
from leaderboard.ids import TrackId, to_text

from ..errors import Misuse, NotFound
from ..notebook import Notebook
from ..notebook_entries import Attempt, Entry, Lesson, write_line
from ..results_tsv import COLUMNS, Experiment, read_results, sentences
from ..text import clip, visible
from ..views import recipe_line
from .group import Session, shared
from .output import age, amount, note, print_json, say, table

__all__ = ["notebook_command"]

_OUTPUT = click.File("w", encoding="utf-8")


@click.group("notebook")
def notebook_command() -> None:
    """What the agent tried and learned."""


@notebook_command.command("ls")
@click.option("--track", help="Id of a track, or the beginning of it.")
@click.option("--limit", default=20, type=click.IntRange(1), help="Latest attempts to show.")
@click.option("--withdrawn", is_flag=True, help="Lessons too that the evidence no longer bears out.")
@shared
def ls_command(session: Session, *, track: str | None, limit: int, withdrawn: bool) -> None:
    """The latest attempts, and the lessons."""
    with Notebook(session.home.notebook, read_only=True) as notebook:
        chosen = _track(notebook, track)
        attempts = sorted(notebook.attempts(chosen), key=lambda item: item.time_ms)[-limit:]
        lessons = notebook.lessons(chosen, withdrawn=withdrawn)
    if session.as_json:
        _print([*attempts, *lessons])
        return
    if not attempts and not lessons:
        say("nothing was tried yet")
        return
    _attempts(attempts)
    for lesson in lessons[-limit:]:
        mark = f"{lesson.kind}, withdrawn" if lesson.withdrawn else lesson.kind
        say(f"{visible(mark)}: {visible(clip(lesson.text, 300))}")
    if len(lessons) > limit:
        note(f"{len(lessons) - limit} more lessons; --limit shows more")


@notebook_command.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", default=20, type=click.IntRange(1), help="Entries to show.")
@shared
def search_command(session: Session, *, words: tuple[str, ...], limit: int) -> None:
    """Entries that hold words beginning like each of WORDS, the most fitting first."""
    with Notebook(session.home.notebook, read_only=True) as notebook:
        found = notebook.search(" ".join(words), limit)
    if session.as_json:
        _print(found)
        return
    if not found:
        raise NotFound("nothing in the notebook has these words", "try fewer, or only their beginnings")
    for entry in found:
        if isinstance(entry, Attempt):
            say(f"{entry.outcome.value}: {visible(recipe_line(entry.recipe))}  effect {amount(entry.effect)}")
            for text in (entry.hypothesis, entry.mechanism, entry.why):
                if text:
                    say(f"  {visible(clip(text, 300))}")
        else:
            say(f"{visible(entry.kind)}: {visible(clip(entry.text, 300))}")


@notebook_command.command("export")
@click.option("-o", "--output", type=_OUTPUT, default="-", help="File to write; else stdout.")
@shared
def export_command(session: Session, *, output: IO[str]) -> None:
    """Every entry as a line of JSON."""
    with Notebook(session.home.notebook, read_only=True) as notebook:
        for line in notebook.export():
            output.write(line + "\n")


@notebook_command.command("import")
@click.argument("source", type=click.File("r", encoding="utf-8", errors="strict"))
@click.option("--track", default="", metavar="NAME", help="The track that a results.tsv is about.")
@shared
def import_command(session: Session, *, source: IO[str], track: str) -> None:
    """Add the entries of an export, SOURCE (- reads stdin), to this node's notebook.

    A results.tsv of autoresearch is taken too: each of its lines becomes a lesson that says that it is
    unverified. It is never evidence.
    """
    lines = _lines(source)
    first = next(lines, "")
    if first.startswith(f"{COLUMNS[0]}\t"):
        entries = _lessons(read_results(chain([first], lines)), track)
    else:
        entries = chain([first] if first else [], lines)
    with Notebook(session.home.notebook) as notebook:
        attempts, lessons = notebook.take_in(entries)
    if session.as_json:
        print_json({"attempts": attempts, "lessons": lessons})
    else:
        say(f"{attempts} attempts and {lessons} lessons were new here")


def _lessons(experiments: list[Experiment], track: str) -> Iterator[str]:
    """What a results.tsv says, as lines of a notebook's export."""
    from experiments.track import load_track

    if not track:
        raise Misuse("a results.tsv does not say what it is about", "name the track: --track byte-lm")
    about, now = load_track(track).id, int(time.time() * 1000)
    for commit, text in sentences(experiments):
        yield write_line(Lesson(about, f"results.tsv/{commit}", "unverified import", text, time_ms=now))


def _lines(source: IO[str]) -> Iterator[str]:
    """Lines of a bounded length, so that a file without line ends cannot fill the memory."""
    while line := source.readline(1 << 20):
        yield line


def _track(notebook: Notebook, prefix: str | None) -> TrackId | None:
    if prefix is None:
        return None
    known = {item.track for item in notebook.attempts()}
    known |= {item.track for item in notebook.lessons(withdrawn=True)}
    found = [track for track in known if to_text(track).startswith(prefix.lower())]
    if len(found) != 1:
        names = ", ".join(sorted(to_text(track)[:10] for track in known))
        raise NotFound(f"{prefix!r} is not one track of the notebook", f"it has {names or 'none'}")
    return found[0]


def _attempts(attempts: Sequence[Attempt]) -> None:
    rows = [
        (
            item.outcome.value,
            item.standing or "-",
            amount(item.effect),
            "-" if item.interval is None else f"{amount(item.interval[0])}..{amount(item.interval[1])}",
            amount(item.predicted),
            age(item.time_ms),
            item.proposer,
        )
        for item in attempts
    ]
    usual = _common(attempts)
    recipes = [[f"  {visible(recipe_line(item.recipe, usual))}"] for item in attempts]
    head = ("outcome", "standing", "effect", "interval", "predicted", "age", "by")
    table(head, rows, right="effect predicted", below=recipes)


def _common(attempts: Sequence[Attempt]) -> ValueMap:
    """What all of several recipes say, and so need not be shown."""
    found: dict[str, Value] = {}
    for part in ("slots", "settings") if len(attempts) > 1 else ():
        tables = [table for item in attempts if isinstance(table := item.recipe.get(part), Mapping)]
        if len(tables) == len(attempts):
            first = tables[0].items()
            found[part] = {name: value for name, value in first if all(t.get(name) == value for t in tables)}
    return found


def _print(entries: Sequence[Entry]) -> None:
    print_json([json.loads(write_line(entry)) for entry in entries])
