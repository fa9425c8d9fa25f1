"""Signatures checked in other processes: the same answers, whoever dies and whenever."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from leaderboard.envelope import ChainTip, Envelope, open_envelope, seal, swarm_id
from leaderboard.ledger import Admission, Part, Verdict, genuine
from leaderboard.records import Note
from leaderboard.signing import Signer
from node import signatures
from node.signatures import LEAST, Verifiers

SWARM = swarm_id("test-swarm")


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    """300 notes, one in seven forged, and here and there what needs no signature."""
    signer, tip, items = Signer(b"\x05" * 32), ChainTip(b"c" * 16, -1, None), []
    for number in range(300):
        envelope = seal(Note(None, str(number)), signer, SWARM, tip, 1_700_000_000_000)
        tip = envelope.tip
        raw = envelope.raw if number % 7 else envelope.raw[:-1] + bytes([envelope.raw[-1] ^ 1])
        items.append(open_envelope(raw, SWARM))
        if number % 40 == 0:
            items.append(Admission(Verdict.REJECT, None, "no envelope"))
    cuts = [0, 64, 64, 65, 200, len(items)]
    return [items[start:end] for start, end in pairwise(cuts)]


@pytest.fixture
def verifiers() -> Iterator[Verifiers]:
    with closing(started(Verifiers(2))) as found:
        yield found


def started(verifiers: Verifiers) -> Verifiers:
    deadline = time.monotonic() + 60
    while not verifiers._ready():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return verifiers


def expected(parts: list[Part]) -> list[list[bool]]:
    return [[isinstance(item, Envelope) and item.signature_holds() for item in part] for part in parts]


def test_workers_answer_as_we_would(verifiers, parts):
    for _ in range(3):
        answers = verifiers(iter(parts), LEAST)
        assert not isinstance(answers, map)
        assert list(answers) == expected(parts) == [genuine(part) for part in parts]


def test_small_batches_are_checked_here(verifiers, parts):
    answers = verifiers(iter(parts[:2]), LEAST - 1)
    assert isinstance(answers, map)
    assert list(answers) == expected(parts[:2])


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
    assert found + list(answers) == expected(parts)
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
    with closing(Verifiers(1)) as alone, capture_logs() as said:
        deadline = time.monotonic() + 60
        while not said:
            assert list(alone(parts, LEAST)) == expected(parts)
            assert time.monotonic() < deadline
        assert not alone._workers
        assert list(alone(parts, LEAST)) == expected(parts)
    assert [line["event"] for line in said] == ["signatures are checked in one process"]


def test_an_idle_worker_ends_and_another_begins(parts, verifiers):
    first = [worker._process for worker in verifiers._workers]
    first[0].send_signal(signal.SIGALRM)  # what it sends itself after a minute
    assert first[0].wait() == -signal.SIGALRM
    assert list(verifiers(parts, LEAST)) == expected(parts)
    assert list(started(verifiers)(parts, LEAST)) == expected(parts)
    assert first[0] not in [worker._process for worker in verifiers._workers]


def test_closing_leaves_nobody_behind(parts):
    verifiers = started(Verifiers(2))
    processes = [worker._process for worker in verifiers._workers]
    verifiers.close()
    assert all(process.poll() is not None for process in processes)


def test_whoever_forgets_to_close_leaves_nobody_behind_either(parts):
    verifiers = started(Verifiers(2))
    processes = [worker._process for worker in verifiers._workers]
    del verifiers
    gc.collect()
    assert all(process.returncode is not None for process in processes)
