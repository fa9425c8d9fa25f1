"""Hostile HTTP against the real server: whatever comes in, the next honest request is answered."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
import trio
import trio.testing

from node.api.access import MAX_BODY_BYTES
from node.api.routes import MAX_STREAMS
from node.errors import Misuse

if TYPE_CHECKING:
    from .conftest import Served


PATIENCE_S = 30.0
"""For an answer, on a machine that may stand still for seconds."""


async def alive(served: Served) -> bool:
    headers = {"authorization": f"Bearer {served.token}"}
    async with httpx.AsyncClient(
        base_url=served.url, headers=headers, trust_env=False, timeout=PATIENCE_S
    ) as client:
        return (await client.get("/v1/identity")).status_code == 200


async def send(served: Served, content: bytes) -> bytes:
    """What the server says to raw bytes, until it closes or says nothing more after an answer."""
    stream = await trio.open_tcp_stream("127.0.0.1", served.port)
    answer = b""
    async with stream:
        try:
            await stream.send_all(content)
            with trio.move_on_after(PATIENCE_S) as scope:
                while more := await stream.receive_some():
                    answer += more
                    scope.deadline = min(scope.deadline, trio.current_time() + 6)
        except trio.BrokenResourceError:
            pass
    return answer


def head(served: Served, *lines: str, path: str = "/v1/identity", method: str = "GET") -> bytes:
    """A request head with good Host and token, and `connection: close`."""
    always = (f"Host: 127.0.0.1:{served.port}", f"Authorization: Bearer {served.token}", "Connection: close")
    return "\r\n".join((f"{method} {path} HTTP/1.1", *always, *lines, "", "")).encode("latin-1")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("authorization", "", 401),
        ("authorization", "Bearer wrong", 401),
        ("authorization", "Basic dXNlcjpwYXNz", 401),
        ("host", "evil.example", 421),
        ("host", "127.0.0.1", 421),
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
    ],
)
async def test_strangers_are_turned_away(served: Served, header: str, value: str, expected: int) -> None:
    headers = {"authorization": f"Bearer {served.token}", header: value}
    async with httpx.AsyncClient(
        base_url=served.url, headers=headers, trust_env=False, timeout=PATIENCE_S
    ) as client:
        for path in ("/v1/identity", "/metrics", "/v1/openapi.json", "/nothing"):
            response = await client.get(path)
            assert response.status_code == expected
            assert set(response.json()) == {"error", "hint"}
        assert (await client.post("/v1/stop")).status_code == expected
    assert not served.node.stopping.is_set()


async def test_localhost_and_our_own_origin_are_welcome(served: Served) -> None:
    assert status(await send(served, head(served, f"Origin: {served.url}"))) == 200
    named = head(served).replace(b"Host: 127.0.0.1", b"Host: LOCALHOST")
    assert status(await send(served, named)) == 200


async def test_a_second_host_or_token_is_not_a_way_around(served: Served) -> None:
    assert status(await send(served, head(served, "Host: evil.example"))) in (400, 421)
    assert status(await send(served, head(served, "Authorization: Bearer x"))) == 401


ODD: list[Callable[[Served], bytes]] = [
    lambda s: head(s, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==") + b"trailing bytes",
    lambda s: head(s, "Upgrade: websocket", "Connection: Upgrade"),
    lambda s: head(s, "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings",
                   "HTTP2-Settings: AAMAAABkAAQAAP__"),
    lambda s: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" * 50,
    lambda s: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 500,
    lambda s: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    lambda s: b"\x00" * 1000,
    lambda s: b"GET / HTTP/1.1\r\n\r\n",
    lambda s: b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    lambda s: b"GET " + b"/" * 60_000 + b" HTTP/1.1\r\n\r\n",
    lambda s: head(s, *(f"X-{n}: y" for n in range(10_000))),
    lambda s: head(s, *(f"X-{n}: y" for n in range(200))),
    lambda s: head(s, "X: " + "y" * 100_000),
    lambda s: head(s, "Transfer-Encoding: chunked", method="POST", path="/v1/claims") + b"zz\r\n",
    lambda s: head(s, "Transfer-Encoding: chunked", method="POST", path="/v1/claims") + b"fffffffffffff\r\nx",
    lambda s: head(s, "Transfer-Encoding: gzip", method="POST", path="/v1/claims"),
    lambda s: head(s, "Content-Length: 5", "Content-Length: 6", method="POST", path="/v1/claims") + b"abcdef",
    lambda s: head(s, "Content-Length: -1", method="POST", path="/v1/claims"),
    lambda s: head(s, "Content-Length: " + "9" * 400, method="POST", path="/v1/claims"),
    lambda s: head(s, "Content-Length: 2", "Content-Type: application/json", method="POST", path="/v1/claims")
    + b"{}" + b"GET /smuggled HTTP/1.1\r\n\r\n",
    lambda s: head(s, path="/v1/records/%00%ff%2e%2e%2f"),
    lambda s: head(s, path="/v1/boards?track=%ff%fe&limit=1e9"),
    lambda s: head(s, path="/v1/boards?" + "&".join(f"a{n}=1" for n in range(1_500))),
    lambda s: head(s, path="/../../../../etc/passwd"),
    lambda s: head(s, "Last-Event-ID: " + "9" * 40, path="/v1/events"),
    lambda s: head(s, "Last-Event-ID: abc", path="/v1/events"),
    lambda s: head(s, "Expect: 100-continue", "Content-Length: 10", method="POST", path="/v1/claims"),
    lambda s: head(s, "Content-Type: application/json", "Content-Length: 30000", method="POST",
                   path="/v1/claims") + b"[" * 30_000,
    lambda s: head(s, method="CONNECT", path="evil.example:443"),
    lambda s: head(s, method="TRACE"),
    lambda s: head(s, path="http://evil.example/v1/stop", method="POST"),
]  # fmt: skip


@pytest.mark.slow
async def test_odd_requests_leave_the_server_standing(served: Served) -> None:
    answers: list[bytes] = []

    async def one(content: bytes) -> None:
        answers.append(await send(served, content))

    async with trio.open_nursery() as nursery:
        for make in ODD:
            nursery.start_soon(one, make(served))
    assert await alive(served)
    assert not served.node.stopping.is_set()
    assert all(b"root:" not in answer and b"Traceback" not in answer for answer in answers)


async def test_too_many_headers_and_too_long_ones_are_named(served: Served) -> None:
    assert status(await send(served, head(served, *(f"X-{n}: y" for n in range(120))))) == 431
    assert status(await send(served, head(served, "X: " + "y" * 100_000))) in (400, 431)


async def test_oversized_bodies_are_refused_early(served: Served) -> None:
    told = head(served, f"Content-Length: {MAX_BODY_BYTES + 1}", method="POST", path="/v1/claims")
    assert status(await send(served, told)) == 413
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    untold = head(served, "Transfer-Encoding: chunked", method="POST", path="/v1/claims")
    assert status(await send(served, untold + chunk * 5)) == 413
    assert await alive(served)


@pytest.mark.slow
async def test_slow_heads_and_slow_bodies_are_cut(served: Served, autojump_clock: object) -> None:
    """On a clock that jumps: a head or a body that never ends is closed by the server's own deadline."""
    started = trio.current_time()
    assert await until_closed(served, b"GET / HTTP/1.1\r\nHost: ") == b""
    assert 5 < trio.current_time() - started < 30  # later than httpx forgets an idle connection
    body = head(served, "Content-Length: 100", method="POST", path="/v1/claims") + b"{"
    assert status(await until_closed(served, body)) == 408


