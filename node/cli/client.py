"""Talks to the daemon of a state directory: as much HTTP/1.1 as that takes, and no imports that cost.

One request a connection. Answers come with a length or in chunks, so one that was cut is recognised; they are
bounded, although the daemon is our own, and each failure says whose it is.
"""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, TypeVar
from urllib.parse import urlencode, urlsplit

from leaderboard.errors import Refused

from ..errors import Ambiguous, AuthFailed, DaemonDown, HintedError, Misuse, NotFound, TimedOut
from ..home import Home
from ..typed import plain, read

__all__ = ["Client", "connect"]

T = TypeVar("T")

ANSWER_WITHIN_S = 30.0
_MOST_BYTES = 256 * 1024 * 1024
_MOST_LINE_BYTES = 16 * 1024
_MOST_HEADERS = 100
_MOST_DIGITS = 12  # of a length
_MOST_COMPLAINT = 400  # characters
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
        return _read(kind, self._json("GET", path, None, query))

    def post(self, kind: type[T], path: str, body: object = None) -> T:
        """The answer to a request that changes something."""
        return _read(kind, self._json("POST", path, body, {}))

    def stream(self, path: str, **query: str | int | None) -> Iterator[bytes]:
        """The body of a long answer, piece by piece."""
        with self._answer("GET", path, None, query) as (status, pieces):
            if status != 200:
                _fail(status, b"".join(pieces))
            yield from pieces

    def _json(self, method: str, path: str, body: object, query: dict[str, str | int | None]) -> object:
        content = bytearray()
        with self._answer(method, path, body, query) as (status, pieces):
            for piece in pieces:
                content += piece
                if len(content) > _MOST_BYTES:
                    raise HintedError("the daemon's answer is too long", "ask for less, e.g. with --limit")
        if not 200 <= status < 300:
            _fail(status, bytes(content))
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise _down(f"something else answers at {self.host} port {self.port}") from None

    @contextmanager
    def _answer(
        self, method: str, path: str, body: object, query: dict[str, str | int | None]
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        """(status, pieces of the body)."""
        words = {key: value for key, value in query.items() if value is not None}
        content = b"" if body is None else json.dumps(plain(body)).encode()
        host = f"[{self.host}]" if ":" in self.host else self.host
        head = (
            f"{method} {path}{'?' + urlencode(words) if words else ''} HTTP/1.1\r\nConnection: close\r\n"
            f"Host: {host}:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        begun = False
        try:
            with closing(socket.create_connection((self.host, self.port), ANSWER_WITHIN_S)) as connection:
                connection.sendall(head.encode("latin-1") + content)
                with connection.makefile("rb") as answer:
                    status, headers = _head(answer)
                    begun = True
                    yield status, _pieces(answer, headers)
        except TimeoutError:
            raise TimedOut(
                f"the daemon did not answer within {ANSWER_WITHIN_S:.0f} s", "see `consilience logs`"
            ) from None
        except ConnectionError:
            if begun:
                raise HintedError("the daemon broke off its answer", "see `consilience logs`") from None
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


def _read(kind: type[T], answer: object) -> T:
    try:
        return read(kind, answer, where="the daemon's answer", strict=False)
    except Misuse as error:
        hint = "the daemon may be of another version: `consilience down`, then `up`"
        raise HintedError(str(error)[:_MOST_COMPLAINT], hint) from None


def _down(message: str) -> DaemonDown:
    return DaemonDown(message, "start it with `consilience up`")


def _head(answer: BinaryIO) -> tuple[int, dict[str, str]]:
    words = answer.readline(_MOST_LINE_BYTES).split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise ConnectionResetError
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        name, separator, value = answer.readline(_MOST_LINE_BYTES).decode("latin-1").partition(":")
        if not separator:
            return int(words[1]), headers
        headers[name.strip().lower()] = value.strip().lower()
    raise ConnectionResetError


def _pieces(answer: BinaryIO, headers: dict[str, str]) -> Iterator[bytes]:
    """The body; raises ConnectionResetError if it ends too early."""
    if headers.get("transfer-encoding") != "chunked":
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise ConnectionResetError
        yield _exactly(answer, int(length[:_MOST_DIGITS]))
        return
    while size := _chunk_size(answer.readline(_MOST_LINE_BYTES)):
        yield _exactly(answer, size)
        _exactly(answer, 2)


def _chunk_size(line: bytes) -> int:
    try:
        return int(line, 16)
    except ValueError:
        raise ConnectionResetError from None


def _exactly(answer: BinaryIO, size: int) -> bytes:
    piece = answer.read(min(size, _MOST_BYTES))
    if len(piece) < size:
        raise ConnectionResetError
    return piece


def _fail(status: int, content: bytes) -> None:
    try:
        said = json.loads(content)
        message, hint = str(said["error"]), str(said["hint"])
    except (ValueError, KeyError, TypeError):
        message, hint = f"the daemon answered with status {status}", "see `consilience logs`"
    if status == 503:
        raise Refused(f"{message}; {hint}" if hint else message)
    raise _ERRORS.get(status, HintedError)(message, hint)
