"""The one file that speaks HTTP: bounded, streamed requests to an OpenAI-compatible endpoint.

Rules, each against something that was seen:
- A connection takes at most 3 s; the read time-out is the gap between two pieces, since a model that thinks
  is no model that hangs; the caller's deadline bounds the whole. Leaving the cancel scope closes the
  connection, which frees the slot of a local server.
- Redirects are not followed: a key must not travel to another host. Proxies of the environment are ignored
  for the same reason.
- The body is counted while it comes; nothing is kept beyond the limit. Compression is refused: a small
  piece could unpack to anything.
- A stream that ends without its end mark was cut, whatever it held so far.
- Statuses are evidence of what an endpoint cannot do (400, 404, 405, 415, 422, 500, 501) or say nothing
  about it (408, 425, 429, 502-504, time-outs).
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import httpx

from leaderboard.errors import LocalError

from .completion import NO_COMPLETION, Completion
from .errors import AnswerError, AuthError, Unavailable, UnsupportedError
from .keys import MAX_KEY, Key
from .schema import Json, read_json

__all__ = ["Wire"]

_CONNECT_S: Final = 3.0
_GAP_S: Final = 60.0  # a slow machine may need that long for the prompt before the first token
_MAX_BODY: Final = 2 * 1024 * 1024  # bytes; a long answer with its framing is about 200 kB
_MAX_LINE: Final = 256 * 1024
_SHOWN: Final = 200  # characters of an error's body
_EXCERPT: Final = (
    2 * MAX_KEY
)  # bytes of it that are looked at: a key that begins in what is shown ends in them
_MAX_RETRY_S: Final = 3600.0
_UNSUPPORTED: Final = frozenset({400, 404, 405, 415, 422, 500, 501})
_BUSY: Final = frozenset({408, 425, 429, 502, 503, 504, 529})


def _checked_url(url: str) -> str:
    """The endpoint's base URL without a trailing slash; LocalError for one that is none."""
    try:
        parts = urlsplit(url)
        host = httpx.URL(url).host
        named = bool(host) and " " not in url and all(len(label) < 64 for label in host.split("."))
        known = parts.scheme in ("http", "https") and named and parts.port != 0
    except (ValueError, httpx.InvalidURL):  # of the port, of the host
        known = False
    if not known or parts.query or parts.fragment:
        raise LocalError(f"{url[:80]!r} is no endpoint; write it like http://127.0.0.1:8080/v1")
    if parts.username or parts.password:
        raise LocalError("an endpoint's URL must not hold a key; put it into the environment or a key file")
    return url.rstrip("/")


class Wire:
    """Requests to one endpoint."""

    def __init__(self, url: str, key: Key | None = None, gap_s: float = _GAP_S) -> None:
        self.url = _checked_url(url)
        self._key = key
        self._gap_s = gap_s

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        timeout = httpx.Timeout(connect=_CONNECT_S, read=self._gap_s, write=self._gap_s, pool=_CONNECT_S)
        headers = {"Accept-Encoding": "identity"}
        if self._key:
            headers["Authorization"] = self._key.header()
        # Without TLS no certificates are read, which takes 15 ms.
        async with httpx.AsyncClient(
            timeout=timeout,
            headers=headers,
            follow_redirects=False,
            trust_env=False,
            verify=self.url.startswith("https:"),
        ) as client:
            yield client

    async def get(self, path: str, *, at_root: bool = False, timeout_s: float = _CONNECT_S) -> Json:
        """A small JSON document of the endpoint (`/models`) or of the server's root (`/props`)."""
        parts = urlsplit(self.url)
        url = f"{parts.scheme}://{parts.netloc}{path}" if at_root else self.url + path
        try:
            async with (
                self._client() as client,
                client.stream("GET", url, timeout=timeout_s) as response,
                aclosing(_Body(response)) as body,
            ):
                self._check_status(response, b"")
                return read_json(await body.whole(), _MAX_BODY)
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error

    async def chat(self, request: Mapping[str, Json]) -> Completion:
        """A chat completion, streamed where the endpoint streams. The caller sets the deadline."""
        try:
            async with (
                self._client() as client,
                client.stream("POST", self.url + "/chat/completions", json=dict(request)) as response,
                aclosing(_Body(response)) as body,
            ):
                ok = response.status_code == httpx.codes.OK
                self._check_status(response, b"" if ok else await body.beginning())
                return self._cleaned(await _completion(body))
        except AnswerError as error:
            if error.kind != "error":
                raise
            raise AnswerError("error", self._clean(str(error))[:_SHOWN]) from None
        except httpx.RemoteProtocolError as error:
            raise AnswerError(
                "cut", "the endpoint closed the connection in the middle of an answer"
            ) from error
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error

    def _cleaned(self, found: Completion) -> Completion:
        """What a model says may become a public record: the key must not be in it, whoever put it there."""
        found.content, found.reasoning = self._clean(found.content), self._clean(found.reasoning)
        found.arguments = self._clean(found.arguments)
        return found

    def _check_status(self, response: httpx.Response, body: bytes) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise AnswerError("encoding", f"{self.url} compresses although it was asked not to")
            return
        said = self._excerpt(body)
        if response.is_redirect:
            raise AnswerError("redirect", f"{self.url} redirects elsewhere; configure the final address")
        if status in (401, 403):
            raise AuthError(
                f"{self.url} refuses the key (HTTP {status}){said}; check the key file or variable"
            )
        if status in _BUSY:
            raise Unavailable(f"{self.url} is busy (HTTP {status}){said}", _retry_after(response))
        if status == 402:
            raise Unavailable(f"{self.url} wants payment (HTTP 402){said}")
        if status in _UNSUPPORTED:
            raise UnsupportedError(f"{self.url} does not take this request (HTTP {status}){said}")
        raise AnswerError("status", f"{self.url} answered with HTTP {status}{said}")

    def _excerpt(self, body: bytes) -> str:
        text = " ".join(body.decode("utf-8", "replace").split())
        shown = "".join(character for character in text if character.isprintable())
        shown = self._clean(shown)
        return f": {shown[:_SHOWN]}" if shown else ""

    def _clean(self, text: str) -> str:
        """Text that can be encoded, without the key: JSON may hold halves of a character, even apart."""
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole if self._key is None else self._key.hide(whole)

    def _unavailable(self, error: httpx.HTTPError) -> Unavailable:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return Unavailable(f"nothing answers at {self.url}; is the server running?")
        if isinstance(error, httpx.TimeoutException):
            return Unavailable(f"{self.url} went silent for {self._gap_s:g} s", began=True)
        return Unavailable(f"the connection to {self.url} failed: {type(error).__name__}", began=True)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, from a number or a date; bounded, None if it is absent or unreadable."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), _MAX_RETRY_S)
    try:
        at = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(at - time.time(), 0.0), _MAX_RETRY_S)


