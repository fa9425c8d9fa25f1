"""`try`: measure a candidate here, under the whole harness and sandbox, and publish nothing."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from ..api.values import JsonMap
from ..errors import EXIT_CHECK_FAILED, EXIT_OK, Misuse
from ..text import visible
from .child import ask_child, number_of
from .group import Session, shared
from .output import amount, print_json, say
from .recipes import pair_of, recipe_options, text_of, value_of

__all__ = ["try_command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_LIKE_THIS = 'it should look like {"slots": {...}}'


@click.command("try")
@click.argument("track")
@click.option("--recipe", type=_FILE, help="JSON file {slots: {...}, settings: {...}}: what differs.")
@recipe_options
@click.option("--program", type=_FILE, help="Python file with functions for the track's slots.")
@click.option("--gpu", is_flag=True, help="Let the program use this machine's card (kernels).")
@click.option(
    "--seeds", default=8, show_default=True, type=click.IntRange(1, 256), help="Fresh paired seeds."
)
@shared
def try_command(
    session: Session,
    *,
    track: str,
    recipe: Path | None,
    slots: tuple[str, ...],
    settings: tuple[str, ...],
    program: Path | None,
    gpu: bool,
    seeds: int,
) -> int:
    """Measure a candidate on TRACK here: effect over the reference with its interval, or why it is rejected.

    Exit code 7 if the candidate is rejected; docs/sandbox.md lists the codes.

    Example: consilience try deep-mlp --slot 'init_std=sqrt(3/fan_out)'
    """
    from ..config import load

    if gpu and program is None:
        raise click.UsageError("--gpu says what a program may use: give --program")
    request: JsonMap = {
        "track": track,
        "recipe": _recipe(recipe, slots, settings),
        "program": None if program is None else text_of(program),
        "seeds": seeds,
        "gpu": gpu,
    }
    folders = load(session.home, os.environ, {}).track_folders()
    command = [sys.executable, "-P", "-m", "experiments.programs.attempt", *map(str, folders)]
    answer = ask_child(command, json.dumps(request).encode(), "running trials")
    if session.as_json:
        print_json(answer)
    else:
        _print(answer)
    return EXIT_OK if answer["accepted"] else EXIT_CHECK_FAILED


def _recipe(file: Path | None, slots: tuple[str, ...], settings: tuple[str, ...]) -> JsonMap | None:
    """What differs from the reference: the file's content, overridden by the options."""
    try:
        base = {} if file is None else json.loads(text_of(file))
    except (ValueError, RecursionError) as error:
        raise Misuse(f"{file} is not JSON: {error}", _LIKE_THIS) from None
    if not isinstance(base, dict):
        raise Misuse(f"{file} is not a JSON object", _LIKE_THIS)
    said: dict[str, JsonMap] = {
        "slots": dict(map(pair_of, slots)),
        "settings": {name: value_of(text) for name, text in map(pair_of, settings)},
    }
    for part, values in said.items():
        before = base.get(part, {})
        if not isinstance(before, dict):
            raise Misuse(f"{part} in {file} is not a JSON object", _LIKE_THIS)
        if values:
            base[part] = {**before, **values}
    return base or None


def _print(answer: JsonMap) -> None:
    sandbox = visible(str(answer.get("sandbox")))
    if not answer["accepted"]:
        say(click.style("rejected", fg="red", bold=True) + f": {visible(str(answer.get('code')))}")
        say(f"  {visible(str(answer.get('reason')))}")
        say(f"  sandbox: {sandbox}")
        return
    interval = answer.get("interval")
    low, high = interval if isinstance(interval, list) else (None, None)
    between = f"[{amount(number_of(low))}, {amount(number_of(high))}]" if interval else "not finite yet"
    found = answer["seeds"]
    count = len(found) if isinstance(found, list) else 0
    say(
        click.style(f"effect {amount(number_of(answer['effect']))}", bold=True) + f"  median of {count} seeds"
    )
    say(f"  against {visible(str(answer.get('against')))}; positive is better")
    say(f"  95 % interval: {between}   wins {answer.get('wins')}, losses {answer.get('losses')}")
    say(f"  sandbox: {sandbox}   nothing was published")
