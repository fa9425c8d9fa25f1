"""`track data`: the texts that tracks run on, brought to this machine. Works without a daemon."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

import click

from ..errors import Misuse
from .group import Session, shared
from .output import note, print_json, say, table

__all__ = ["data_command"]

_UNITS: Final = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_EVERY_S: Final = (0.2, 10.0)  # between two lines of progress: on a terminal, in a log


@click.group("data")
def data_command() -> None:
    """Texts for the tracks `byte-lm:NAME`: public ones to download, and your own."""


@data_command.command("ls")
@shared
def list_command(session: Session) -> None:
    """What is on this machine, and what can be downloaded."""
    from experiments.data import corpora
    from experiments.data.catalogue import catalogue

    here = {corpus.name: corpus for corpus in corpora()}
    away = [source for name, source in sorted(catalogue().items()) if name not in here]
    if session.as_json:
        print_json(
            [
                {"name": c.name, "here": True, "size": c.size, "sha256": c.sha256.hex(), "source": c.source}
                for c in here.values()
            ]
            + [
                {"name": s.name, "here": False, "size": None, "sha256": _hex(s.sha256), "source": s.url}
                for s in away
            ]
        )
        return
    rows = [(c.name, "here", _size(c.size), c.sha256.hex()[:12], c.title) for c in here.values()]
    rows += [
        (s.name, "get", f"<{_size(s.download_limit)}", _hex(s.sha256)[:12] or "at first use", s.title)
        for s in away
    ]
    table(("text", "state", "size", "sha256", "what"), rows, right="size")


@data_command.command("get")
@click.argument("name")
@click.option("--sha256", "digest", default="", metavar="HEX", help="What the text must hash to.")
@shared
def get_command(session: Session, name: str, digest: str) -> None:
    """Download the public text NAME; an interrupted download goes on where it was."""
    from experiments.data.catalogue import find_source
    from experiments.data.extract import get_source

    source = find_source(name)
    note(f"{source.name}: {source.title}\n  from {source.url}\n  licence {source.licence}")
    corpus = get_source(source, expected=_digest(digest), progress=_Meter())
    if source.sha256 is None and not digest:
        note(
            "Its hash was not known: what came now is pinned on this machine. Whoever wants the same board\n"
            f"needs the same bytes: consilience track data get {name} --sha256 {corpus.sha256.hex()}"
        )
    _tell(session, corpus.name, corpus.size, corpus.sha256)


@data_command.command("add")
@click.argument("name")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--title", default="", help="What it is, for people; published with the track.")
@shared
def add_command(session: Session, name: str, files: tuple[Path, ...], title: str) -> None:
    """Keep a copy of FILES, one after the other, as the text NAME. Its hash, not its bytes, is published."""
    from experiments.data.extract import add_files

    corpus = add_files(name, title or name, list(files))
    _tell(session, corpus.name, corpus.size, corpus.sha256)


@data_command.command("rm")
@click.argument("name")
@shared
def remove_command(session: Session, name: str) -> None:
    """Remove the text NAME from this machine; a pinned hash stays pinned."""
    from experiments.data.store import forget

    corpus = forget(name)
    if session.as_json:
        print_json({"name": corpus.name, "removed": True})
    else:
        say(f"removed {corpus.name}, {_size(corpus.size)}")


def _tell(session: Session, name: str, size: int, digest: bytes) -> None:
    if session.as_json:
        print_json({"name": name, "size": size, "sha256": digest.hex(), "track": f"byte-lm:{name}"})
        return
    say(f"{name}: {_size(size)}, SHA-256 {digest.hex()}")
    say(f'work on it with  agent.tracks = ["byte-lm:{name}"]  in config.toml')


def _digest(text: str) -> bytes | None:
    if not text:
        return None
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise Misuse(f"--sha256 {text[:80]!r} is no SHA-256", "give 64 hex digits")
    return digest


def _hex(digest: bytes | None) -> str:
    return "" if digest is None else digest.hex()


def _size(count: int) -> str:
    for size, unit in _UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


class _Meter:
    """Progress of a download on stderr."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, here: int, whole: int | None) -> None:
        now = time.monotonic()
        if now < self._next and here != whole:
            return
        self._next = now + _EVERY_S[0 if self._terminal else 1]
        share = f" of {_size(whole)}, {here / whole:.0%}" if whole else ""
        click.echo(
            f"\r{_size(here)}{share}   " if self._terminal else f"{_size(here)}{share}", err=True, nl=False
        )
        if here == whole or not self._terminal:
            click.echo(err=True)
