"""The notebook: what this researcher tried, what came of it, and what it has learned.

Records hold what was claimed and measured; the notebook also has what never became a record (ideas that were
dropped because they are known, trials that broke), why somebody thought that it would work, and lessons. It
lies beside the records, outlives a restart, a new identity and the loss of the record store, and can be
carried to another node as lines of JSON.

A lesson is never just overwritten: when the evidence changes, what it said before stays as an older revision,
and a lesson that no longer follows is withdrawn, not deleted.

Writes are point updates in one process (about 0.1 ms, no flush), so the agent makes them where it is. Reading
does not wait for the writer, so the CLI looks into the notebook of a running daemon.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from leaderboard.codec import encode
from leaderboard.errors import PeerError
from leaderboard.ids import ContentId, TrackId

from .errors import Misuse, NotFound
from .notebook_entries import Attempt, Entry, Lesson, read_line, write_line
from .notebook_rows import ATTEMPT, LESSON, attempt_values, read_attempt, read_lesson, words_of
from .notebook_schema import open_notebook
from .store_schema import translated

if TYPE_CHECKING:
    from experiments.llm.budget import Spent

__all__ = ["Notebook"]

_HEADER = '{"consilience-notebook": 1}'
_MAX_LINE = 256 * 1024  # characters of a line of an import
_MAX_LINES = 1_000_000


class Notebook:
    """One notebook in one file; use it from one thread at a time."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open `path`; without `read_only` it is created or migrated. Raises NotFound, StoreBroken."""
        if read_only and not path.exists():
            raise NotFound(f"{path} is not there", "a node writes its notebook when its agent first works")
        self._path = path
        self._file = open_notebook(path, writable=not read_only)

    def __enter__(self) -> Notebook:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    # --- attempts

    def attempts(self, track: TrackId | None = None) -> list[Attempt]:
        """What was tried, in the order in which it was thought of."""
        chosen = "" if track is None else " WHERE track = ?"
        values = () if track is None else (track,)
        with translated(self._path):
            rows = self._file.execute(f"SELECT {ATTEMPT} FROM attempts{chosen} ORDER BY row", values)  # noqa: S608 - constant names
            return [read_attempt(row) for row in rows]

    def foreign_changes(self) -> int:
        """A number that changes when another process has written to the notebook (an import)."""
        with translated(self._path):
            (version,) = self._file.execute("PRAGMA data_version").fetchone()
        return int(version)

    def note(self, attempt: Attempt) -> bool:
        """Write an attempt down, in place of what stood there for its recipe; False if nothing changes.

        What an entry knows and the new one does not (mechanism, hypothesis, claim) is kept.
        """
        with self._writing():
            return self._note(attempt)

    def _note(self, attempt: Attempt) -> bool:
        key = (attempt.track, attempt.id)
        found = self._file.execute(
            f"SELECT row, {ATTEMPT} FROM attempts WHERE track = ? AND recipe_id = ?",  # noqa: S608
            key,
        ).fetchone()
        if found is not None:
            before = read_attempt(found[1:])
            attempt = attempt.after(before)
            if attempt.says_as_much_as(before):
                return False
            self._file.execute("DELETE FROM attempts WHERE row = ?", (found[0],))
        row = self._file.execute(
            f"INSERT INTO attempts (row, recipe_id, {ATTEMPT}) VALUES ({', '.join('?' * 18)}) RETURNING row",  # noqa: S608
            (None if found is None else found[0], attempt.id, *attempt_values(attempt)),
        ).fetchone()[0]
        self._index(2 * row, words_of(attempt))
        return True

    # --- lessons

    def lessons(self, track: TrackId | None = None, *, withdrawn: bool = False) -> list[Lesson]:
        """What was learned, oldest first; `withdrawn` adds what the evidence no longer says."""
        chosen = [] if track is None else ["track = ?"]
        chosen += [] if withdrawn else ["withdrawn = 0"]
        where = f" WHERE {' AND '.join(chosen)}" if chosen else ""
        with translated(self._path):
            rows = self._file.execute(
                f"SELECT {LESSON} FROM lessons{where} ORDER BY row",  # noqa: S608
                () if track is None else (track,),
            )
            return [read_lesson(row) for row in rows]

    def revise(self, track: TrackId, lessons: Sequence[Lesson], seen: Container[ContentId]) -> int:
        """Take in what this node's records teach about `track`; returns how many lessons changed.

        New ones are added, changed ones revised. Those that rest on one of the records in `seen` and are not
        among `lessons` any more are withdrawn; imported ones are left alone.
        """
        changed = 0
        with self._writing():
            held = {item.key: item for item in self.lessons(track, withdrawn=True)}
            for lesson in lessons:
                changed += self._learn(lesson, held.get(lesson.key))
            wanted = {lesson.key for lesson in lessons}
            for lesson in held.values():
                gone = lesson.key not in wanted and any(record in seen for record in lesson.support)
                if gone and not lesson.withdrawn and not lesson.imported:
                    changed += self._learn(replace(lesson, withdrawn=True), lesson)
        return changed

    def _learn(self, lesson: Lesson, before: Lesson | None) -> bool:
        if before is not None:
            same = (lesson.text, lesson.support, lesson.withdrawn, lesson.kind)
            if same == (before.text, before.support, before.withdrawn, before.kind):
                return False
            self._file.execute(
                "INSERT INTO revisions SELECT row, revision, text, support, withdrawn, time FROM lessons"
                " WHERE track = ? AND key = ?",
                (lesson.track, lesson.key),
            )
            self._file.execute(
                "UPDATE lessons SET kind = ?, text = ?, support = ?, revision = revision + 1, withdrawn = ?,"
                " imported = ?, time = ? WHERE track = ? AND key = ?",
                (
                    *(lesson.kind, lesson.text, encode(list(lesson.support)), lesson.withdrawn),
                    *(lesson.imported, lesson.time_ms, lesson.track, lesson.key),
                ),
            )
        else:
            self._file.execute(
                f"INSERT INTO lessons ({LESSON}) VALUES ({', '.join('?' * 9)})",  # noqa: S608
                (
                    *(lesson.track, lesson.key, lesson.kind, lesson.text, encode(list(lesson.support))),
                    *(lesson.revision, lesson.withdrawn, lesson.imported, lesson.time_ms),
                ),
            )
        (row,) = self._file.execute(
            "SELECT row FROM lessons WHERE track = ? AND key = ?", (lesson.track, lesson.key)
        ).fetchone()
        self._index(2 * row + 1, [lesson.kind, lesson.text])
        return True

    def earlier(self, track: TrackId, key: str) -> list[str]:
        """What a lesson said before, oldest first; a withdrawal is in it as the text that was withdrawn."""
        with translated(self._path):
            rows = self._file.execute(
                "SELECT revisions.text FROM revisions JOIN lessons ON lessons.row = revisions.lesson"
                " WHERE track = ? AND key = ? ORDER BY revisions.revision",
                (track, key),
            )
            return [text for (text,) in rows]

    # --- looking things up

    def search(self, query: str, limit: int = 20) -> list[Entry]:
        """Entries that hold words that begin like every word of the query, the most fitting first."""
        clean = "".join(letter if letter.isprintable() else " " for letter in query)
        words = [word for word in clean.split() if any(letter.isalnum() for letter in word)]
        if not words:
            raise Misuse("there is no word in the query", "give one or more words")
        match = " ".join('"' + word.replace('"', '""') + '"*' for word in words)
        with translated(self._path):
            rows = self._file.execute(
                "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?", (match, limit)
            ).fetchall()
            return [self._entry(row) for (row,) in rows]

    def _entry(self, number: int) -> Entry:
        if number % 2 == 0:
            found = self._file.execute(f"SELECT {ATTEMPT} FROM attempts WHERE row = ?", (number // 2,))  # noqa: S608
            return read_attempt(found.fetchone())
        found = self._file.execute(f"SELECT {LESSON} FROM lessons WHERE row = ?", (number // 2,))  # noqa: S608
        return read_lesson(found.fetchone())

    def _index(self, number: int, texts: Iterable[str]) -> None:
        self._file.execute("DELETE FROM words WHERE rowid = ?", (number,))
        self._file.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (number, "\n".join(texts)))

    # --- carrying it around

    def export(self) -> Iterator[str]:
        """Every entry as a line of JSON, below a line that says what this is."""
        yield _HEADER
        for attempt in self.attempts():
            yield write_line(attempt)
        for lesson in self.lessons(withdrawn=True):
            yield write_line(lesson)

    def take_in(self, lines: Iterable[str]) -> tuple[int, int]:
        """Add the entries of an export, all or none: (attempts, lessons) that are new here or newer.

        Raises PeerError, with its number, for a line that is none. An attempt that this notebook has with a
        result stays as it is unless the other one is newer; a lesson of this node's own records stays. Of
        several lines about one thing the newest counts, the first of equally new ones.
        """
        taken = {Attempt: 0, Lesson: 0}
        with self._writing():
            held = {(attempt.track, attempt.id): attempt for attempt in self.attempts()}
            own = {(item.track, item.key): item for item in self.lessons(withdrawn=True)}
            for number, line in enumerate(lines, 1):
                if number == 1 and line.strip() == _HEADER:
                    continue
                entry = _checked(line, number)
                if isinstance(entry, Attempt):
                    before = held.get((entry.track, entry.id))
                    if before is None or entry.time_ms > before.time_ms:
                        taken[Attempt] += self._note(entry)
                        held[entry.track, entry.id] = entry
                else:
                    known = own.get((entry.track, entry.key))
                    if known is None or (known.imported and entry.time_ms > known.time_ms):
                        lesson = replace(entry, imported=True)
                        taken[Lesson] += self._learn(lesson, known)
                        own[entry.track, entry.key] = lesson
        return taken[Attempt], taken[Lesson]

    # --- money

    def spent(self) -> Spent:
        """What language models have cost on the latest day that they were asked."""
        with translated(self._path):
            from experiments.llm.budget import Spent  # its package brings an HTTP client, 0.1 s of CPU

            row = self._file.execute("SELECT day, requests, tokens, dollars, seconds FROM spent").fetchone()
        return Spent(*row)

    def spend(self, before: Spent, after: Spent) -> bool:
        """Write `after` down if nobody has spent anything since `before` was read; else False."""
        with translated(self._path):
            done = self._file.execute(
                "UPDATE spent SET day = ?, requests = ?, tokens = ?, dollars = ?, seconds = ?"
                " WHERE day = ? AND requests = ? AND tokens = ? AND dollars = ? AND seconds = ?",
                (
                    *(after.day, after.requests, after.tokens, after.dollars, after.seconds),
                    *(before.day, before.requests, before.tokens, before.dollars, before.seconds),
                ),
            )
        return done.rowcount == 1

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction: all of it or nothing."""
        with translated(self._path):
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._file.execute("COMMIT")
            except BaseException:
                if self._file.in_transaction:  # a full disk rolls back by itself
                    self._file.execute("ROLLBACK")
                raise


def _checked(line: str, number: int) -> Entry:
    if number > _MAX_LINES or len(line) > _MAX_LINE:
        raise PeerError(f"line {number}: a notebook has fewer lines, and shorter ones")
    try:
        return read_line(line)
    except PeerError as error:
        raise PeerError(f"line {number}: {error}") from None
