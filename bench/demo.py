"""The demo's swarm, several times, with a power cut and garbage in the middle.

    python bench/demo.py [--runs 10] [--seconds 170] [--quick] [--json]

Every run is the real demo (five daemons, random keys, nothing seeded). In each, one researcher is killed
with SIGKILL while it works and started again, and another one is fed garbage on its libp2p port and on its
API port. Counted: runs in which all nodes end with one digest; runs in which a recipe with He's law (fan_in
or fan_out) is confirmed by at least two peers and flagged with mode and gain; recipes of any other law that
carry that flag. Which laws are He's is decided here by evaluating the expression on layer shapes, not by
asking the checker.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trio
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else bench/gossip.py is found as `gossip`

from experiments.expr import ExprError, parse
from node.demo.nodes import DemoFailed, DemoNode
from node.demo.run import SECONDS, run_demo

VARIABLES = ("fan_in", "fan_out", "depth", "layer")
SHAPES = [(64, 40, 12, 0), (40, 160, 12, 3), (160, 20, 13, 5), (20, 80, 11, 8), (80, 10, 12, 11)]
FAN = {"fan_in": 0, "fan_out": 1}
GAIN = 0.02
HE = ("kaiming", "he-init", "he_init")


def law_of(summary: str) -> str:
    """`fan_in` or `fan_out` if the recipe's law is He's within 2 % on every layer, else empty."""
    text = next((w.removeprefix("init_std=") for w in summary.split("  ") if w.startswith("init_std=")), "")
    try:
        expr = parse(text, VARIABLES)
        for mode, fan in FAN.items():
            values = [expr.evaluate(dict(zip(VARIABLES, map(float, at), strict=True))) for at in SHAPES]
            ratios = [value / math.sqrt(2 / at[fan]) for value, at in zip(values, SHAPES, strict=True)]
            if all(abs(ratio - 1) <= GAIN for ratio in ratios):
                return mode
    except ExprError:
        return ""
    return ""


def flagged_as_he(row: dict[str, Any]) -> bool:
    """Whether the board calls the recipe a rediscovery of He's initialisation."""
    return any(
        finding["relation"] == "equal" and (finding["technique"] or "").startswith(HE)
        for finding in row["findings"]
    )


async def incidents(nodes: Sequence[DemoNode], after: float) -> None:
    """Kill one node while it writes and start it again; throw garbage at another."""
    _, victim, target, *_ = nodes
    await trio.sleep(after)
    assert victim.process is not None
    victim.process.kill()
    await trio.to_thread.run_sync(victim.process.wait)
    await trio.sleep(2)
    victim.start()
    await victim.ready()
    listen = (await target.ask("/v1/status"))["listen"][0].split("/")
    api = urlsplit(json.loads(await trio.Path(target.home.api).read_text())["url"])
    for address in ((listen[2], int(listen[4])), (api.hostname, api.port)):
        for _ in range(40):
            await trio.to_thread.run_sync(throw, address)


def throw(address: tuple[str, int]) -> None:
    """One connection full of noise."""
    try:
        with socket.create_connection(address, timeout=5) as victim:
            victim.sendall(os.urandom(8192))
    except OSError:
        pass  # it may hang up in the middle


def judge(outcome: dict[str, Any]) -> dict[str, Any]:
    """What one run came to."""
    rows = outcome["confirmed_rows"]
    he = [row for row in rows if law_of(row["summary"]) and row["replicators"] >= 2]
    winner = outcome["winner"]
    return {
        "agreed": outcome["agreed"],
        "records": outcome["records"],
        "claims": outcome["claims"],
        "confirmed": outcome["confirmed"],
        "he_confirmed": len(he),
        "he_flagged": sum(flagged_as_he(row) for row in he),
        "wrongly_flagged": sum(flagged_as_he(row) and not law_of(row["summary"]) for row in rows),
        "winner": winner and winner["summary"].split("init_std=")[-1].split("  ")[0],
        "winner_is_he": bool(winner) and bool(law_of(winner["summary"])),
        "seconds": outcome["seconds"],
    }


def one_run(number: int, seconds: float) -> dict[str, Any]:
    """One demo in a folder of its own."""
    with open(os.devnull, "w") as sink, tempfile.TemporaryDirectory(prefix="consilience-demo-") as folder:
        quiet = Console(file=sink)
        try:
            outcome = trio.run(
                run_demo,
                Path(folder) / "swarm",
                seconds,
                quiet,
                lambda nodes: incidents(nodes, seconds * 0.4),
            )
        except DemoFailed as failure:
            return {"run": number, "agreed": False, "failed": str(failure)}
    return {"run": number, **judge(outcome)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument(
        "--quick", action="store_true", help="one run of 40 s: shows that it works, not how well"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    runs = []
    for number in range(1, 2 if options.quick else options.runs + 1):
        runs.append(one_run(number, 40 if options.quick else options.seconds))
        print(json.dumps(runs[-1]), flush=True)
    agreed = sum(run["agreed"] for run in runs)
    found = sum(bool(run.get("he_flagged")) for run in runs)
    wrong = sum(run.get("wrongly_flagged", 0) for run in runs)
    print(
        f"one digest in {agreed} of {len(runs)}; He's law confirmed and flagged in {found}; "
        f"wrong flags {wrong}"
    )
    met = agreed == len(runs) and found >= 0.9 * len(runs) and wrong == 0
    if options.json:
        value = {"agreed": agreed, "flagged": found, "wrong": wrong}
        print(
            json.dumps({"demo": {"value": value, "peer": len(runs), "ratio": found / len(runs), "met": met}})
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
