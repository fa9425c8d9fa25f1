"""Talks to the daemon of a state directory: HTTP/1.0 over a socket, which costs no imports.

HTTP/1.0 and not 1.1, so that every answer is simply what comes until the server closes. The daemon is our own
and on this machine; still, answers are bounded, and each failure says whose it is.
"""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from leaderboard.errors import Refused

from ..errors import Ambiguous, AuthFailed, DaemonDown, HintedError, Misuse, NotFound, TimedOut
from ..home import Home
from ..typed import plain, read

__all__ = ["Client", "connect"]

T = TypeVar("T")

ANSWER_WITHIN_S = 30.0
_MOST_BYTES = 256 * 1024 * 1024
_MOST_HEAD_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_ERRORS = {400: Misuse, 401: AuthFailed, 404: NotFound, 409: Ambiguous, 504: TimedOut}


@dataclass(frozen=True, slots=True)
class Client:
    """The daemon's address and token."""

    host: str
    port: int
    token: str
    pid: int

    def get(self, kind: type[T], path: str, **query: str | int | None) -> T:
        """The answer to a question, read as `kind`."""
        return read(kind, self._json("GET", path, None, query), where="the daemon's answer", strict=False)

    def post(self, kind: type[T], path: str, body: object = None) -> T:
        """The answer to a request that changes something."""
        return read(kind, self._json("POST", path, body, {}), where="the daemon's answer", strict=False)

    def stream(self, path: str, **query: str | int | None) -> Iterator[bytes]:
        """The body of a long answer, piece by piece."""
        with self._answer("GET", path, None, query) as (status, start, connection):
            if status != 200:
                _fail(status, start + b"".join(_pieces(connection)))
            yield start
            yield from _pieces(connection)

    def _json(self, method: str, path: str, body: object, query: dict[str, str | int | None]) -> object:
        with self._answer(method, path, body, query) as (status, start, connection):
            content = bytearray(start)
            for piece in _pieces(connection):
                content += piece
                if len(content) > _MOST_BYTES:
                    raise HintedError("the daemon's answer is too long", "ask for less, e.g. with --limit")
        if not 200 <= status < 300:
            _fail(status, bytes(content))
        return json.loads(content)

    @contextmanager
    def _answer(
        self, method: str, path: str, body: object, query: dict[str, str | int | None]
    ) -> Iterator[tuple[int, bytes, socket.socket]]:
        """(status, first bytes of the body, connection to read the rest from)."""
        words = {key: value for key, value in query.items() if value is not None}
        content = b"" if body is None else json.dumps(plain(body)).encode()
        host = f"[{self.host}]" if ":" in self.host else self.host
        head = (
            f"{method} {path}{'?' + urlencode(words) if words else ''} HTTP/1.0\r\n"
            f"Host: {host}:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        try:
            with closing(socket.create_connection((self.host, self.port), ANSWER_WITHIN_S)) as connection:
                connection.sendall(head.encode("latin-1") + content)
                yield (*_head(connection), connection)
        except TimeoutError:
            raise TimedOut(
                f"the daemon did not answer within {ANSWER_WITHIN_S:.0f} s", "see `consilience logs`"
            ) from None
        except ConnectionError:
            raise _down("the daemon that ran here does not answer") from None


def connect(home: Home) -> Client:
    """The daemon of `home`; raises DaemonDown or AuthFailed. The daemon itself is not asked yet."""
    try:
        with home.api.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            said = json.loads(file.read(4096))
        address = urlsplit(said["url"])
        client = Client(address.hostname or "", address.port or 0, str(said["token"]), int(said["pid"]))
    except FileNotFoundError:
        raise _down("the daemon is not running") from None
    except PermissionError:
        raise AuthFailed(f"{home.api} belongs to another user", "run this as the daemon's user") from None
    except (ValueError, KeyError, TypeError):
        raise _down(f"{home.api} is damaged") from None
    if stat.S_IMODE(mode) & 0o077:
        raise AuthFailed(
            f"{home.api} can be read by other users", "restart the daemon: `consilience down`, then `up`"
        )
    return client


def _down(message: str) -> DaemonDown:
    return DaemonDown(message, "start it with `consilience up`")


def _head(connection: socket.socket) -> tuple[int, bytes]:
    buffer = b""
    while b"\r\n\r\n" not in buffer:
        piece = connection.recv(_CHUNK)
        if not piece or len(buffer) > _MOST_HEAD_BYTES:
            raise ConnectionResetError
        buffer += piece
    head, _, start = buffer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise ConnectionResetError
    return int(words[1]), start


def _pieces(connection: socket.socket) -> Iterator[bytes]:
    while piece := connection.recv(_CHUNK):
        yield piece


def _fail(status: int, content: bytes) -> None:
    try:
        said = json.loads(content)
        message, hint = str(said["error"]), str(said["hint"])
    except (ValueError, KeyError, TypeError):
        message, hint = f"the daemon answered with status {status}", "see `consilience logs`"
    if status == 503:
        raise Refused(f"{message}; {hint}" if hint else message)
    raise _ERRORS.get(status, HintedError)(message, hint)
