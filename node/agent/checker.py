"""The novelty checker as a warm child process.

The checker loads numpy, scipy and, for code, torch: none of that belongs into the daemon. One process serves
all questions in turn; it is started at the first one, and again if it died or took too long.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import trio

from leaderboard.errors import LocalError

__all__ = ["NoveltyChecker"]

_ANSWER_WITHIN_S = 60.0
"""The checker bounds a question to 20 s itself; this also covers its start on a busy machine."""
_MAX_ANSWER_BYTES = 1 << 20


class NoveltyChecker:
    """Asks `python -P -m experiments.novelty --batch -`, one question at a time."""

    def __init__(self) -> None:
        self._turn = trio.Lock()
        self._process: trio.Process | None = None

    async def check(self, query: Mapping[str, object]) -> Mapping[str, object]:
        """The checker's answer to one query; LocalError if it fails, and the next question starts afresh."""
        async with self._turn:
            try:
                with trio.fail_after(_ANSWER_WITHIN_S):
                    answer = await self._ask(json.dumps(query).encode() + b"\n")
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
        if process is not None:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()

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
