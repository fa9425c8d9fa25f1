"""The notebook: what is written stays, is found, is revised by evidence, and travels."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.llm import Budget, BudgetSpent, Limits
from experiments.track import load_track
from leaderboard.errors import PeerError
from leaderboard.ids import ContentId, TrackId, to_text
from node.cli import main
from node.errors import Misuse, NotFound, StoreBroken
from node.home import Home
from node.notebook import Notebook
from node.notebook_entries import Attempt, Lesson, Outcome, read_line, write_line
from node.notebook_purse import NotebookPurse

TRACK = TrackId(b"\x07" * 32)
CLAIM = ContentId(b"\x08" * 32)


def attempt(law: str, **more: object) -> Attempt:
    recipe = {"settings": {"lr": 0.1}, "slots": {"init_std": law}}
    return Attempt(TRACK, recipe, "search/evolution", time_ms=1, **more)  # type: ignore[arg-type]


def lesson(key: str, text: str) -> Lesson:
    return Lesson(TRACK, key, "dead end", text, (CLAIM,), time_ms=5)


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    with Notebook(tmp_path / "notebook.db") as opened:
        yield opened


def test_an_idea_is_one_entry_from_the_thought_to_the_outcome(notebook: Notebook) -> None:
    assert notebook.note(attempt("0.1", hypothesis="smaller", mechanism="because", predicted=0.5))
    assert notebook.note(attempt("0.1", outcome=Outcome.CLAIMED, claim=CLAIM))
    measured = attempt("0.1", outcome=Outcome.MEASURED, effect=0.25, interval=(0.1, 0.4), seeds=8)
    assert notebook.note(measured)
    assert not notebook.note(replace(measured, time_ms=99))  # nothing new: nothing is written
    (found,) = notebook.attempts(TRACK)
    assert found == replace(
        measured, hypothesis="smaller", mechanism="because", predicted=0.5, claim=CLAIM, time_ms=1
    )
    assert notebook.attempts(TrackId(b"\x00" * 32)) == []


def test_lessons_follow_the_evidence_and_keep_what_they_said(notebook: Notebook) -> None:
    first, other = lesson("a", "constants do nothing"), lesson("b", "depth matters")
    assert notebook.revise(TRACK, [first, other], {CLAIM}) == 2
    assert notebook.revise(TRACK, [first, other], {CLAIM}) == 0
    assert notebook.revise(TRACK, [lesson("a", "constants above 0.1 do nothing"), other], {CLAIM}) == 1
    assert notebook.revise(TRACK, [other], {ContentId(b"x" * 32)}) == 0  # its record was not looked at
    assert notebook.revise(TRACK, [other], {CLAIM}) == 1
    assert [item.key for item in notebook.lessons(TRACK)] == ["b"]
    (gone,) = [item for item in notebook.lessons(TRACK, withdrawn=True) if item.withdrawn]
    assert (gone.text, gone.revision) == ("constants above 0.1 do nothing", 2)
    assert notebook.revise(TRACK, [first, other], {CLAIM}) == 1  # the evidence is back
    assert notebook.earlier(TRACK, "a") == [
        "constants do nothing",
        "constants above 0.1 do nothing",
        "constants above 0.1 do nothing",
    ]


def test_words_find_attempts_and_lessons(notebook: Notebook) -> None:
    notebook.note(attempt("sqrt(2/fan_in)", hypothesis="variance is kept by rectifiers"))
    notebook.note(attempt("0.5", outcome=Outcome.FAILED, why="killed: out of memory"))
    notebook.revise(TRACK, [lesson("a", "rectifiers halve the variance")], {CLAIM})
    assert {type(item) for item in notebook.search("rectif variance")} == {Attempt, Lesson}
    assert [item.why for item in notebook.search("memory") if isinstance(item, Attempt)]
    assert [item.recipe["slots"] for item in notebook.search("fan_in") if isinstance(item, Attempt)] == [
        {"init_std": "sqrt(2/fan_in)"}
    ]
    notebook.revise(TRACK, [lesson("a", "something else")], {CLAIM})
    assert {type(item) for item in notebook.search("variance")} == {Attempt}  # the index follows revisions


@pytest.mark.parametrize("query", ['"', "a OR b", "text:x", "NEAR(a b)", "*", "a' --", "(", "x\x00y", "-a"])
def test_a_query_is_words_and_never_syntax(notebook: Notebook, query: str) -> None:
    notebook.note(attempt("0.1", hypothesis="nothing of it"))
    if any(letter.isalnum() for letter in query):
        assert notebook.search(query) == []
    else:
        with pytest.raises(Misuse):
            notebook.search(query)


def test_an_export_is_the_notebook_elsewhere(notebook: Notebook, tmp_path: Path) -> None:
    notebook.note(attempt("0.1", outcome=Outcome.MEASURED, effect=None, seeds=1))
    notebook.note(attempt("0.2", outcome=Outcome.KNOWN, because=CLAIM))
    notebook.revise(TRACK, [lesson("a", "x"), lesson("b", "y")], {CLAIM})
    notebook.revise(TRACK, [lesson("a", "x")], {CLAIM})
    lines = list(notebook.export())
    with Notebook(tmp_path / "other.db") as other:
        assert other.take_in(lines) == (2, 2)
        assert other.take_in(lines) == (0, 0)
        assert other.attempts() == notebook.attempts()
        assert [(item.text, item.withdrawn) for item in other.lessons(withdrawn=True)] == [
            ("x", False),
            ("y", True),
        ]
        assert other.revise(TRACK, [], {CLAIM}) == 0  # imported lessons are not this node's to withdraw
        assert other.search("y")


def test_of_several_lines_about_one_thing_the_newest_counts(notebook: Notebook) -> None:
    late = replace(attempt("0.1", outcome=Outcome.MEASURED, effect=0.5), time_ms=9)
    early = replace(attempt("0.1", outcome=Outcome.FAILED, why="lost"), time_ms=5)
    said = [replace(lesson("a", text), time_ms=at) for text, at in (("x", 1), ("y", 3), ("z", 3), ("w", 2))]
    assert notebook.take_in([write_line(entry) for entry in (late, early, *said)]) == (1, 2)
    assert [(item.effect, item.time_ms) for item in notebook.attempts()] == [(0.5, 9)]
    assert [item.text for item in notebook.lessons(TRACK)] == ["y"]


def test_an_import_does_not_undo_what_is_newer_here(notebook: Notebook, tmp_path: Path) -> None:
    notebook.note(attempt("0.1", outcome=Outcome.PLANNED))
    old = list(notebook.export())
    newer = replace(attempt("0.1", outcome=Outcome.MEASURED, effect=0.5), time_ms=9)
    notebook.note(newer)
    assert notebook.take_in(old) == (0, 0)
    assert notebook.attempts() == [newer]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{",
        "[" * 5000,
        '{"kind": "order"}',
        '{"kind": "attempt"}',
        '{"kind": "lesson", "track": "x"}',
    ],
)
def test_a_foreign_line_is_refused_and_nothing_is_taken(notebook: Notebook, line: str) -> None:
    good = write_line(attempt("0.1"))
    with pytest.raises(PeerError, match="line 2"):
        notebook.take_in([good, line])
    assert notebook.attempts() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("effect", float("nan")),
        ("effect", "0.5"),
        ("effect", True),
        ("seeds", -1),
        ("seeds", 2**70),
        ("interval", [1]),
        ("outcome", "won"),
        ("hypothesis", "x" * 9000),
        ("hypothesis", "half a character: \ud83d"),
        ("claim", "short"),
        ("recipe", {"slots": "x" * 100_000}),
        ("recipe", {"program": "zz"}),
        ("recipe", {"settings": {"lr": float("inf")}}),
        ("track", None),
    ],
)
def test_every_field_of_a_line_is_checked(field: str, value: object) -> None:
    said = {**json.loads(write_line(attempt("0.1"))), field: value}
    with pytest.raises(PeerError):
        read_line(json.dumps(said))


numbers = st.none() | st.floats(-1e9, 1e9).map(lambda value: value + 0.0)
attempts = st.builds(
    Attempt,
    track=st.binary(min_size=32, max_size=32).map(TrackId),
    recipe=st.fixed_dictionaries(
        {"settings": st.dictionaries(st.text(max_size=8), st.booleans() | st.integers(-9, 9), max_size=3)},
        optional={"program": st.binary(min_size=32, max_size=32)},
    ),
    proposer=st.text(max_size=20),
    hypothesis=st.text(max_size=200),
    predicted=numbers,
    claim=st.none() | st.binary(min_size=32, max_size=32).map(ContentId),
    outcome=st.sampled_from(Outcome),
    effect=numbers,
    interval=st.none() | st.tuples(st.floats(-9, 0), st.floats(0, 9)),
    seeds=st.integers(0, 2**62),
    time_ms=st.integers(0, 2**62),
)


@given(attempts)
def test_a_line_says_all_of_an_attempt(made: Attempt) -> None:
    found = read_line(write_line(made))
    assert isinstance(found, Attempt)
    assert (found, found.id) == (made, made.id)


def test_a_crash_loses_nothing_that_was_noted(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from node.notebook import Notebook\n"
        "from node.notebook_entries import Attempt\n"
        "book = Notebook(Path(sys.argv[1]))\n"
        "for n in range(1000):\n"
        "    book.note(Attempt(b't' * 32, {'slots': {'a': str(n)}}, 'x')); print(n, flush=True)\n"
    )
    path = tmp_path / "notebook.db"
    child = subprocess.Popen([sys.executable, "-P", "-c", program, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(20)]
    child.send_signal(signal.SIGKILL)
    said += child.stdout.readlines()
    child.stdout.close()
    child.wait()
    with Notebook(path) as notebook:
        found = [item.recipe["slots"] for item in notebook.attempts()]
    done = sum(line.endswith(b"\n") for line in said)
    assert found[:done] == [{"a": str(n)} for n in range(done)]
    assert done >= 20


def test_readers_look_on_while_the_daemon_writes(notebook: Notebook, tmp_path: Path) -> None:
    notebook.note(attempt("0.1"))
    with Notebook(tmp_path / "notebook.db", read_only=True) as reader:
        notebook.note(attempt("0.2"))
        assert len(reader.attempts()) == 2


def test_a_missing_or_foreign_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"notebook\.db"):
        Notebook(tmp_path / "notebook.db", read_only=True)
    (tmp_path / "notebook.db").write_bytes(b"no database at all, but some bytes")
    with pytest.raises(StoreBroken):
        Notebook(tmp_path / "notebook.db")


def test_the_purse_is_shared_by_processes_and_outlives_them(tmp_path: Path) -> None:
    limits = Limits(requests=3, tokens=1000)
    with Notebook(tmp_path / "n.db") as one, Notebook(tmp_path / "n.db") as two:
        first, second = (Budget(limits, lambda: 1e9, NotebookPurse(book)) for book in (one, two))
        opened = first.reserve(400, 0.0, 1.0)
        second.reserve(400, 0.0, 1.0)
        with pytest.raises(BudgetSpent, match="tokens"):
            second.reserve(400, 0.0, 1.0)
        first.settle(opened, 50, 0.0, 0.5)
        second.reserve(400, 0.0, 1.0)
        assert first.spent == second.spent
    with Notebook(tmp_path / "n.db") as again:
        budget = Budget(limits, lambda: 1e9, NotebookPurse(again))
        assert (budget.spent.requests, budget.spent.tokens) == (3, 850)
        with pytest.raises(BudgetSpent, match="requests"):
            budget.reserve(1, 0.0, 0.0)


def test_ids_are_written_as_people_see_them(notebook: Notebook) -> None:
    notebook.note(attempt("0.1", claim=CLAIM))
    assert json.loads(list(notebook.export())[1])["claim"] == to_text(CLAIM)


def test_a_results_tsv_becomes_lessons_that_say_they_are_unverified(tmp_path: Path) -> None:
    table = tmp_path / "results.tsv"
    table.write_text(
        "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
        "a1b2c3d\t0.997900\t44.0\tkeep\tbaseline\n"
        "b2c3d4e\t0.993200\t44.2\tkeep\tincrease LR to 0.04\n"
    )
    home = ["--home", str(tmp_path)]
    assert main(["notebook", "import", str(table), *home]) == 2
    assert main(["notebook", "import", str(table), "--track", "byte-lm", *home]) == 0
    with Notebook(Home(tmp_path).notebook) as notebook:
        lessons = notebook.lessons(load_track("byte-lm").id)
        assert notebook.attempts() == []
        assert [lesson.kind for lesson in lessons] == ["unverified import"] * 2
        assert all(lesson.imported and lesson.text.startswith("unverified") for lesson in lessons)
        assert notebook.search("increase LR")
        # The records of this node neither bear them out nor withdraw them.
        assert notebook.revise(lessons[0].track, [], set()) == 0
