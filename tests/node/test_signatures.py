"""Records examined in other processes: the same answers, whoever dies and whenever."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from leaderboard.codec import MAX_RECORD_BYTES
from leaderboard.envelope import ChainTip, Envelope, Slip, seal, swarm_id
from leaderboard.ledger import Admission, Kept, Part, Verdict, examined
from leaderboard.records import Note
from leaderboard.signing import Signer
from node import signatures
from node.signatures import LEAST, Verifiers

SWARM = swarm_id("test-swarm")


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    """300 notes, one in seven forged, one in fifty garbage, and here and there what has its verdict."""
    signer, tip, items = Signer(b"\x05" * 32), ChainTip(b"c" * 16, -1, None), []
    for number in range(300):
        envelope = seal(Note(None, str(number)), signer, SWARM, tip, 1_700_000_000_000)
        tip = envelope.tip
        raw = envelope.raw if number % 7 else envelope.raw[:-1] + bytes([envelope.raw[-1] ^ 1])
        items.append(raw if number % 50 else raw[1:])
        if number % 40 == 0:
            items.append(Admission(Verdict.ACCEPT, envelope.id, "known"))
    cuts = [0, 64, 64, 65, 200, len(items)]
    return [items[start:end] for start, end in pairwise(cuts)]


@pytest.fixture
def verifiers() -> Iterator[Verifiers]:
    with closing(started(Verifiers(SWARM, 2))) as found:
        yield found


def started(verifiers: Verifiers) -> Verifiers:
    deadline = time.monotonic() + 60
    while not verifiers._ready():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return verifiers


def expected(parts: list[Part]) -> list[list[Slip | Admission]]:
    return [[slip_of(item) for item in examined(part, SWARM)] for part in parts]


def slip_of(item: Kept | Admission) -> Slip | Admission:
    if not isinstance(item, Envelope):
        return item
    return Slip(
        item.raw, item.id, item.author, item.chain, item.seq, item.time_ms, item.kind, item.subject
    )  # fmt: skip


def slips(answers: Iterable[list[Kept | Admission]]) -> list[list[Slip | Admission]]:
    """Answers as they would be if all records had been examined elsewhere."""
    return [[slip_of(item) for item in part] for part in answers]


def test_workers_answer_as_we_would(verifiers, parts):
    for _ in range(3):
        answers = list(verifiers(iter(parts), LEAST))
        assert not any(isinstance(item, Envelope) for part in answers for item in part)
        assert answers == expected(parts)


def test_small_batches_are_checked_here(verifiers, parts):
    answers = list(verifiers(iter(parts[:2]), LEAST - 1))
    assert not any(isinstance(item, Slip) for part in answers for item in part)
    assert slips(answers) == expected(parts[:2])


@pytest.mark.parametrize("moment", ["before", "while asking", "while answering"])
def test_a_worker_that_dies_changes_no_answer(verifiers, parts, moment):
    def kill():
        process = verifiers._workers[1]._process
        process.send_signal(signal.SIGKILL)
        process.wait()

    def given():
        for number, part in enumerate(parts):
            if (moment, number) == ("while asking", 2):
                kill()
            yield part

    answers = iter(verifiers._dealt_out(given(), verifiers._workers))
    if moment == "before":
        kill()
    found = [next(answers)]
    if moment == "while answering":
        kill()
    assert slips([*found, *answers]) == expected(parts)
    assert list(started(verifiers)(parts, LEAST)) == expected(parts)
    assert all(worker._process.poll() is None for worker in verifiers._workers)


def test_answers_that_nobody_took_are_not_given_to_others(verifiers, parts):
    answers = verifiers(iter(parts), LEAST)
    assert next(iter(answers)) == expected(parts)[0]
    answers.close()
    backwards = parts[::-1]
    assert list(started(verifiers)(backwards, LEAST)) == expected(backwards)


@pytest.mark.parametrize("python", ["/nonexistent/python", "/bin/false"])
def test_where_no_worker_can_start_all_is_checked_here(parts, monkeypatch, python):
    monkeypatch.setattr(signatures.sys, "executable", python)
    with closing(Verifiers(SWARM, 1)) as alone, capture_logs() as said:
        deadline = time.monotonic() + 60
        while not said:
            assert slips(alone(parts, LEAST)) == expected(parts)
            assert time.monotonic() < deadline
        assert not alone._workers
        assert slips(alone(parts, LEAST)) == expected(parts)
    assert [line["event"] for line in said] == ["records are verified in one process"]


def test_an_idle_worker_ends_and_another_begins(parts, verifiers):
    first = [worker._process for worker in verifiers._workers]
    first[0].send_signal(signal.SIGALRM)  # what it sends itself after a minute
    assert first[0].wait() == -signal.SIGALRM
    assert slips(verifiers(parts, LEAST)) == expected(parts)
    assert list(started(verifiers)(parts, LEAST)) == expected(parts)
    assert first[0] not in [worker._process for worker in verifiers._workers]


def test_closing_leaves_nobody_behind(parts):
    verifiers = started(Verifiers(SWARM, 2))
    processes = [worker._process for worker in verifiers._workers]
    verifiers.close()
    assert all(process.poll() is not None for process in processes)


def test_whoever_forgets_to_close_leaves_nobody_behind_either(parts):
    verifiers = started(Verifiers(SWARM, 2))
    processes = [worker._process for worker in verifiers._workers]
    del verifiers
    gc.collect()
    assert all(process.returncode is not None for process in processes)


def test_parts_that_no_pipe_can_hold_are_answered(verifiers):
    """Whoever gives and whoever answers would wait for each other if neither read."""
    raw = seal(Note(None, "x" * 4_000), Signer(b"\x06" * 32), SWARM, ChainTip(b"d" * 16, -1, None), 2**41).raw
    large = [raw + bytes(MAX_RECORD_BYTES - len(raw))] * 64
    parts = [[raw] * 2_000, large, [raw] * 2_000, large, large, large, large]
    assert list(verifiers(parts, LEAST)) == expected(parts)


def test_one_slow_worker_does_not_hold_up_the_others_parts(verifiers, parts):
    first, second = verifiers._workers
    first._process.send_signal(signal.SIGSTOP)
    try:
        many = parts * 4
        answers = iter(verifiers._dealt_out(iter(many), [first, second]))
        threading.Timer(0.2, first._process.send_signal, [signal.SIGCONT]).start()
        assert list(answers) == expected(many)
    finally:
        first._process.send_signal(signal.SIGCONT)
