"""The checker as a process: `python -P -m experiments.novelty [--batch FILE|-] [--json] ... [TEXT]`.

With TEXT it checks that text and prints the verdict.  With `--batch` it reads JSON lines from a file or from
standard input (`-`) and answers each with a line as soon as it is done: this is also how the daemon and the
CLI keep a warm checker without loading it themselves.

A line `{"remember": [trial, ...]}` tells it what the swarm has run (`memory.Memory.learn`); it is answered
with how many were taken in, and later answers about the same track say who ran the same.

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
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, BinaryIO, TextIO

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Before numpy is loaded: on small matrices, a second thread made the encoder nine times slower."""

from leaderboard.errors import LocalError, PeerError  # noqa: E402

from .answer import answer, dump, refusal  # noqa: E402
from .artefact import MAX_LINE, Query, decode_query  # noqa: E402
from .build import build_checker  # noqa: E402
from .checker import Checker  # noqa: E402
from .verdict import Verdict  # noqa: E402

if TYPE_CHECKING:
    from .judge import Judge
    from .literature import Literature

__all__ = ["main"]

_SECONDS = 20.0  # wall clock for one query; a probe takes half a second
_JUDGE_S = 60.0  # more, where a language model is asked
_JUDGE_TOKENS = 600  # of its answer: an id and two passages
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
    try:
        desk = _Desk(build_checker(_judge(options)), _literature(options), options.judge is not None)
    except LocalError as error:
        print(error, file=sys.stderr)
        return _EXIT_FAILED
    if options.batch is None:
        return _single(desk.checker, " ".join(options.text), as_json=options.json)
    if options.batch == "-":
        return _batch(desk, sys.stdin.buffer, sys.stdout)
    with open(options.batch, "rb") as lines:
        return _batch(desk, lines, sys.stdout)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What answers: the checker, the literature if it may be asked, and whether a language model may be."""

    checker: Checker
    literature: Literature | None = None
    judged: bool = False


def _judge(options: argparse.Namespace) -> Judge | None:
    """The language model that was named, if any; loaded only then."""
    if options.judge is None:
        return None
    from ..llm import Client, Settings, Wire, key_from_environment, key_from_file
    from .judge import Judge

    key = None
    if options.key_env:
        key = key_from_environment(options.key_env)
    elif options.key_file:
        key = key_from_file(Path(options.key_file))
    url, model = options.judge
    settings = Settings(model, max_tokens=_JUDGE_TOKENS, temperature=0.0, deadline_s=_JUDGE_S)
    return Judge(Client(Wire(url, key), settings))


def _literature(options: argparse.Namespace) -> Literature | None:
    if not options.live:
        return None
    from .literature import open_literature

    return open_literature()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.novelty", description=__doc__)
    parser.add_argument("--batch", metavar="FILE", help="JSON lines to check, `-` for standard input")
    parser.add_argument("--json", action="store_true", help="answer with JSON also for a single text")
    parser.add_argument("--live", action="store_true", help="also ask literature services (batch only)")
    parser.add_argument("--judge", nargs=2, metavar=("URL", "MODEL"), help="also ask this language model")
    parser.add_argument("--key-env", metavar="NAME", help="environment variable with the model's key")
    parser.add_argument("--key-file", metavar="FILE", help="file with the model's key")
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


def _batch(desk: _Desk, lines: BinaryIO, out: TextIO) -> int:
    code = _EXIT_OK
    for line in _bounded_lines(lines):
        reply = _reply(desk, line)
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


def _reply(desk: _Desk, line: bytes) -> dict[str, object]:
    query_id: object = None
    checker, seconds = desk.checker, _SECONDS + (_JUDGE_S if desk.judged else 0.0)
    try:
        value = _decoded(line)
        query_id = _id_of(value)
        if isinstance(value, dict) and "remember" in value:
            return {"id": query_id, "remembered": checker.memory.learn(value["remember"])}
        query = decode_query(value)
        with _deadline(seconds):
            found = answer(query_id, checker.check(query))
            dump(found)  # what cannot be written is this line's fault and nobody else's
        if desk.literature is not None:
            found["literature"] = asdict(desk.literature.look_up(query.claim))
        return found
    except _TookTooLong:
        return refusal(query_id, PeerError(f"the check took more than {seconds:.0f} s and was stopped"))
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
