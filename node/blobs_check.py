"""Looks at every blob without changing anything: safe beside a running daemon, whose files never change."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from leaderboard.blob import CHUNK_BYTES
from leaderboard.errors import PeerError
from leaderboard.ids import from_text

from .blobs import FOLDERS
from .blobs_file import read_head

__all__ = ["BlobDiagnosis", "check_blobs"]


@dataclass(frozen=True, slots=True)
class BlobDiagnosis:
    """What is in a folder of blobs."""

    blobs: int
    bytes: int
    damaged: tuple[Path, ...]
    """Files that do not hold what their names say."""


def check_blobs(path: Path) -> BlobDiagnosis:
    """Read every blob and check it against its id; a gigabyte takes some seconds."""
    count = size = 0
    damaged = []
    for file in (file for folder in FOLDERS for file in sorted((path / folder).glob("*"))):
        with suppress(PeerError, FileNotFoundError):  # none of ours; removed meanwhile
            blob = from_text(file.name)
            count += 1
            size += file.stat().st_size
            with file.open("rb") as opened:
                if not _holds(opened, blob):
                    damaged.append(file)
    return BlobDiagnosis(count, size, tuple(damaged))


def _holds(file: BinaryIO, blob: bytes) -> bool:
    head = read_head(file)
    if head is None or head.id != blob:
        return False
    return all(head.holds(index, file.read(CHUNK_BYTES)) for index in range(head.chunks)) and not file.read(1)
