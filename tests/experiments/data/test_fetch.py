"""Downloads: whole, cut, resumed, changed under way, too long, wrong, and without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.data.fetch import download
from leaderboard.errors import LocalError


def bring(shelf, path: Path, *, sha256: bytes | None = None, limit: int = 1 << 20) -> bytes:
    seen: list[int] = []
    found = download(
        shelf.url, path, limit=limit, sha256=sha256, progress=lambda here, _: seen.append(here), pause_s=0.0
    )
    assert seen[-1] == path.stat().st_size
    return found


def test_a_whole_download_and_its_hash(shelf, tmp_path: Path) -> None:
    assert bring(shelf, tmp_path / "text", sha256=shelf.sha256) == shelf.sha256
    assert (tmp_path / "text").read_bytes() == shelf.content
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_cut_connections_go_on_where_they_were(shelf, tmp_path: Path) -> None:
    shelf.cut_after = [50_000, 70_000]
    assert bring(shelf, tmp_path / "text") == shelf.sha256
    assert [request.get("range") for request in shelf.requests] == [None, "bytes=50000-", "bytes=120000-"]
    assert shelf.requests[1]["if-range"] == shelf.tag


def test_a_new_process_goes_on_too(shelf, tmp_path: Path) -> None:
    shelf.cut_after = [50_000, 0, 0, 0, 0]
    with pytest.raises(LocalError, match="50000 bytes are kept"):
        bring(shelf, tmp_path / "text")
    shelf.cut_after = []
    assert bring(shelf, tmp_path / "text", sha256=shelf.sha256) == shelf.sha256
    assert shelf.requests[-1]["range"] == "bytes=50000-"


def test_a_file_that_changed_under_way_starts_afresh(shelf, tmp_path: Path) -> None:
    shelf.cut_after = [50_000, 0, 0, 0, 0]
    with pytest.raises(LocalError, match="kept"):
        bring(shelf, tmp_path / "text")
    shelf.content, shelf.tag, shelf.cut_after = b"another text" * 20_000, '"two"', []
    assert bring(shelf, tmp_path / "text") == shelf.sha256
    assert (tmp_path / "text").read_bytes() == shelf.content


def test_without_a_tag_halves_are_joined_only_if_the_hash_is_known(shelf, tmp_path: Path) -> None:
    shelf.tag, shelf.cut_after = "", [50_000, 0, 0, 0, 0]
    with pytest.raises(LocalError, match="cannot reach"):
        bring(shelf, tmp_path / "text")
    shelf.content, shelf.cut_after = b"another text" * 20_000, []
    assert bring(shelf, tmp_path / "text") == shelf.sha256
    assert "range" not in shelf.requests[-1]

    shelf.cut_after = [50_000]
    assert bring(shelf, tmp_path / "known", sha256=shelf.sha256) == shelf.sha256
    assert shelf.requests[-1]["range"] == "bytes=50000-"


def test_a_server_without_ranges_begins_again(shelf, tmp_path: Path) -> None:
    shelf.ranges, shelf.cut_after = False, [50_000]
    assert bring(shelf, tmp_path / "text") == shelf.sha256
    assert shelf.requests[-1]["range"] == "bytes=50000-"


def test_an_answer_to_another_range_is_not_joined(shelf, tmp_path: Path) -> None:
    shelf.shift, shelf.cut_after = 10, [50_000]
    assert bring(shelf, tmp_path / "text") == shelf.sha256
    assert (tmp_path / "text").read_bytes() == shelf.content


def test_a_complete_part_needs_no_more_bytes(shelf, tmp_path: Path) -> None:
    (tmp_path / "text.part").write_bytes(shelf.content)
    assert (
        download(shelf.url, tmp_path / "text", limit=1 << 20, sha256=shelf.sha256, progress=lambda *_: None)
        == shelf.sha256
    )
    assert (tmp_path / "text").read_bytes() == shelf.content


def test_a_wrong_hash_is_discarded(shelf, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="it was discarded"):
        bring(shelf, tmp_path / "text", sha256=bytes(32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("announce", [True, False])
def test_too_long_is_refused_whatever_is_announced(shelf, tmp_path: Path, announce: bool) -> None:
    shelf.announce = announce
    with pytest.raises(LocalError, match=r"at most 1000 are taken|longer than 1000 bytes"):
        bring(shelf, tmp_path / "text", limit=1000)
    assert not (tmp_path / "text").exists()
    assert (tmp_path / "text.part").stat().st_size <= 1000


def test_an_error_status_is_told(shelf, tmp_path: Path) -> None:
    shelf.status = 503
    with pytest.raises(LocalError, match="503"):
        bring(shelf, tmp_path / "text")


def test_offline_says_what_works_without(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="the track byte-lm needs no data"):
        download(
            "http://127.0.0.1:9/x",
            tmp_path / "x",
            limit=1,
            sha256=None,
            progress=lambda *_: None,
            pause_s=0.0,
        )