class _Body:
    """The body of a response, read piece by piece within a limit; close it with `aclosing`.

    Not a generator: an async generator that is left early is finalised by the garbage collector, and httpx
    nests several. Closing the response first lets the innermost of them fail, which ends them all.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._pieces = response.aiter_raw()
        self._waiting = b""
        self._total = 0
        self._ended = False

    async def aclose(self) -> None:
        if not self._ended:
            await self._response.aclose()
            with suppress(httpx.HTTPError, httpx.StreamError, StopAsyncIteration):
                while True:
                    await anext(self._pieces)

    async def piece(self) -> bytes:
        """Some bytes, none at the end."""
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            self._ended = True
            return b""
        self._total += len(piece)
        if self._total > _MAX_BODY:
            raise AnswerError("too_large", f"the answer is larger than {_MAX_BODY} bytes")
        return piece

    async def whole(self) -> str:
        """The rest of it."""
        body, self._waiting = bytearray(self._waiting), b""
        while piece := await self.piece():
            body += piece
        return _text(bytes(body))

    async def beginning(self) -> bytes:
        """Some of an error's body."""
        body = b""
        while len(body) < _EXCERPT and (piece := await self.piece()):
            body += piece
        return body[:_EXCERPT]

    async def line(self) -> str | None:
        """The next line without its end; None after the last one."""
        while b"\n" not in self._waiting:
            if len(self._waiting) > _MAX_LINE:
                raise AnswerError("too_large", f"a line of the answer is longer than {_MAX_LINE} bytes")
            piece = await self.piece()
            if not piece:
                rest, self._waiting = self._waiting, b""
                return _text(rest) if rest else None
            self._waiting += piece
        line, _, self._waiting = self._waiting.partition(b"\n")
        return _text(line.rstrip(b"\r"))


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AnswerError("not_utf8", "the endpoint sent bytes that are not UTF-8") from error


async def _completion(body: _Body) -> Completion:
    """A completion, streamed or whole: what it begins with tells, and not what the headers say."""
    line = await body.line()
    while line is not None and not line.strip():
        line = await body.line()
    if line is not None and line.lstrip().startswith("{"):
        return Completion.of(read_json(line + "\n" + await body.whole(), _MAX_BODY))
    return await _streamed(line, body)


async def _streamed(line: str | None, body: _Body) -> Completion:
    """A completion from server-sent events, of which `line` is the first; reads on after the end mark."""
    found, ended, events = Completion(), False, 0
    while line is not None:
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            ended = True
        elif line.startswith("data:") and not ended:
            events += 1
            found.add(read_json(data, _MAX_LINE))
        line = await body.line()
    if not events:
        raise AnswerError("garbage", NO_COMPLETION)
    if not ended and found.finish is None:
        raise AnswerError("cut", "the answer broke off before its end")
    return found
