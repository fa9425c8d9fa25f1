"""A confined process as its parent sees it: a bounded pipe in each direction, a clock, and an end.

The parent believes nothing. A frame's length is checked before a byte of it is stored, every wait has a
deadline on the parent's clock, and whatever goes wrong ends the whole process tree. There is no result file
and no standard output to read: what has not come through the pipe as a whole frame does not exist.

Pause and resume (SIGSTOP, SIGCONT) give a track that measures speed a child that cannot work while the
parent's clock stands still. `pause` returns when the child has stopped, not when it was told to: a system
call that takes long would otherwise go on, and the counters of a running process lag behind.

A child that sleeps uses no processor time and still holds the machine, so that is limited as well: what it
was waited for, less what it ran, less what it and we waited for a processor. A busy machine is nobody's
fault, so deadlines are put off by such waits, too.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from leaderboard.errors import LocalError, Refused

from .codes import Code, Rejected
from .limits import Limits

__all__ = ["Confined"]

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_WATCH_S: Final = 0.05  # how often memory and tasks are looked at while waiting
_MAX_TASKS: Final = 256  # threads and processes of a child that may start them; guess, not measured
_REAP_S: Final = 10.0
_LET_REAP_S: Final = 2.0  # how long bubblewrap may take to see that its guest has died, on a busy machine
_STOP_S: Final = 5.0  # how long a stopped child may take to stop: the longest system call it can make
_STOPPED: Final = frozenset("TtZX")  # states in /proc that run nothing
# Share of the limit on our clock by which the kernel may have ended a child: it counts in ticks, and on a
# busy machine acted when our clock said 11.1 s of 12. What crashes by itself so late is called the same.
_TICKS: Final = 0.85
_LAST_WORDS: Final = 4096  # bytes
_CPUCLOCK_SCHED: Final = 2  # Linux posix-timers.h: a process's clock is made of its number and this kind


class Confined:
    """One running confined process. A context manager: leaving it kills everything it started."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        pid: int,
        pipe: tuple[int, int],
        limits: Limits,
        level: str,
    ) -> None:
        self.level = level
        """Name of the confinement, as a measurement records it."""
        self.last_words = b""
        """After the end: what bubblewrap or our own first steps complained of; the guest cannot write it."""
        self._process = process
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._reading, self._writing = pipe
        self._limits = limits
        self._ends = time.monotonic() + limits.wall_seconds
        self._fresh_memory: int | None = None
        self._spent = 0.0  # processor seconds when last looked at
        self._clock = ~pid << 3 | _CPUCLOCK_SCHED
        self._waited = 0.0  # seconds that this side has waited for the child
        self._forgiven = 0.0
        self._delayed: float | None = None  # seconds without a processor when this wait was first looked at
        self._excused = 0.0  # of which it, or we, could not help so many when last looked at
        self._open = True
        os.set_blocking(self._writing, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, request: bytes, most: int, seconds: float) -> bytes:
        """Send a frame and wait for the frame that answers it; Rejected says why there was none."""
        deadline = self._deadline(seconds)
        if self._has_spoken():
            raise self._reject(Code.BAD_FRAME, "the program speaks without being asked")
        self._send(struct.pack("<I", len(request)) + request, deadline)
        return self._receive(most, deadline)

    def receive(self, most: int, seconds: float) -> bytes:
        """Wait for a frame of at most `most` bytes."""
        return self._receive(most, self._deadline(seconds))

    def send(self, request: bytes, seconds: float) -> None:
        """Send a frame without waiting for an answer."""
        self._send(struct.pack("<I", len(request)) + request, self._deadline(seconds))

    def forgive(self) -> None:
        """Do not count as idle what it took so far."""
        self._excused = self._waited
        self._forgiven = self._waited - self.cpu_seconds() - self._delay()

    def pause(self) -> None:
        """Stop the child's processor time until `resume`; Rejected if it does not stop."""
        self._signal(signal.SIGSTOP)
        ends = time.monotonic() + _STOP_S
        while not self._has_stopped():
            if time.monotonic() > ends:
                raise self._reject(Code.TIME_LIMIT, f"did not stop within {_STOP_S:.0f} s")
            os.sched_yield()

    def resume(self) -> None:
        """Let a paused child go on."""
        self._signal(signal.SIGCONT)

    def pin(self, processor: int) -> None:
        """Run on this processor only."""
        os.sched_setaffinity(self.pid, {processor})

    def peek(self, address: int, size: int) -> bytes:
        """`size` bytes of the child's memory, where it says they are; pause it first.

        Rejected if nothing is there: the address is the child's word.
        """
        found = bytearray()
        try:
            with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
                while len(found) < size:
                    part = os.pread(memory.fileno(), size - len(found), address + len(found))
                    if not part:
                        break
                    found += part
        except PermissionError:
            self.close()
            raise Refused("this machine does not let a process read the memory of its children") from None
        except (OSError, OverflowError):
            found.clear()
        if len(found) != size:
            raise self._reject(Code.BAD_FRAME, "the program names memory that it does not have")
        return bytes(found)

    def cpu_seconds(self) -> float:
        """Processor time of the child so far, all threads, those that ended too; exact also while it runs."""
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return self._spent  # it has ended

    def close(self) -> None:
        """Kill the process tree and wait until it is gone. Safe to call twice."""
        if not self._open:
            return
        self._open = False
        self._signal(signal.SIGKILL)
        gone = select.poll()
        gone.register(self._pidfd, select.POLLIN)
        gone.poll(_REAP_S * 1000.0)
        for descriptor in (self._reading, self._writing, self._pidfd):
            os.close(descriptor)
        try:
            self._await_parent()
        except subprocess.TimeoutExpired:
            raise LocalError(
                "a confined process does not die; the machine is stuck on its disk or driver"
            ) from None
        if self._process.stderr is not None:
            self.last_words = os.read(self._process.stderr.fileno(), _LAST_WORDS)
            self._process.stderr.close()

    def _await_parent(self) -> None:
        """Wait for the process we started: under bubblewrap it reaps the guest, if it is left the time."""
        try:
            self._process.wait(_LET_REAP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_REAP_S)

    def _signal(self, number: signal.Signals) -> None:
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return  # it has ended by itself

    def _deadline(self, seconds: float) -> float:
        self._delayed = None
        return min(time.monotonic() + seconds, self._ends)

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._writing, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._writing, view) :]
            except BrokenPipeError:
                raise self._ended() from None

    def _receive(self, most: int, deadline: float) -> bytes:
        (size,) = struct.unpack("<I", self._exactly(4, deadline))
        if size > most:
            raise self._reject(Code.BAD_FRAME, f"the answer announces {size} bytes; at most {most} are taken")
        return self._exactly(size, deadline)

    def _exactly(self, size: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._wait(self._reading, select.POLLIN, deadline)
            part = os.read(self._reading, min(size - len(parts), 1 << 20))
            if not part:
                raise self._ended()
            parts += part
        return bytes(parts)

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        now = time.monotonic()
        while True:
            if deadline <= now and (self._delayed is None or deadline + self._delay() - self._delayed <= now):
                raise self._reject(Code.TIME_LIMIT, "no answer before the deadline")
            ready = poll.poll(min(max(deadline - now, 0.001), _WATCH_S) * 1000.0)
            before, now = now, time.monotonic()
            self._waited += now - before
            self._check_idle()
            if ready:
                return
            self._watch()

    def _check_idle(self) -> None:
        """Rejected(TIME_LIMIT) once the child has slept too long in all; cheap until that is possible."""
        if self._limits.tasks or self._waited - self._excused <= self._limits.idle_seconds:
            return  # who may use a card may wait for it
        self._excused = self._forgiven + self.cpu_seconds() + self._delay()
        if self._waited - self._excused > self._limits.idle_seconds:
            raise self._reject(
                Code.TIME_LIMIT, f"slept for more than {self._limits.idle_seconds:.0f} s in all"
            )

    def _delay(self) -> float:
        """Seconds so far that the child or we were ready to run and had no processor; 0 if nobody counts."""
        total = 0
        for path in (f"/proc/{self.pid}/schedstat", "/proc/thread-self/schedstat"):
            try:
                total += int(Path(path).read_text().split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended, or this kernel was built without
        return total * 1e-9

    def _has_stopped(self) -> bool:
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        return stat.rpartition(")")[2].split()[0] in _STOPPED

    def _has_spoken(self) -> bool:
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        return any(event & select.POLLIN for _, event in poll.poll(0))

    def _watch(self) -> None:
        """End a child that holds too much, where the kernel's limits on one process do not see it all."""
        try:
            resident = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
            tasks = len(os.listdir(f"/proc/{self.pid}/task"))
        except (FileNotFoundError, ProcessLookupError):
            return
        self._spent = self.cpu_seconds()
        if self._delayed is None:
            self._delayed = self._delay()
        if self._fresh_memory is None:
            self._fresh_memory = resident
        if self._limits.tasks and resident > self._fresh_memory + self._limits.memory_bytes:
            raise self._reject(Code.MEMORY_LIMIT, f"more than {self._limits.memory_bytes} bytes of memory")
        if tasks > (_MAX_TASKS if self._limits.tasks else 1):
            raise self._reject(Code.CRASHED, f"{tasks} threads")

    def _ended(self) -> Rejected:
        """The child closed its pipe: say how it died, after it has."""
        self.close()
        if self._spent > _TICKS * self._limits.cpu_seconds - 3 * _WATCH_S:
            return Rejected(Code.TIME_LIMIT, f"more than {self._limits.cpu_seconds} s of processor time")
        return Rejected(Code.CRASHED, "the process ended without an answer")

    def _reject(self, code: Code, reason: str) -> Rejected:
        self.close()
        return Rejected(code, reason)
