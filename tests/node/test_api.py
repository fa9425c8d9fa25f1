"""The API over the real server: answers, errors, events, metrics, and nothing without the token."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trio
import trio.testing

from leaderboard.envelope import content_id, open_envelope
from leaderboard.ids import to_text
from leaderboard.records import Note
from node.api.values import BoardView, ClaimDraft, Event, IdentityView, NodeStatus, PeerView, RecordView
from node.api.values import TrackView as Track
from node.feed import MAX_QUEUE
from node.typed import plain, read

if TYPE_CHECKING:
    from .conftest import Served, Story


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {served.token}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers, trust_env=False, timeout=30) as found:
        yield found


async def answer(client: httpx.AsyncClient, path: str, status: int = 200, **query: Any) -> Any:
    response = await client.get(path, params=query)
    assert response.status_code == status, response.text
    return response.json()


async def test_views_travel_unchanged(served: Served, client: httpx.AsyncClient) -> None:
    node = served.node
    assert read(IdentityView, await answer(client, "/v1/identity")) == await node.identity()
    assert read(NodeStatus, await answer(client, "/v1/status")) == await node.status()
    assert read(tuple[PeerView, ...], await answer(client, "/v1/peers")) == await node.peers()
    assert read(tuple[Track, ...], await answer(client, "/v1/tracks")) == await node.tracks()
    boards = read(tuple[BoardView, ...], await answer(client, "/v1/boards", track="toy", limit=1))
    assert boards == await node.boards("toy", 1)
    claim = boards[0].rows[0].claim
    assert read(RecordView, await answer(client, f"/v1/records/{claim[:10]}")) == await node.show(claim)


async def test_errors_say_what_to_do(client: httpx.AsyncClient) -> None:
    assert await answer(client, "/v1/boards", 404, track="none") == {
        "error": "no track is called 'none'",
        "hint": "see `consilience track ls`",
    }
    assert (await answer(client, "/v1/records/aaaaaaaaaa", 404))["error"].startswith("no record starts")
    assert (await answer(client, "/v1/records/ab", 400))["error"] == "an id has 4 to 52 characters"
    assert "limit" in (await answer(client, "/v1/boards", 400, limit="many"))["error"]
    assert set(await answer(client, "/v1/nowhere", 404)) == {"error", "hint"}
    assert (await client.delete("/v1/peers")).status_code == 405


async def test_the_agent_pauses_and_resumes(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/agent/pause")).json()["activity"] == "paused"
    assert (await client.post("/v1/agent/resume")).json()["activity"] == "idle"


async def test_a_claim_is_handed_to_the_node(served: Served, client: httpx.AsyncClient) -> None:
    draft = ClaimDraft("toy", {"lr": 0.02, "on": True}, {"init_std": "sqrt(1/fan_in)"}, "smaller", 0.5)
    response = await client.post("/v1/claims", json=plain(draft))
    assert response.status_code == 201
    assert response.json() == {"claim": "c" * 52, "track": "toy", "known": False, "queued": True}
    assert served.node.drafts == [draft]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"track": "toy", "hypotesis": "x"}, "hypotesis"),
        ({"slots": {}}, "track: Field required"),
        ({"track": "toy", "slots": {"init_std": 3}}, "slots.init_std"),
        ([], "body"),
        ({"track": "toy", "slots": {"init_std": "__import__"}}, "unknown name"),
    ],
)
async def test_a_bad_claim_is_refused(client: httpx.AsyncClient, body: object, complaint: str) -> None:
    response = await client.post("/v1/claims", json=body)
    assert response.status_code == 400
    assert complaint in response.json()["error"]


async def test_export_gives_verifiable_records(
    served: Served, client: httpx.AsyncClient, story: Story
) -> None:
    lines = (await client.get("/v1/export")).text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [to_text(item.id) for item in story.all]
    raw = (await client.get("/v1/export", params={"format": "raw", "kind": "finding"})).content
    assert raw == story.finding.raw
    assert open_envelope(raw, served.node.author.swarm).signature_holds()
    assert to_text(content_id(raw)) == json.loads(lines[-1])["id"]


async def test_an_export_that_fails_at_once_says_why(client: httpx.AsyncClient) -> None:
    said = await answer(client, "/v1/export", 404, about="aaaaaaaa")
    assert said["error"].startswith("no record starts with")


async def test_a_bug_is_an_answer_and_the_server_goes_on(served: Served, client: httpx.AsyncClient) -> None:
    served.node.breaks_after = 0
    said = await answer(client, "/v1/export", 500)
    assert said == {"error": "internal error", "hint": "the log has the details: `consilience logs`"}
    served.node.breaks_after = 3
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/v1/export")
    assert await answer(client, "/v1/identity")


class Listening:
    """Reads server-sent events from a connection of its own (HTTP/1.0, so that nothing is chunked)."""

    def __init__(self, served: Served, last_id: str | None = None) -> None:
        self._served = served
        self._last_id = "" if last_id is None else f"Last-Event-ID: {last_id}\r\n"
        self._buffer = b""

    async def __aenter__(self) -> Listening:
        served = self._served
        self._stream = await trio.open_tcp_stream("127.0.0.1", served.port)
        head = f"GET /v1/events HTTP/1.0\r\nHost: 127.0.0.1:{served.port}\r\n{self._last_id}"
        await self._stream.send_all(f"{head}Authorization: Bearer {served.token}\r\n\r\n".encode())
        assert b"200" in (await self._block()).splitlines()[0]
        assert await self._block() == b": consilience events"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stream.aclose()

    async def next(self) -> dict[str, str]:
        return dict(line.split(": ", 1) for line in (await self._block()).decode().splitlines())

    async def _block(self) -> bytes:
        self._buffer = self._buffer.replace(b"\r\n", b"\n")
        while b"\n\n" not in self._buffer:
            more = await self._stream.receive_some()
            if not more:
                raise EOFError
            self._buffer = (self._buffer + more).replace(b"\r\n", b"\n")
        block, _, self._buffer = self._buffer.partition(b"\n\n")
        return block


async def test_events_arrive_and_resume(served: Served, story: Story) -> None:
    async with Listening(served, "4") as events:
        missed = [await events.next(), await events.next()]
        assert [event["id"] for event in missed] == ["5", "6"]
        assert json.loads(missed[1]["data"])["id"] == to_text(story.finding.id)
        (note,) = served.node.author.notes(1)
        served.node.append([note])
        live = await events.next()
        assert live["id"] == "7"
        assert live["event"] == "record"
        assert json.loads(live["data"])["id"] == to_text(note.id)
        served.node.feed.announce(Event(8, "record", {"text": "one\ndata: two\n\n"}))
        forged = await events.next()
        assert forged["id"] == "8"
        assert json.loads(forged["data"]) == {"text": "one\ndata: two\n\n"}


async def test_a_stream_without_last_id_begins_now(served: Served) -> None:
    async with Listening(served) as events:
        served.node.append(served.node.author.notes(1))
        assert (await events.next())["id"] == "7"


async def test_a_listener_that_lags_is_cut_and_can_come_back(served: Served) -> None:
    feed = served.node.feed
    slow, quick = feed.subscribe(None), feed.subscribe(None)
    for number in range(MAX_QUEUE):
        feed.announce(Event(7 + number, "record", {"n": number}))
        assert (await anext(quick)).data == {"n": number}
    feed.announce(Event(7 + MAX_QUEUE, "record", {"n": -1}))
    with pytest.raises(StopAsyncIteration):
        await anext(slow)
    assert (await anext(quick)).data == {"n": -1}
    quick.close()
    assert len(feed) == 0
    again = feed.subscribe(0)
    assert [(await anext(again)).seq for _ in range(6)] == [1, 2, 3, 4, 5, 6]


async def test_a_cancelled_wait_loses_no_event(served: Served) -> None:
    stream = served.node.events(None)
    with trio.move_on_after(0):
        await anext(stream)
    served.node.append([served.node.author.seal(Note(None, "kept"))])
    assert (await anext(stream)).seq == 7


async def test_metrics_are_prometheus_text(client: httpx.AsyncClient) -> None:
    await client.get("/v1/nowhere")
    for path in ("/metrics", "/v1/metrics"):
        response = await client.get(path)
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "# TYPE consilience_records gauge\nconsilience_records 6\n" in response.text
    assert 'consilience_api_answers_total{status="404"} 1\n' in response.text


async def test_the_description_names_every_endpoint(client: httpx.AsyncClient) -> None:
    described = (await answer(client, "/v1/openapi.json"))["paths"]
    assert {"/v1/status", "/v1/boards", "/v1/events", "/v1/claims", "/v1/export"} <= set(described)
    for path in ("/docs", "/redoc", "/"):
        assert (await client.get(path)).status_code == 404


async def test_stop_reaches_the_node_and_ends_streams(served: Served, client: httpx.AsyncClient) -> None:
    async with Listening(served) as events:
        assert (await client.post("/v1/stop")).status_code == 202
        with trio.fail_after(30), pytest.raises(EOFError):
            await events.next()
    assert served.node.stopping.is_set()


async def test_the_address_file_is_private_and_withdrawn(served: Served) -> None:
    assert served.home.api.stat().st_mode & 0o777 == 0o600
    said = json.loads(served.home.api.read_text())
    assert said["url"] == served.url
    assert len(said["token"]) >= 40
    await served.node.stop()
    with trio.fail_after(30):
        while served.home.api.exists():
            await trio.testing.wait_all_tasks_blocked(0.01)
