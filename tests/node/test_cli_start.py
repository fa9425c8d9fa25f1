"""`up` says at once what cannot work; colours are for terminals whose owner wants them."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest


def consilience(home: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("CONSILIENCE_", "NO_COLOR"))
    }
    return subprocess.run(
        [sys.executable, "-P", "-m", "node.cli", "--home", str(home), *words],
        capture_output=True, text=True, timeout=60, check=False, env=kept | environ,
    )  # fmt: skip


@pytest.mark.parametrize("words", [("up",), ("up", "--detach")])
def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path, words: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = consilience(tmp_path / "home", *words, "--api-port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "error: cannot serve the API on 127.0.0.1" in done.stderr
    assert "--api-port 0" in done.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(("where", "named"), [("file", "Not a directory"), ("dangling", "File exists")])
def test_a_home_that_cannot_be_is_explained(tmp_path: Path, where: str, named: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    done = consilience(tmp_path / where, "init")
    assert done.returncode == 2
    assert named in done.stderr
    assert where in done.stderr


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_follow_the_terminal_and_its_owner(
    tmp_path: Path, environ: dict[str, str], coloured: bool
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "daemon.jsonl").write_text('{"level": "error", "event": "it rained"}\n')
    ours, theirs = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    command = [sys.executable, "-P", "-m", "node.cli", "--home", str(tmp_path), "logs"]
    subprocess.run(command, stdout=theirs, env=kept | environ, timeout=60, check=True)
    said = os.read(ours, 4096).decode()
    os.close(ours)
    os.close(theirs)
    assert "it rained" in said
    assert ("\x1b[" in said) is coloured


@pytest.mark.parametrize("words", [("up",), ("up", "--detach")])
def test_a_damaged_database_is_named_with_what_to_do(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert consilience(tmp_path, "init", "--observer").returncode == 0
    (tmp_path / "records.db").write_bytes(b"no database" * 1_000)
    done = consilience(tmp_path, *words, "--api-port", "0", "--listen", "/ip4/127.0.0.1/tcp/0")
    assert done.returncode != 0
    assert "this is not a database" in done.stderr
    assert "consilience doctor --repair" in done.stderr


@pytest.mark.parametrize("content", [None, "zz", "5a" * 31])
def test_a_key_of_a_private_swarm_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_text(content)
    words = ("up", "--detach", "--observer", "--api-port", "0", "--listen", "/ip4/127.0.0.1/tcp/0")
    done = consilience(tmp_path / "home", *words, CONSILIENCE_NETWORK__PSK_FILE=str(key))
    assert done.returncode != 0
    assert f"{key} does not hold 64 hex digits" in done.stderr
    assert "openssl rand -hex 32" in done.stderr
