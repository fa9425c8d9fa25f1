"""A server of small files with the faults that servers have, and a folder of texts for each test."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Shelf:
    """What the server gives, and how it misbehaves."""

    content: bytes = b""
    tag: str = '"one"'
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    """For each request in turn, after how many bytes the connection breaks; past the end it does not."""
    announce: bool = True
    """Does it say the length?"""
    shift: int = 0
    """How far its partial answers begin before what was asked for."""
    status: int = 0
    """Answer with this and nothing else."""
    requests: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.content).digest()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONSILIENCE_DATA", str(tmp_path / "texts"))
    return tmp_path / "texts"


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf(content=bytes(range(256)) * 800)

    class Clerk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.requests.append({key.lower(): value for key, value in self.headers.items()})
            if made.status:
                self.send_error(made.status)
                return
            start = self._start()
            if start is not None and start >= len(made.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(made.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._give(start)

        def _start(self) -> int | None:
            asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
            if asked is None or not made.ranges or condition not in (None, made.tag):
                return None
            return max(0, int(asked.removeprefix("bytes=").rstrip("-")) - made.shift)

        def _give(self, start: int | None) -> None:
            body = made.content[start or 0 :]
            self.send_response(200 if start is None else 206)
            if start is not None:
                whole = len(made.content)
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            if made.tag:
                self.send_header("ETag", made.tag)
            if made.announce:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = made.cut_after.pop(0) if made.cut_after else len(body)
            self.wfile.write(body[:cut])

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Clerk)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/text"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
