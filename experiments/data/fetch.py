"""A download that goes on where it was cut off, is bounded, and is hashed while it comes.

Theory of operation. What has come lies in a `.part` file beside a note of the server's entity tag. The next
attempt asks for the rest (`Range`, with `If-Range` so that a changed file starts afresh, RFC 9110 sections
13.1.5 and 14). A server without ranges answers 200 and we begin again. Without an entity tag the rest is
asked for only if the hash of the whole is known: otherwise two halves of different files could be joined.
Sizes are checked before and while bytes are stored. The file is given out only when its length is the
announced one and its hash the expected one; a wrong hash discards it, a cut connection keeps it.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import httpx

from leaderboard.errors import LocalError

from .store import read_pieces

__all__ = ["Progress", "download"]

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the size of the whole, if the server says it."""

_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)  # seconds; the read time-out is the gap between chunks
_FRUITLESS: Final = 4  # attempts in a row that bring nothing, after which we give up
_MOST_TAG: Final = 256
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(slots=True)
class _Part:
    """What is here of a file."""

    path: Path
    size: int = 0
    tag: str = ""
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    @property
    def note(self) -> Path:
        return self.path.with_suffix(".tag")

    @classmethod
    def found(cls, path: Path) -> _Part:
        part = cls(path)
        if path.is_file():
            for piece in read_pieces(path):
                part.digest.update(piece)
                part.size += len(piece)
        if part.size and part.note.is_file():
            part.tag = part.note.read_text(encoding="utf-8")[:_MOST_TAG]
        return part

    def restart(self, tag: str) -> None:
        """Forget what is here; what comes now belongs to this tag."""
        self.path.write_bytes(b"")
        # Weak tags do not promise equal bytes.
        self.tag = "" if tag.startswith("W/") else tag[:_MOST_TAG]
        self.size, self.digest = 0, hashlib.sha256()
        self.note.write_text(self.tag, encoding="utf-8")

    def take(self, chunk: bytes, file: BinaryIO) -> None:
        """Append what came."""
        file.write(chunk)
        self.digest.update(chunk)
        self.size += len(chunk)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def download(
    url: str,
    path: Path,
    *,
    limit: int,
    sha256: bytes | None,
    progress: Progress,
    pause_s: float = 2.0,
) -> bytes:
    """Bring `url` to `path` and return its SHA-256; LocalError says what to do.

    What has come so far lies beside it in a file ending in `.part`. `pause_s` is the wait before another
    attempt after a cut connection; it doubles each time.
    """
    part = _Part.found(path.with_name(path.name + ".part"))
    if not part.tag and sha256 is None:
        part.restart("")
    fruitless = 0
    with httpx.Client(follow_redirects=True, timeout=_TIMEOUT) as client:
        while True:
            before = part.size
            try:
                whole = _attempt(client, url, part, limit, progress)
                break
            except (httpx.TransportError, httpx.TooManyRedirects) as error:
                fruitless = 0 if part.size > before else fruitless + 1
                if fruitless >= _FRUITLESS or (part.size and not part.tag and sha256 is None):
                    raise _offline(url, part, error) from error
                time.sleep(pause_s * 2**fruitless)
    if whole is not None and part.size != whole:
        raise LocalError(f"{url} ended after {part.size} of {whole} bytes; run the command again to go on")
    return _accepted(url, part, path, sha256)


def _attempt(client: httpx.Client, url: str, part: _Part, limit: int, progress: Progress) -> int | None:
    """One request; returns the size of the whole if the server said it."""
    headers = {"Accept-Encoding": "identity"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
        if part.tag:
            headers["If-Range"] = part.tag
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and "Range" in headers:
            return part.size  # nothing is left to come; the hash decides
        if response.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise LocalError(f"{url} answers {response.status_code} {response.reason_phrase}; try later")
        whole = _begun(response, part)
        if whole is not None and whole > limit:
            raise LocalError(f"{url} has {whole} bytes; at most {limit} are taken")
        with part.path.open("ab") as file:
            for chunk in response.iter_raw():
                if part.size + len(chunk) > limit:
                    raise LocalError(f"{url} is longer than {limit} bytes; it was not kept")
                part.take(chunk, file)
                progress(part.size, whole)
    return whole


def _begun(response: httpx.Response, part: _Part) -> int | None:
    """Where the answer's bytes belong: at the end of the part, or at its new beginning."""
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        span = _RANGE.fullmatch(response.headers.get("content-range", ""))
        if span is None or int(span[1]) != part.size:
            part.restart("")
            raise httpx.RemoteProtocolError("the answer is another range than was asked for")
        return None if span[2] == "*" else int(span[2])
    part.restart(response.headers.get("etag", ""))
    length = response.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _accepted(url: str, part: _Part, path: Path, sha256: bytes | None) -> bytes:
    found = part.digest.digest()
    if sha256 is not None and found != sha256:
        part.discard()
        raise LocalError(
            f"{url} hashes to {found.hex()}, not to {sha256.hex()}; it was discarded. "
            "Either it changed, or something between here and there changes it"
        )
    part.path.replace(path)
    part.note.unlink(missing_ok=True)
    return found


def _offline(url: str, part: _Part, error: Exception) -> LocalError:
    kept = f"; {part.size} bytes are kept, the next attempt goes on from there" if part.size else ""
    return LocalError(
        f"cannot reach {url} ({type(error).__name__}: {error}){kept}. "
        "Offline, the track byte-lm needs no data, and `consilience track data add` takes files of your own"
    )
