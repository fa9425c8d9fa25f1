"""`track ls`, `track show`: which contests there are, and what a recipe may say in each."""

from __future__ import annotations

import click

from ..api.ports import Json, TrackView
from ..errors import NotFound
from ..text import visible
from ..typed import nearest
from .client import connect
from .group import Session, shared
from .output import print_json, say, short_id, table

__all__ = ["track_command"]


@click.group("track")
def track_command() -> None:
    """The research contests."""


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
        for part, table_of in item.space.items():
            say(f"  {visible(part)}:")
            _print_space(table_of)


def _print_space(part: Json) -> None:
    entries = (
        part.items() if isinstance(part, dict) else enumerate(part if isinstance(part, list) else [part])
    )
    for key, value in entries:
        say(f"    {visible(str(key)):14} {visible(_words(value))}")


def _words(value: Json) -> str:
    """A part of a search space as words rather than JSON."""
    if isinstance(value, dict):
        return "  ".join(f"{key}={_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value)
    return "-" if value is None else str(value)


def _tracks(session: Session) -> tuple[TrackView, ...]:
    return connect(session.home).get(tuple[TrackView, ...], "/v1/tracks")