async def until_closed(served: Served, content: bytes) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", served.port)
    answer = b""
    async with stream:
        await stream.send_all(content)
        with trio.fail_after(60):
            while more := await stream.receive_some():
                answer += more
    return answer


async def test_vanishing_clients_leave_nothing_behind(served: Served) -> None:
    for path in ("/v1/events", "/v1/export", "/v1/status"):
        for _ in range(5):
            stream = await trio.open_tcp_stream("127.0.0.1", served.port)
            await stream.send_all(head(served, path=path))
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await stream.aclose()  # with a reset
    assert await alive(served)
    with trio.fail_after(PATIENCE_S):
        while len(served.node.feed):
            await trio.testing.wait_all_tasks_blocked(0.01)


async def test_streams_are_counted(served: Served) -> None:
    held = []
    for _ in range(MAX_STREAMS):
        stream = await trio.open_tcp_stream("127.0.0.1", served.port)
        await stream.send_all(head(served, path="/v1/events"))
        assert b"200" in await stream.receive_some()
        held.append(stream)
    assert status(await send(served, head(served, path="/v1/events"))) == 503
    for stream in held:
        await stream.aclose()


async def test_a_stuck_reader_does_not_delay_the_stop(served: Served) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", served.port)
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    await stream.send_all(head(served, path="/v1/events"))
    await stream.receive_some(10)
    served.node.append(served.node.author.notes(300))
    await served.node.stop()
    with trio.fail_after(PATIENCE_S):
        while served.home.api.exists():
            await trio.testing.wait_all_tasks_blocked(0.01)
    await stream.aclose()


async def test_a_taken_port_is_explained(served: Served) -> None:
    from node.api.server import serve

    with pytest.raises(Misuse, match="cannot serve the API") as caught:
        await serve(served.node, served.home, "127.0.0.1", served.port, trio.sleep_forever)
    assert "api.port = 0" in caught.value.hint
    assert served.home.api.exists()


async def test_cancelling_the_server_is_quiet(served: Served, tmp_path: object) -> None:
    from node.api.server import serve

    async with trio.open_nursery() as nursery:
        await nursery.start(serve, served.node, served.home, "127.0.0.1", 0, trio.sleep_forever)
        nursery.cancel_scope.cancel()
    assert await alive_again_after_restart(served)


async def alive_again_after_restart(served: Served) -> bool:
    """The first server still answers, although the second one withdrew its own address file."""
    stream = await trio.open_tcp_stream("127.0.0.1", served.port)
    async with stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return b"421" in await stream.receive_some()
