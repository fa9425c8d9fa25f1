"""`llm ls`, `llm test`, `llm use`: which language models are here, and what they can really do.

These commands talk to the endpoints themselves, so they work without a daemon; what they spend on the
configured model counts in the same purse.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial

import click

from ..errors import EXIT_CHECK_FAILED, EXIT_OK, Misuse, NotFound
from ..text import visible
from .group import Session, shared
from .output import note, print_json, say, table

__all__ = ["llm_command"]

_PORT = click.IntRange(1, 65535)


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that a server on this machine lists."""

    endpoint: str
    server: str
    """The program that usually listens there; a guess from the port."""
    model: str
    context: int | None
    """Tokens, where the server says so."""
    configured: bool


@dataclass(frozen=True, slots=True)
class Tested:
    """What trying a model out has shown."""

    endpoint: str
    model: str
    works: bool
    form: str
    """How it can be asked for JSON: json_schema, ..., prompt; empty if it did not answer."""
    enforced: bool
    """Whether it keeps to a schema that the prompt does not mention."""
    context: int | None
    seconds: float
    trouble: str


@click.group("llm")
def llm_command() -> None:
    """Language models: find, try out, use."""


@llm_command.command("ls")
@click.option("--port", "ports", multiple=True, type=_PORT, help="Look at these ports instead.")
@shared
def ls_command(session: Session, *, ports: tuple[int, ...]) -> None:
    """Models of servers on this machine (Ollama, LM Studio, vLLM, llama-server)."""
    from ..config import load
    from ..local_models import LOCAL_PORTS, find_local_servers

    config = load(session.home, os.environ, {}).llm
    servers = find_local_servers(ports or tuple(LOCAL_PORTS))
    found = [
        FoundModel(
            server.url,
            server.kind,
            model.name,
            model.context,
            (server.url, model.name) == (config.endpoint.rstrip("/"), config.model),
        )
        for server in servers
        for model in server.models
    ]
    for server in servers:
        if server.trouble:
            note(f"{server.url} ({server.kind}?) {server.trouble}")
    if session.as_json:
        print_json(found)
        return
    if not found:
        looked = ", ".join(f"{port} ({name})" for port, name in LOCAL_PORTS.items())
        say("no model is served on this machine")
        note(
            f"looked at ports {', '.join(map(str, ports)) or looked}; others: consilience llm ls --port PORT"
        )
        note("an endpoint elsewhere: consilience llm test ENDPOINT MODEL")
        return
    rows = [
        ("*" if item.configured else "", item.server, str(item.context or "-"), item.endpoint, item.model)
        for item in found
    ]
    table(("", "server", "context", "endpoint", "model"), rows, right="context")
    note("next: consilience llm test ENDPOINT MODEL, then consilience llm use ENDPOINT MODEL")


@llm_command.command("test")
@click.argument("endpoint", required=False)
@click.argument("model", required=False)
@click.option("--key-env", default="", metavar="NAME", help="Environment variable that holds the key.")
@click.option("--key-file", default="", metavar="FILE", help="File of mode 0600 that holds the key.")
@shared
def test_command(
    session: Session, *, endpoint: str | None, model: str | None, key_env: str, key_file: str
) -> int:
    """Try MODEL at ENDPOINT out, or the configured one: does it answer, and does it keep to a schema?"""
    done = _test(session, _chosen(endpoint, model, key_env, key_file))
    if session.as_json:
        print_json(done)
    else:
        _say(done)
    return EXIT_OK if done.works else EXIT_CHECK_FAILED


@llm_command.command("use")
@click.argument("endpoint")
@click.argument("model")
@click.option("--key-env", default="", metavar="NAME", help="Environment variable that holds the key.")
@click.option("--key-file", default="", metavar="FILE", help="File of mode 0600 that holds the key.")
@click.option("--untested", is_flag=True, help="Write it down without trying it out.")
@shared
def use_command(
    session: Session, *, endpoint: str, model: str, key_env: str, key_file: str, untested: bool
) -> int:
    """Let MODEL at ENDPOINT have ideas: try it out and write it into the configuration."""
    from ..config_file import set_dials

    settings = _chosen(endpoint, model, key_env, key_file)
    if not untested:
        done = _test(session, settings)
        if not done.works:
            print_json(done) if session.as_json else _say(done)
            note("nothing was changed; --untested writes it down all the same")
            return EXIT_CHECK_FAILED
        if not session.as_json:
            _say(done)
    set_dials(session.home, settings)
    if session.as_json:
        print_json({"config": str(session.home.config), **settings})
    else:
        say(f"written to {visible(str(session.home.config))}")
        note("a running node takes it up when it starts again: consilience down, then up")
    return EXIT_OK


def _chosen(endpoint: str | None, model: str | None, key_env: str, key_file: str) -> dict[str, object]:
    if endpoint is None:
        return {}
    if model is None:
        raise Misuse("the model's name is missing", "`consilience llm ls` lists those of this machine")
    return {"llm.endpoint": endpoint, "llm.model": model, "llm.key_env": key_env, "llm.key_file": key_file}


def _test(session: Session, settings: dict[str, object]) -> Tested:
    """Ask the nonce question; LocalError for a wrong URL or key, everything else is in the answer."""
    import trio

    from experiments.llm import Wire, probe

    from ..config import load
    from ..model_access import model_budget, model_key, model_settings
    from ..notebook import Notebook

    config = load(session.home, os.environ, settings).llm
    if not config.endpoint:
        raise NotFound("no model is configured", "name one: consilience llm test ENDPOINT MODEL")
    with Notebook(session.home.notebook) as notebook:
        wire = Wire(config.endpoint, model_key(config))
        budget = model_budget(config, notebook)
        found = trio.run(partial(probe, wire, model_settings(config), budget=budget))
    capability = found.capability
    return Tested(
        endpoint=config.endpoint,
        model=config.model,
        works=capability is not None,
        form="" if capability is None else capability.rung.value,
        enforced=capability is not None and capability.enforced,
        context=found.context,
        seconds=found.seconds,
        trouble=found.trouble,
    )


def _say(done: Tested) -> None:
    say(f"{visible(done.model)} at {visible(done.endpoint)}")
    if not done.works:
        say(f"  does not work: {visible(done.trouble)}")
        return
    how = (
        "keeps to schemas"
        if done.enforced
        else "ignores schemas; each answer is checked here, which costs more tries"
    )
    say(f"  answers in {done.seconds:.1f} s, asked by {done.form}; {how}")
    if done.context is not None:
        say(f"  context of {done.context} tokens")
