"""A confined process cannot reach out, cannot outlive its parent's patience, and cannot choke it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from experiments.sandbox import Code, Confined, Level, Limits, Rejected, SandboxReport, spawn
from leaderboard.errors import Refused

PATIENCE_S = 30.0
"""For an answer, on a machine that may stand still for seconds."""
ECHO = Path(__file__).parent / "guests" / "echo.py"


def test_it_answers(level: Level) -> None:
    with spawn(ECHO, level) as child:
        assert child.ask(b"say hello", 100, PATIENCE_S) == b"hello"
        assert child.ask(b"say again", 100, PATIENCE_S) == b"again"
        assert child.level == level.value


def test_it_sees_neither_our_environment_nor_our_packages(
    level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with spawn(ECHO, level, imports=("numpy",)) as child:
        assert b"OPENAI_API_KEY" not in child.ask(b"environment", 4096, PATIENCE_S)
        assert child.ask(b"package", 4096, PATIENCE_S).split() in ([b"numpy"], [b"numpy", b"ssl"])


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (b"flood", Code.BAD_FRAME),
        (b"half", Code.CRASHED),
        (b"sleep", Code.TIME_LIMIT),
        (b"fault", Code.CRASHED),
        (b"eat", Code.CRASHED),
        (b"recurse", Code.CRASHED),
    ],
)
def test_misbehaviour_is_named_and_ends_the_process(level: Level, attack: bytes, code: Code) -> None:
    with spawn(ECHO, level, limits=Limits(memory_bytes=1 << 27)) as child:
        with pytest.raises(Rejected) as caught:
            child.ask(attack, 4096, 0.3 if attack == b"sleep" else PATIENCE_S)
        assert caught.value.code is code
        assert runs_no_more(child.pid)


def runs_no_more(pid: int) -> bool:
    """Whether nothing is left of a process but perhaps a line for a parent that has not looked yet."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_processor_time_is_limited(level: Level) -> None:
    with spawn(ECHO, level, limits=Limits(cpu_seconds=1)) as child, pytest.raises(Rejected) as caught:
        child.ask(b"spin", 10, 30.0)
    assert caught.value.code is Code.TIME_LIMIT


def test_the_whole_run_is_limited(level: Level) -> None:
    with spawn(ECHO, level, limits=Limits(wall_seconds=0.3)) as child, pytest.raises(Rejected) as caught:
        child.ask(b"sleep", 10, 2 * PATIENCE_S)
    assert caught.value.code is Code.TIME_LIMIT


def test_a_child_that_does_not_read_cannot_block_its_parent(level: Level) -> None:
    with spawn(ECHO, level) as child:
        child.send(b"deaf", 1.0)
        with pytest.raises(Rejected) as caught:
            child.send(b"x" * (1 << 20), 0.3)
    assert caught.value.code is Code.TIME_LIMIT


def test_printing_goes_nowhere_and_blocks_nothing(level: Level) -> None:
    with spawn(ECHO, level) as child:
        assert child.ask(b"shout", 100, PATIENCE_S) == b"quiet"


def test_a_paused_child_uses_no_processor(level: Level) -> None:
    with spawn(ECHO, level) as child:
        child.ask(b"count", 0, PATIENCE_S)
        child.pause()
        before = child.cpu_seconds()
        time.sleep(0.05)
        assert child.cpu_seconds() - before < 0.02
        child.resume()
        assert child.ask(b"done", 10, PATIENCE_S) == b"done"


def test_pause_returns_when_the_child_has_stopped(level: Level) -> None:
    with spawn(ECHO, level) as child:
        child.ask(b"count", 0, PATIENCE_S)  # goes on counting
        for _ in range(20):
            child.resume()
            child.pause()
            assert Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
            assert child.cpu_seconds() == child.cpu_seconds()


def test_sleeping_is_limited_however_it_is_cut_up(level: Level) -> None:
    def doze(child: Confined) -> None:
        for _ in range(100):
            child.ask(b"nap", 100, PATIENCE_S)

    with spawn(ECHO, level, limits=Limits(idle_seconds=0.3)) as child, pytest.raises(Rejected) as caught:
        doze(child)
    assert caught.value.code is Code.TIME_LIMIT
    assert "slept" in caught.value.reason


def test_work_is_no_sleep(level: Level) -> None:
    def work(child: Confined) -> None:
        for _ in range(20):
            assert child.ask(b"work", 100, PATIENCE_S) == b"done"

    for _ in range(4):  # where the whole machine stands still for a while, work looks like sleep
        with spawn(ECHO, level, limits=Limits(idle_seconds=0.3)) as child, contextlib.suppress(Rejected):
            work(child)
            return
    with spawn(ECHO, level, limits=Limits(idle_seconds=0.3)) as child:
        work(child)


def test_closing_twice_is_harmless(level: Level) -> None:
    child = spawn(ECHO, level)
    child.close()
    child.close()
    assert runs_no_more(child.pid)


def test_threads_and_processes_need_namespaces() -> None:
    with pytest.raises(Refused, match="bubblewrap"):
        spawn(ECHO, Level.LANDLOCK, limits=Limits(tasks=True))


def test_a_script_that_cannot_start_is_refused_with_its_reason(level: Level) -> None:
    with pytest.raises(Rejected) as caught:
        spawn(ECHO, level, imports=("no_such_package",))
    assert caught.value.code is Code.SANDBOX_REFUSED
    assert "no_such_package" in caught.value.reason


def test_programs_that_may_start_processes_still_reach_nobody(report: SandboxReport) -> None:
    if report.level is not Level.BUBBLEWRAP:
        pytest.skip("needs bubblewrap")
    limits = Limits(tasks=True)
    with spawn(ECHO, Level.BUBBLEWRAP, limits=limits) as child:
        assert child.ask(b"helpers", 4096, PATIENCE_S) == b"ran; no network; no trace; no files"


def test_the_parent_reads_the_memory_of_a_stopped_child(level: Level) -> None:
    with spawn(ECHO, level) as child:
        child.pause()
        first = Path(f"/proc/{child.pid}/maps").read_text().split("-", 1)[0]
        assert child.peek(int(first, 16), 4) == b"\x7fELF"  # the interpreter's own file
        child.resume()
        assert child.ask(b"say still here", 100, PATIENCE_S) == b"still here"


@pytest.mark.parametrize("address", [8, 1 << 46, -8, 1 << 70])
def test_memory_that_a_child_does_not_have_is_its_fault(level: Level, address: int) -> None:
    with spawn(ECHO, level) as child, pytest.raises(Rejected) as caught:
        child.peek(address, 16)
    assert caught.value.code is Code.BAD_FRAME
