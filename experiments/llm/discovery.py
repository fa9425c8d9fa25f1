"""Which language models are running on this machine, and what an endpoint can really do.

`find_local_endpoints` knocks at the ports that the usual servers listen on; nothing leaves the machine.
`probe` asks an endpoint the nonce question of `ladder`, and for its context length where it tells.
The model's name that a server echoes is for display only: some repeat whatever they were sent.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import trio

from leaderboard.errors import ConsilienceError

from .budget import Budget
from .client import Capability, Client, Settings
from .http import Wire
from .schema import Json

__all__ = ["LOCAL_PORTS", "Endpoint", "Model", "Probe", "find_local_endpoints", "list_models", "probe"]

LOCAL_PORTS: Final = {11434: "Ollama", 1234: "LM Studio", 8000: "vLLM", 8080: "llama-server"}
_KNOCK_S: Final = 1.0  # a local server answers within milliseconds, unless it is loading a model
_MAX_MODELS: Final = 1000
_MAX_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Model:
    """A model that an endpoint lists."""

    name: str
    context: int | None = None
    """Tokens, where the endpoint says so."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that answered."""

    url: str
    kind: str
    """The program that usually listens there; a guess from the port."""
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """What an endpoint can do, or why it cannot be told."""

    capability: Capability | None
    context: int | None
    seconds: float
    trouble: str = ""


async def find_local_endpoints(ports: Sequence[int] = tuple(LOCAL_PORTS)) -> list[Endpoint]:
    """Endpoints on the loopback interface, in the order of the ports; takes about a second."""
    found: dict[int, Endpoint] = {}

    async def knock(port: int) -> None:
        url = f"http://127.0.0.1:{port}/v1"
        try:
            models = await list_models(Wire(url), timeout_s=_KNOCK_S)
        except ConsilienceError:
            return  # nobody there, or something that is no endpoint
        found[port] = Endpoint(url, LOCAL_PORTS.get(port, "unknown"), models)

    async with trio.open_nursery() as nursery:
        for port in ports:
            nursery.start_soon(knock, port)
    return [found[port] for port in ports if port in found]


async def list_models(wire: Wire, timeout_s: float = 10.0) -> tuple[Model, ...]:
    """The models of an endpoint; raises as requests do."""
    document: Json = None
    with trio.move_on_after(timeout_s):
        document = await wire.get("/models", timeout_s=timeout_s)
    return _models(document)


async def probe(wire: Wire, settings: Settings, *, budget: Budget | None = None) -> Probe:
    """Try an endpoint out. Never raises for what the endpoint does; the trouble is in the result."""
    start = time.monotonic()
    try:
        client = Client(wire, settings, budget=budget)
        capability = await client.probe()
        context = await _context(wire, settings.model)
    except ConsilienceError as error:
        return Probe(None, None, time.monotonic() - start, str(error))
    return Probe(capability, context, time.monotonic() - start)


async def _context(wire: Wire, model: str) -> int | None:
    """Context length in tokens: llama-server tells it at /props, vLLM in its list of models."""
    try:
        properties = await wire.get("/props", at_root=True)
    except ConsilienceError:
        properties = None
    settings = properties.get("default_generation_settings") if isinstance(properties, dict) else None
    if isinstance(settings, dict) and (length := _count(settings.get("n_ctx"))) is not None:
        return length
    try:
        models = await list_models(wire)
    except ConsilienceError:
        return None
    return next((known.context for known in models if known.name == model), None)


def _models(document: Json) -> tuple[Model, ...]:
    listed = document.get("data") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return ()
    models = []
    for entry in listed[:_MAX_MODELS]:
        name = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(entry, dict) and isinstance(name, str) and name.isprintable():
            models.append(Model(name[:_MAX_NAME], _count(entry.get("max_model_len"))))
    return tuple(models)


def _count(value: Json) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None
