"""What an endpoint can do, described as far as it tells, and never waited for."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from experiments.llm import Rung, Settings, Wire, discovery, probe

if TYPE_CHECKING:
    from .conftest import Server


async def test_a_probe_tells_capability_and_context(server: Server) -> None:
    properties = json.dumps({"default_generation_settings": {"n_ctx": 8192}}).encode()
    server.plays(server.enforces(), server.raw("200 OK", properties))
    found = await probe(Wire(server.url), Settings("m"))
    assert found.capability is not None
    assert (found.capability.rung, found.capability.enforced) == (Rung.JSON_SCHEMA, True)
    assert found.context == 8192
    assert server.heads[1].startswith("GET /props ")


async def test_the_context_may_stand_in_the_list_of_models(server: Server) -> None:
    listed = {"data": [7, {"id": "other", "max_model_len": 1}, {"id": "m", "max_model_len": 4096}]}
    models = server.raw("200 OK", json.dumps(listed).encode())
    server.plays(server.enforces(), server.raw("404 Not Found"), models)
    assert (await probe(Wire(server.url), Settings("m"))).context == 4096


async def test_a_server_that_dribbles_what_it_says_of_itself_is_not_waited_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dribbles(stream: trio.SocketStream, _: object) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        while True:
            await stream.send_all(b" ")
            await trio.sleep(0.01)

    monkeypatch.setattr(discovery, "_TELL_S", 0.1)
    server.plays(server.enforces(), partial(dribbles))
    with trio.fail_after(30):
        found = await probe(Wire(server.url), Settings("m"))
    assert found.capability is not None
    assert found.context is None


async def test_a_probe_reports_trouble_instead_of_raising() -> None:
    found = await probe(Wire("http://127.0.0.1:1/v1"), Settings("m"))
    assert found.capability is None
    assert "is the server running" in found.trouble
