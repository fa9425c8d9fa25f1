"""`show`, `export`: records, from the daemon or, while it is down, straight from the store."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from ..api.values import BoardRow, ExportFilter, Json, JsonMap, RecordView
from ..errors import DaemonDown, Misuse, NotFound
from ..home import Home
from ..text import visible
from .client import connect
from .group import Session, shared
from .output import age, amount, note, print_json, say, short_id, style, table

if TYPE_CHECKING:
    from leaderboard.envelope import Envelope
    from leaderboard.manifest import TrackManifest

    from ..store import Store

__all__ = ["export_command", "open_store", "raw_records", "record_path", "show_command"]


@click.command("show")
@click.argument("record", metavar="ID")
@shared
def show_command(session: Session, record: str) -> None:
    """The record whose id starts with ID, and what is about it."""
    try:
        view = connect(session.home).get(RecordView, record_path(record))
    except DaemonDown:
        view = _from_store(session.home, record)
    if session.as_json:
        print_json(view)
        return
    say(f"{style(view.kind)} {view.id}")
    say(f"  by {visible(view.author_name)} {view.author[:10]}, {age(view.time_ms)} ago by its own clock")
    say(f"  chain {view.chain[:8]} number {view.seq}, {view.size} bytes")
    if view.standing is not None:
        _print_standing(view.standing)
    for sentence in view.explanation:
        say(f"    {visible(sentence)}")
    for key, value in view.payload.items():
        _print_field(key, value, "  ")
    if view.related:
        say()
        rows = [(short_id(i.id), i.kind, short_id(i.author), age(i.time_ms), i.summary) for i in view.related]
        table(("about it", "kind", "by", "age", "says"), rows)


@click.command("export")
@click.option("--kind", default="", help="Only records of this kind.")
@click.option("--track", default="", help="Only this track's claims and what is about them.")
@click.option("--author", default="", metavar="ID", help="Only this author's records.")
@click.option("--about", default="", metavar="ID", help="Only this claim, ancestors included.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "raw", "results.tsv"]),
    default="jsonl",
    show_default=True,
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File; else stdout.")
@shared
def export_command(
    session: Session, *, kind: str, track: str, author: str, about: str, form: str, output: Path | None
) -> None:
    """Records in (time, id) order: as JSON lines with the signed bytes in `raw`, or those bytes alone.

    `results.tsv` is autoresearch's table instead: one line for each measured claim of one track.
    """
    if kind:
        _check_kind(kind)
    selection = ExportFilter(kind, track, author, about)
    with _whole(output) if output else nullcontext(sys.stdout.buffer) as file:
        count = _copy(session.home, selection, form, file)
    if output and session.as_json:
        print_json({"file": str(output), "bytes": count})
    elif output:
        note(f"wrote {count} bytes to {output}")


def _check_kind(kind: str) -> None:
    from leaderboard.records import KINDS

    from ..typed import nearest

    if kind not in KINDS:
        raise Misuse(f"no records are of kind {kind!r}", nearest(kind, list(KINDS)))


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """The file to write, which takes the place of what is there only if all of it was written."""
    if path.exists() and not path.is_file():  # a pipe or a device
        with path.open("wb") as file:
            yield file
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def raw_records(home: Home, selection: ExportFilter) -> bytes:
    """The chosen records' signed bytes, one after the other, in (time, id) order."""
    try:
        return b"".join(_stream(home, selection, "raw"))
    except DaemonDown:
        with open_store(home) as store:
            return b"".join(item.raw for item in _chosen(store, selection))


@contextmanager
def open_store(home: Home) -> Iterator[Store]:
    """The store of a node whose daemon is down, for reading."""
    from ..config import load
    from ..store import Store

    if not home.store.exists():
        hint = "`consilience up` starts a node that collects some; --home names another one"
        raise NotFound(f"the daemon is not running, and there are no records at {home.store}", hint)
    note("the daemon is not running; reading its store")
    with Store(home.store, load(home, os.environ, {}).swarm_id(), read_only=True) as store:
        yield store


