"""Keys come from the environment or a private file, and never show."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.llm import Key, Wire, key_from_environment, key_from_file
from leaderboard.errors import LocalError


def test_a_key_does_not_print() -> None:
    key = Key("sk-abc")
    assert "sk-abc" not in f"{key} {key!r} {[key]}"
    assert key.hide("wrong key: sk-abc!") == "wrong key: [key]!"


@pytest.mark.parametrize("secret", ["", "two words", "line\nbreak", "schlüssel"])
def test_odd_keys_are_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(LocalError) as caught:
        Key(secret)
    assert not secret or secret not in str(caught.value)


def test_the_environment() -> None:
    assert key_from_environment("K", {"K": " sk-1\n"}).header() == "Bearer sk-1"
    with pytest.raises(LocalError, match="K holds no key"):
        key_from_environment("K", {})


def test_a_key_file_must_be_private(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-2\n")
    path.chmod(0o640)
    with pytest.raises(LocalError, match="chmod 600"):
        key_from_file(path)
    path.chmod(0o600)
    assert key_from_file(path).header() == "Bearer sk-2"
    path.write_text("x" * 5000)
    with pytest.raises(LocalError, match="does not look like a key"):
        key_from_file(path)
    with pytest.raises(LocalError, match="cannot read"):
        key_from_file(tmp_path / "none")
    with pytest.raises(LocalError):
        key_from_file(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://x/v1", "127.0.0.1:8080", "http://user:pw@host/v1", "http://h/v1?key=1", ""),
        *("http://h:99999/v1", "http://h:0/v1", "http://h:x/v1", "http://a b/v1", "http://[::1/v1"),
        *("http://h/v1\n", "http://\udcff/v1", "http://" + "a" * 300 + "/v1"),
    ],
)
def test_odd_urls_are_refused(url: str) -> None:
    with pytest.raises(LocalError):
        Wire(url)
