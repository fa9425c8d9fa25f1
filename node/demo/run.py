"""The demo from start to end: five nodes are started, watched, brought to rest and asked for their boards.

Four researchers, and an observer that joins late through a bootstrap address; each with its own identity,
ports and directory. Nothing is scripted: they start with empty stores and random keys, propose, measure,
replicate and check for novelty by themselves, and what is printed at the end is read from their own APIs. If
they fail to agree or find nothing, that is what is printed.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio
from rich.console import Console
from rich.live import Live

from . import view
from .nodes import DemoFailed, DemoNode, NotAnswering

__all__ = ["OBSERVER", "RESEARCHERS", "SECONDS", "TRACK", "run_demo"]

RESEARCHERS = ("ada", "bea", "cyd", "dan")
OBSERVER = "obs"
TRACK = "deep-mlp"
SECONDS = 170
"""Of research, by default: with start and agreement under four minutes on two cores."""
_OBSERVER_JOINS = 0.5
"""The observer joins after this part of the time, and has to catch up."""
_AGREE_WITHIN_S = 45.0
_EVERY_S = 1.0
_MARK = ".consilience-demo"

Incidents = Callable[[Sequence[DemoNode]], Awaitable[None]]
"""What happens to the nodes while they work, e.g. a power cut; the benchmark uses it."""


async def _nothing_happens(nodes: Sequence[DemoNode]) -> None:
    del nodes
    await trio.lowlevel.checkpoint()


async def run_demo(
    folder: Path, seconds: float, console: Console, incidents: Incidents = _nothing_happens
) -> dict[str, Any]:
    """Run the swarm in `folder` for `seconds` of research; returns what it came to. Raises DemoFailed."""
    started = trio.current_time()
    place = _fresh(folder)
    nodes = [DemoNode.at(place / name) for name in (*RESEARCHERS, OBSERVER)]
    try:
        await _start(nodes, console)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(incidents, nodes)
            await _watch(nodes, seconds, console)
        digests = await _agree(nodes, console)
        outcome = await _outcome(nodes, digests)
        return {**outcome, "seconds": round(trio.current_time() - started, 1)}
    finally:
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                for node in nodes:
                    nursery.start_soon(node.stop)


def _fresh(folder: Path) -> Path:
    """An empty folder for the demo; one that is not an earlier demo's is never touched."""
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise DemoFailed(f"{folder} is not empty and not an earlier demo; choose another with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    return folder


def _settle(node: DemoNode, bootstrap: Sequence[str]) -> None:
    node.settle(
        {
            "node.swarm": "demo",
            "node.listen": ["/ip4/127.0.0.1/tcp/0"],
            "node.bootstrap": list(bootstrap),
            "api.port": 0,
            "agent.enabled": node.name != OBSERVER,
            "agent.tracks": [TRACK],
            "agent.replicate_share": 0.5,
            "network.mdns": False,
        }
    )


async def _start(nodes: Sequence[DemoNode], console: Console) -> None:
    """Start the researchers, the first one alone: it is where the others knock."""
    first, *others = nodes[:-1]
    console.print(f"Starting {len(nodes) - 1} researchers on the track [bold]{TRACK}[/] ...")
    _settle(first, ())
    first.start()
    await first.ready()
    bootstrap = (await first.ask("/v1/status"))["listen"]
    for node in (*others, nodes[-1]):
        _settle(node, bootstrap)
    for node in others:
        node.start()
    for node in others:
        await node.ready()


async def _watch(nodes: Sequence[DemoNode], seconds: float, console: Console) -> None:
    """Let them work, and show what happens; the observer joins in the middle."""
    *researchers, observer = nodes
    start = trio.current_time()
    console.print(
        "They propose, measure on their own seeds, replicate each other on seeds"
        "\nnobody chose, and check what is already known. No model, no GPU,\nnothing scripted."
    )
    with Live(console=console, refresh_per_second=4, transient=False) as live:
        while (elapsed := trio.current_time() - start) < seconds:
            if observer.process is None and elapsed > _OBSERVER_JOINS * seconds:
                observer.start()
                await observer.ready()
            up = researchers if observer.client is None else nodes
            with suppress(NotAnswering):  # a node that is being restarted is asked again in a second
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
        "confirmed_rows": ranked,
    }
