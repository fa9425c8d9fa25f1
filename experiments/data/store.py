"""The texts of this machine: one folder with, for each, its bytes and a line about it.

    NAME.text           plain bytes, never changed once they are here
    NAME.json           {"title", "sha256", "size", "source"}
    pins.json           {NAME: sha256}: what a text hashed to when it first came here without a known hash

A pin outlives its text, so a later download cannot quietly be another one. The folder is
`CONSILIENCE_DATA`, else the platform's place for application data.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leaderboard.errors import LocalError

__all__ = ["Corpus", "corpora", "data_folder", "find_corpus", "forget", "keep", "pins", "read_pieces"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PIECE: Final = 1 << 20
_MOST_JSON: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Corpus:
    """A text on this machine."""

    name: str
    title: str
    sha256: bytes
    size: int
    """Bytes."""
    source: str
    """Where it came from: an address, or `own files`."""
    path: Path

    def check(self) -> None:
        """LocalError unless the bytes on the disk are those that were kept."""
        digest = hashlib.sha256()
        for piece in read_pieces(self.path):
            digest.update(piece)
        if digest.digest() != self.sha256:
            raise LocalError(
                f"the text {self.name!r} on the disk has changed; remove it with "
                f"`consilience track data rm {self.name}` and get it again"
            )


def data_folder() -> Path:
    """Where texts are kept; it may not exist yet."""
    if chosen := os.environ.get("CONSILIENCE_DATA"):
        return Path(chosen).expanduser()
    from platformdirs import user_data_path

    return user_data_path("consilience", appauthor=False) / "texts"


def corpora() -> tuple[Corpus, ...]:
    """The texts that are here, by name."""
    folder = data_folder()
    if not folder.is_dir():
        return ()
    names = sorted(path.stem for path in folder.glob("*.json") if path.name != "pins.json")
    return tuple(found for name in names if (found := _read(folder, name)) is not None)


def find_corpus(name: str) -> Corpus:
    """The text of that name; LocalError says how to get it."""
    if _NAME.fullmatch(name) and (found := _read(data_folder(), name)) is not None:
        return found
    raise LocalError(
        f"no text called {name[:64]!r} is on this machine; `consilience track data ls` shows what can be had"
    )


def keep(
    name: str, title: str, source: str, pieces: Iterable[bytes], *, limit: int, expected: bytes | None
) -> Corpus:
    """Store a text durably under its hash, or raise LocalError and leave nothing behind.

    `expected` is what it must hash to; without it an earlier pin of that name counts, and without a pin this
    is the first use and makes one.
    """
    if not _NAME.fullmatch(name) or name == "pins":
        raise LocalError(f"{name[:64]!r} is no name for a text: use 1 to 40 of a-z, 0-9 and -")
    folder = data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if (here := _read(folder, name)) is not None:
        raise LocalError(f"{name!r} is here already, with SHA-256 {here.sha256.hex()}; remove it first")
    known = pins()
    wanted = expected or known.get(name)
    draft, digest, size = _written(folder, pieces, limit)
    try:
        if wanted is not None and digest != wanted:
            raise LocalError(
                f"{name!r} hashes to {digest.hex()}, not to {wanted.hex()}: another text, not kept"
            )
        os.replace(draft, folder / f"{name}.text")
    finally:
        draft.unlink(missing_ok=True)
    if expected is None and source != "own files":
        _write_json(folder / "pins.json", {key: pin.hex() for key, pin in {**known, name: digest}.items()})
    about = {"title": title, "sha256": digest.hex(), "size": size, "source": source}
    _write_json(folder / f"{name}.json", about)
    return Corpus(name, title, digest, size, source, folder / f"{name}.text")


def forget(name: str) -> Corpus:
    """Remove a text from this machine; its pin stays."""
    corpus = find_corpus(name)
    corpus.path.with_suffix(".json").unlink()
    corpus.path.unlink(missing_ok=True)
    return corpus


def pins() -> dict[str, bytes]:
    """What texts hashed to when they first came here."""
    found = _json(data_folder() / "pins.json")
    return {str(name): bytes.fromhex(str(value)) for name, value in found.items()}


def read_pieces(path: Path) -> Iterator[bytes]:
    """A file in pieces of a mebibyte."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _written(folder: Path, pieces: Iterable[bytes], limit: int) -> tuple[Path, bytes, int]:
    """A durable draft with its hash and size; LocalError past the limit, with nothing left behind."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix="draft-", suffix=".tmp")
    draft, digest, size = Path(name), hashlib.sha256(), 0
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                size += len(piece)
                if size > limit:
                    raise LocalError(f"the text is longer than {limit} bytes; it was not kept")
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft, digest.digest(), size


def _read(folder: Path, name: str) -> Corpus | None:
    about = _json(folder / f"{name}.json")
    path = folder / f"{name}.text"
    try:
        digest, size = bytes.fromhex(str(about["sha256"])), int(str(about["size"]))
    except (KeyError, ValueError):
        return None
    if len(digest) != 32 or not path.is_file() or path.stat().st_size != size:
        return None
    return Corpus(name, str(about.get("title", name)), digest, size, str(about.get("source", "")), path)


def _json(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST_JSON))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise LocalError(f"{path} is damaged ({error}); remove it and get the text again") from error
    return found if isinstance(found, dict) else {}


def _write_json(path: Path, value: dict[str, object] | dict[str, str]) -> None:
    draft = path.with_suffix(".tmp")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
