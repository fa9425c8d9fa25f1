"""`agent pause`, `agent resume`, `agent proposers`: stop starting work, and see whose ideas were worth it."""

from __future__ import annotations

import click

from ..api.values import AgentStatus, ProposerView
from ..text import visible
from .client import connect
from .group import Session, shared
from .output import print_json, say, table

__all__ = ["agent_command"]

_NAME = 27  # columns of a proposer's name: what the figures leave of 80


@click.group("agent")
def agent_command() -> None:
    """The research agent: pause or resume it, and see who has the ideas."""


@agent_command.command("pause")
@shared
def pause_command(session: Session) -> None:
    """Finish what runs, keep promises, and start nothing new."""
    _post(session, "pause")


@agent_command.command("resume")
@shared
def resume_command(session: Session) -> None:
    """Work again."""
    _post(session, "resume")


@agent_command.command("proposers")
@shared
def proposers_command(session: Session) -> None:
    """Whose ideas were worth what, and how well they were predicted."""
    found = connect(session.home).get(tuple[ProposerView, ...], "/v1/proposers")
    if session.as_json:
        print_json(found)
        return
    if not found:
        say("nothing was measured yet")
        return
    head = ("proposer", "claims", "confirmed", "mean", "best", "scored", "bias", "error", "sign")
    for track in dict.fromkeys(item.track for item in found):
        say(click.style(visible(track), bold=True))
        rows = [_row(item) for item in found if item.track == track]
        table(head, rows, right=" ".join(head[1:]))


def _row(item: ProposerView) -> tuple[str, ...]:
    """A name that is longer than its column is cut in the middle: a model's version stands at its end."""
    name = item.name if len(item.name) <= _NAME else f"{item.name[:12]}…{item.name[13 - _NAME :]}"
    return (
        name,
        str(item.claims),
        str(item.confirmed),
        _short(item.mean_effect),
        _short(item.best_effect),
        str(item.predictions),
        _short(item.bias),
        _short(item.error),
        "-" if item.right_sign is None else f"{item.right_sign:.0%}",
    )


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _post(session: Session, action: str) -> None:
    status = connect(session.home).post(AgentStatus, f"/v1/agent/{action}")
    if session.as_json:
        print_json(status)
    else:
        say(visible(status.activity))
