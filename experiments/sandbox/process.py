"""A confined process as its parent sees it: a bounded pipe in each direction, a clock, and an end.

The parent believes nothing. A frame's length is checked before a byte of it is stored, every wait has a
deadline on the parent's clock, and whatever goes wrong ends the whole process tree. There is no result file
and no standard output to read: what has not come through the pipe as a whole frame does not exist.

Pause and resume (SIGSTOP, SIGCONT) give a track that measures speed a child that cannot work while the
parent's clock stands still.
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
_LAST_WORDS: Final = 4096  # bytes


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

    def pause(self) -> None:
        """Stop the child's processor time until `resume`."""
        self._signal(signal.SIGSTOP)

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
        """Processor time of the child so far, all threads (nanosecond counters of the scheduler)."""
        total = 0
        for path in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            try:
                total += int(path.read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue  # that thread has ended
        return total * 1e-9

    def close(self) -> None:
        """Kill the process tree and wait until it is gone. Safe to call twice."""
        if not self._open:
            return
        self._open = False
        self._signal(signal.SIGKILL)
        gone = select.poll()
        gone.register(self._pidfd, select.POLLIN)
        gone.poll(_REAP_S * 1000.0)  # under bubblewrap the guest is not our child: wait for it, then for both
        self._process.kill()
        for descriptor in (self._reading, self._writing, self._pidfd):
            os.close(descriptor)
        try:
            self._process.wait(_REAP_S)
        except subprocess.TimeoutExpired:
            raise LocalError(
                "a confined process does not die; the machine is stuck on its disk or driver"
            ) from None
        if self._process.stderr is not None:
            self.last_words = os.read(self._process.stderr.fileno(), _LAST_WORDS)
            self._process.stderr.close()

    def _signal(self, number: signal.Signals) -> None:
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return  # it has ended by itself

    def _deadline(self, seconds: float) -> float:
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
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._reject(Code.TIME_LIMIT, "no answer before the deadline")
            if poll.poll(min(left, _WATCH_S) * 1000.0):
                return
            self._watch()

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
        if self._fresh_memory is None:
            self._fresh_memory = resident
        if self._limits.tasks and resident > self._fresh_memory + self._limits.memory_bytes:
            raise self._reject(Code.MEMORY_LIMIT, f"more than {self._limits.memory_bytes} bytes of memory")
        if tasks > (_MAX_TASKS if self._limits.tasks else 1):
            raise self._reject(Code.CRASHED, f"{tasks} threads")

    def _ended(self) -> Rejected:
        """The child closed its pipe: say how it died, after it has."""
        self.close()
        if self._spent > self._limits.cpu_seconds - 3 * _WATCH_S:  # the last look before the kernel acted
            return Rejected(Code.TIME_LIMIT, f"more than {self._limits.cpu_seconds} s of processor time")
        return Rejected(Code.CRASHED, "the process ended without an answer")

    def _reject(self, code: Code, reason: str) -> Rejected:
        self.close()
        return Rejected(code, reason)
