"""What the demo shows while it runs and at its end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

__all__ = ["live_table", "print_outcome"]

_ROWS = 6


def live_table(
    statuses: Sequence[dict[str, Any]], board: dict[str, Any], elapsed: float, seconds: float
) -> Group:
    """Nodes above, the first node's board below."""
    nodes = Table(title=f"{elapsed:.0f} of {seconds:.0f} s", title_justify="left", box=None, pad_edge=False)
    for column in ("node", "peers", "records", "trials", "replications", "doing", "board digest"):
        nodes.add_column(column, justify="left" if column in ("node", "doing", "board digest") else "right")
    for status in statuses:
        agent = status["agent"]
        nodes.add_row(
            escape(status["identity"]["name"]),
            str(status["peers"]),
            str(status["records"]),
            str(agent["trials"]),
            str(agent["replications"]),
            escape(agent["activity"]),
            status["board_digest"][:10],
        )
    return Group(nodes, Text(""), _board_table(board["rows"]))


def _board_table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, title="board (confirmed by others first)", title_justify="left")
    for column in ("#", "init_std", "effect", "seeds", "by", "standing", "known as"):
        table.add_column(column, no_wrap=column != "known as")
    for row in rows[:_ROWS]:
        table.add_row(
            "" if row["rank"] is None else str(row["rank"]),
            escape(_law(row)),
            _number(row["effect"]),
            str(row["seeds"] or ""),
            str(row["replicators"] or ""),
            row["standing"],
            escape(_label(row)),
        )
    return table


def _law(row: dict[str, Any]) -> str:
    """The init_std expression out of a recipe's one-line summary."""
    words = [word for word in row["summary"].split("  ") if word.startswith("init_std=")]
    return str(words[0].removeprefix("init_std=") if words else row["summary"])[:40]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"


def _label(row: dict[str, Any]) -> str:
    return str(row["findings"][0]["label"]) if row["findings"] else ""


def print_outcome(console: Console, outcome: dict[str, Any], folder: Path) -> None:
    """The common board as each node computes it, the winner, what it is known as, and where to look."""
    console.print()
    console.print("[bold]The common board, as each node computes it from its own records[/]")
    for name, digest in outcome["digests"].items():
        console.print(f"  {name:4} {digest}")
    if outcome["agreed"]:
        console.print(f"  [green]one digest on all {len(outcome['digests'])} nodes[/]")
    else:
        console.print("  [bold red]the nodes do not agree[/]: not every record has reached everyone")
    console.print(_board_table(outcome["confirmed_rows"]))
    if outcome["winner"] is None:
        console.print("[bold]Nothing was confirmed[/] in this time; run longer with `--seconds`.")
    else:
        _print_winner(console, outcome)
    _print_next(console, outcome, folder)


def _print_winner(console: Console, outcome: dict[str, Any]) -> None:
    row = outcome["winner"]
    console.print()
    console.print(
        f"[bold]Winner:[/] init_std = {escape(_law(row))}    (claimed by {escape(row['author_name'])})"
    )
    interval = "not finite yet" if row["low"] is None else f"[{row['low']:.3f}, {row['high']:.3f}]"
    console.print(
        f"  lowers validation loss by {row['effect']:.3f} nats (median; "
        f"95 % anytime-valid interval {escape(interval)})"
    )
    names = sorted(
        {item["author"][:10] for item in outcome["details"]["related"] if item["kind"] == "replication"}
    )
    console.print(
        f"  on {row['seeds']} seeds that nobody chose, replicated by {len(names)} nodes: {', '.join(names)}"
    )
    for finding in row["findings"]:
        signed = f"signed by {', '.join(finding['authors'])}"
        why = f"{finding['strength']}; {signed}" if finding["strength"] else signed
        console.print(f"  [bold yellow]novelty: {escape(finding['label'])}[/]  ({escape(why)})")
        if finding["paper"]:
            console.print(f"           {escape(finding['paper'])}")
    if not row["findings"]:
        console.print("  novelty: not examined yet")


def _print_next(console: Console, outcome: dict[str, Any], folder: Path) -> None:
    home = f"--home {folder / 'ada'}"
    claim = "ID" if outcome["winner"] is None else outcome["winner"]["claim"][:10]
    console.print()
    console.print(
        f"{outcome['claims']} claims, {outcome['confirmed']} confirmed, {outcome['records']} signed records, "
        f"{outcome['seconds']:.0f} s. The nodes are stopped; their data stays in {folder}/."
    )
    console.print("Look closer:")
    for command in (f"{home} up --detach", f"{home} board", f"{home} show {claim}", f"{home} verify {claim}"):
        console.print(f"  .venv/bin/consilience {command}", highlight=False)
