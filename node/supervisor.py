"""Keeps the daemon's parts alive: one that fails is logged, counted and started again.

A hostile request, a full disk or a bug in one part must never take the node down. This is the one place in
the project that catches every exception; cancellation passes through.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import structlog
import trio

__all__ = ["PartSnapshot", "Supervisor"]

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 60.0
"""A part that ran this long starts again with the first pause: its failure was an event, not a state."""


@dataclass(frozen=True, slots=True)
class PartSnapshot:
    """How a part is doing."""

    name: str
    state: str
    """`starting`, `running`, `waiting`, `ended`."""
    restarts: int = 0
    last_error: str = ""


class Supervisor:
    """Runs named parts until it is cancelled. A part that returns has ended and is not restarted."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("supervisor")
        self._parts: dict[str, PartSnapshot] = {}

    def statistics(self) -> tuple[PartSnapshot, ...]:
        """A snapshot of every part, in the order in which they were started."""
        return tuple(self._parts.values())

    async def run(self, parts: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        """Run all parts side by side; returns when every one has ended."""
        async with trio.open_nursery() as nursery:
            for name, part in parts.items():
                self._parts[name] = PartSnapshot(name, "starting")
                nursery.start_soon(self._keep, name, part)

    async def _keep(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        pause = FIRST_PAUSE_S
        while True:
            started = trio.current_time()
            self._note(name, state="running")
            try:
                await part()
            except Exception as error:  # noqa: BLE001 - the one supervisor
                if trio.current_time() - started > HEALTHY_AFTER_S:
                    pause = FIRST_PAUSE_S
                self._report(name, error, pause)
            else:
                self._note(name, state="ended")
                return
            await trio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _report(self, name: str, error: Exception, pause: float) -> None:
        cause = _innermost(error)
        text = f"{type(cause).__name__}: {cause}"
        restarts = self._parts[name].restarts + 1
        self._note(name, state="waiting", restarts=restarts, last_error=text[:400])
        trace = "".join(traceback.format_exception(error))
        self._log.error("part failed", part=name, error=text, again_in_s=pause, traceback=trace[-4000:])

    def _note(self, name: str, **changes: object) -> None:
        self._parts[name] = replace(self._parts[name], **changes)  # type: ignore[arg-type]  # names are fields of a snapshot


def _innermost(error: BaseException) -> BaseException:
    """The first leaf of nested exception groups: what a person wants to read."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
