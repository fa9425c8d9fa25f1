"""`agent pause`, `agent resume`, `agent proposers`: stop starting work, and see whose ideas were worth it."""

from __future__ import annotations

import click

from ..api.values import AgentStatus, ProposerView
from ..text import visible
from .client import connect
from .group import Session, shared
from .output import amount, print_json, say, table

__all__ = ["agent_command"]


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
    rows = [
        (
            item.track,
            str(item.claims),
            str(item.confirmed),
            amount(item.mean_effect),
            amount(item.best_effect),
            str(item.predictions),
            amount(item.bias),
            amount(item.error),
            "-" if item.right_sign is None else f"{item.right_sign:.0%}",
            item.name,
        )
        for item in found
    ]
    head = ("track", "claims", "confirmed", "mean", "best", "predicted", "bias", "error", "sign", "proposer")
    table(head, rows, right="claims confirmed mean best predicted bias error sign")


def _post(session: Session, action: str) -> None:
    status = connect(session.home).post(AgentStatus, f"/v1/agent/{action}")
    if session.as_json:
        print_json(status)
    else:
        say(visible(status.activity))
