"""`track ls`, `track show`, `track data`: the contests, what a recipe may say, and texts to run them on."""

from __future__ import annotations

import click

from ..api.values import Json, TrackView
from ..errors import NotFound
from ..text import visible
from ..typed import nearest
from .client import connect
from .group import Session, shared
from .output import print_json, say, short_id, table
from .texts import data_command

__all__ = ["track_command"]


@click.group("track")
def track_command() -> None:
    """The research contests."""


track_command.add_command(data_command)


@track_command.command("ls")
@shared
def list_command(session: Session) -> None:
    """The tracks that this node knows."""
    tracks = _tracks(session)
    if session.as_json:
        print_json(tracks)
        return
    rows = [
        (
            f"{item.name} v{item.version}",
            short_id(item.id),
            "yes" if item.installed else "no",
            str(item.claims),
            str(item.confirmed),
            item.question,
        )
        for item in tracks
    ]
    table(("track", "id", "runs", "claims", "ranked", "question"), rows, right="claims ranked")


@track_command.command("show")
@click.argument("name")
@shared
def show_command(session: Session, name: str) -> None:
    """What a recipe of track NAME may say: settings with their ranges, slots with their variables."""
    tracks = _tracks(session)
    found = [item for item in tracks if item.name == name or (len(name) >= 4 and item.id.startswith(name))]
    if not found:
        raise NotFound(f"no track is called {name!r}", nearest(name, [item.name for item in tracks]))
    if session.as_json:
        print_json(found)
        return
    for item in found:
        say(f"{visible(item.name)} v{item.version}  {item.id}")
        say(f"  {visible(item.question)}")
        say(f"  metric {visible(item.metric)} ({item.direction}), tolerance class {item.tolerance}")
        for part, entries in item.space.items():
            _print_space(part, entries)


def _print_space(part: str, entries: Json) -> None:
    """One part of a search space: a line for each of its names."""
    if not isinstance(entries, dict):
        say(f"  {visible(part)}: {visible(_words(entries))}")
        return
    say(f"  {visible(part)}:")
    wide = max(map(len, entries), default=0)
    for name, about in entries.items():
        say(f"    {visible(name):{wide}} {visible(_words(about))}")


def _words(value: Json) -> str:
    """A part of a search space as words: nested tables flattened, true by its name, the purpose last."""
    match value:
        case dict():
            parts = [_named(name, item) for name, item in value.items() if name != "purpose"]
            purpose = str(value.get("purpose", ""))
            return "; ".join(part for part in (", ".join(filter(None, parts)), purpose) if part)
        case list():
            return ", ".join(_words(item) for item in value)
        case bool():
            return "yes" if value else "no"
        case None:
            return "-"
    return str(value)


def _named(name: str, value: Json) -> str:
    match value:
        case dict():
            return _words(value)
        case bool():
            return name if value else ""
        case list():
            return f"{name} {_words(value)}"
    return f"{name} {value}"


def _tracks(session: Session) -> tuple[TrackView, ...]:
    return connect(session.home).get(tuple[TrackView, ...], "/v1/tracks")
