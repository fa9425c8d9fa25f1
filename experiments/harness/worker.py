"""The child: `python -P -m experiments.harness.worker FD BYTES [FOLDER ...]` runs the jobs of a socket.

It starts with a bare environment and waits warm between jobs. BYTES is the most memory that it may allocate
(0: no bound); the system is told to take it first when memory runs out. FOLDERs hold the operator's own
tracks and come last on the import path, so they cannot shadow anything. A track's runner (`Track.runner`) is
a module with

    run(recipe: Recipe, seed: int, inputs: Mapping[str, np.ndarray],
        progress: Callable[[int, int], None], ulps: int) -> Mapping[str, np.ndarray]

When the parent goes away, however it ends, the worker kills its own process group.
"""

from __future__ import annotations

import importlib
import os
import platform
import queue
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final, cast

import numpy as np

from ..recipe import Recipe
from .frames import HEADER, frame_length, pack, plain_arrays, read_arrays, unpack

__all__ = ["main"]

_PROGRESS_S: Final = 0.1  # least time between two reports of progress
_MAX_FAILURE: Final = 2000  # characters of an error that travel
_LIBRARIES: Final = ("torch", "numpy", "sklearn")
_HANGUP: Final = getattr(select, "POLLRDHUP", select.POLLHUP)


def main(arguments: list[str]) -> None:
    """Serve jobs until the parent closes the socket."""
    descriptor, memory, *folders = arguments
    sys.path.extend(folders)
    _bound_memory(int(memory))
    link = socket.socket(fileno=int(descriptor))
    threading.Thread(target=_end_with_parent, args=(link.fileno(),), daemon=True).start()
    jobs: queue.Queue[dict[str, object] | None] = queue.Queue(1)
    threading.Thread(target=_fetch, args=(link, jobs), daemon=True).start()
    link.sendall(pack({"kind": "ready"}))
    while (message := jobs.get()) is not None:
        link.sendall(pack(_answer(message, link)))


def _fetch(link: socket.socket, jobs: queue.Queue[dict[str, object] | None]) -> None:
    """Read the next job while one runs, so that it starts at once."""
    message: dict[str, object] | None = {}
    while message is not None:
        message = _receive(link)
        jobs.put(message)


def _answer(job: Mapping[str, object], link: socket.socket) -> dict[str, object]:
    try:
        # Libraries are loaded before the job counts as started: the first trial is as long as the next.
        runner = importlib.import_module(str(job["runner"]))
        link.sendall(pack({"kind": "started", **_surroundings()}))
        return {"kind": "done", "answers": plain_arrays(_run(runner, job, link))}
    except Exception as error:  # noqa: BLE001  whatever a runner raises is reported to the parent
        text = f"{type(error).__name__}: {error}"[:_MAX_FAILURE]
        return {"kind": "failed", "text": text, "memory": _is_out_of_memory(error)}


def _is_out_of_memory(error: Exception) -> bool:
    """Python's own error, torch's on a card, or torch's on the processor, which has no class of its own."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def _bound_memory(most: int) -> None:
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    if most:
        import resource  # not on every system

        # Data, not address space: libraries map far more than they use.
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _run(runner: ModuleType, job: Mapping[str, object], link: socket.socket) -> Mapping[str, np.ndarray]:
    recipe = cast("Mapping[str, Mapping[str, int | float | str | bool]]", job["recipe"])
    slots = cast("Mapping[str, str]", recipe["slots"])
    answers: Mapping[str, np.ndarray] = runner.run(
        Recipe(tuple(sorted(recipe["settings"].items())), tuple(sorted(slots.items()))),
        job["seed"],
        read_arrays(job["inputs"]),
        _reporter(link),
        job["ulps"],
    )
    return answers


def _reporter(link: socket.socket) -> Callable[[int, int], None]:
    last = time.monotonic()

    def report(step: int, steps: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PROGRESS_S:
            last = now
            link.sendall(pack({"kind": "progress", "step": step, "steps": steps}))

    return report


def _receive(link: socket.socket) -> dict[str, object] | None:
    header = _read(link, HEADER.size)
    return None if header is None else unpack(_read(link, frame_length(header)) or b"")


def _read(link: socket.socket, length: int) -> bytes | None:
    data = bytearray(length)
    view, place = memoryview(data), 0
    while place < length:
        got = link.recv_into(view[place:])
        if got == 0:
            return None
        place += got
    return bytes(data)


def _end_with_parent(descriptor: int) -> None:
    # A thread and not PR_SET_PDEATHSIG: that signal is tied to the parent's *thread*, and trio starts
    # processes from threads that end soon after.
    hangup = select.poll()
    hangup.register(descriptor, _HANGUP)
    hangup.poll()
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _surroundings() -> dict[str, str]:
    """What decides how this process rounds: the processor, and the libraries that the runner loaded."""
    torch = sys.modules.get("torch")
    loaded = [f"{name} {sys.modules[name].__version__}" for name in _LIBRARIES if name in sys.modules]
    return {
        "processor": f"{platform.machine()} {_processor()}".strip(),
        "kernels": "" if torch is None else _kernels(torch),
        "libraries": " ".join(loaded),
    }


def _kernels(torch: ModuleType) -> str:
    """The card's model where this worker has one, else the processor's kernels."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    return str(torch.backends.cpu.get_cpu_capability())


@cache
def _processor() -> str:
    """Vendor, family and model of the processor; empty where the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return "-".join(facts[key] for key in ("vendor_id", "cpu family", "model") if key in facts)


if __name__ == "__main__":
    main(sys.argv[1:])
