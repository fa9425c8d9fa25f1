"""What services have answered before, and when each was last asked: plain files in a folder of the user's.

One file an answer, named by a hash of source and question, kept for thirty days; when a service cannot be
reached an older answer is better than none.  The time of the last request is the modification time of a file,
so several processes of one machine keep a service's pace together.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from leaderboard.errors import LocalError

__all__ = ["KEEP_S", "Shelf", "default_folder"]

KEEP_S = 30 * 86_400.0
_MOST_FILES = 2_000  # about 20 MB


def default_folder() -> Path:
    """Where answers are kept: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "consilience" / "literature"


class Shelf:
    """Answers by source and question; `clock` gives seconds since 1970, `sleep` waits."""

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._sleep = sleep
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise LocalError(
                f"cannot keep answers in {folder}: {error.strerror}; set XDG_CACHE_HOME"
            ) from error

    def find(self, source: str, question: str, *, stale: bool = False) -> bytes | None:
        """The kept answer, if it is fresh (or `stale` will do)."""
        file = self._file(source, question)
        try:
            age = self._clock() - file.stat().st_mtime
            return file.read_bytes() if stale or age < KEEP_S else None
        except FileNotFoundError:
            return None

    def keep(self, source: str, question: str, body: bytes) -> None:
        """Keep an answer; the oldest ones go when there are too many."""
        file = self._file(source, question)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_bytes(body)
        part.replace(file)
        self._stamp(file)
        kept = sorted(self._folder.glob("*.answer"), key=lambda item: item.stat().st_mtime)
        for old in kept[:-_MOST_FILES]:
            old.unlink(missing_ok=True)

    def wait_turn(self, source: str, pause_s: float) -> None:
        """Wait until the source may be asked again, and note that it is asked now."""
        mark = self._folder / f"{_name(source)}.asked"
        try:
            wait = mark.stat().st_mtime + pause_s - self._clock()
        except FileNotFoundError:
            wait = 0.0
        if wait > 0.0:
            self._sleep(min(wait, pause_s))
        mark.touch(mode=0o600)
        self._stamp(mark)

    def _stamp(self, file: Path) -> None:
        now = self._clock()
        os.utime(file, (now, now))

    def _file(self, source: str, question: str) -> Path:
        return self._folder / f"{_name(f'{source}?{question}')}.answer"


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
