"""Real daemons for tests: started by the CLI, asked over HTTP, killed without mercy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from node.config import template
from node.home import Home
from node.identity import create

TOYS = Path(__file__).parent / "toytrack"
PATIENCE_S = 150.0
"""For what takes seconds on a quiet machine with two processors."""
_SHOWN = 2500  # bytes of each log that a failure shows
_started: list[Daemon] = []
"""Daemons that a test has not stopped yet, whose logs are shown when it waits in vain."""


@dataclass
class Daemon:
    """One node in its own process."""

    home: Home
    command: tuple[str, ...] = ("-m", "node.cli")
    prefix: tuple[str, ...] = ()
    """Words before the command, such as those that run it in a network namespace."""
    process: subprocess.Popen[bytes] | None = None
    _client: httpx.Client | None = field(default=None, repr=False)

    @classmethod
    def settle(cls, path: Path, name: str, bootstrap: str = "", **settings: object) -> Daemon:
        """A new identity and configuration; researches on the toy track unless told otherwise."""
        home = Home(path / name)
        home.path.mkdir(mode=0o700)
        create(home.identity)
        tree = {
            "node.name": name,
            "node.swarm": "test",
            "node.listen": ["/ip4/127.0.0.1/tcp/0"],
            "node.bootstrap": [bootstrap] if bootstrap else [],
            "api.port": 0,
            "network.mdns": False,
            "agent.tracks": ["toy"],
            "agent.track_folders": [str(TOYS)],
            "agent.replicate_share": 0.5,
        }
        home.config.write_text(template({**tree, **{k.replace("__", "."): v for k, v in settings.items()}}))
        return cls(home)

    def start(self) -> Daemon:
        self.home.api.unlink(missing_ok=True)
        if not any(self is other for other in _started):
            _started.append(self)
        with (self.home.path / "console.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-P", *self.command, "--home", str(self.home.path), "up"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                start_new_session=True,
            )
        wait_until(self.home.api.exists, self._still_up)
        address = json.loads(self.home.api.read_text())
        headers = {"Authorization": f"Bearer {address['token']}"}
        self._client = httpx.Client(base_url=address["url"], headers=headers, timeout=120)
        wait_until(lambda: self.status()["listen"], self._still_up)
        return self

    def _still_up(self) -> None:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"the daemon ended: {(self.home.path / 'console.log').read_text()[-3000:]}")

    def ask(self, path: str, **parameters: object) -> Any:
        assert self._client is not None
        answer = self._client.get(path, params=parameters)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: object = None) -> Any:
        assert self._client is not None
        answer = self._client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("/v1/status")
        return found

    def board(self, track: str = "toy") -> dict[str, Any]:
        found: dict[str, Any] = self.ask("/v1/boards", track=track, limit=10_000)[0]
        return found

    @property
    def address(self) -> str:
        """What others bootstrap from."""
        return str(self.status()["listen"][0])

    def kill(self) -> None:
        """SIGKILL to the daemon alone, as a power cut would: its children must end by themselves."""
        assert self.process is not None
        if self._client is not None:
            self._client.close()
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """SIGTERM; returns how many seconds the daemon took to go, as Clock counts them."""
        _started[:] = [other for other in _started if other is not self]
        if self._client is not None:
            self._client.close()
        if self.process is None or self.process.poll() is not None:
            return 0.0
        clock = Clock()
        self.process.send_signal(signal.SIGTERM)
        try:
            wait_until(lambda: self.process is None or self.process.poll() is not None, patience_s=60)
        except AssertionError:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise
        return clock.read()


def wait_until(
    condition: Callable[[], object],
    check: Callable[[], None] = lambda: None,
    patience_s: float = PATIENCE_S,
) -> None:
    """Poll until `condition` holds; an AssertionError after `patience_s`. Polling, not sleeping for luck.

    What the daemons spend waiting for a processor is not held against them (Clock).
    """
    clock = Clock()
    while not condition():
        check()
        if clock.read() > patience_s:
            took = time.monotonic() - clock.started
            raise AssertionError(f"gave up waiting after {took:.0f} s; the logs end so:\n{_last_words()}")
        time.sleep(0.05)


def _last_words() -> str:
    """The ends of the logs of all daemons that run."""
    told = []
    for daemon in _started:
        state = None if daemon.process is None else daemon.process.poll()
        told.append(f"--- {daemon.home.path.name}: {'runs' if state is None else f'ended with {state}'}")
        logs = (daemon.home.logs / "daemon.jsonl", daemon.home.path / "console.log")
        told += [log.read_bytes()[-_SHOWN:].decode("utf-8", "replace") for log in logs if log.exists()]
    return "\n".join(told)


class Clock:
    """Seconds in which our processes ran or had nothing to do: those of a machine that is theirs.

    On a busy machine a daemon that is ready to run may get a tenth of a processor. The kernel counts what
    each thread ran and what it waited for its turn (/proc/PID/task/TID/schedstat); only the share that ran
    of the two is counted here, and at least `_LEAST` of what the wall clock says, so that waiting ends.
    Without these figures this is the wall clock.
    """

    def __init__(self) -> None:
        self.started = self._at = time.monotonic()
        self._spent = 0.0
        self._before = _scheduled()

    def read(self) -> float:
        """The seconds so far; the kernel is asked twice a second."""
        now = time.monotonic()
        if now - self._at < 0.5:
            return self._spent + now - self._at
        after = _scheduled()
        known = [(after[task], self._before[task]) for task in after.keys() & self._before.keys()]
        ran = sum(new[0] - old[0] for new, old in known)
        waited = sum(new[1] - old[1] for new, old in known)
        share = ran / (ran + waited) if ran + waited else 1.0
        self._spent += (now - self._at) * max(share, _LEAST)
        self._at, self._before = now, after
        return self._spent


_LEAST = 1 / 8


def _scheduled() -> dict[str, tuple[int, int]]:
    """By thread of our descendants: nanoseconds that it ran, and that it waited for a processor."""
    found: dict[str, tuple[int, int]] = {}
    waiting = [str(os.getpid())]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*"):
            try:
                waiting.extend((task / "children").read_text().split())
                ran, waited, _ = (task / "schedstat").read_text().split()
            except (OSError, ValueError):
                continue  # it ended, or this kernel does not tell
            found[task.name] = (int(ran), int(waited))
    return found
