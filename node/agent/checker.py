"""The novelty checker as a warm child process.

The checker loads numpy, scipy and, for code, torch: none of that belongs into the daemon. One process serves
all questions in turn; it is started at the first one, and again if it died or took too long. What it is told
about trials it forgets when it ends, so what was told is remembered here, per process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

import trio

from leaderboard.errors import LocalError

__all__ = ["NoveltyChecker"]

_ANSWER_WITHIN_S = 60.0
"""The checker bounds a question to 20 s itself; this also covers its start on a busy machine."""
_MAX_ANSWER_BYTES = 1 << 20
_TRIALS_A_LINE = 40
"""A line has at most 256 KiB, and a recipe's slots can have a few KiB."""


class NoveltyChecker:
    """Asks `python -P -m experiments.novelty --batch -`, one question at a time."""

    def __init__(self) -> None:
        self._turn = trio.Lock()
        self._process: trio.Process | None = None
        self._told: dict[tuple[object, object], Mapping[str, object]] = {}

    async def check(
        self, query: Mapping[str, object], trials: Sequence[Mapping[str, object]] = ()
    ) -> Mapping[str, object]:
        """The checker's answer to one query; LocalError if it fails, and the next question starts afresh.

        `trials` are told before, as far as this process was not told yet; the answer's `memory` says which of
        them did the same.
        """
        async with self._turn:
            try:
                with trio.fail_after(_ANSWER_WITHIN_S):
                    await self._tell(trials)
                    question = {**query, "recall": True} if trials else query
                    answer = await self._ask(json.dumps(question).encode() + b"\n")
            except (
                trio.TooSlowError,
                trio.BrokenResourceError,
                trio.ClosedResourceError,
                ValueError,
            ) as error:
                await self.aclose()
                raise LocalError(f"the novelty checker failed: {type(error).__name__} {error}") from error
            except trio.Cancelled:
                await self.aclose()  # its answer would meet the next question
                raise
        if "error" in answer:
            raise LocalError(f"the novelty checker refused a question: {answer['error']}")
        return answer

    async def aclose(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        self._told.clear()
        if process is not None:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()

    async def _tell(self, trials: Sequence[Mapping[str, object]]) -> None:
        """Tell the process about trials that it does not know, or knows otherwise."""
        news = [trial for trial in trials if self._told.get((trial["track"], trial["run"])) != trial]
        for start in range(0, len(news), _TRIALS_A_LINE):
            some = news[start : start + _TRIALS_A_LINE]
            answer = await self._ask(json.dumps({"remember": some}).encode() + b"\n")
            if "error" in answer:
                raise ValueError(f"it does not take trials: {answer['error']}")
            self._told |= {(trial["track"], trial["run"]): trial for trial in some}

    async def _ask(self, line: bytes) -> Mapping[str, object]:
        if self._process is None:
            self._process = await _start()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        await stdin.send_all(line)
        reply = b""
        while not reply.endswith(b"\n"):
            part = await stdout.receive_some(65536)
            if not part or len(reply) > _MAX_ANSWER_BYTES:
                raise ValueError("the process ended or talks too much")
            reply += part
        answer = json.loads(reply)
        if not isinstance(answer, dict):
            raise ValueError("not a JSON object")
        return answer


async def _start() -> trio.Process:
    command = [sys.executable, "-P", "-m", "experiments.novelty", "--batch", "-"]
    return await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
