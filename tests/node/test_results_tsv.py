"""autoresearch's results.tsv: written from exported records, read as what it is worth."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.track import load_track
from leaderboard.errors import PeerError
from leaderboard.records import Track
from node.errors import Misuse
from node.results_tsv import COLUMNS, Experiment, read_results, results_of, sentences, write_results

HEADER = "\t".join(COLUMNS)
THEIRS = [
    HEADER,
    "a1b2c3d\t0.997900\t44.0\tkeep\tbaseline",
    "b2c3d4e\t0.993200\t44.2\tkeep\tincrease LR to 0.04",
    "c3d4e5f\t1.005000\t44.0\tdiscard\tswitch to GeLU activation",
    "d4e5f6g\t0.000000\t0.0\tcrash\tdouble model width (OOM)",
]


def claim(ident: str, author: str = "me", hypothesis: str = "why not") -> dict:
    return {"id": ident, "kind": "claim", "author": author, "payload": {"hypothesis": hypothesis}}


def result(of: str, values: list, author: str = "me") -> dict:
    measurement = {"candidate": values, "opponent": [3.0, 3.2, 3.1][: len(values)]}
    payload = {"claim": of, "measurement": measurement}
    return {"id": f"r{of}", "kind": "result", "author": author, "payload": payload}


def track(direction: str = "min") -> dict:
    """As `views.json_line` has it, but for what is not read."""
    manifest = replace(load_track("deep-mlp").manifest, direction=direction)
    return {"id": "t", "kind": "track", "author": "me", "payload": dict(Track(manifest).payload())}


def test_records_become_lines_with_the_reference_first() -> None:
    records = [
        track(),
        claim("aaaaaaaaaaaa"), result("aaaaaaaaaaaa", [2.5, 2.7, 2.6]),
        claim("bbbbbbbbbbbb", hypothesis="tabs\tand\nlines"), result("bbbbbbbbbbbb", [2.9]),
        claim("cccccccccccc"), result("cccccccccccc", [None]),
        claim("dddddddddddd"), result("dddddddddddd", [2.0, None]),
        claim("eeeeeeeeeeee"),
    ]  # fmt: skip
    lines = list(write_results(results_of(records, "byte-lm")))
    assert lines[0] == HEADER
    assert lines[1].endswith("baseline: the reference recipe of deep-mlp")
    assert [line.split("\t")[:4] for line in lines[1:]] == [
        ["0000000", "3.000000", "0.0", "keep"],
        ["aaaaaaa", "2.600000", "0.0", "keep"],
        ["bbbbbbb", "2.900000", "0.0", "discard"],
        ["ccccccc", "0.000000", "0.0", "crash"],
        ["ddddddd", "2.000000", "0.0", "keep"],
    ]
    assert all(line.count("\t") == 4 for line in lines)
    assert len(read_results(lines)) == 5


def test_larger_is_better_where_the_track_says_so() -> None:
    records = [track("max"), claim("aaaaaaaaaaaa"), result("aaaaaaaaaaaa", [3.5])]
    assert [item.status for item in results_of(records, "")] == ["keep", "keep"]
    records = [track("max"), claim("aaaaaaaaaaaa"), result("aaaaaaaaaaaa", [2.5])]
    assert [item.status for item in results_of(records, "")] == ["keep", "discard"]


def test_a_result_by_somebody_else_is_no_result_of_the_claim() -> None:
    records = [track(), claim("aaaaaaaaaaaa"), result("aaaaaaaaaaaa", [0.1], author="liar")]
    assert results_of(records, "") == []


@pytest.mark.parametrize("records", [[], [track(), {**track(), "id": "u"}]])
def test_one_track_at_a_time(records: list) -> None:
    with pytest.raises(Misuse, match="is about one"):
        results_of(records, "byte-lm")


def test_their_file_is_read() -> None:
    found = read_results(THEIRS)
    assert found[1] == Experiment("b2c3d4e", 0.9932, 44.2, "keep", "increase LR to 0.04")
    assert found[3].value is None
    told = dict(sentences(found))
    assert "0.9932 against 0.9979 of the first run, keep" in told["b2c3d4e"]
    assert told["d4e5f6g"].endswith("crashed")
    assert all(text.startswith("unverified") for text in told.values())


@pytest.mark.parametrize(
    "line",
    [
        "a1b2c3d\t0.99\t44.0\tkeep",
        "a1b2c3d\tnan\t44.0\tkeep\tx",
        "a1b2c3d\t-1\t44.0\tkeep\tx",
        "a1b2c3d\t1e300\t44.0\tkeep\tx",
        "a1b2c3d\tx\t44.0\tkeep\tx",
        "a1b2c3d\t1\t44.0\tgreat\tx",
        "../../etc\t1\t44.0\tkeep\tx",
        "a1b2c3d\t1\t44.0\tkeep\t" + "x" * 5_000,
    ],
)
def test_what_is_no_line_is_named(line: str) -> None:
    with pytest.raises(PeerError, match="line 3"):
        read_results([*THEIRS[:2], line])


def test_another_table_is_refused() -> None:
    with pytest.raises(PeerError, match="begins with commit"):
        read_results(["a,b,c"])


def test_control_characters_of_strangers_are_spelled_out() -> None:
    (found,) = read_results([HEADER, "a1b2c3d\t1\t1\tkeep\tlook \x1b[31m here \u202e"])
    assert found.description == "look \\x1b[31m here \\u202e"


@given(st.lists(st.text(max_size=60), max_size=5))
def test_garbage_gives_a_peer_error_and_nothing_else(lines: list[str]) -> None:
    try:
        read_results([HEADER, *lines])
    except PeerError:
        return
    for line in lines:
        assert not line.rstrip("\r\n").strip() or line.count("\t") >= 4
