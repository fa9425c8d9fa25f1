"""The standings of a node: folded from its log, kept in a file, and caught up with the log in the background.

The file (node.store_views) is a cache. At a start it usually lacks the last seconds of the log; if it is
missing, of another version or damaged, the whole log is folded, which takes minutes at a million records.
Meanwhile the node answers from what is folded so far and says how far that is (`progress`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import cache
from itertools import islice
from pathlib import Path

import structlog
import trio

import leaderboard
from leaderboard.codec import encode
from leaderboard.envelope import Envelope
from leaderboard.evidence.policy import COMMON
from leaderboard.ids import AuthorId, ContentId
from leaderboard.ledger import Kept
from leaderboard.standings import Standings

from .store import Store, Stored
from .store_views import ViewFile, ViewsBroken

__all__ = ["Boards"]

_PAGE = 2_000
_SLICE = 64
"""Records folded between two chances for everything else to run: about 15 ms."""
_SAVE_ROWS = 20_000
_SAY_EVERY = 5.0
"""Percent between two lines in the log."""

_log = structlog.get_logger("boards")


class Boards:
    """Implements `leaderboard.evidence.archive.Log` for the standings that it keeps."""

    def __init__(self, store: Store, path: Path | None, me: AuthorId | None) -> None:
        """Without `path` everything is kept in memory; `me` has a board of its own that is kept as well."""
        self._store = store
        self._path = path
        self._me = me
        self._refused: frozenset[AuthorId] = frozenset()
        self._folding = trio.Lock()
        self._file: ViewFile | None = None
        self.row = 0
        """The log is folded up to this row."""
        self.standings = Standings()
        self._target = store.count()
        self.caught_up = not self._target
        self._broken = False

    def open(self, refused: frozenset[AuthorId]) -> None:
        """Go on where the file ends, if it is of use; records of `refused` authors are left out."""
        self._refused = refused
        if self._path is not None:
            self._close()
            self._file = ViewFile(self._path, self._edition())
            if self._file.row and self._id_at(self._file.row) != self._file.at:
                self._say_what_is_missing(self._file.row - self._store.count())
                self._discard()
        self._start()

    def close(self) -> None:
        """Save and close the file."""
        try:
            self.save()
        finally:
            self._close()

    def about(self, claim: ContentId) -> Iterable[Envelope]:
        """A claim's record and everything about it, as far as the log is folded."""
        return self._store.on_claim(claim, self.row)

    @property
    def progress(self) -> float:
        """How much of the log is folded, in percent."""
        return 100.0 if self.caught_up or not self._target else min(100.0, 100.0 * self.row / self._target)

    def take(self, records: Sequence[Kept], row: int) -> None:
        """Fold the records of the log up to `row`, which come right after those that were folded."""
        try:
            heard = (item for item in records if item.author not in self._refused)
            self.standings.add(map(self._store.opened, heard))
            self.row = row
            self.standings.settle()
        except ViewsBroken as error:
            if self._broken:
                raise  # twice without a save in between: that is not the file's age
            self._broken = True
            _log.warning("boards are built again", error=str(error))
            self.restart()

    async def catch_up(self, target: Callable[[], int]) -> None:
        """Fold the log up to the row `target()`, letting others run in between."""
        async with self._folding:
            said = self.progress
            while self.row < target():
                self._target = target()
                page = await trio.to_thread.run_sync(self._page, self.row)
                for start in range(0, len(page), _SLICE):
                    part = page[start : start + _SLICE]
                    self.take([stored.envelope for stored in part], part[-1].row)
                    await trio.lowlevel.checkpoint()
                if self._file is not None and self.row >= self._file.row + _SAVE_ROWS:
                    await self.save_gently()
                if self.progress >= said + _SAY_EVERY:
                    said = self.progress
                    _log.info("catching up", percent=round(said), row=self.row)
            self.caught_up = True

    def restart(self) -> None:
        """Throw away what was folded; `catch_up` begins from nothing."""
        if self._file is not None:
            self._discard()
        self._start()

    def save(self) -> None:
        """Keep what is folded, so that the next start goes on from here."""
        if self._file is not None and self.row != self._file.row:
            self.standings.settle()
            self._file.save(self.row, self._id_at(self.row))
            self._broken = False

    async def save_gently(self) -> None:
        """The same, with the slow part in a thread."""
        if self._file is not None:
            self.save()
            await trio.to_thread.run_sync(self._file.fold_log)

    def _start(self) -> None:
        self.row = 0 if self._file is None else self._file.row
        self._target = self._store.count()
        self.caught_up = self.row >= self._target
        self.standings = Standings() if self._file is None else Standings(tables=self._file, log=self)
        if self._me is not None and self._file is not None:
            self.standings.watch(self._me)

    def _say_what_is_missing(self, records: int) -> None:
        """An append-only log that is shorter than it was has lost what was acknowledged."""
        if records > 0:
            hint = "run `consilience doctor`; what is lost comes back from peers"
            _log.warning("the database has fewer records than it had", missing=records, hint=hint)

    def _discard(self) -> None:
        assert self._path is not None
        self._close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._file = ViewFile(self._path, self._edition())

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _page(self, row: int) -> list[Stored]:
        with closing(self._store.since(row)) as rows:
            return list(islice(rows, _PAGE))

    def _edition(self) -> bytes:
        """What a file of views depends on beside the log: code, policy, whose board, who is left out."""
        who = encode([self._me, sorted(self._refused)])
        return hashlib.sha256(_code() + encode(COMMON.payload()) + who).digest()

    def _id_at(self, row: int) -> ContentId | None:
        return self._store.id_at(row)


@cache
def _code() -> bytes:
    """A mark of the code that folds: names, sizes and times of its files, whose reading would take longer."""
    state = hashlib.sha256()
    for file in sorted(Path(leaderboard.__path__[0]).rglob("*.py")):
        found = file.stat()
        state.update(f"{file.name}\x00{found.st_size}\x00{found.st_mtime_ns}\x00".encode())
    return state.digest()
