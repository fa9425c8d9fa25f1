"""A running worker process, seen from the parent: start, talk, and end it with all that it started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from .frames import HEADER, FrameError, frame_length, unpack
from .kinds import DeviceName
from .outcome import EnvironmentClass, Fault, TrialError
from .processes import cpu_seconds, kill_tree, memory_bytes

__all__ = ["Means", "WorkerLink"]

_START_S: Final = 120.0  # torch takes 2 s to import on a warm disk, and a minute on a cold and busy one
_MAX_PRINTED: Final = 1024 * 1024  # bytes of output after which a worker is killed
_SHOWN: Final = 2000  # bytes of its output that an error repeats
_CHUNK: Final = 65536
_LINGER_S: Final = 0.2  # for the last output of a worker that has ended
_FAREWELL_S: Final = 5.0  # for a worker that closed its socket to end; what it printed is read until then
_MAX_WORD: Final = 64  # characters of each fact about the machine

# All that a worker knows of its surroundings. One thread each: see `worker`.
_ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
}
# Passed on if they are set: where programs and libraries are, and which kernels torch may use.
_INHERITED: Final = ("ATEN_CPU_CAPABILITY", "LD_LIBRARY_PATH", "MKL_CBWR", "PATH")
_WATCH_S: Final = 0.25  # between two looks at how much memory a trial holds


@dataclass(frozen=True, slots=True)
class Means:
    """What a worker gets to work with."""

    device: DeviceName = field(default_factory=DeviceName)
    folders: Sequence[Path] = ()
    """The operator's own tracks; they come last on the import path."""
    memory_bytes: int = 0
    """Most memory that a trial may hold; 0 sets no bound.

    On the processor the system itself refuses more (RLIMIT_DATA), so the trial fails and the worker can say
    so; everywhere the parent looks four times a second and kills what grew past it. A card's driver maps more
    than it uses, so there only the parent looks. Memory of the card itself is bounded by the card.
    """


