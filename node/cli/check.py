"""`verify`, `novelty`: commands that compute here, in a child process, and publish nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from pathlib import Path
from threading import Thread
from typing import IO

import click

from ..api.ports import ExportFilter, Json, JsonMap, RecordView
from ..errors import EXIT_CHECK_FAILED, EXIT_OK, DaemonDown, HintedError, Misuse
from ..text import clip, visible
from .client import connect
from .group import Session, shared
from .output import amount, print_json, say, short_id, style, table
from .records import open_store, raw_records, record_path

__all__ = ["novelty_command", "verify_command"]

_MOST_CODE_BYTES = 100_000


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
    from leaderboard.envelope import swarm_id
    from leaderboard.ids import to_text

    from ..config import load

    config = load(session.home, os.environ, {})
    target, claim = _target(session, record)
    records = raw_records(session.home, ExportFilter(about=claim))
    words = (to_text(swarm_id(config.node.swarm)), target, str(seeds), str(fresh))
    folders = [str(Path(folder).expanduser().absolute()) for folder in config.agent.track_folders]
    command = [sys.executable, "-P", "-m", "node.verify", *words, *folders]
    report = _child(command, records, "running trials")
    if session.as_json:
        print_json(report)
    else:
        _print_report(report)
    return EXIT_OK if report["holds"] else EXIT_CHECK_FAILED


@click.command("novelty")
@click.argument("text", nargs=-1, required=True)
@click.option(
    "--code", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with code or a diff."
)
@shared
def novelty_command(session: Session, *, text: tuple[str, ...], code: Path | None) -> None:
    """Is the technique in TEXT (a claim, a formula, code) known already, and by what name?

    Works without a daemon and without a network. That nothing matches does not make an idea new.
    """
    query: JsonMap = {"claim": " ".join(text)}
    if code is not None:
        content = code.read_bytes()
        if len(content) > _MOST_CODE_BYTES:
            raise Misuse(f"{code} has more than {_MOST_CODE_BYTES} bytes", "give the part that matters")
        query["code_or_diff"] = content.decode("utf-8", "replace")
    command = [sys.executable, "-P", "-m", "experiments.novelty", "--batch", "-"]
    verdict = _child(command, json.dumps(query).encode() + b"\n", "")
    if session.as_json:
        print_json(verdict)
    else:
        _print_verdict(verdict)


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


def _child(command: list[str], content: bytes, doing: str) -> JsonMap:
    """The one JSON object that a child answers with; its complaint becomes ours."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        last: deque[str] = deque(maxlen=1)
        watcher = Thread(target=_watch, args=(child.stderr, doing, last), daemon=True)
        watcher.start()
        try:
            child.stdin.write(content)
            child.stdin.close()
        except BrokenPipeError:
            pass  # it died at once; what it said comes next
        said = child.stdout.read()
        watcher.join()
    try:
        answer = json.loads(said)
    except ValueError:
        words = last[0] if last else f"exit code {child.returncode}"
        hint = "is the installation complete? `make install`"
        raise HintedError(f"{command[3]} failed: {words}", hint) from None
    if "error" in answer:
        raise HintedError(str(answer["error"]))
    found: JsonMap = answer
    return found


def _watch(stream: IO[bytes], doing: str, last: deque[str]) -> None:
    """Show a child's `done/all` lines as one moving line on a terminal, and keep its last other line."""
    moving = bool(doing) and sys.stderr.isatty()
    for line in stream:
        text = line.decode("utf-8", "replace").rstrip("\n")
        if not text.replace("/", "").isdigit():
            last.append(text)
        elif moving:
            click.echo(f"\r{doing} {text} ", nl=False, err=True)
    if moving:
        click.echo("\r" + " " * 40 + "\r", nl=False, err=True)


def _print_report(report: JsonMap) -> None:
    rows = []
    for item in _maps(report["replays"]):
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
        measured, there = amount(_float(report["effect"])), amount(_float(report["published_effect"]))
        say(f"effect here {measured} over {len(effects)} new seeds; published {there}")
    word = "holds" if report["holds"] else "does not hold"
    colour = "green" if report["holds"] else "red"
    say(click.style(word, fg=colour, bold=True) + _reason(report))


def _reason(report: JsonMap) -> str:
    agreements = [item["agreement"] for item in _maps(report["replays"])]
    counts = ", ".join(f"{agreements.count(word)} {word}" for word in sorted({str(a) for a in agreements}))
    return f": published numbers run again here ({counts}; tolerance class {report['tolerance']})"


def _numbers(pair: Json) -> tuple[str, str]:
    """Candidate and opponent; a run without a number has diverged."""
    first, second = pair if isinstance(pair, list) else (None, None)
    return _number(_float(first)), _number(_float(second))


def _number(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.6g}"


def _float(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _maps(value: Json) -> list[JsonMap]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _print_verdict(verdict: JsonMap) -> None:
    colour = {"rediscovery": "yellow", "variant": "yellow"}.get(str(verdict.get("verdict")))
    say(click.style(visible(str(verdict.get("headline", ""))), fg=colour, bold=True))
    if verdict.get("citation"):
        say(f"  {visible(str(verdict['citation']))}")
    for key in ("relation", "strength"):
        if verdict.get(key):
            say(f"  {key}: {visible(str(verdict[key]))}")
    evidence = verdict.get("evidence")
    for sentence in evidence if isinstance(evidence, list) else []:
        say(f"  {style('because')} {visible(clip(str(sentence), 400))}")
    close = _maps(verdict.get("top5"))
    if close:
        words = ", ".join(f"{item.get('name')} ({amount(_float(item.get('score')))})" for item in close)
        say(f"  nearest in the catalogue: {visible(words)}")
    if verdict.get("verdict") == "unmatched":
        say("  No match is not novelty: it says that the catalogue does not know it.")
