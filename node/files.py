"""The small files of a state directory: read within bounds, written whole or not at all, for the owner alone.

Whoever reads such a file sees the old content or the new one, never a part of either, whatever happens in
between; what was written is on the disk on return. Symbolic links are not followed where something is
written: a link at the file's name is replaced, not its target.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import HintedError, Misuse

__all__ = ["create_file", "make_folder", "read_file", "replace_file"]


def make_folder(path: Path) -> None:
    """The directory and its parents, for the owner alone if it is made here; Misuse where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Misuse(
            f"cannot make the directory {path}: {error.strerror}", "choose another directory with --home"
        ) from None


def read_file(path: Path, most_bytes: int) -> bytes:
    """The whole content; FileNotFoundError where there is none, Misuse if it is longer or cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Misuse(f"cannot read {path}: {error.strerror}", "check its permissions") from None
    if len(content) > most_bytes:
        raise Misuse(f"{path} has more than {most_bytes} bytes", "it is larger than such a file can be")
    return content


def replace_file(path: Path, content: str) -> None:
    """Write the file in place of what is there; HintedError (disk full, no permission) changes nothing."""
    with _draft(path, content) as draft:
        os.replace(draft, path)


def create_file(path: Path, content: str) -> None:
    """Write a file that is not there yet; Misuse if it is, which a rename would not notice."""
    make_folder(path.parent)
    with _draft(path, content) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            raise Misuse(f"{path} exists already", "it is never overwritten; move it away first") from None


@contextmanager
def _draft(path: Path, content: str) -> Iterator[Path]:
    """A durable file of that content beside `path`, for the block to put there."""
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield draft
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise HintedError(
            f"cannot write {path}: {error.strerror}", "check its directory's permissions and the free space"
        ) from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
