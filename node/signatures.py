"""Many records at once, opened and verified in processes of their own: most of what ingest costs.

Threads do not help: a signature takes forty microseconds without the interpreter's lock and then waits up to
five milliseconds to get it back from whoever stores, and opening a record needs that lock throughout. So a
batch that is large enough is dealt out, part by part, to worker processes, each part to whoever has least to
do, while this one looks up what is known and writes what came back. What goes there is the bytes of records;
what comes back is a slip for the store's index, or what is wrong. Answers are handed on in the order of the
parts, so which process looks at a record, and how fast, is never part of the result.

Workers start with the first large batch and serve from a later one on, because a start takes a tenth of a
second. They end when nothing came for a minute, or with this process. Where none can be started, or one dies,
records are examined here, by the same function.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import sys
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgpack
import structlog

from leaderboard.envelope import Slip
from leaderboard.ids import SwarmId
from leaderboard.ledger import Admission, Kept, Part, Verdict, examine, examined

__all__ = ["LEAST", "Verifiers"]

LEAST = 256
"""Records of a batch that is worth dealing out."""
_MOST_WORKERS = 2
"""What two examine, one process stores."""
_AHEAD = 3
"""Parts that a worker has been given and not answered: one under way, and what keeps it busy meanwhile."""
_IDLE_S = 60
_PIPE_BYTES = 1 << 20
"""Room for some 1,500 records, where the system gives it."""
_READ_BYTES = 1 << 16
_READY = b"\x02"
_LENGTH = struct.Struct("<I")
_COMPLAINT = 2
"""Elements of an answer that is a complaint: id and reason."""

_log = structlog.get_logger("signatures")


class Verifiers:
    """Implements `leaderboard.ledger.Spread`. Used by one thread at a time."""

    def __init__(self, swarm: SwarmId, workers: int | None = None) -> None:
        """`workers`: how many processes at most; as many as this machine has use for if left out."""
        cores = os.cpu_count() or 1
        self._swarm = swarm
        self._most = (_MOST_WORKERS if cores > 1 else 0) if workers is None else workers
        self._workers: list[_Worker] = []
        weakref.finalize(self, _end, self._workers)

    def __call__(self, parts: Iterable[Part], size: int) -> Iterable[list[Kept | Admission]]:
        """What becomes of the records of each part, in order; `size` is that of all parts together."""
        workers = self._ready() if size >= LEAST and self._most else []
        if workers:
            return self._dealt_out(parts, workers)
        return (examined(part, self._swarm) for part in parts)

    def close(self) -> None:
        """End the workers; they have nothing to lose."""
        _end(self._workers)

    def _ready(self) -> list[_Worker]:
        """Workers that wait for work; if there are none yet, they are started for a later batch."""
        if any(worker.is_gone() for worker in self._workers):
            self.close()
        try:
            if not self._workers:
                self._workers.extend(_Worker(self._swarm) for _ in range(self._most))
            return list(self._workers) if all(worker.is_ready() for worker in self._workers) else []
        except OSError as error:
            _log.warning("records are verified in one process", error=str(error))
            self._most = 0
            self.close()
            return []

    def _dealt_out(
        self, parts: Iterable[Part], workers: Sequence[_Worker]
    ) -> Iterator[list[Kept | Admission]]:
        found: dict[int, list[Kept | Admission]] = {}
        given = taken = 0
        is_done = False
        try:
            for part in parts:
                least = min(workers, key=_Worker.load)
                least.ask(given, part)
                given += 1
                while all(worker.load() >= _AHEAD for worker in workers):
                    _collect(workers, found)
                while taken in found:
                    yield found.pop(taken)
                    taken += 1
            while taken < given:
                while taken not in found:
                    _collect(workers, found)
                yield found.pop(taken)
                taken += 1
            is_done = True
        finally:
            if not is_done:  # else the next batch would get the answers to this one
                self.close()


class _Worker:
    """One process and the pipes to it."""

    def __init__(self, swarm: SwarmId) -> None:
        self._swarm = swarm
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "node.signatures", swarm.hex()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self._has_begun = self._is_lost = False
        self._given: deque[tuple[int, Part]] = deque()
        self._came = bytearray()
        self._poll = select.poll()
        self._poll.register(self.descriptor, select.POLLIN)
        self._poll.register(self._questions.fileno(), select.POLLOUT)
        os.set_blocking(self._questions.fileno(), False)
        _widen(self._questions.fileno())

    def is_gone(self) -> bool:
        """Whether it has ended after it had begun: it was idle for long, or something killed it."""
        return self._is_lost or (self._has_begun and self._process.poll() is not None)

    def is_ready(self) -> bool:
        """Whether it waits for work; raises OSError if it ended without ever having done so."""
        if not self._has_begun and self._polled(0)[0]:
            if os.read(self.descriptor, 1) != _READY:
                raise OSError(f"a worker ended with status {self._process.wait()} before it began")
            self._has_begun = True
        return self._has_begun

    @property
    def descriptor(self) -> int:
        """Where its answers come from."""
        return self._answers.fileno()

    def load(self) -> int:
        """Parts that it has not answered."""
        return len(self._given)

    def ask(self, number: int, part: Part) -> None:
        """Have a part examined. What it answers meanwhile is read, else both might wait for each other."""
        self._given.append((number, part))
        message: bytes = msgpack.packb([item for item in part if not isinstance(item, Admission)])
        left = memoryview(_LENGTH.pack(len(message)) + message)
        while left and not self._is_lost:
            has_answers, has_room = self._polled()
            if has_answers:
                self.read()
            if has_room:
                left = left[self._written(left) :]

    def read(self) -> None:
        """Take in what it has answered; waits if that is nothing."""
        came = os.read(self.descriptor, _READ_BYTES)
        self._is_lost |= not came
        self._came += came

    def answers(self) -> Iterator[tuple[int, list[Kept | Admission]]]:
        """The parts that have been answered since, with their numbers; all of them if it is lost."""
        while self._given:
            number, part = self._given[0]
            message = self._message()
            if message is None and not self._is_lost:
                return
            self._given.popleft()
            yield number, examined(part, self._swarm) if message is None else _read(part, message)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._questions.close()
        self._answers.close()

    def _message(self) -> bytes | None:
        """The next answer, if all of it has come."""
        if len(self._came) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._came)[0]
        if len(self._came) < end:
            return None
        found = bytes(self._came[_LENGTH.size : end])
        del self._came[:end]
        return found

    def _polled(self, timeout_ms: int | None = None) -> tuple[bool, bool]:
        """Whether there is something to read, or room to write."""
        found = dict(self._poll.poll(timeout_ms))
        return self.descriptor in found, self._questions.fileno() in found

    def _written(self, data: memoryview) -> int:
        try:
            return os.write(self._questions.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError:
            self._is_lost = True
            return 0


def _collect(workers: Sequence[_Worker], found: dict[int, list[Kept | Admission]]) -> None:
    """Wait until one of `workers` has answered something; note the parts that are complete."""
    poll = select.poll()
    busy = {worker.descriptor: worker for worker in workers if worker.load()}
    for descriptor in busy:
        poll.register(descriptor, select.POLLIN)
    for descriptor, _ in poll.poll():
        busy[descriptor].read()
        found.update(busy[descriptor].answers())


def _read(part: Part, message: bytes) -> list[Kept | Admission]:
    """A part with the answers filled in."""
    answers = iter(msgpack.unpackb(message))
    return [item if isinstance(item, Admission) else _filled(item, next(answers)) for item in part]


def _filled(raw: bytes, answer: list[Any]) -> Kept | Admission:
    return Slip(raw, *answer) if len(answer) > _COMPLAINT else Admission(Verdict.REJECT, *answer)


def _answer(raw: bytes, swarm: SwarmId) -> tuple[object, ...]:
    """What is said of a record to who asked: a slip without the bytes, or id and complaint."""
    item = examine(raw, swarm)
    if isinstance(item, Admission):
        return item.id, item.reason
    return item.id, item.author, item.chain, item.seq, item.time_ms, item.kind, item.subject


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


def _wait_for_turns() -> None:
    """Not to push aside, whenever there is something to do, the process that goes on giving us more."""
    if sys.platform == "linux":
        with suppress(OSError):  # some sandboxes
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def main() -> None:
    """Answer questions from standard input until it ends, or for a minute after the last one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks tells us when to end
    _wait_for_turns()
    swarm = SwarmId(bytes.fromhex(sys.argv[1]))
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    answers.write(_READY)
    answers.flush()
    while True:
        signal.alarm(_IDLE_S)
        length = questions.read(_LENGTH.size)
        if len(length) < _LENGTH.size:
            return
        raws = msgpack.unpackb(questions.read(*_LENGTH.unpack(length)))
        message: bytes = msgpack.packb([_answer(raw, swarm) for raw in raws])
        answers.write(_LENGTH.pack(len(message)) + message)
        answers.flush()


if __name__ == "__main__":
    main()
