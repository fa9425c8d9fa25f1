"""`make demo`: a real swarm on this machine, from nothing to a board that five nodes agree on.

Five daemons, each with its own identity, ports and directory: four researchers and an observer that joins
late through a bootstrap address. Nothing is scripted: they start with empty stores and random keys, propose,
measure, replicate and check for novelty by themselves, and what is printed at the end is read from their own
APIs. If they fail to agree or find nothing, that is what is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import trio
from rich.console import Console
from rich.live import Live

from . import demo_view as view
from .config import template
from .home import Home
from .identity import create

__all__ = ["main"]

RESEARCHERS = ("ada", "bea", "cyd", "dan")
OBSERVER = "obs"
TRACK = "deep-mlp"
SECONDS = 170
"""Of research, by default: with start and agreement under four minutes on two cores."""
_OBSERVER_JOINS = 0.5
"""The observer joins after this part of the time, and has to catch up."""
_READY_WITHIN_S = 60.0
_AGREE_WITHIN_S = 45.0
_STOP_WITHIN_S = 10.0
_EVERY_S = 1.0
_MARK = ".consilience-demo"


class DemoFailed(Exception):  # noqa: N818 - printed as a sentence
    """The demo could not be carried through; the text says why."""


@dataclass(slots=True)
class DemoNode:
    """One daemon of the demo and how to ask it."""

    name: str
    home: Home
    process: subprocess.Popen[bytes] | None = None
    client: httpx.AsyncClient | None = None

    def start(self, environ: dict[str, str]) -> None:
        log = (self.home.path / "console.log").open("ab")
        command = [sys.executable, "-P", "-m", "node.cli", "--home", str(self.home.path), "up"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ, start_new_session=True
        )
        log.close()

    async def ready(self) -> None:
        """Wait until its API answers."""
        with trio.move_on_after(_READY_WITHIN_S):
            while self.process is not None and self.process.poll() is None:
                if self.home.api.exists():
                    address = json.loads(self.home.api.read_text())
                    headers = {"Authorization": f"Bearer {address['token']}"}
                    self.client = httpx.AsyncClient(base_url=address["url"], headers=headers, timeout=20)
                    if (await self.ask("/v1/status"))["listen"]:
                        return
                await trio.sleep(0.1)
        raise DemoFailed(f"{self.name} did not start; its log is {self.home.path / 'console.log'}")

    async def ask(self, path: str, **parameters: object) -> Any:
        """An answer of its API; DemoFailed if there is none."""
        assert self.client is not None
        try:
            answer = await self.client.get(path, params=parameters)  # type: ignore[arg-type]
            answer.raise_for_status()
        except httpx.HTTPError as error:
            log = self.home.path / "console.log"
            raise DemoFailed(f"{self.name} does not answer ({error!r}); its log is {log}") from None
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 0 if all nodes agreed on one board with a confirmed recipe."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=options.json)
    try:
        outcome = trio.run(_demo, options, console)
    except DemoFailed as failure:
        console.print(f"[bold red]The demo failed:[/] {failure}")
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; the nodes are stopped, their data stays")
        return 130
    if options.json:
        print(json.dumps(outcome))
    return 0 if outcome["agreed"] and outcome["winner"] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m node.demo", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of research (default {SECONDS})")
    parser.add_argument("--folder", type=Path, default=Path("demo-swarm"), help="where the nodes live")
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    return parser


async def _demo(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    started = time.monotonic()
    folder = _fresh(options.folder.absolute())
    nodes = [DemoNode(name, Home(folder / name)) for name in (*RESEARCHERS, OBSERVER)]
    try:
        await _start(nodes, console)
        await _watch(nodes, options.seconds, console)
        digests = await _agree(nodes, console)
        outcome = await _outcome(nodes, digests)
        outcome["seconds"] = round(time.monotonic() - started, 1)
        view.print_outcome(console, outcome, options.folder)
        return outcome
    finally:
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                for node in nodes:
                    nursery.start_soon(node.stop)


def _fresh(folder: Path) -> Path:
    """An empty folder for the demo; one that is not an earlier demo's is never touched."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise DemoFailed(f"{folder} is not empty and not an earlier demo; choose another with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    return folder


