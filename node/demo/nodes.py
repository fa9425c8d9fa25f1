"""One daemon of the demo: settled, started as `consilience up`, asked over HTTP, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import trio

from ..config import template
from ..home import Home
from ..identity import create

__all__ = ["DemoFailed", "DemoNode", "NotAnswering"]

_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 10.0


class DemoFailed(Exception):  # noqa: N818 - printed as a sentence
    """The demo could not be carried through; the text says why."""


class NotAnswering(DemoFailed):
    """A node gave no answer, at least for now."""


@dataclass(slots=True)
class DemoNode:
    """One daemon of the demo and how to ask it."""

    name: str
    home: Home
    process: subprocess.Popen[bytes] | None = None
    client: httpx.AsyncClient | None = None

    @classmethod
    def at(cls, path: Path) -> DemoNode:
        """The node that lives, or is going to live, in `path`."""
        return cls(path.name, Home(path))

    def settle(self, settings: Mapping[str, object]) -> None:
        """Give it an identity and a configuration."""
        self.home.path.mkdir(mode=0o700)
        create(self.home.identity)
        self.home.config.write_text(template({"node.name": self.name, **settings}), encoding="utf-8")

    def start(self) -> None:
        """Run `consilience up` in its own process group."""
        self.home.api.unlink(missing_ok=True)
        log = (self.home.path / "console.log").open("ab")
        command = [sys.executable, "-P", "-m", "node.cli", "--home", str(self.home.path), "up"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
            start_new_session=True,
        )
        log.close()

    async def ready(self) -> None:
        """Wait until its API answers."""
        with trio.move_on_after(_READY_WITHIN_S):
            while self.process is not None and self.process.poll() is None:
                if self.home.api.exists():
                    address = json.loads(self.home.api.read_text())
                    if self.client is not None:  # of its life before a restart
                        await self.client.aclose()
                    headers = {"Authorization": f"Bearer {address['token']}"}
                    self.client = httpx.AsyncClient(base_url=address["url"], headers=headers, timeout=20)
                    if (await self.ask("/v1/status"))["listen"]:
                        return
                await trio.sleep(0.1)
        raise DemoFailed(f"{self.name} did not start; its log is {self.home.path / 'console.log'}")

    async def ask(self, path: str, **parameters: object) -> Any:
        """An answer of its API; NotAnswering if there is none."""
        assert self.client is not None
        try:
            answer = await self.client.get(path, params=parameters)  # type: ignore[arg-type]  # plain scalars
            answer.raise_for_status()
        except httpx.HTTPError as error:
            log = self.home.path / "console.log"
            raise NotAnswering(f"{self.name} does not answer ({error!r}); its log is {log}") from None
        return answer.json()

    async def pause(self) -> None:
        assert self.client is not None
        await self.client.post("/v1/agent/pause")

    async def stop(self) -> None:
        """End the daemon and wait for it; the hard way if it does not."""
        if self.client is not None:
            await self.client.aclose()
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            await trio.to_thread.run_sync(lambda: self.process and self.process.wait(_STOP_WITHIN_S))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _environment() -> dict[str, str]:
    """The caller's environment without settings of another node; one thread per process."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CONSILIENCE_")}
    return {**kept, "OMP_NUM_THREADS": "1"}
