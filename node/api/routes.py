"""What the API answers: one function per endpoint, each a question to the node.

docs/api.md describes them for people, `/v1/openapi.json` for programs.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal

import trio
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.types import Send

from leaderboard.envelope import open_envelope
from leaderboard.errors import Refused
from leaderboard.ids import SwarmId, from_text

from ..typed import plain
from ..views import json_line
from .metrics import CONTENT_TYPE, Traffic, render
from .ports import NodePort
from .values import (
    AgentStatus,
    BoardView,
    ClaimDraft,
    ClaimReceipt,
    Event,
    ExportFilter,
    IdentityView,
    NodeStatus,
    PeerView,
    ProposerView,
    RecordView,
    RefusedView,
    TrackView,
)

__all__ = ["HEARTBEAT_S", "MAX_STREAMS", "router"]

HEARTBEAT_S = 15.0
"""A comment goes out at least this often, so that a dead listener is noticed."""
MAX_STREAMS = 32
"""Most event streams at a time."""
_MAX_ROWS = 10_000

router = APIRouter(prefix="/v1")


def _node(request: Request) -> NodePort:
    node: NodePort = request.app.state.node
    return node


def _traffic(request: Request) -> Traffic:
    traffic: Traffic = request.app.state.traffic
    return traffic


Node = Annotated[NodePort, Depends(_node)]


class _Stream(StreamingResponse):
    """A streamed answer whose source is closed when the client leaves, not when it is garbage."""

    def __init__(self, content: AsyncGenerator[bytes], media_type: str, start: bytes = b"") -> None:
        super().__init__(content, media_type=media_type, headers={"cache-control": "no-store"})
        self._content = content
        self._start = start

    @classmethod
    async def begun(cls, content: AsyncGenerator[bytes], media_type: str) -> _Stream:
        """A stream whose first piece is there already: what fails at once gets a proper answer."""
        return cls(content, media_type, await anext(content, b""))

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._content), aclosing(self._pieces()) as pieces:
            self.body_iterator = pieces
            await super().stream_response(send)

    async def _pieces(self) -> AsyncGenerator[bytes]:
        yield self._start
        async for piece in self._content:
            yield piece


@router.get("/identity")
async def identity(node: Node) -> IdentityView:
    """Who this node is."""
    return await node.identity()


@router.get("/status")
async def status(node: Node) -> NodeStatus:
    """How this node and its parts are doing."""
    return await node.status()


@router.get("/peers")
async def peers(node: Node) -> tuple[PeerView, ...]:
    """Connected peers."""
    return await node.peers()


@router.get("/refused")
async def refused(node: Node) -> RefusedView:
    """Authors whose records this node leaves out."""
    return await node.refused()


@router.post("/authors/{author}/{action}")
async def refuse(node: Node, author: str, action: Literal["refuse", "allow"]) -> RefusedView:
    """Leave an author's records out of board, sync and push from now on, or take them in again."""
    return await node.set_refused(author, action == "refuse")


@router.get("/tracks")
async def tracks(node: Node) -> tuple[TrackView, ...]:
    """The contests that this node knows."""
    return await node.tracks()


@router.get("/boards")
async def boards(
    node: Node, track: str | None = None, limit: Annotated[int, Query(ge=1, le=_MAX_ROWS)] = 50
) -> tuple[BoardView, ...]:
    """The common board of one track (name, id or prefix) or of all."""
    return await node.boards(track, limit)


@router.get("/records/{prefix}")
async def record(node: Node, prefix: str) -> RecordView:
    """One record, by its id or a unique prefix of it."""
    return await node.show(prefix)


@router.post("/claims", status_code=201)
async def submit_claim(node: Node, draft: ClaimDraft) -> ClaimReceipt:
    """Sign and publish a claim, and measure it here. Publishing cannot be undone."""
    return await node.submit_claim(draft)


@router.get("/export")
async def export(
    node: Node,
    selection: Annotated[ExportFilter, Depends()],
    form: Annotated[Literal["jsonl", "raw"], Query(alias="format")] = "jsonl",
) -> StreamingResponse:
    """Records in (time, id) order, as JSON lines or as the concatenated signed bytes (MessagePack)."""
    if form == "raw":
        return await _Stream.begun(_raw(node, selection), "application/octet-stream")
    return await _Stream.begun(_lines(node, selection), "application/x-ndjson")


async def _raw(node: NodePort, selection: ExportFilter) -> AsyncGenerator[bytes]:
    async with aclosing(node.export(selection)) as records:
        async for raw in records:
            yield raw


async def _lines(node: NodePort, selection: ExportFilter) -> AsyncGenerator[bytes]:
    swarm = SwarmId(from_text((await node.identity()).swarm_id))
    async with aclosing(_raw(node, selection)) as records:
        async for raw in records:
            yield json.dumps(json_line(open_envelope(raw, swarm)), ensure_ascii=False).encode() + b"\n"


@router.get("/events")
async def events(
    node: Node,
    traffic: Annotated[Traffic, Depends(_traffic)],
    last_event_id: Annotated[int | None, Header(ge=0)] = None,
) -> StreamingResponse:
    """Server-sent events; `Last-Event-ID` resumes after that record."""
    if traffic.streams >= MAX_STREAMS:
        raise Refused(f"{MAX_STREAMS} event streams are open already; close one and try again")
    return _Stream(_event_bytes(node, last_event_id, traffic), "text/event-stream")


async def _event_bytes(node: NodePort, since: int | None, traffic: Traffic) -> AsyncGenerator[bytes]:
    # Subscribed in here: a generator that is closed before its first step runs no `finally`.
    stream = node.events(since)
    traffic.streams += 1
    try:
        yield b": consilience events\n\n"
        while True:
            event = None
            try:
                with trio.move_on_after(HEARTBEAT_S):
                    event = await anext(stream)
            except StopAsyncIteration:
                return
            yield b": still here\n\n" if event is None else _frame(event)
    finally:
        traffic.streams -= 1
        stream.close()


def _frame(event: Event) -> bytes:
    # JSON on one line has no line breaks, so no text can forge another field of the stream.
    return f"id: {event.seq}\nevent: {event.type}\ndata: {json.dumps(plain(event.data))}\n\n".encode()


@router.get("/proposers")
async def proposers(node: Node) -> tuple[ProposerView, ...]:
    """Who had the ideas on the installed tracks, what came of them, and how good the predictions were."""
    return await node.proposers()


@router.post("/agent/{action}")
async def agent(node: Node, action: Literal["pause", "resume"]) -> AgentStatus:
    """Let the agent start nothing new (promises are still kept), or go on."""
    return await node.set_paused(action == "pause")


@router.post("/stop", status_code=202)
async def stop(node: Node) -> dict[str, str]:
    """Begin a clean shutdown."""
    await node.stop()
    return {"state": "stopping"}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(node: Node, traffic: Annotated[Traffic, Depends(_traffic)]) -> PlainTextResponse:
    """Prometheus metrics (also at `/metrics`)."""
    families = (*await node.metrics(), *traffic.metrics())
    return PlainTextResponse(render(families), media_type=CONTENT_TYPE)
