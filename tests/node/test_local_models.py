"""Servers on this machine are found without a client, and whatever listens there costs a second at most."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio

from node import local_models
from node.local_models import LocalModel, LocalServer, find_local_servers

from ..experiments.llm.conftest import Server, server

__all__ = ["server"]


@pytest.fixture
def found(server: Server) -> Callable[..., Awaitable[list[LocalServer]]]:
    async def look(*more: int) -> list[LocalServer]:
        port = int(server.url.split(":")[2].split("/")[0])
        return await trio.to_thread.run_sync(partial(find_local_servers, (1, port, *more)))

    return look


def models(*entries: object) -> bytes:
    return json.dumps({"object": "list", "data": list(entries)}).encode()


async def test_models_are_listed_as_far_as_they_can_be_read(server: Server, found: Any) -> None:
    listed = models(
        {"id": "tiny", "max_model_len": 4096}, {"id": 7}, "odd", {"id": "bad\x1b"}, {"id": "x" * 300}
    )
    server.plays(server.raw("200 OK", listed))
    (one,) = await found()
    assert (one.url, one.trouble) == (server.url, "")
    assert one.models == (LocalModel("tiny", 4096), LocalModel("x" * 200))
    assert server.heads[0].startswith("GET /v1/models ")
    assert "authorization" not in server.heads[0].lower()


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (("200 OK", b"<html>hello</html>"), "no OpenAI-compatible endpoint (HTTP 200)"),
        (("200 OK", b"[" * 100_000), "no OpenAI-compatible endpoint"),
        (("200 OK", b" " * 3_000_000 + models()), "no OpenAI-compatible endpoint"),
        (("307 Moved", b"", "location: http://127.0.0.1:1/"), "no OpenAI-compatible endpoint (HTTP 307)"),
        (("404 Not Found", b""), "no OpenAI-compatible endpoint (HTTP 404)"),
        (("401 Unauthorized", b""), "wants a key"),
        (("200 OK", b'{"object": "list", "data": null}'), "no model loaded"),
        (("200 OK", models()), "no model loaded"),
        (("chaos", b""), "speaks no HTTP"),
    ],
)
async def test_what_listens_and_lists_nothing_is_named(
    server: Server, found: Any, reply: tuple[Any, ...], trouble: str
) -> None:
    server.plays(server.raw(*reply))
    (one,) = await found()
    assert trouble in one.trouble
    assert one.models == ()


async def test_who_dribbles_is_not_waited_for(
    server: Server, found: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dribbles(stream: trio.SocketStream, _: object) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stream.send_all(b" ")
            await trio.sleep(0.01)

    monkeypatch.setattr(local_models, "_WITHIN_S", 0.1)
    server.plays(dribbles)
    started = time.monotonic()
    (one,) = await found()
    assert "no answer within 0.1 s" in one.trouble
    assert time.monotonic() - started < 30  # and not for ever