class WorkerLink:
    """One worker process. One task may send while another one listens; not more."""

    def __init__(self, process: trio.Process, stream: trio.SocketStream, means: Means) -> None:
        self._process = process
        self._stream = stream
        self._means = means
        self._killed = False
        self._buffer = bytearray()
        self._printed = 0
        self._tail = b""
        self._ended = trio.Event()

    @classmethod
    async def start(cls, nursery: trio.Nursery, means: Means | None = None) -> WorkerLink:
        """Start a worker and wait until it is warm; TrialError(start) if it does not come up.

        The nursery keeps a task that reads what the worker prints and that reaps it.
        """
        means = means or Means()
        ours, theirs = socket.socketpair()
        bound = 0 if means.device.card is not None else means.memory_bytes
        command = [sys.executable, "-P", "-m", "experiments.harness.worker", str(theirs.fileno()), str(bound)]
        try:
            with theirs:
                process = await trio.lowlevel.open_process(
                    [*command, *map(str, means.folders)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                    env=_surroundings(means.device),
                )
        except BaseException:  # also a cancellation before there is a process
            ours.close()
            raise
        ours.setblocking(False)
        link = cls(process, trio.SocketStream(trio.socket.from_stdlib_socket(ours)), means)
        nursery.start_soon(link._watch)
        try:
            await link._greet()
        except BaseException:
            link.kill()
            raise
        return link

    async def _greet(self) -> None:
        try:
            with trio.fail_after(_START_S):
                hello = await self.receive()
        except (TrialError, trio.TooSlowError) as error:
            raise TrialError(
                Fault.START, f"the worker did not come up; it printed: {self.printed}"
            ) from error
        if hello.get("kind") != "ready":
            raise TrialError(Fault.START, "the worker did not say that it is ready")

    async def send(self, job: bytes) -> None:
        """Hand over the frame of a job; the worker keeps one more than it runs. TrialError if it is gone."""
        try:
            await self._stream.send_all(job)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise await self._gone() from error

    async def started(self) -> EnvironmentClass:
        """Wait until the libraries of the oldest job are loaded and it runs."""
        try:
            with trio.fail_after(_START_S):
                message = await self.receive()
        except trio.TooSlowError as error:
            raise TrialError(Fault.START, f"the worker did not begin within {_START_S:g} s") from error
        if message.get("kind") == "failed":
            raise TrialError(Fault.RUNNER, str(message.get("text"))[:_SHOWN])
        if message.get("kind") != "started":
            raise TrialError(Fault.PROTOCOL, "the worker did not say that the job has started")
        facts = (message.get(key) for key in ("processor", "kernels", "libraries"))
        return EnvironmentClass(*(str(fact)[:_MAX_WORD] for fact in facts))

    @property
    def printed(self) -> str:
        """The end of what the worker printed, as text with only printable characters."""
        text = self._tail.decode("utf-8", errors="replace")
        return "".join(c if c.isprintable() or c == "\n" else "?" for c in text) or "(nothing)"

    @property
    def cpu_s(self) -> float:
        """Processor seconds used so far."""
        return cpu_seconds(self._process.pid)

    async def receive(self) -> dict[str, object]:
        """The worker's next message; TrialError if it is gone or breaks the protocol."""
        try:
            header = await self._read(HEADER.size)
            return unpack(await self._read(frame_length(header)))
        except FrameError as error:
            raise TrialError(Fault.PROTOCOL, str(error)) from error

    async def _read(self, length: int) -> bytes:
        while len(self._buffer) < length:
            try:
                chunk = await self._stream.receive_some(_CHUNK)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise await self._gone() from error
            if not chunk:
                raise await self._gone()
            self._buffer += chunk
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    async def _gone(self) -> TrialError:
        # The socket closes before the last output is read: wait for it, since it says why.
        with trio.move_on_after(_FAREWELL_S):
            await self._ended.wait()
        if self._printed > _MAX_PRINTED:
            return TrialError(
                Fault.FLOOD, f"the worker printed more than {_MAX_PRINTED} bytes and was killed"
            )
        # Nobody else kills workers but the system, when memory runs out: it is told to take them first.
        by_system = not self._killed and self._process.returncode == -signal.SIGKILL
        why = " (the system killed it, probably for want of memory)" if by_system else ""
        return TrialError(
            Fault.CRASH, f"the worker ended in the middle of a trial{why}; it printed: {self.printed}"
        )

    async def wait_too_big(self) -> None:
        """Return once the worker holds more memory than it may; never if there is no bound."""
        if not self._means.memory_bytes:
            await trio.sleep_forever()
        while memory_bytes(self._process.pid) <= self._means.memory_bytes:  # noqa: ASYNC110  nobody tells
            await trio.sleep(_WATCH_S)

    async def _watch(self) -> None:
        """Read what the worker prints until it ends, and reap it. Ends soon after `kill`."""
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._drain)
                await self._process.wait()
                nursery.cancel_scope.deadline = trio.current_time() + _LINGER_S
            await trio.aclose_forcefully(self._stream)
            if self._process.stdout is not None:
                await trio.aclose_forcefully(self._process.stdout)
            self._ended.set()

    async def _drain(self) -> None:
        output = self._process.stdout
        assert output is not None  # it was opened as a pipe
        while chunk := await output.receive_some(_CHUNK):
            self._printed += len(chunk)
            self._tail = (self._tail + chunk)[-_SHOWN:]
            if self._printed > _MAX_PRINTED:
                self.kill()

    def kill(self) -> None:
        """End the worker and everything that it started, now."""
        if self._process.returncode is None:
            self._killed = True
            kill_tree(self._process.pid)


def _surroundings(device: DeviceName) -> dict[str, str]:
    """The whole environment of a worker."""
    passed = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    return {**_ENVIRONMENT, **device.surroundings, **passed}
