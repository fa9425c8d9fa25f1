"""`claim`: a person's hypothesis as a recipe, signed by this node and measured here and elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from ..api.values import ClaimDraft, ClaimReceipt
from ..text import visible
from .client import connect
from .group import Session, shared
from .output import note, print_json, say
from .recipes import pair_of, recipe_options, text_of, value_of

__all__ = ["claim_command"]


@click.command("claim")
@click.argument("track")
@recipe_options
@click.option(
    "--program",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Python file with functions for the track's slots. Public.",
)
@click.option("--hypothesis", default="", help="Why it should be better. Public.")
@click.option("--predict", type=float, help="Expected gain in the track's metric; positive is better.")
@click.option("--opponent", metavar="ID", help="Claim to beat; without it the track's reference recipe.")
@click.option("--parent", "parents", multiple=True, metavar="ID", help="Claim that this one builds on.")
@click.option("--licence", default="", metavar="SPDX", help="Licence of the recipe.")
@click.option("--no-derive", is_flag=True, help="Ask agents not to build on it.")
@shared
def claim_command(
    session: Session,
    *,
    track: str,
    slots: tuple[str, ...],
    settings: tuple[str, ...],
    program: Path | None,
    hypothesis: str,
    predict: float | None,
    opponent: str | None,
    parents: tuple[str, ...],
    licence: str,
    no_derive: bool,
) -> None:
    """Submit a hypothesis for TRACK: what differs from its reference recipe.

    It is signed before it is run, and publishing cannot be undone. `consilience track show TRACK` lists the
    settings and slots.

    Example: consilience claim deep-mlp --slot 'init_std=sqrt(3/fan_out)' --hypothesis 'wider, smaller'
    """
    if not slots and not settings and program is None:
        raise click.UsageError("a claim says what it changes: give at least one --slot, --set or --program")
    draft = ClaimDraft(
        track=track,
        settings={name: value_of(text) for name, text in map(pair_of, settings)},
        slots=dict(map(pair_of, slots)),
        hypothesis=hypothesis,
        predicted_effect=predict,
        opponent=opponent,
        parents=parents,
        licence=licence,
        derivable=not no_derive,
        program="" if program is None else text_of(program),
    )
    receipt = connect(session.home).post(ClaimReceipt, "/v1/claims", draft)
    if session.as_json:
        print_json(receipt)
        return
    say(receipt.claim)
    if receipt.known:
        note("this node had claimed this recipe before; nothing new was published")
    elif receipt.queued:
        note(f"published on {visible(receipt.track)}; it will be measured here, then by others")
    else:
        note("published; this node is an observer, so others have to measure it")
    note(f"follow it with `consilience show {receipt.claim[:10]}`")
