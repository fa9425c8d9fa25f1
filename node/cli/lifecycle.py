"""`init`, `up`, `down`, `completion`: a node's beginning and end."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import click

from .. import identity
from ..api import listening
from ..config import Config, load, template
from ..errors import EXIT_OK, DaemonDown, HintedError, Misuse, TimedOut
from ..files import create_file, make_folder
from ..home import Home
from ..text import visible
from .client import connect
from .group import Session, shared
from .output import note, print_json, say

__all__ = ["completion_command", "down_command", "init_command", "up_command"]

STOP_WITHIN_S = 15.0
START_WITHIN_S = 60.0
_POLL_S = 0.05

WARNING = """\
What this node publishes (claims, results, findings, its name) is signed with its key, copied by every other
node and cannot be taken back: a retraction is one more record beside it."""


@click.command("init")
@click.option("--name", default="", help="What others see beside your records. Public.")
@click.option("--swarm", help="Name of the swarm to join.")
@click.option("--bootstrap", multiple=True, metavar="MULTIADDR", help="Peer to join through.")
@click.option("--observer", is_flag=True, help="Keep and show records; do no research.")
@shared
def init_command(
    session: Session, *, name: str, swarm: str | None, bootstrap: tuple[str, ...], observer: bool
) -> None:
    """Make this node's identity and configuration."""
    home = session.home
    settings: dict[str, object] = {"node.name": name}
    if swarm is not None:
        settings["node.swarm"] = swarm
    if bootstrap:
        settings["node.bootstrap"] = bootstrap
    if observer:
        settings["agent.enabled"] = False
    if home.config.exists():
        raise Misuse(f"{home.config} exists already", "edit it, or choose another directory with --home")
    load(home, {}, settings)  # a mistake is named before anything is written
    me = identity.load_or_create(home.identity)
    create_file(home.config, template(settings))
    if session.as_json:
        print_json({"home": str(home.path), "peer_id": me.peer_id})
    else:
        say(f"identity  {visible(str(home.identity))}  (keep a copy; whoever has it speaks as you)")
        say(f"config    {visible(str(home.config))}")
        say(f"peer id   {me.peer_id}")
    note("")
    note(WARNING)
    note("\nNext: `consilience up`, then `consilience board` in another terminal.")


@click.command("up")
@click.option("--bootstrap", multiple=True, metavar="MULTIADDR", help="Peer to join through.")
@click.option("--listen", multiple=True, metavar="MULTIADDR", help="Address to accept peers on.")
@click.option("--api-port", type=int, help="Port of the API; 0 takes any free one.")
@click.option("--observer", is_flag=True, help="Do no research.")
@click.option("--detach", is_flag=True, help="Return when the node is up; it goes on in the background.")
@shared
def up_command(
    session: Session,
    *,
    bootstrap: tuple[str, ...],
    listen: tuple[str, ...],
    api_port: int | None,
    observer: bool,
    detach: bool,
) -> int:
    """Run the node, in the foreground until Ctrl-C or `consilience down`."""
    flags: dict[str, object] = {}
    if bootstrap:
        flags["node.bootstrap"] = bootstrap
    if listen:
        flags["node.listen"] = listen
    if api_port is not None:
        flags["api.port"] = api_port
    if observer:
        flags["agent.enabled"] = False
    config = load(session.home, os.environ, flags)
    if not _is_free(session.home):
        raise Misuse(f"the node in {session.home.path} is running already", "`consilience status` shows it")
    # A port that is taken is better said now than logged for ever.
    listening.listen(config.api.host, config.api.port).close()
    if not session.home.identity.exists():
        note(WARNING + "\n")
    if detach:
        return _detach(session, config, sys.argv)
    # The search's matrices are small: several threads spend eight times the processor time on them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..daemon import run

    return run(config)


@click.command("down")
@shared
def down_command(session: Session) -> None:
    """Stop the running node, and wait until it has stopped."""
    client = connect(session.home)
    client.post(dict[str, str], "/v1/stop")
    deadline = time.monotonic() + STOP_WITHIN_S
    while not _is_free(session.home):
        if time.monotonic() > deadline:
            raise TimedOut(
                f"the daemon (process {client.pid}) still runs after {STOP_WITHIN_S:.0f} s",
                f"`kill -9 {client.pid}` ends it; nothing that was acknowledged is lost",
            )
        time.sleep(_POLL_S)
    if session.as_json:
        print_json({"state": "stopped"})
    else:
        say("stopped")


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print what SHELL has to source: eval "$(consilience completion bash)"."""
    from click.shell_completion import get_completion_class

    from .group import cli

    kind = get_completion_class(shell)
    assert kind is not None  # click knows the three shells of the choice
    say(kind(cli, {}, "consilience", "_CONSILIENCE_COMPLETE").source())


def _detach(session: Session, config: Config, words: list[str]) -> int:
    home = config.home
    make_folder(home.logs)
    arguments = [word for word in words[1:] if word != "--detach"]
    console = home.logs / "console.log"
    with console.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "node.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "CONSILIENCE_LOG__CONSOLE": "false"},  # only a failed start goes there
        )
    _wait_until_up(home, child, console)
    client = connect(home)
    if session.as_json:
        print_json({"pid": client.pid, "url": f"http://{client.host}:{client.port}"})
    else:
        say(f"up: process {client.pid}; `consilience status` shows it, `consilience down` stops it")
    return EXIT_OK


def _wait_until_up(home: Home, child: subprocess.Popen[bytes], console: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            said = console.read_text("utf-8", "replace").rpartition("error: ")[2].strip()
            why, _, hint = said.partition("\n")
            raise HintedError(
                f"the node did not start: {why or f'exit code {child.returncode}'}",
                hint.strip() or f"see {console}",
            )
        if _answers(home, child.pid):
            return
        time.sleep(_POLL_S)
    child.kill()
    raise TimedOut(f"the node was not up after {START_WITHIN_S:.0f} s", f"see {console}")


def _answers(home: Home, pid: int) -> bool:
    try:
        client = connect(home)
        return client.pid == pid and bool(client.get(dict[str, object], "/v1/identity"))
    except DaemonDown:
        return False


def _is_free(home: Home) -> bool:
    """Whether no daemon holds the state directory (the lock that `node.daemon` takes by filelock)."""
    try:
        descriptor = os.open(home.lock, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
