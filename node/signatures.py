"""Signatures of many records at once, checked in processes of their own: half of what ingest costs.

Threads do not help: a check takes forty microseconds without the interpreter's lock and then waits up to five
milliseconds to get it back from whoever decodes or stores. So a batch that is large enough is dealt out, part
by part as it is decoded, to worker processes that do nothing but verify; what goes there is what libsodium
is given, and one byte a record comes back. A pipe takes many parts before anybody waits, and the answers
never fill one, so neither side can block the other for ever.

Workers start with the first large batch and serve from a later one on, because a start takes a tenth of a
second. They end when nothing came for a minute, or with this process. Where none can be started, or one dies,
signatures are checked here: which process looks at a signature is never part of the answer.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import sys
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import IO

import msgpack
import structlog

from leaderboard.envelope import Envelope
from leaderboard.ledger import Part, genuine
from leaderboard.signing import holds

__all__ = ["LEAST", "Verifiers"]

LEAST = 256
"""Records of a batch that is worth dealing out."""
_MOST_WORKERS = 2
"""What one process decodes and stores, two verify."""
_IDLE_S = 60
_PIPE_BYTES = 1 << 20
"""Room for some 1,500 records, where the system gives it."""
_READY = b"\x02"
_LENGTH = struct.Struct("<I")

_log = structlog.get_logger("signatures")


class Verifiers:
    """Implements `leaderboard.ledger.Spread`. Used by one thread at a time."""

    def __init__(self, workers: int | None = None) -> None:
        """`workers`: how many processes at most; as many as this machine has use for if left out."""
        cores = os.cpu_count() or 1
        self._most = (_MOST_WORKERS if cores > 1 else 0) if workers is None else workers
        self._workers: list[_Worker] = []
        weakref.finalize(self, _end, self._workers)

    def __call__(self, parts: Iterable[Part], size: int) -> Iterable[list[bool]]:
        """Which envelopes of each part are their authors', in order; `size` is that of all parts together."""
        workers = self._ready() if size >= LEAST and self._most else []
        return self._dealt_out(parts, workers) if workers else map(genuine, parts)

    def close(self) -> None:
        """End the workers; they have nothing to lose."""
        _end(self._workers)

    def _ready(self) -> list[_Worker]:
        """Workers that wait for work; if there are none yet, they are started for a later batch."""
        if any(worker.is_gone() for worker in self._workers):
            self.close()
        try:
            if not self._workers:
                self._workers.extend(_Worker() for _ in range(self._most))
            return list(self._workers) if all(worker.is_ready() for worker in self._workers) else []
        except OSError as error:
            _log.warning("signatures are checked in one process", error=str(error))
            self._most = 0
            self.close()
            return []

    def _dealt_out(self, parts: Iterable[Part], workers: Sequence[_Worker]) -> Iterator[list[bool]]:
        given: list[tuple[Part, _Worker]] = []
        is_done = False
        try:
            for part in parts:
                worker = workers[len(given) % len(workers)]
                worker.ask(part)
                given.append((part, worker))
            for part, worker in given:
                yield worker.answer(part)
            is_done = True
        finally:
            if not is_done:  # else the next batch would get the answers to this one
                self.close()


class _Worker:
    """One process and the pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "node.signatures"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout
        self._has_begun = self._is_lost = False
        _widen(self._questions.fileno())

    def is_gone(self) -> bool:
        """Whether it has ended after it had begun: it was idle for long, or something killed it."""
        return self._is_lost or (self._has_begun and self._process.poll() is not None)

    def is_ready(self) -> bool:
        """Whether it waits for work; raises OSError if it ended without ever having done so."""
        if not self._has_begun and select.select([self._answers], [], [], 0.0)[0]:
            if self._answers.read(1) != _READY:
                raise OSError(f"a worker ended with status {self._process.wait()} before it began")
            self._has_begun = True
        return self._has_begun

    def ask(self, part: Part) -> None:
        """Have the signatures of a part checked."""
        pairs = [(item.author, item.signed) for item in part if isinstance(item, Envelope)]
        message: bytes = msgpack.packb(pairs)
        try:
            self._questions.write(_LENGTH.pack(len(message)) + message)
            self._questions.flush()
        except OSError:
            self._is_lost = True

    def answer(self, part: Part) -> list[bool]:
        """The answers to the part that was asked about first; found here if the worker is lost."""
        wanted = sum(isinstance(item, Envelope) for item in part)
        found = b"" if self._is_lost else self._answers.read(wanted)
        if len(found) < wanted:
            self._is_lost = True
            return genuine(part)
        answers = iter(found)
        return [isinstance(item, Envelope) and next(answers) == 1 for item in part]

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._questions, self._answers):
            with suppress(OSError):  # what it did not read any more
                pipe.close()


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.close()
    workers.clear()


def _widen(pipe: int) -> None:
    """Let a pipe hold more, on Linux; elsewhere we wait a little oftener."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):  # a limit per user: pipe(7)
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def main() -> None:
    """Answer questions from standard input until it ends, or for a minute after the last one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks tells us when to end
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    answers.write(_READY)
    answers.flush()
    while True:
        signal.alarm(_IDLE_S)
        length = questions.read(_LENGTH.size)
        if len(length) < _LENGTH.size:
            return
        pairs = msgpack.unpackb(questions.read(*_LENGTH.unpack(length)))
        answers.write(bytes(holds(author, signed) for author, signed in pairs))
        answers.flush()


if __name__ == "__main__":
    main()
