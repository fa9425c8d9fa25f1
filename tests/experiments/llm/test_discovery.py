"""Local servers are found, described as far as they tell, and never waited for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from experiments.llm import Model, Rung, Settings, Wire, find_local_endpoints, list_models, probe

if TYPE_CHECKING:
    from .conftest import Server


def _models(*entries: object) -> bytes:
    return json.dumps({"object": "list", "data": list(entries)}).encode()


async def test_endpoints_are_found_by_port(server: Server) -> None:
    server.plays(server.raw("200 OK", _models({"id": "tiny", "max_model_len": 4096}, {"id": 7}, "odd")))
    port = int(server.url.split(":")[2].split("/")[0])
    (found,) = await find_local_endpoints((1, port))
    assert found.url == server.url
    assert found.models == (Model("tiny", 4096),)


async def test_a_server_that_is_no_endpoint_is_not_listed(server: Server) -> None:
    server.plays(server.raw("200 OK", b"<html>"))
    port = int(server.url.split(":")[2].split("/")[0])
    assert await find_local_endpoints((port,)) == []


async def test_a_silent_server_is_not_waited_for(server: Server) -> None:
    async def silent(stream: object, _: object) -> None:
        await stream.receive_some()  # type: ignore[attr-defined]

    server.plays(silent)
    assert await list_models(Wire(server.url), timeout_s=0.1) == ()


async def test_a_probe_tells_capability_and_context(server: Server) -> None:
    properties = json.dumps({"default_generation_settings": {"n_ctx": 8192}}).encode()
    server.plays(server.enforces(), server.raw("200 OK", properties))
    found = await probe(Wire(server.url), Settings("m"))
    assert found.capability is not None
    assert (found.capability.rung, found.capability.enforced) == (Rung.JSON_SCHEMA, True)
    assert found.context == 8192
    assert server.heads[1].startswith("GET /props ")


async def test_a_probe_reports_trouble_instead_of_raising() -> None:
    found = await probe(Wire("http://127.0.0.1:1/v1"), Settings("m"))
    assert found.capability is None
    assert "is the server running" in found.trouble