def _copy(home: Home, selection: ExportFilter, form: str, file: BinaryIO) -> int:
    if form == "results.tsv":
        from ..results_tsv import results_of, write_results

        lines = write_results(results_of(_parsed(home, selection), selection.track))
        return file.write("".join(f"{line}\n" for line in lines).encode())
    count = 0
    try:
        for piece in _stream(home, selection, form):
            count += file.write(piece)
    except DaemonDown:
        from ..views import json_line

        with open_store(home) as store:
            for item in _chosen(store, selection):
                line = json.dumps(json_line(item), ensure_ascii=False).encode() + b"\n"
                count += file.write(item.raw if form == "raw" else line)
    file.flush()
    return count


def _parsed(home: Home, selection: ExportFilter) -> Iterator[JsonMap]:
    """The chosen records as JSON objects."""
    try:
        lines = b"".join(_stream(home, selection, "jsonl")).splitlines()
    except DaemonDown:
        from ..views import json_line

        with open_store(home) as store:
            yield from map(json_line, _chosen(store, selection))
        return
    yield from map(json.loads, lines)


def _stream(home: Home, selection: ExportFilter, form: str) -> Iterator[bytes]:
    return connect(home).stream(
        "/v1/export",
        format=form,
        kind=selection.kind,
        track=selection.track,
        author=selection.author,
        about=selection.about,
    )


def _chosen(store: Store, selection: ExportFilter) -> Iterator[Envelope]:
    from leaderboard.ids import to_text
    from leaderboard.records import Track

    from ..selection import chosen_records

    def manifests(name: str) -> list[TrackManifest]:
        found = [item.record.manifest for item in store.of_kind("track") if isinstance(item.record, Track)]
        return [item for item in found if name in (item.name, to_text(item.id))]

    return iter(chosen_records(store, selection, manifests))


def _from_store(home: Home, prefix: str) -> RecordView:
    from ..views import record_view

    with open_store(home) as store:
        found = store.find(prefix)
        (envelope,) = store.envelopes([found])
        with closing(store.about(found)) as related:
            return record_view(envelope, "", list(related))


def record_path(text: str) -> str:
    """Where a record is asked for; what cannot be an id is left to the server to refuse."""
    return "/v1/records/" + ("".join(c if c.isalnum() and c.isascii() else "-" for c in text.strip()) or "-")


def _print_standing(row: BoardRow) -> None:
    rank = "" if row.rank is None else f", rank {row.rank}"
    say(f"  stands {style(row.standing)}{rank}")
    if row.effect is not None:
        interval = f" [{amount(row.low)}, {amount(row.high)}]" if row.low is not None else ""
        by = f"{row.seeds} seeds of {row.replicators} other nodes"
        say(f"  effect {amount(row.effect)}{interval} over {by}; its author measured {amount(row.measured)}")
    elif row.measured is not None:
        say(f"  its author measured {amount(row.measured)}; nobody else has yet")
    for finding in row.findings:
        source = "; ".join(part for part in (finding.paper, finding.symbol) if part)
        word = click.style("known", fg="yellow") if finding.technique else "novelty"
        say(f"  {word}: {visible(finding.label)}" + (f" ({visible(source)})" if source else ""))


def _print_field(key: str, value: Json, indent: str) -> None:
    """One field, nested ones indented; long lists on one line."""
    if isinstance(value, dict):
        say(f"{indent}{visible(key)}:")
        for inner, item in value.items():
            _print_field(inner, item, indent + "  ")
    elif isinstance(value, list):
        words = ", ".join(visible(json.dumps(item)) for item in value)
        say(f"{indent}{visible(key)}: [{words}]")
    else:
        say(f"{indent}{visible(key)}: {visible(str(value)) if value is not None else '-'}")
