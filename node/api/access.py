"""Who may talk to the API: the address file, and the checks that every request passes first.

Any web page that the user opens can send requests to 127.0.0.1, and any local user can connect. Hence: a
random token in a 0600 file; a Host allow-list (against DNS rebinding); no foreign Origin (against
cross-site requests); and limits that cost nothing before anything is parsed. Browsers are not served yet,
so no cookies and no CORS answers exist.

Not covered: another process of the same user, which can read the token; TLS, because loopback only.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import trio

from ..errors import Misuse
from ..files import read_file, replace_file

__all__ = ["ASGI", "MAX_BODY_BYTES", "Access", "Gate", "withdraw", "write_address"]

Message: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGI: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 256 * 1024
"""Largest request body: a claim has at most 64 KiB as a record, and JSON is wordier."""
BODY_WITHIN_S = 10.0
"""A request body must be there within this time, or the connection is not worth keeping."""
_MAX_HEADERS = 100
_MOST_ADDRESS_BYTES = 4096
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API listens and the secret that opens it."""

    host: str
    port: int
    token: str

    @classmethod
    def new(cls, host: str, port: int) -> Access:
        return cls(host, port, secrets.token_urlsafe(_TOKEN_BYTES))

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.netloc}"

    @property
    def hosts(self) -> frozenset[str]:
        """Values of the Host header that mean this server."""
        return frozenset({self.netloc, f"localhost:{self.port}"})


def write_address(path: Path, access: Access, version: str) -> None:
    """Tell the CLI of this user where the daemon is; the file is replaced in one step, mode 0600."""
    text = json.dumps({"pid": os.getpid(), "token": access.token, "url": access.url, "version": version})
    replace_file(path, text + "\n")


def withdraw(path: Path, access: Access) -> None:
    """Remove the address file if it is still ours."""
    try:
        said = json.loads(read_file(path, _MOST_ADDRESS_BYTES))
        if isinstance(said, dict) and said.get("token") == access.token:
            path.unlink()
    except (OSError, ValueError, RecursionError, Misuse):
        return


class Gate:
    """ASGI wrapper: turns away what must not reach the application, with a JSON reason."""

    def __init__(self, app: ASGI, access: Access, count: Callable[[int], None]) -> None:
        """`count(status)` is told of every answer."""
        self._app = app
        self._access = access
        self._count = count

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, self._counting(send))
        else:  # a WebSocket: there is none here
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope["headers"])
        if refusal is None:
            try:
                body = await self._body(scope["headers"], receive)
            except _TooBig:
                refusal = 413, f"the request body has more than {MAX_BODY_BYTES} bytes", ""
            except trio.TooSlowError:
                refusal = 408, f"the request body was not complete within {BODY_WITHIN_S:.0f} s", ""
            except _Gone:
                return
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        await self._app(scope, _replay(body, receive), send)

    def _refusal(self, headers: list[tuple[bytes, bytes]]) -> tuple[int, str, str] | None:
        if len(headers) > _MAX_HEADERS:
            return 431, f"more than {_MAX_HEADERS} headers", ""
        hosts = [value for name, value in headers if name == b"host"]
        origins = [value for name, value in headers if name == b"origin"]
        tokens = [value for name, value in headers if name == b"authorization"]
        if len(hosts) != 1 or hosts[0].decode("latin-1").lower() not in self._access.hosts:
            return 421, "this server does not answer for that Host", f"use {self._access.url}"
        if any(origin.decode("latin-1") != self._access.url for origin in origins):
            return 403, "requests from other web sites are refused", ""
        wanted = f"Bearer {self._access.token}".encode("ascii")
        if len(tokens) != 1 or not hmac.compare_digest(tokens[0], wanted):
            return 401, "the token is missing or wrong", "send `Authorization: Bearer <token of api.json>`"
        return None

    async def _body(self, headers: list[tuple[bytes, bytes]], receive: Receive) -> bytes:
        lengths = [value for name, value in headers if name == b"content-length"]
        if any(not value.isdigit() or int(value[:12]) > MAX_BODY_BYTES for value in lengths):
            raise _TooBig
        body = bytearray()
        with trio.fail_after(BODY_WITHIN_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise _Gone
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise _TooBig
                if not message.get("more_body", False):
                    return bytes(body)

    def _counting(self, send: Send) -> Send:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(message["status"])
            await send(message)

        return counted


class _TooBig(Exception):  # noqa: N818 - never leaves this file
    pass


class _Gone(Exception):  # noqa: N818 - never leaves this file
    pass


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the whole body first and then waits for the disconnect."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _refuse(send: Send, status: int, error: str, hint: str) -> None:
    body = json.dumps({"error": error, "hint": hint}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
