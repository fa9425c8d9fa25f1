"""The checker as a process: `python -P -m experiments.novelty [--batch FILE|-] [--json] [TEXT]`.

With TEXT it checks that text and prints the verdict.  With `--batch` it reads JSON lines from a file or from
standard input (`-`) and answers each with a line as soon as it is done: this is also how the daemon and the
CLI keep a warm checker without loading it themselves.

Every line gets an answer of its own, in order.  Every line is hostile: its size is bounded before it is
parsed, its fields by `decode_query`, the work by a clock.  A line that cannot be read is answered with an
`error`, and the next line is served.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import BinaryIO, TextIO

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Before numpy is loaded: on small matrices, a second thread made the encoder nine times slower."""

from leaderboard.errors import PeerError  # noqa: E402

from .answer import answer, dump, refusal  # noqa: E402
from .artefact import MAX_LINE, Query, decode_query  # noqa: E402
from .build import build_checker  # noqa: E402
from .checker import Checker  # noqa: E402
from .verdict import Verdict  # noqa: E402

__all__ = ["main"]

_SECONDS = 20.0  # wall clock for one query; a probe takes half a second
_MEMORY = 8 << 30  # bytes of address space; torch alone maps three
_EXIT_OK, _EXIT_FAILED = 0, 1


class _TookTooLong(BaseException):  # no error handler on the way may swallow it
    """The query kept the checker busy beyond its limit."""


def main(arguments: list[str] | None = None) -> int:
    """Check one text or a stream of queries; the exit code is 1 if any line was refused."""
    options = _parser().parse_args(arguments)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, hard))
    warnings.simplefilter("ignore")  # what foreign code makes a library warn of does not concern our reader
    checker = build_checker()
    if options.batch is None:
        return _single(checker, " ".join(options.text), as_json=options.json)
    if options.batch == "-":
        return _batch(checker, sys.stdin.buffer, sys.stdout)
    with open(options.batch, "rb") as lines:
        return _batch(checker, lines, sys.stdout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.novelty", description=__doc__)
    parser.add_argument("--batch", metavar="FILE", help="JSON lines to check, `-` for standard input")
    parser.add_argument("--json", action="store_true", help="answer with JSON also for a single text")
    parser.add_argument("text", nargs="*", help="a claim, a formula or code")
    return parser


def _single(checker: Checker, text: str, *, as_json: bool) -> int:
    if not text.strip():
        print("nothing to check: give a claim, a formula or code, or --batch FILE", file=sys.stderr)
        return 2
    verdict = checker.check(Query(claim=text))
    print(dump(answer(None, verdict)) if as_json else _words(verdict))
    return _EXIT_OK


def _words(verdict: Verdict) -> str:
    lines = [verdict.headline, verdict.citation]
    lines += [f"  {item.channel.value}: {item.summary}" for item in verdict.evidence]
    lines += [f"  close: {candidate.name} ({candidate.score:.2f})" for candidate in verdict.top[:5]]
    return "\n".join(line for line in lines if line)


def _batch(checker: Checker, lines: BinaryIO, out: TextIO) -> int:
    code = _EXIT_OK
    for line in _bounded_lines(lines):
        reply = _reply(checker, line)
        code = _EXIT_FAILED if "error" in reply else code
        print(dump(reply), file=out, flush=True)
    return code


def _bounded_lines(lines: BinaryIO) -> Iterator[bytes]:
    """Lines of at most MAX_LINE bytes; the rest of a longer one is skipped and shows as unreadable JSON."""
    while line := lines.readline(MAX_LINE):
        cut = not line.endswith(b"\n")
        while cut and (rest := lines.readline(MAX_LINE)):
            line = b"!"
            cut = not rest.endswith(b"\n")
        if line.strip():
            yield line


def _reply(checker: Checker, line: bytes) -> dict[str, object]:
    query_id: object = None
    try:
        value = _decoded(line)
        query_id = _id_of(value)
        with _deadline(_SECONDS):
            found = answer(query_id, checker.check(decode_query(value)))
            dump(found)  # what cannot be written is this line's fault and nobody else's
            return found
    except _TookTooLong:
        return refusal(query_id, PeerError(f"the check took more than {_SECONDS:.0f} s and was stopped"))
    except PeerError as error:
        return refusal(query_id, error)
    except Exception as error:  # noqa: BLE001 - one bad line must not cost the reader the lines behind it
        return refusal(query_id, PeerError(f"the check failed: {type(error).__name__} {str(error)[:200]}"))


def _id_of(value: object) -> str | int | float | None:
    """The id to answer under; one that is no text and no number is refused, for it could not be returned."""
    found = value.get("id") if isinstance(value, dict) else None
    if found is None or isinstance(found, str):
        return found
    if isinstance(found, (int, float)) and not isinstance(found, bool) and abs(found) < math.inf:
        return found
    raise PeerError("`id` must be text or a number")


def _decoded(line: bytes) -> object:
    try:
        return json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise PeerError(f"not a JSON object in one line of at most {MAX_LINE} bytes") from None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Raise in this thread after so many seconds of wall clock."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    raise SystemExit(main())
