"""`novelty`: is a technique known already? Works without a node, for one text or for a file of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from ..api.values import BoardView, JsonMap
from ..errors import EXIT_OK, HintedError, Misuse, NotFound
from ..text import clip, visible
from .child import ask_child, maps, number_of
from .client import connect
from .group import Session, shared
from .output import amount, print_json, say, short_id, style

__all__ = ["novelty_command"]

_MOST_CODE_BYTES = 100_000
_MOST_ROWS = 1_000
"""Rows of each board that are looked through for trials of the same technique."""
_SHOWN = 5
_CHECKER = (sys.executable, "-P", "-m", "experiments.novelty", "--batch")


@click.command("novelty")
@click.argument("text", nargs=-1)
@click.option(
    "--code", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with code or a diff."
)
@click.option(
    "--batch", metavar="FILE", help="JSON lines {id, claim, code_or_diff?}; `-` for standard input."
)
@click.option("--live", is_flag=True, help="Also ask arXiv, OpenAlex and Semantic Scholar.")
@click.option("--judge", is_flag=True, help="Also ask the configured language model.")
@shared
def novelty_command(
    session: Session, *, text: tuple[str, ...], code: Path | None, batch: str | None, live: bool, judge: bool
) -> int:
    """Is the technique in TEXT (a claim, a formula, code) known already, and by what name?

    Works without a daemon and without a network; while a daemon runs, it also says which of the swarm's
    trials were of the same technique. That nothing matches does not make an idea new.

    With --batch every line is answered with a line {id, verdict, name, aliases, score, top5, evidence};
    verdict is rediscovery, variant or unmatched. A line that cannot be read is answered with an error and
    the exit code is 1.
    """
    checker = [*_CHECKER[:-1], *(["--live"] if live else []), *_judge(session, judge), _CHECKER[-1]]
    if batch is not None:
        return _batch(checker, batch, text or code)
    if not text and code is None:
        raise click.UsageError("give a text, --code FILE or --batch FILE")
    query: JsonMap = {"claim": " ".join(text)}
    if code is not None:
        with code.open("rb") as file:
            content = file.read(_MOST_CODE_BYTES + 1)
        if len(content) > _MOST_CODE_BYTES:
            raise Misuse(f"{code} has more than {_MOST_CODE_BYTES} bytes", "give the part that matters")
        query["code_or_diff"] = content.decode("utf-8", "replace")
    verdict = ask_child([*checker, "-"], json.dumps(query).encode() + b"\n", "")
    verdict["tried"] = [*_tried(session, verdict)]
    if session.as_json:
        print_json(verdict)
    else:
        _print_verdict(verdict)
    return EXIT_OK


def _judge(session: Session, wanted: bool) -> list[str]:
    """What names the configured language model to the checker; the key itself stays where it is."""
    if not wanted:
        return []
    from ..config import load

    model = load(session.home, os.environ, {}).llm
    if not model.endpoint:
        raise Misuse("no language model is configured", "consilience llm use ENDPOINT MODEL")
    key = ["--key-env", model.key_env] if model.key_env else []
    key += ["--key-file", str(Path(model.key_file).expanduser())] if model.key_file else []
    return ["--judge", model.endpoint, model.model, *key]


def _tried(session: Session, verdict: JsonMap) -> Iterator[JsonMap]:
    """Claims on the boards of a running daemon that somebody found to be of the same technique."""
    finding = verdict.get("finding")
    technique = finding.get("technique") if isinstance(finding, dict) else None
    known = technique.get("id") if isinstance(technique, dict) else None
    if not known:
        return
    try:
        boards = connect(session.home).get(tuple[BoardView, ...], "/v1/boards", limit=_MOST_ROWS)
    except HintedError:
        return  # no daemon, or none that answers: then nobody can say what the swarm tried
    for board in boards:
        for row in board.rows:
            if any(item.technique == known for item in row.findings):
                effect = row.measured if row.effect is None else row.effect
                yield {
                    "claim": row.claim,
                    "peer": row.author_name or short_id(row.author),
                    "track": board.track.name,
                    "standing": row.standing,
                    "effect": effect,
                    "interval": None if row.low is None or row.high is None else [row.low, row.high],
                }


def _batch(checker: list[str], batch: str, more: object) -> int:
    """Hand the file to the checker, which answers on our standard output line by line."""
    if more:
        raise click.UsageError("--batch takes no text and no --code beside it")
    if batch != "-" and not Path(batch).is_file():
        raise NotFound(f"there is no file {visible(batch)}", "give JSON lines, or `-` for standard input")
    return subprocess.run([*checker, batch], check=False).returncode


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
    close = maps(verdict.get("top5"))
    if close:
        words = ", ".join(f"{item.get('name')} ({amount(number_of(item.get('score')))})" for item in close)
        say(f"  nearest in the catalogue: {visible(words)}")
    for trial in maps(verdict.get("tried"))[:_SHOWN]:
        say(f"  tried by {visible(_told(trial))}")
    literature = verdict.get("literature")
    if isinstance(literature, dict):
        _print_literature(literature)
    if verdict.get("verdict") == "unmatched":
        say("  No match is not novelty: it says that the catalogue does not know it.")


def _told(trial: JsonMap) -> str:
    """A trial of the swarm in a line; a gain whose interval holds zero is within the noise."""
    effect, interval = number_of(trial.get("effect")), trial.get("interval")
    ends = [number_of(end) for end in interval] if isinstance(interval, list) else []
    low, high = ends if len(ends) == 2 else (None, None)
    noise = ", within seed noise" if low is not None and high is not None and low <= 0.0 <= high else ""
    outcome = "not measured" if effect is None else f"effect {effect:+.3g}{noise}"
    claim = short_id(str(trial.get("claim")))
    return f"{trial.get('peer')} in {claim} on {trial.get('track')}: {outcome} ({trial.get('standing')})"


def _print_literature(literature: JsonMap) -> None:
    """Papers to read; they decide nothing."""
    for paper in maps(literature.get("papers"))[:_SHOWN]:
        year = f" ({paper.get('year')})" if paper.get("year") else ""
        title, reference = clip(str(paper.get("title")), 200), str(paper.get("reference"))
        say(f"  to read: {visible(title)}{year}, {visible(reference)}")
    notes = literature.get("notes")
    for note in notes if isinstance(notes, list) else []:
        say(f"  literature: {visible(clip(str(note), 200))}")
