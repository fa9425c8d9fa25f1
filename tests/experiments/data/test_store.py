"""The texts of a machine: kept under their hash, pinned at first use, bounded, and checked."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.data import corpora, find_corpus
from experiments.data.catalogue import Source, catalogue, find_source
from experiments.data.extract import add_files, get_source, plain_bytes
from experiments.data.store import forget, keep, pins
from leaderboard.errors import LocalError


def quiet(_here: int, _whole: int | None) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def source(shelf) -> Source:
    return Source("tale", "a tale", shelf.url, "text", "", 1 << 20, 1 << 20, "CC0")


def test_nothing_is_here_at_first(folder: Path) -> None:
    assert corpora() == ()
    with pytest.raises(LocalError, match="track data ls"):
        find_corpus("tale")


@pytest.mark.parametrize("name", ["../up", "A", "", "x" * 41, "pins"])
def test_names_are_plain(folder: Path, name: str) -> None:
    with pytest.raises(LocalError, match="no name"):
        keep(name, "", "own files", [b"x"], limit=10, expected=None)


def test_own_files_become_one_text(folder: Path, tmp_path: Path) -> None:
    for part in ("one", "two"):
        (tmp_path / part).write_bytes(part.encode() * 1000)
    kept = add_files("mine", "my text", [tmp_path / "one", tmp_path / "two"])
    assert kept.path.read_bytes() == b"one" * 1000 + b"two" * 1000
    assert kept.sha256 == hashlib.sha256(kept.path.read_bytes()).digest()
    assert corpora() == (kept,)
    assert find_corpus("mine") == kept
    assert pins() == {}
    with pytest.raises(LocalError, match="here already"):
        add_files("mine", "", [tmp_path / "one"])


def test_the_first_use_pins_and_the_pin_outlives_the_text(folder: Path, shelf, source: Source) -> None:
    kept = get_source(source, expected=None, progress=quiet)
    assert kept.sha256 == shelf.sha256 == pins()["tale"]
    forget("tale")
    assert corpora() == ()
    shelf.content = b"another tale"
    with pytest.raises(LocalError, match="not to " + kept.sha256.hex()):
        get_source(source, expected=None, progress=quiet)
    assert corpora() == ()


def test_a_hash_that_the_user_names_must_hold(folder: Path, shelf, source: Source) -> None:
    with pytest.raises(LocalError, match="hashes to"):
        get_source(source, expected=bytes(32), progress=quiet)
    assert get_source(source, expected=shelf.sha256, progress=quiet).sha256 == shelf.sha256
    assert pins() == {}


def test_a_pinned_source_takes_no_other_hash(folder: Path, source: Source) -> None:
    with pytest.raises(LocalError, match="pinned to"):
        get_source(replace(source, sha256=bytes(32)), expected=bytes(31) + b"x", progress=quiet)


def test_archives_are_read_by_member_and_bounded(folder: Path, shelf, source: Source) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("text", b"0" * 500_000)
        file.writestr("other", b"1")
    shelf.content = archive.getvalue()
    zipped = replace(source, form="zip", member="text", download_sha256=shelf.sha256)
    kept = get_source(zipped, expected=None, progress=quiet)
    assert kept.path.read_bytes() == b"0" * 500_000
    forget("tale")
    with pytest.raises(LocalError, match="longer than 1000 bytes"):
        get_source(replace(zipped, limit=1000), expected=None, progress=quiet)
    with pytest.raises(LocalError, match="no archive with a member"):
        get_source(replace(zipped, member="none"), expected=None, progress=quiet)
    assert not list(folder.glob("*.tmp"))
    assert not list(folder.glob("*.text"))


def test_what_is_no_archive_says_so(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"not an archive")
    with pytest.raises(LocalError, match="no archive"):
        list(plain_bytes(tmp_path / "x", "zip", "text"))


def test_a_text_that_changed_on_the_disk_is_not_used(folder: Path) -> None:
    kept = keep("mine", "", "own files", [b"abc"], limit=10, expected=None)
    kept.check()
    kept.path.write_bytes(b"abd")
    with pytest.raises(LocalError, match="has changed"):
        kept.check()


def test_a_failed_draft_leaves_nothing(folder: Path) -> None:
    with pytest.raises(LocalError, match="longer than 5"):
        keep("mine", "", "own files", [b"abc", b"def"], limit=5, expected=None)
    assert list(folder.iterdir()) == []


def test_the_catalogue_names_what_it_says() -> None:
    assert {"enwik8", "tinystories", "fineweb-edu"} <= set(catalogue())
    for source in catalogue().values():
        assert source.url.startswith("https://")
        assert source.form in ("text", "zip", "parquet")
        assert 0 < source.download_limit <= source.limit
    assert find_source("enwik8").limit == 10**8
    with pytest.raises(LocalError, match="there are: enwik8"):
        find_source("enwik9")
