"""The command group: each command lives in a module that is imported when somebody asks for it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import Concatenate, ParamSpec

import click

from ..errors import EXIT_OK
from ..home import Home, find_home

__all__ = ["COMMANDS", "Session", "cli", "shared"]

P = ParamSpec("P")

COMMANDS = {
    "init": ("lifecycle", "Make this node's identity and configuration."),
    "up": ("lifecycle", "Run the node."),
    "down": ("lifecycle", "Stop the running node."),
    "status": ("look", "How this node is doing."),
    "logs": ("logbook", "What the daemon logged."),
    "id": ("look", "Who this node is."),
    "peers": ("look", "Whom this node is connected to, and whose records it leaves out."),
    "board": ("boards", "The common board: what is known, best first."),
    "show": ("records", "One record and what is about it."),
    "export": ("records", "Records, as JSON lines or as signed bytes."),
    "verify": ("check", "Run a result again here and say whether it holds."),
    "try": ("trying", "Measure a candidate here; publishes nothing."),
    "novelty": ("novelty", "Is this technique known already?"),
    "claim": ("claiming", "Submit a hypothesis of your own."),
    "track": ("tracks", "The research contests."),
    "agent": ("agent", "The research agent: pause, resume, whose ideas."),
    "llm": ("llm", "Language models: find, try out, use."),
    "notebook": ("notebook", "What the agent tried and learned."),
    "report": ("reporting", "What a track has found, every number a citation."),
    "returns": ("reporting", "What the next gain will probably cost."),
    "doctor": ("doctoring", "Check this node's files, and repair its database."),
    "completion": ("lifecycle", "Shell completion."),
}
"""Command -> (module in node.cli, one line of help), in the order in which help lists them."""


@dataclass(frozen=True, slots=True)
class Session:
    """What every command gets: which node, and how to answer."""

    home: Home
    as_json: bool


class _LazyGroup(click.Group):
    """Lists commands from the table and imports the module of the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"node.cli.{COMMANDS[name][0]}")
        command: click.Command = getattr(module, f"{name}_command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Who read our output has had enough (`| head`). Python would complain again while exiting.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_OK
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from ..typed import nearest

            raise click.UsageError(
                f"no command is called {args[0]!r}; {nearest(args[0], list(COMMANDS))}", ctx
            )
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", metavar="DIR", help="State directory (else CONSILIENCE_HOME, else the platform's).")
@click.version_option(package_name="consilience", prog_name="consilience")
@click.pass_context
def cli(context: click.Context, home: str | None) -> None:
    """A swarm of research agents whose leaderboard can be believed.

    Start with `consilience init`, then `consilience up`.
    """
    context.obj = home


def shared(function: Callable[Concatenate[Session, P], int | None]) -> Callable[..., int | None]:
    """Give a command `--home` and `--json`, and the session that they make."""

    @click.option("--home", metavar="DIR", help="State directory.")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @click.pass_context
    def wrapped(
        context: click.Context, /, home: str | None, as_json: bool, *args: P.args, **kwargs: P.kwargs
    ) -> int | None:
        chosen = home or context.find_root().obj
        return function(Session(find_home(chosen, os.environ), as_json), *args, **kwargs)

    return update_wrapper(wrapped, function)