def _settle(node: DemoNode, bootstrap: Sequence[str]) -> None:
    """Identity and configuration of one node."""
    node.home.path.mkdir(mode=0o700)
    create(node.home.identity)
    settings = {
        "node.name": node.name,
        "node.swarm": "demo",
        "node.listen": ["/ip4/127.0.0.1/tcp/0"],
        "node.bootstrap": list(bootstrap),
        "api.port": 0,
        "agent.enabled": node.name != OBSERVER,
        "agent.tracks": [TRACK],
        "agent.replicate_share": 0.5,
        "network.mdns": False,
    }
    node.home.config.write_text(template(settings), encoding="utf-8")


def _environment() -> dict[str, str]:
    """The caller's environment without settings of another node; one thread per process."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CONSILIENCE_")}
    return {**kept, "OMP_NUM_THREADS": "1"}


async def _start(nodes: Sequence[DemoNode], console: Console) -> None:
    """Start the researchers, the first one alone: it is where the others knock."""
    first, *others = nodes[:-1]
    console.print(f"Starting {len(nodes) - 1} researchers on the track [bold]{TRACK}[/] ...")
    _settle(first, ())
    first.start(_environment())
    await first.ready()
    bootstrap = (await first.ask("/v1/status"))["listen"]
    for node in (*others, nodes[-1]):
        _settle(node, bootstrap)
    for node in others:
        node.start(_environment())
    for node in others:
        await node.ready()


async def _watch(nodes: Sequence[DemoNode], seconds: float, console: Console) -> None:
    """Let them work, and show what happens; the observer joins in the middle."""
    *researchers, observer = nodes
    start = trio.current_time()
    console.print(
        "They propose, measure on their own seeds, replicate each other on seeds nobody chose, and check what"
        "\nis already known. No model, no GPU, nothing scripted."
    )
    with Live(console=console, refresh_per_second=4, transient=False) as live:
        while (elapsed := trio.current_time() - start) < seconds:
            if observer.process is None and elapsed > _OBSERVER_JOINS * seconds:
                observer.start(_environment())
                await observer.ready()
            up = researchers if observer.client is None else nodes
            statuses = [await node.ask("/v1/status") for node in up]
            board = (await researchers[0].ask("/v1/boards", track=TRACK, limit=8))[0]
            live.update(view.live_table(statuses, board, elapsed, seconds))
            await trio.sleep(_EVERY_S)


async def _agree(nodes: Sequence[DemoNode], console: Console) -> dict[str, str]:
    """Stop new work, let promises be kept, and wait until every node has the same records."""
    console.print("Time is up: no new work, what was promised is still delivered ...")
    for node in nodes[:-1]:
        await node.pause()
    digests: dict[str, str] = {}
    with trio.move_on_after(_AGREE_WITHIN_S):
        while True:
            statuses = [await node.ask("/v1/status") for node in nodes]
            digests = {status["identity"]["name"]: status["board_digest"] for status in statuses}
            quiet = all(status["agent"]["activity"] in ("paused", "observer") for status in statuses)
            if quiet and len(set(digests.values())) == 1 and len({s["records"] for s in statuses}) == 1:
                break
            await trio.sleep(0.5)
    return digests


async def _outcome(nodes: Sequence[DemoNode], digests: dict[str, str]) -> dict[str, Any]:
    board = (await nodes[-1].ask("/v1/boards", track=TRACK, limit=10_000))[0]
    ranked = [row for row in board["rows"] if row["rank"] is not None]
    status = await nodes[-1].ask("/v1/status")
    winner = ranked[0] if ranked else None
    return {
        "track": TRACK,
        "records": status["records"],
        "claims": len(board["rows"]),
        "confirmed": len(ranked),
        "digests": digests,
        "agreed": len(digests) == len(nodes) and len(set(digests.values())) == 1,
        "winner": winner,
        "details": None if winner is None else await nodes[-1].ask(f"/v1/records/{winner['claim']}"),
        "board": ranked[:10],
    }


if __name__ == "__main__":
    sys.exit(main())
