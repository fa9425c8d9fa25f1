"""Literature services, replayed by a server on the loopback interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from experiments.novelty.literature.lookup import Literature, telling_words
from experiments.novelty.literature.papers import MOST_BYTES, Paper, sources
from experiments.novelty.literature.shelf import KEEP_S, Shelf
from leaderboard.errors import LocalError, PeerError

ARXIV = b"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>ArXiv Query</title>
<entry><id>http://arxiv.org/abs/1502.01852v1</id><published>2015-02-06T10:44:00Z</published>
<title>Delving Deep
  into Rectifiers</title><summary>...</summary></entry>
<entry><id>http://elsewhere/1</id><title>Not of arXiv</title></entry></feed>"""
OPENALEX = json.dumps(
    {
        "meta": {"count": 2},
        "results": [
            {
                "id": "https://openalex.org/W1",
                "doi": "https://doi.org/10.1109/iccv.2015.123",
                "display_name": "Delving deep into rectifiers",
                "publication_year": 2015,
            },
            {"id": "https://openalex.org/W2", "doi": None, "display_name": "Other", "publication_year": "x"},
        ],
    }
).encode()
SCHOLAR = json.dumps(
    {
        "total": 1,
        "data": [
            {
                "paperId": "p1",
                "title": "Fixup \x1b[31minitialization",
                "year": 2019,
                "externalIds": {"ArXiv": "1901.09321"},
            }
        ],
    }
).encode()


class Service(ThreadingHTTPServer):
    """Answers each path with what it was told, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.replies = {
            "/api/query": (200, ARXIV),
            "/works": (200, OPENALEX),
            "/graph/v1/paper/search": (200, SCHOLAR),
        }
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Service)
        parts = urlsplit(self.path)
        server.asked.append((parts.path, parse_qs(parts.query), self.headers.get("x-api-key", "")))
        status, body = server.replies[parts.path]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1.7e9
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def desk(url: str, folder: Path, clock: Clock, environment: dict[str, str] | None = None) -> Literature:
    here = [replace(source, base=url) for source in sources()]
    return Literature(Shelf(folder, clock, clock.sleep), here, environment or {}, clock)


CLAIM = "Scale the initial weights of rectifier layers by the square root of fan-in!"


def test_papers_of_all_services_once_each(service: Service, tmp_path: Path, clock: Clock) -> None:
    found = desk(service.url, tmp_path, clock).look_up(CLAIM)
    assert found.notes == ()
    assert found.papers == (
        Paper("Delving Deep into Rectifiers", 2015, "arXiv:1502.01852", "arXiv"),
        Paper("Other", 0, "https://openalex.org/W2", "OpenAlex"),
        Paper("Fixup [31minitialization", 2019, "arXiv:1901.09321", "Semantic Scholar"),
    )
    words = telling_words(CLAIM)
    assert words[:4] == ["scale", "initial", "weights", "rectifier"]
    assert service.asked[0][1]["search_query"] == [" AND ".join(f"all:{w}" for w in words[:5])]
    assert service.asked[1][1]["search"] == [" ".join(words)]


def test_keys_come_from_the_environment(service: Service, tmp_path: Path, clock: Clock) -> None:
    keys = {"OPENALEX_API_KEY": "one", "SEMANTIC_SCHOLAR_API_KEY": "two"}
    desk(service.url, tmp_path, clock, keys).look_up(CLAIM)
    assert service.asked[1][1]["api_key"] == ["one"]
    assert service.asked[2][2] == "two"
    assert not any("one" in file.name for file in tmp_path.iterdir())


def test_a_question_is_asked_once_in_thirty_days(service: Service, tmp_path: Path, clock: Clock) -> None:
    first = desk(service.url, tmp_path, clock).look_up(CLAIM)
    assert desk(service.url, tmp_path, clock).look_up(CLAIM) == first
    assert len(service.asked) == 3
    clock.now += KEEP_S + 1.0
    assert desk(service.url, tmp_path, clock).look_up(CLAIM) == first
    assert len(service.asked) == 6


def test_the_pace_of_a_service_is_kept_by_all_processes(
    service: Service, tmp_path: Path, clock: Clock
) -> None:
    desk(service.url, tmp_path, clock).look_up(CLAIM)
    desk(service.url, tmp_path, clock).look_up("mask random bands of the spectrogram")
    assert clock.slept[0] == pytest.approx(3.0, abs=0.01)  # arXiv: one request in three seconds


def test_without_a_network_old_answers_serve(service: Service, tmp_path: Path, clock: Clock) -> None:
    found = desk(service.url, tmp_path, clock).look_up(CLAIM)
    clock.now += KEEP_S + 1.0
    away = desk("http://127.0.0.1:9", tmp_path, clock)
    assert away.look_up(CLAIM) == found
    nothing = away.look_up("mask random bands of the spectrogram")
    assert nothing.papers == ()
    assert nothing.notes == tuple(f"{s.name}: left alone after a failure" for s in sources())


@pytest.mark.parametrize(
    ("path", "reply", "words"),
    [
        ("/works", (429, b"slow down"), "status 429"),
        ("/works", (302, b""), "status 302"),
        ("/works", (200, b"<html>"), "no JSON"),
        ("/works", (200, b'{"results": 3}'), "no list"),
        ("/works", (200, b"[" * 100_000), "no JSON"),
        ("/works", (200, b" " * (MOST_BYTES + 1)), "more than"),
        ("/api/query", (200, b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'), "document type"),
        ("/api/query", (200, b"<feed>"), "no XML"),
    ],
)
def test_what_a_service_does_wrong_is_a_note(
    service: Service, tmp_path: Path, clock: Clock, path: str, reply: tuple[int, bytes], words: str
) -> None:
    service.replies[path] = reply
    look = desk(service.url, tmp_path, clock)
    found = look.look_up(CLAIM)
    (note,) = found.notes
    assert words in note
    assert len(found.papers) >= 2  # the others answered
    asked = len(service.asked)
    look.look_up(CLAIM)
    assert len(service.asked) == asked  # kept, or left alone


@pytest.mark.parametrize(
    "body",
    [b"{}", b"null", b'{"results": [1, null, {}]}', b'{"data": [{"title": 5, "externalIds": []}]}', b"\xff"],
)
def test_any_answer_gives_papers_or_a_peer_error(body: bytes) -> None:
    for source in sources():
        try:
            assert source.read(body) == []
        except PeerError:
            continue


def test_a_claim_without_words_is_not_sent(service: Service, tmp_path: Path, clock: Clock) -> None:
    assert desk(service.url, tmp_path, clock).look_up("1 + 1 = 2 !!").notes != ()
    assert service.asked == []


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match="XDG_CACHE_HOME"):
        Shelf(tmp_path / "file" / "below", clock, clock.sleep)
