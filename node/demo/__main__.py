"""`python -P -m node.demo`, which is what `make demo` runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import trio
from rich.console import Console

from . import view
from .nodes import DemoFailed
from .run import SECONDS, run_demo


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 0 if all nodes agreed on one board with a confirmed recipe."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=options.json)
    try:
        outcome = trio.run(run_demo, options.folder, options.seconds, console)
    except DemoFailed as failure:
        console.print(f"[bold red]The demo failed:[/] {failure}")
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; the nodes are stopped, their data stays")
        return 130
    view.print_outcome(console, outcome, options.folder)
    if options.json:
        print(json.dumps(outcome))
    return 0 if outcome["agreed"] and outcome["winner"] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m node.demo", description="A real swarm on this machine.")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of research (default {SECONDS})")
    parser.add_argument("--folder", type=Path, default=Path("demo-swarm"), help="where the nodes live")
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
