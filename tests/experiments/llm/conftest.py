"""A scripted OpenAI-compatible server on the loopback interface: each request gets the next reply."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio

Request = dict[str, Any]
Reply = Callable[[trio.SocketStream, Request], Awaitable[None]]


class Server:
    """Plays replies in order (the last one again and again) and remembers what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.heads: list[str] = []
        self.began = trio.Event()
        self.hung_up = trio.Event()
        self.sent = 0
        self._replies: list[Reply] = []

    def plays(self, *replies: Reply) -> None:
        self._replies = list(replies)

    async def serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            received = b""
            while b"\r\n\r\n" not in received:
                received += await stream.receive_some()
            first, _, body = received.partition(b"\r\n\r\n")
            head = first.decode()
            lengths = [line for line in head.splitlines() if line.lower().startswith("content-length")]
            while len(body) < (int(lengths[0].split(":")[1]) if lengths else 0):
                body += await stream.receive_some()
            request: Request = json.loads(body) if body else {}
            self.requests.append(request)
            self.heads.append(head)
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
            try:
                await reply(stream, request)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self.hung_up.set()

    # --- replies

    @staticmethod
    def raw(status: str, body: bytes = b"", *headers: str) -> Reply:
        """A complete HTTP reply."""

        async def reply(stream: trio.SocketStream, _: Request) -> None:
            lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
            await stream.send_all("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

        return reply

    @staticmethod
    def events(*events: object, done: bool = True, tail: bytes = b"") -> Reply:
        """Server-sent events, ended properly (`done`) or just broken off."""

        async def reply(stream: trio.SocketStream, _: Request) -> None:
            head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
            await stream.send_all(head.encode())
            for event in events:
                await stream.send_all(b"data: " + json.dumps(event).encode() + b"\n\n")
            await stream.send_all(tail + (b"data: [DONE]\n\n" if done else b""))

        return reply

    @staticmethod
    def delta(finish: str | None = None, **fields: Any) -> Request:
        return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}

    def says(self, text: str, finish: str = "stop", prompt_tokens: int = 2000) -> Reply:
        """An answer, a few characters at a time, with usage at the end."""
        pieces = [self.delta(content=text[i : i + 7]) for i in range(0, len(text), 7)]
        usage = {"choices": [], "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": len(pieces)}}
        return self.events(*pieces, self.delta(finish), usage)

    def enforces(self, form: str = "json_schema") -> Reply:
        """A server that takes one way of asking for a schema and refuses the others."""

        async def reply(stream: trio.SocketStream, request: Request) -> None:
            schema = _schema(request, form)
            answer = self.raw("400 Bad Request") if schema is None else self.says(json.dumps(_fill(schema)))
            await answer(stream, request)

        return reply

    def obeys(self, text: str = "Sure! Here is your answer.") -> Reply:
        """A server that takes every form, ignores it, and does what the prompt's words say."""

        async def reply(stream: trio.SocketStream, request: Request) -> None:
            last = request["messages"][-1]["content"]
            _, found, schema = last.partition("JSON Schema:\n")
            await self.says(json.dumps(_fill(json.loads(schema))) if found else text)(stream, request)

        return reply

    async def stalls(self, stream: trio.SocketStream, _: Request) -> None:
        """Begins an answer and falls silent until the other side hangs up."""
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
        await stream.send_all(head + b"data: " + json.dumps(self.delta(content="{")).encode() + b"\n\n")
        self.began.set()
        await stream.receive_some()
        self.hung_up.set()

    async def floods(self, stream: trio.SocketStream, _: Request) -> None:
        """Sends without end."""
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        event = b"data: " + json.dumps(self.delta(reasoning="x" * 4000)).encode() + b"\n\n"
        while True:
            await stream.send_all(event)
            self.sent += len(event)


def _schema(request: Request, form: str) -> Request | None:
    asked = request.get("response_format", {})
    match form:
        case "json_schema" if asked.get("type") == "json_schema":
            found: Request = asked["json_schema"]["schema"]
            return found
        case "json_object+schema" if asked.get("type") == "json_object":
            return asked.get("schema")
    return None


def _fill(schema: Request) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {name: _fill(part) for name, part in schema["properties"].items()}
        case "number" | "integer":
            return 1
        case "boolean":
            return True
    return "x"


@pytest.fixture
async def server(nursery: trio.Nursery) -> AsyncIterator[Server]:
    played = Server()
    listeners = await nursery.start(partial(trio.serve_tcp, played.serve, 0, host="127.0.0.1"))
    played.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
    yield played
    nursery.cancel_scope.cancel()
