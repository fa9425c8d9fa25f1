"""What happens in the node, told to whoever listens, without anyone waiting for a listener.

An event carries its row in the store's log, so a listener that was away asks for everything after the last
row it saw. Each listener has a bounded queue; one that lets it overflow is cut off and has to come back with
its last row, because a slow page must cost neither memory nor the others' time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import trio

from .api.values import Event

__all__ = ["MAX_QUEUE", "Feed", "Log", "Subscription"]

MAX_QUEUE = 512
"""Events that wait for one listener before it is cut off (guess, not measured: ~0.2 MB each)."""
_PAGE = 200


class Log(Protocol):
    """The durable log of record events."""

    @property
    def cursor(self) -> int:
        """Row of the newest record."""

    async def wait_beyond(self, cursor: int) -> int:
        """Wait for a record after `cursor`; returns the newest row."""


class Feed:
    """Fans events out to subscriptions."""

    def __init__(self, log: Log, page: Callable[[int, int], list[Event]]) -> None:
        """`page(row, limit)` reads record events after `row`; it blocks, so it runs in a thread."""
        self._log = log
        self._page = page
        self._listeners: set[Subscription] = set()
        self._closed = False

    async def run(self) -> None:
        """Tell listeners of every record that enters the log, until cancelled."""
        cursor = self._log.cursor
        while True:
            await self._log.wait_beyond(cursor)
            for event in await self.read(cursor):
                self.announce(event)
                cursor = event.seq

    def announce(self, event: Event) -> None:
        """Tell everyone who listens; never waits."""
        for listener in tuple(self._listeners):
            listener.put(event)

    def subscribe(self, since: int | None) -> Subscription:
        """A stream from after row `since`, or from now on."""
        newest = self._log.cursor
        listener = Subscription(self, newest if since is None else min(since, newest), newest)
        if self._closed:
            listener.close()
        else:
            self._listeners.add(listener)
        return listener

    def close(self) -> None:
        """End every stream, and those that are still to come."""
        self._closed = True
        for listener in tuple(self._listeners):
            listener.close()

    def __len__(self) -> int:
        return len(self._listeners)

    async def read(self, row: int) -> list[Event]:
        """The next page of record events after `row`."""
        return await trio.to_thread.run_sync(self._page, row, _PAGE)

    def forget(self, listener: Subscription) -> None:
        self._listeners.discard(listener)


class Subscription:
    """One listener's stream. Implements `node.api.ports.EventStream`."""

    def __init__(self, feed: Feed, seen: int, replay_until: int) -> None:
        self._feed = feed
        self._seen = seen
        self._replay_until = replay_until
        self._missed: deque[Event] = deque()
        self._queue: deque[Event] = deque()
        self._moved = trio.Event()
        self._closed = False

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        while True:
            event = await self._next()
            if event.seq > self._seen:  # else it came by replay already
                self._seen = event.seq
                return event

    def put(self, event: Event) -> None:
        """Queue an event; a full queue ends the stream."""
        if len(self._queue) >= MAX_QUEUE:
            self.close()
            return
        self._queue.append(event)
        self._moved.set()

    def close(self) -> None:
        self._closed = True
        self._missed.clear()
        self._queue.clear()
        self._feed.forget(self)
        self._moved.set()

    async def _next(self) -> Event:
        if not self._missed and self._seen < self._replay_until and not self._closed:
            self._missed.extend(await self._feed.read(self._seen))
        if self._missed:
            await trio.lowlevel.checkpoint()
            return self._missed.popleft()
        while not self._queue and not self._closed:
            self._moved = trio.Event()
            await self._moved.wait()
        if self._closed:
            raise StopAsyncIteration
        await trio.lowlevel.checkpoint()
        return self._queue.popleft()
