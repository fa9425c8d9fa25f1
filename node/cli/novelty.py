"""`novelty`: is a technique known already? Works without a node, for one text or for a file of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click

from ..api.ports import JsonMap
from ..errors import EXIT_OK, Misuse, NotFound
from ..text import clip, visible
from .child import ask_child, maps, number_of
from .group import Session, shared
from .output import amount, print_json, say, style

__all__ = ["novelty_command"]

_MOST_CODE_BYTES = 100_000
_CHECKER = (sys.executable, "-P", "-m", "experiments.novelty", "--batch")


@click.command("novelty")
@click.argument("text", nargs=-1)
@click.option(
    "--code", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with code or a diff."
)
@click.option(
    "--batch", metavar="FILE", help="JSON lines {id, claim, code_or_diff?}; `-` for standard input."
)
@shared
def novelty_command(session: Session, *, text: tuple[str, ...], code: Path | None, batch: str | None) -> int:
    """Is the technique in TEXT (a claim, a formula, code) known already, and by what name?

    Works without a daemon and without a network. That nothing matches does not make an idea new.

    With --batch every line is answered with a line {id, verdict, name, aliases, score, top5, evidence};
    verdict is rediscovery, variant or unmatched. A line that cannot be read is answered with an error and
    the exit code is 1.
    """
    if batch is not None:
        return _batch(batch, text or code)
    if not text and code is None:
        raise click.UsageError("give a text, --code FILE or --batch FILE")
    query: JsonMap = {"claim": " ".join(text)}
    if code is not None:
        content = code.read_bytes()
        if len(content) > _MOST_CODE_BYTES:
            raise Misuse(f"{code} has more than {_MOST_CODE_BYTES} bytes", "give the part that matters")
        query["code_or_diff"] = content.decode("utf-8", "replace")
    verdict = ask_child([*_CHECKER, "-"], json.dumps(query).encode() + b"\n", "")
    if session.as_json:
        print_json(verdict)
    else:
        _print_verdict(verdict)
    return EXIT_OK


def _batch(batch: str, more: object) -> int:
    """Hand the file to the checker, which answers on our standard output line by line."""
    if more:
        raise click.UsageError("--batch takes no text and no --code beside it")
    if batch != "-" and not Path(batch).is_file():
        raise NotFound(f"there is no file {visible(batch)}", "give JSON lines, or `-` for standard input")
    return subprocess.run([*_CHECKER, batch], check=False).returncode


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
    if verdict.get("verdict") == "unmatched":
        say("  No match is not novelty: it says that the catalogue does not know it.")
