"""`llm` and `notebook` on the command line: a scripted server, a real notebook, real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from leaderboard.ids import ContentId, TrackId, to_text
from node.notebook import Notebook
from node.notebook_entries import Attempt, Lesson, Outcome

from ..experiments.llm.conftest import Server, server

if TYPE_CHECKING:
    from .conftest import Served

__all__ = ["server"]

TRACK = TrackId(b"\x07" * 32)
Run = Callable[..., Awaitable["subprocess.CompletedProcess[bytes]"]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `consilience` with the given words as a process of its own, in a fresh home."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CONSILIENCE_")}
    environ = {**kept, "CONSILIENCE_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}

    async def go(*words: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-P", "-m", "node.cli", *words]
        return await trio.run_process(
            command, capture_stdout=True, capture_stderr=True, check=False, env=environ | more
        )

    return go


def lists(server: Server, *names: str, chat: Any = None) -> Any:
    """A server that lists models and answers by `chat` (else enforces schemas); it says no more of itself."""

    async def reply(stream: trio.SocketStream, request: dict[str, Any]) -> None:
        if request:
            await (chat or server.enforces())(stream, request)
            return
        if "/models" in server.heads[-1].splitlines()[0]:
            body = json.dumps({"data": [{"id": name, "max_model_len": 4096} for name in names]}).encode()
            await server.raw("200 OK", body, "content-type: application/json")(stream, request)
        else:
            await server.raw("404 Not Found")(stream, request)

    return reply


def port(server: Server) -> str:
    return server.url.split(":")[2].partition("/")[0]


async def test_ls_shows_what_is_served_and_what_is_configured(server: Server, run: Run) -> None:
    server.plays(lists(server, "tiny", "evil\x1b[31m"))
    done = await run("llm", "ls", "--port", port(server), "--json")
    found = json.loads(done.stdout)
    assert [(item["model"], item["context"], item["configured"]) for item in found] == [("tiny", 4096, False)]
    assert (await run("llm", "use", server.url, "tiny")).returncode == 0
    done = await run("llm", "ls", "--port", port(server))
    assert b"*  " in done.stdout
    assert b"\x1b" not in done.stdout


async def test_ls_of_nothing_says_where_it_looked(run: Run) -> None:
    done = await run("llm", "ls", "--port", "9")
    assert (done.returncode, done.stdout) == (0, b"no model is served on this machine\n")
    assert b"port" in done.stderr


async def test_test_tells_what_a_model_can_do(server: Server, run: Run) -> None:
    server.plays(lists(server, "tiny"))
    done = await run("llm", "test", server.url, "tiny", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert (said["works"], said["form"], said["enforced"], said["context"]) == (
        True,
        "json_schema",
        True,
        4096,
    )
    server.plays(lists(server, "tiny", chat=server.obeys()))
    done = await run("llm", "test", server.url, "tiny")
    assert b"ignores schemas" in done.stdout
    server.plays(server.raw("401 Unauthorized"))
    done = await run("llm", "test", server.url, "tiny")
    assert (done.returncode, b"refuses the key" in done.stdout) == (7, True)


async def test_use_writes_only_what_works(server: Server, run: Run, tmp_path: Path) -> None:
    config = tmp_path / "home" / "config.toml"
    server.plays(server.raw("503 Service Unavailable"))
    assert (await run("llm", "use", server.url, "tiny")).returncode == 7
    assert not config.exists()
    assert (await run("llm", "use", server.url, "tiny", "--untested")).returncode == 0
    assert 'model = "tiny"' in config.read_text()
    assert config.read_text().count("endpoint = ") == 1
    server.plays(lists(server, "other"))
    key = tmp_path / "key"
    key.write_text("sk-secret")
    words = ("llm", "use", server.url, "other", "--key-file", str(key))
    done = await run(*words)
    assert b"chmod 600" in done.stderr
    key.chmod(0o600)
    done = await run(*words, "--json")
    assert json.loads(done.stdout)["llm.model"] == "other"
    assert b"sk-secret" not in done.stdout + done.stderr + config.read_bytes()
    assert "authorization: bearer sk-secret" in server.heads[-1].lower()


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("llm", "test"), 5, b"ENDPOINT MODEL"),
        (("llm", "test", "http://127.0.0.1:9/v1"), 2, b"llm ls"),
        (("llm", "test", "ftp://x", "m"), 1, b"no endpoint"),
        (("llm", "test", "http://u:p@h/v1", "m"), 1, b"must not hold a key"),
        (("llm", "use", "http://127.0.0.1:9/v1", "m", "--key-env", "NOT_SET"), 1, b"NOT_SET"),
        (("notebook", "ls"), 5, b"notebook.db"),
    ],
)
async def test_mistakes_are_named(run: Run, words: tuple[str, ...], code: int, hint: bytes) -> None:
    done = await run(*words)
    assert done.returncode == code, done.stderr
    assert hint in done.stderr


async def test_what_a_test_costs_counts_in_the_days_budget(server: Server, run: Run) -> None:
    server.plays(lists(server, "tiny"))
    one = {"CONSILIENCE_LLM__REQUESTS_PER_DAY": "1"}
    assert (await run("llm", "test", server.url, "tiny", **one)).returncode == 0
    done = await run("llm", "test", server.url, "tiny", **one)
    assert done.returncode == 7
    assert b"budget of 1 (requests)" in done.stdout


async def test_status_says_how_the_model_fares_and_what_it_cost(
    served: Served, run: Run, tmp_path: Path
) -> None:
    here = {"CONSILIENCE_HOME": str(tmp_path)}
    done = await run("status", **here)
    assert b"model     tiny\\x1b[31m at http://127.0.0.1:9/v1; resting" in done.stdout
    assert b"embedded search carries on: nobody\\nthere" in done.stdout
    assert b"4 ideas from 7 questions (Unavailable 1, recipe 2)" in done.stdout
    assert b"today 12 of 2,000 requests, 34,567 tokens, 0.25 of 1.0 dollars, 7 of 3,600 s" in done.stdout
    model = json.loads((await run("status", "--json", **here)).stdout)["agent"]["model"]
    assert model["failures"] == {"recipe": 2, "Unavailable": 1}
    done = await run("agent", "proposers", **here)
    track, _, row = done.stdout.decode().splitlines()
    assert track == "toy"
    assert row.split() == ["llm/tiny", "9", "2", "0.1", "1.5", "8", "0.25", "0.5", "75%"]


def filled(home: Path) -> Path:
    path = home / "notebook.db"
    with Notebook(path) as notebook:
        recipe = {"settings": {}, "slots": {"init_std": "sqrt(2/fan_in)"}}
        measured = Attempt(
            TRACK, recipe, "llm/tiny", "keeps variance\x1b[2J", outcome=Outcome.MEASURED,
            effect=1.5, interval=(1.0, 2.0), seeds=8, standing="confirmed", predicted=0.5, time_ms=1,
        )  # fmt: skip
        notebook.note(measured)
        notebook.revise(
            TRACK, [Lesson(TRACK, "k", "cause", "the root does it", (ContentId(b"\x01" * 32),))], ()
        )
    return path


async def test_the_notebook_is_shown_searched_and_carried_over(run: Run, tmp_path: Path) -> None:
    filled(tmp_path / "home")
    done = await run("notebook", "ls")
    assert b"init_std=sqrt(2/fan_in)" in done.stdout
    assert b"cause: the root does it" in done.stdout
    assert b"\x1b" not in done.stdout
    shown = json.loads((await run("notebook", "ls", "--json")).stdout)
    assert [item["kind"] for item in shown] == ["attempt", "lesson"]
    prefix = to_text(TRACK)[:6]
    assert json.loads((await run("notebook", "ls", "--track", prefix, "--json")).stdout) == shown
    assert (await run("notebook", "ls", "--track", "zzzz")).returncode == 5
    done = await run("notebook", "search", "varia")
    assert b"keeps variance" in done.stdout
    assert b"\x1b" not in done.stdout
    assert (await run("notebook", "search", "nothing")).returncode == 5
    copy = tmp_path / "copy.jsonl"
    assert (await run("notebook", "export", "-o", str(copy))).returncode == 0
    other = {"CONSILIENCE_HOME": str(tmp_path / "other")}
    done = await run("notebook", "import", str(copy), "--json", **other)
    assert json.loads(done.stdout) == {"attempts": 1, "lessons": 1}
    assert json.loads((await run("notebook", "ls", "--json", **other)).stdout) == shown
    copy.write_text(copy.read_text() + "{}\n")
    done = await run("notebook", "import", str(copy), **other)
    assert (done.returncode, b"line 4" in done.stderr) == (1, True)
