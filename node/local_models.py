"""Which language models are served on this machine: one question to each of the usual ports.

Plain sockets and threads, because this is all that `llm ls` does and the client of `experiments.llm` costs
three times what a command may use of the processor. What answers may be anything: it gets one second in all
and two megabytes, is asked for one document, is told no key and is not followed anywhere.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Thread
from typing import Final

__all__ = ["LOCAL_PORTS", "LocalModel", "LocalServer", "find_local_servers"]

LOCAL_PORTS: Final = {11434: "Ollama", 1234: "LM Studio", 8000: "vLLM", 8080: "llama-server"}
_WITHIN_S: Final = 1.0  # a local server answers within milliseconds, unless it is loading a model
_MAX_BYTES: Final = 2 * 1024 * 1024
_MAX_MODELS: Final = 1000
_MAX_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that a server lists."""

    name: str
    context: int | None = None
    """Tokens, where the server says so."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """Something that listens."""

    url: str
    kind: str
    """The program that usually listens there; a guess from the port."""
    models: tuple[LocalModel, ...] = ()
    trouble: str = ""
    """Why it lists no model."""


def find_local_servers(ports: Sequence[int] = tuple(LOCAL_PORTS)) -> list[LocalServer]:
    """Who listens on the loopback interface, in the order of the ports; takes a second at most."""
    found: dict[int, LocalServer] = {}

    def knock(port: int) -> None:
        server = _ask(port)
        if server is not None:
            found[port] = server

    threads = [Thread(target=knock, args=(port,), daemon=True) for port in dict.fromkeys(ports)]
    deadline = time.monotonic() + _WITHIN_S
    for thread in threads:
        thread.start()
    for port, thread in zip(dict.fromkeys(ports), threads, strict=True):
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():  # it dribbles; the thread ends with the process
            found[port] = LocalServer(*_named(port), trouble=f"gave no answer within {_WITHIN_S:g} s")
    return [found[port] for port in dict.fromkeys(ports) if port in found]


def _named(port: int) -> tuple[str, str]:
    return f"http://127.0.0.1:{port}/v1", LOCAL_PORTS.get(port, "unknown")


def _ask(port: int) -> LocalServer | None:
    """What listens there; None if nobody does."""
    url, kind = _named(port)
    try:
        with closing(HTTPConnection("127.0.0.1", port, timeout=2 * _WITHIN_S)) as connection:
            connection.connect()
            try:
                connection.request("GET", "/v1/models", headers={"Accept-Encoding": "identity"})
                answer = connection.getresponse()
                body = answer.read(_MAX_BYTES + 1)
            except (OSError, HTTPException):
                return LocalServer(url, kind, trouble="broke off its answer, or speaks no HTTP")
    except OSError:
        return None
    if answer.status in (401, 403):
        return LocalServer(
            url, kind, trouble="wants a key: consilience llm test ENDPOINT MODEL --key-env NAME"
        )
    models = _models(body) if answer.status == 200 and len(body) <= _MAX_BYTES else None
    if models is None:
        return LocalServer(url, kind, trouble=f"is no OpenAI-compatible endpoint (HTTP {answer.status})")
    return LocalServer(url, kind, models, "" if models else "has no model loaded")


def _models(body: bytes) -> tuple[LocalModel, ...] | None:
    """The models in a list of them; None if it is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    listed = document.get("data") if isinstance(document, dict) else None
    if listed is None and isinstance(document, dict) and "data" in document:
        listed = []  # Ollama without any model
    if not isinstance(listed, list):
        return None
    models = []
    for entry in listed[:_MAX_MODELS]:
        name = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(name, str) and name.isprintable():
            models.append(LocalModel(name[:_MAX_NAME], _count(entry.get("max_model_len"))))
    return tuple(models)


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None
