"""When the agent rests: it was paused, the hours are quiet, the battery drains, or others need the machine.

A pause is a file in the state directory, so it outlives the daemon; it keeps what was promised (an accepted
replication counts as lost if it is never delivered) and starts nothing new. The other reasons are the
machine's: no trial starts while one of them holds, promised or not, and the one that runs is finished.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import trio

from ..quiet import Quiet

__all__ = ["Rest"]

_LOOK_S = 5.0
"""Between two looks at the clock and the machine. A guess: late by this much is not noticed."""


class Rest:
    """Whether to work, and if not, why."""

    def __init__(
        self,
        pause_file: Path | None = None,
        *,
        quiet: Sequence[Quiet] = (),
        local_time: Callable[[], datetime] = datetime.now,
        on_battery: Callable[[], bool] | None = None,
        other_load: Callable[[], float] | None = None,
        most_load: float = 1.0,
    ) -> None:
        self._file = pause_file
        self._quiet = tuple(quiet)
        self._local_time = local_time
        self._on_battery = on_battery
        self._other_load = other_load
        self._most_load = most_load
        self._paused = pause_file is not None and pause_file.exists()
        self._reason = ""
        self._looked = float("-inf")
        self._changed = trio.Event()

    @property
    def paused(self) -> bool:
        """Whether somebody told the agent to pause."""
        return self._paused

    def pause(self) -> None:
        """Rest until `resume`, restarts included."""
        self._paused = True
        if self._file is not None:
            self._file.touch(mode=0o600)

    def resume(self) -> None:
        """End the pause."""
        self._paused = False
        if self._file is not None:
            self._file.unlink(missing_ok=True)
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    def machine(self) -> str:
        """Why the machine is not ours now; empty if it is. Looks again every few seconds."""
        now = trio.current_time()
        if now - self._looked >= _LOOK_S:
            self._looked, self._reason = now, self._look()
        return self._reason

    def reason(self) -> str:
        """Why nothing new starts: `paused`, or the machine's reason; empty if work goes on."""
        return "paused" if self._paused else self.machine()

    async def wait_for_machine(self) -> None:
        """Return when a trial may start."""
        while self.machine():  # noqa: ASYNC110  clocks and batteries send no events
            await trio.sleep(_LOOK_S)

    async def wait_over(self) -> None:
        """Return when something new may start."""
        while self.reason():
            with trio.move_on_after(_LOOK_S):
                await self._changed.wait()

    def _look(self) -> str:
        span = Quiet.found(self._quiet, self._local_time())
        if span is not None:
            return f"quiet hours ({span.text})"
        if self._on_battery is not None and self._on_battery():
            return "on battery"
        if self._other_load is not None:
            # More lenient while resting, or it would start and stop with every breath of the machine.
            bound = self._most_load * (0.8 if self._reason else 1.0)
            load = self._other_load()
            if load > bound:
                return f"others use {load:.0%} of the processors"
        return ""
