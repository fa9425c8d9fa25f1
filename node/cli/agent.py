"""`agent pause`, `agent resume`: stop starting work without stopping the node."""

from __future__ import annotations

import click

from ..api.ports import AgentStatus
from ..text import visible
from .client import connect
from .group import Session, shared
from .output import print_json, say

__all__ = ["agent_command"]


@click.group("agent")
def agent_command() -> None:
    """Pause or resume the research agent."""


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


def _post(session: Session, action: str) -> None:
    status = connect(session.home).post(AgentStatus, f"/v1/agent/{action}")
    if session.as_json:
        print_json(status)
    else:
        say(visible(status.activity))
