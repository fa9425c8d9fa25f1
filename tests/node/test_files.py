"""Small files: whole or not at all, private, bounded, and never through a link."""

from __future__ import annotations

import os

import pytest

from node.errors import HintedError, Misuse
from node.files import create_file, make_folder, read_file, replace_file


def test_what_is_written_is_private_and_replaces_what_was_there(tmp_path):
    path = tmp_path / "a file"
    path.write_text("old")
    path.chmod(0o644)
    replace_file(path, "nëw\n")
    assert read_file(path, 100) == "nëw\n".encode()
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["a file"]


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path):
    target = tmp_path / "target"
    target.write_text("theirs")
    path = tmp_path / "link"
    path.symlink_to(target)
    replace_file(path, "ours")
    assert (target.read_text(), path.read_text(), path.is_symlink()) == ("theirs", "ours", False)


def test_what_exists_is_not_created_again(tmp_path):
    path = tmp_path / "new folder" / "file"
    create_file(path, "first")
    with pytest.raises(Misuse, match="exists already"):
        create_file(path, "second")
    assert path.read_text() == "first"
    assert os.listdir(path.parent) == ["file"]
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_failure_leaves_the_old_file_and_no_draft(tmp_path):
    (tmp_path / "taken").mkdir()  # a directory cannot be replaced by a file
    with pytest.raises(HintedError, match="cannot write"):
        replace_file(tmp_path / "taken", "text")
    assert os.listdir(tmp_path) == ["taken"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for path in (tmp_path / "file" / "below", tmp_path / "dangling"):
        with pytest.raises(Misuse, match=path.name):
            make_folder(path)


def test_reading_is_bounded(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 11)
    assert read_file(path, 11) == b"x" * 11
    with pytest.raises(Misuse, match="more than 10 bytes"):
        read_file(path, 10)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "missing", 10)
    with pytest.raises(Misuse, match="Is a directory"):
        read_file(tmp_path, 10)
