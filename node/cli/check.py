"""`verify`: run a published result again, in a child process; publishes nothing."""

from __future__ import annotations

import os
import sys

import click

from ..api.values import ExportFilter, Json, JsonMap, RecordView
from ..errors import EXIT_CHECK_FAILED, EXIT_OK, DaemonDown, Misuse
from ..text import visible
from .child import ask_child, maps, number_of
from .client import connect
from .group import Session, shared
from .output import amount, print_json, say, short_id, table
from .records import open_store, raw_records, record_path

__all__ = ["verify_command"]


@click.command("verify")
@click.argument("record", metavar="ID")
@click.option(
    "--seeds", default=1, show_default=True, type=click.IntRange(1, 256), help="Seeds a measurement."
)
@click.option("--fresh", default=2, show_default=True, type=click.IntRange(0, 256), help="New random seeds.")
@shared
def verify_command(session: Session, *, record: str, seeds: int, fresh: int) -> int:
    """Run a claim, a result or a replication again on this machine and say whether it holds.

    Published seeds are run again and set against what was signed; then new random seeds show whether the
    effect appears here too. Exit code 7 if a published number does not replay.
    """
    from leaderboard.ids import to_text

    from ..config import load

    config = load(session.home, os.environ, {})
    target, claim = _target(session, record)
    records = raw_records(session.home, ExportFilter(about=claim))
    words = (to_text(config.swarm_id()), target, str(seeds), str(fresh))
    command = [sys.executable, "-P", "-m", "node.verify", *words, *map(str, config.track_folders())]
    report = ask_child(command, records, "running trials")
    if session.as_json:
        print_json(report)
    else:
        _print_report(report)
    return EXIT_OK if report["holds"] else EXIT_CHECK_FAILED


def _target(session: Session, prefix: str) -> tuple[str, str]:
    """The record's id and its claim's id, from the daemon or the store."""
    try:
        view = connect(session.home).get(RecordView, record_path(prefix))
    except DaemonDown:
        from ..views import record_view

        with open_store(session.home) as store:
            (envelope,) = store.envelopes([store.find(prefix)])
        view = record_view(envelope)
    claim = view.id if view.kind == "claim" else view.payload.get("claim")
    if view.kind not in ("claim", "result", "replication") or not isinstance(claim, str):
        raise Misuse(f"a {view.kind} is not a result", "give the id of a claim, a result or a replication")
    return view.id, claim


def _print_report(report: JsonMap) -> None:
    rows = []
    for item in maps(report["replays"]):
        published, here = _numbers(item["published"]), _numbers(item["here"])
        rows.append(
            (
                short_id(str(item["record"])),
                short_id(str(item["author"])),
                f"{published[0]} / {published[1]}",
                f"{here[0]} / {here[1]}",
                str(item["agreement"]),
            )
        )
    say(f"claim {report['claim']} on {visible(str(report['track']))} ({visible(str(report['metric']))})")
    table(("record", "by", "published", "here", "is"), rows)
    effects = report["effects"]
    if isinstance(effects, list) and effects:
        measured, there = amount(number_of(report["effect"])), amount(number_of(report["published_effect"]))
        say(f"effect here {measured} over {len(effects)} new seeds; published {there}")
    word = "holds" if report["holds"] else "does not hold"
    colour = "green" if report["holds"] else "red"
    say(click.style(word, fg=colour, bold=True) + _reason(report))


def _reason(report: JsonMap) -> str:
    agreements = [item["agreement"] for item in maps(report["replays"])]
    counts = ", ".join(f"{agreements.count(word)} {word}" for word in sorted({str(a) for a in agreements}))
    return f": published numbers run again here ({counts}; tolerance class {report['tolerance']})"


def _numbers(pair: Json) -> tuple[str, str]:
    """Candidate and opponent; a run without a number has diverged."""
    first, second = pair if isinstance(pair, list) else (None, None)
    return _number(number_of(first)), _number(number_of(second))


def _number(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.6g}"
