"""Plain bytes out of a download: the file itself, one member of an archive, or one column of a table."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from leaderboard.errors import LocalError

from .catalogue import Source
from .store import Corpus, data_folder, keep, pins, read_pieces

if TYPE_CHECKING:
    from .fetch import Progress

__all__ = ["add_files", "get_source", "plain_bytes"]

_PIECE: Final = 1 << 20
_OWN_LIMIT: Final = 16 << 30  # bytes of own files


def get_source(source: Source, *, expected: bytes | None, progress: Progress) -> Corpus:
    """Download a public text and keep it; `expected` is its hash if the catalogue has none.

    Raises LocalError. The download stays until the text is kept, so nothing is fetched twice.
    """
    from .fetch import download  # brings an HTTP client, which own files do not need

    wanted = source.sha256 or expected
    if source.sha256 is not None and expected not in (None, source.sha256):
        raise LocalError(f"{source.name} is pinned to {source.sha256.hex()} in the catalogue")
    if source.form == "parquet":
        _parquet_library()  # before gigabytes come for nothing
    folder = data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{source.name}.download"
    if not file.is_file():
        # A plain text is its own download, so a pin of the text tells whether its halves belong together.
        known = wanted or pins().get(source.name) if source.form == "text" else None
        download(
            source.url,
            file,
            limit=source.download_limit,
            sha256=source.download_sha256 or known,
            progress=progress,
        )
    try:
        return keep(
            source.name,
            source.title,
            source.url,
            plain_bytes(file, source.form, source.member),
            limit=source.limit,
            expected=wanted,
        )
    finally:
        file.unlink(missing_ok=True)


def add_files(name: str, title: str, files: list[Path]) -> Corpus:
    """Keep a copy of own files, one after the other, as one text."""

    def pieces() -> Iterator[bytes]:
        for file in files:
            yield from read_pieces(file)

    return keep(name, title, "own files", pieces(), limit=_OWN_LIMIT, expected=None)


def plain_bytes(file: Path, form: str, member: str) -> Iterator[bytes]:
    """The text in pieces. A bomb is stopped by whoever counts the pieces; none is longer than a row."""
    makers: dict[str, Callable[[], Iterator[bytes]]] = {
        "text": lambda: read_pieces(file),
        "zip": lambda: _zip_member(file, member),
        "parquet": lambda: _parquet_column(file, member),
    }
    return makers[form]()


def _zip_member(file: Path, member: str) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(file) as archive, archive.open(member) as text:
            while piece := text.read(_PIECE):
                yield piece
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as error:
        raise LocalError(f"{file.name} is no archive with a member {member!r}: {error}") from error


def _parquet_column(file: Path, column: str) -> Iterator[bytes]:
    """The rows of a text column, each followed by a newline."""
    pyarrow = _parquet_library()
    try:
        for batch in pyarrow.parquet.ParquetFile(file).iter_batches(batch_size=256, columns=[column]):
            rows = (str(value).encode() for value in batch.column(0).to_pylist())
            yield b"".join(row + b"\n" for row in rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise LocalError(f"{file.name} is no table with a column {column!r}: {error}") from error


def _parquet_library() -> ModuleType:
    """pyarrow, with its `parquet` part loaded; LocalError if it is not installed."""
    try:
        pyarrow = importlib.import_module("pyarrow")
        importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise LocalError(
            "this text comes as a table: `pip install pyarrow` and run the command again"
        ) from error
    return pyarrow
