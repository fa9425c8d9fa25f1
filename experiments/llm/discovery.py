"""What an endpoint can really do: the nonce question of `ladder`, and its context length where it tells.

The model's name that a server echoes is for display only: some repeat whatever they were sent. Which servers
run on this machine is found by `node.local_models`, which needs no client for that.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import trio

from leaderboard.errors import ConsilienceError

from .budget import Budget
from .client import Capability, Client, Settings
from .http import Wire
from .schema import Json

__all__ = ["Probe", "probe"]

_TELL_S: Final = 5.0  # what a server says of itself is there at once; how fast it says it is its own affair


@dataclass(frozen=True, slots=True)
class Probe:
    """What an endpoint can do, or why it cannot be told."""

    capability: Capability | None
    context: int | None
    seconds: float
    trouble: str = ""


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
    properties = await _told(wire, "/props", at_root=True)
    settings = properties.get("default_generation_settings") if isinstance(properties, dict) else None
    if isinstance(settings, dict) and (length := _count(settings.get("n_ctx"))) is not None:
        return length
    document = await _told(wire, "/models", at_root=False)
    listed = document.get("data") if isinstance(document, dict) else None
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("id") == model:
            return _count(entry.get("max_model_len"))
    return None


async def _told(wire: Wire, path: str, *, at_root: bool) -> Json:
    """A document of the server, or None; one that comes byte by byte is not waited for."""
    with trio.move_on_after(_TELL_S), suppress(ConsilienceError):
        return await wire.get(path, at_root=at_root)
    return None


def _count(value: Json) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None
