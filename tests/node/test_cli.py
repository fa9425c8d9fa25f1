"""The real command line against the real server: output, exit codes, JSON, escaping, and what it costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from leaderboard.ids import to_text

if TYPE_CHECKING:
    from .conftest import Served, Story


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Awaitable[Ran]]


def environment(home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CONSILIENCE_")}
    return {**kept, "CONSILIENCE_HOME": str(home), "NO_COLOR": "1"}


def command(words: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-P", "-m", "node.cli", *words]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `consilience` with the given words as a process of its own."""

    async def go(*words: str, **environ: str) -> Ran:
        done = await trio.run_process(
            command(words), capture_stdout=True, capture_stderr=True, check=False,
            env=environment(tmp_path) | environ,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return go


# --- with a daemon


async def test_authors_are_refused_and_allowed(served: Served, run: Run, alice: Any) -> None:
    author = to_text(alice.signer.author)
    assert (await run("peers", "refused")).out == "nobody is refused\n"
    assert (await run("peers", "refuse", author)).out == f"{author}\n"
    assert (await run("peers", "refused", "--json")).json == {"authors": [author]}
    assert (await run("peers", "allow", author, "--json")).json == {"authors": []}
    assert (await run("peers", "refuse")).code == 2


async def test_status_shows_the_node_and_its_parts(served: Served, run: Run) -> None:
    done = await run("status")
    assert done.code == 0, done.err
    assert "records   6" in done.out
    assert "gossip    running, 2 restarts, last: it rained" in done.out
    assert (await run("status", "--json")).json["records"] == 6


async def test_board_ranks_and_flags_in_eighty_columns(served: Served, run: Run, story: Story) -> None:
    done = await run("board", "toy")
    assert done.code == 0, done.err
    assert to_text(story.claim.id)[:10] in done.out
    assert "confirmed" in done.out
    assert "1.5..2" in done.out
    assert "known: rediscovery of a law (He et al. 2015; torch.nn.init; confirmed)" in done.out
    assert "     init_std=sqrt(3/fan_out)  lr=0.02\n" in done.out
    assert max(len(line) for line in done.out.splitlines()[:5]) <= 80
    (board,) = (await run("board", "--json")).json
    assert board["rows"][0]["effect"] == 1.75


@pytest.mark.slow
async def test_novelty_says_what_the_swarm_tried(served: Served, run: Run, story: Story) -> None:
    done = await run("novelty", "sqrt(2/fan_out)")
    assert done.code == 0, done.err
    (told,) = [line for line in done.out.splitlines() if "tried by" in line]
    assert to_text(story.claim.id)[:10] in told
    assert told.endswith("on toy: effect +1.75 (confirmed)")
    (trial,) = (await run("novelty", "sqrt(2/fan_out)", "--json")).json["tried"]
    assert (trial["claim"], trial["effect"]) == (to_text(story.claim.id), 1.75)


@pytest.mark.slow
async def test_novelty_without_a_daemon_has_nothing_tried(run: Run) -> None:
    assert (await run("novelty", "sqrt(2/fan_in)", "--json")).json["tried"] == []
    refused = await run("novelty", "--judge", "anything")
    assert refused.code == 2
    assert "consilience llm use" in refused.err


async def test_show_takes_a_unique_prefix(served: Served, run: Run, story: Story) -> None:
    done = await run("show", to_text(story.claim.id)[:8].upper())
    assert done.code == 0, done.err
    assert to_text(story.claim.id) in done.out
    assert "init_std: sqrt(3/fan_out)" in done.out
    assert "replication" in done.out
    assert (await run("show", to_text(story.claim.id), "--json")).json["kind"] == "claim"


async def test_hostile_text_cannot_drive_the_terminal(served: Served, run: Run) -> None:
    done = await run("peers", NO_COLOR="")
    assert done.code == 0, done.err
    assert "\x1b[31m" not in done.out
    assert "\u202e" not in done.out
    assert "\\x1b[31m" in done.out
    assert "[bold]" in (await run("peers", "--json")).json[0]["name"]


async def test_claim_sends_what_differs(served: Served, run: Run) -> None:
    words = ("--slot", "init_std=sqrt(1/fan_in)", "--set", "lr=0.02", "--set", "on=true", "--predict", "0.5")
    done = await run("claim", "toy", *words, "--hypothesis", "smaller")
    assert (done.code, done.out) == (0, "c" * 52 + "\n"), done.err
    assert "measured here" in done.err
    (draft,) = served.node.drafts
    assert (draft.slots, draft.settings) == ({"init_std": "sqrt(1/fan_in)"}, {"lr": 0.02, "on": True})
    assert (draft.hypothesis, draft.predicted_effect, draft.derivable) == ("smaller", 0.5, True)


async def test_claim_sends_a_program(served: Served, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "he.py"
    file.write_text("def schedule(t):\n    return 1.0\n")
    done = await run("claim", "toy", "--program", str(file))
    assert done.code == 0, done.err
    (draft,) = served.node.drafts
    assert draft.program == file.read_text()


async def test_refusals_keep_their_hint(served: Served, run: Run) -> None:
    done = await run("claim", "toy", "--slot", "init_std=__import__")
    assert done.code == 2
    assert "unknown name" in done.err
    assert "consilience track ls" in done.err
    assert done.out == ""


async def test_tracks_are_listed_and_shown(served: Served, run: Run) -> None:
    assert "toy v1" in (await run("track", "ls")).out
    shown = await run("track", "show", "toy")
    assert "init_std" in shown.out
    assert "high 1.0, low 0.001" in shown.out
    missing = await run("track", "show", "toi")
    assert (missing.code, "did you mean `toy`?" in missing.err) == (5, True)


async def test_export_writes_lines_and_bytes(served: Served, run: Run, story: Story, tmp_path: Path) -> None:
    lines = (await run("export")).out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [to_text(item.id) for item in story.all]
    assert (await run("export", "--format", "raw", "-o", str(tmp_path / "out"))).code == 0
    assert (tmp_path / "out").read_bytes() == b"".join(item.raw for item in story.all)


async def test_an_export_that_fails_leaves_the_file_as_it_was(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    file = folder / "kept.jsonl"
    file.write_text("an older export\n")
    assert (await run("export", "-o", str(file))).code == 5  # there is no store
    assert file.read_text() == "an older export\n"
    assert os.listdir(folder) == ["kept.jsonl"]


async def test_an_export_that_is_cut_fails(served: Served, run: Run) -> None:
    served.node.breaks_after = 3
    done = await run("export")
    assert (done.code, "broke off its answer" in done.err) == (1, True), done.err
    assert len(done.out.splitlines()) <= 3


async def test_the_agent_pauses(served: Served, run: Run) -> None:
    assert (await run("agent", "pause")).out == "paused\n"
    assert (await run("agent", "resume", "--json")).json["activity"] == "idle"


async def test_down_stops_the_node(served: Served, run: Run) -> None:
    done = await run("down")
    assert (done.code, done.out) == (0, "stopped\n"), done.err
    assert served.node.stopping.is_set()


async def test_what_is_not_there_exits_with_five(served: Served, run: Run) -> None:
    done = await run("show", "aaaaaaaaaa")
    assert (done.code, done.out) == (5, "")
    assert "no record starts with" in done.err
    said = await run("board", "nothing", "--json")
    assert said.code == 5
    assert json.loads(said.err)["hint"] == "see `consilience track ls`"


async def test_a_wrong_token_exits_with_four(served: Served, run: Run) -> None:
    said = json.loads(served.home.api.read_text())
    served.home.api.write_text(json.dumps({**said, "token": "guess"}))
    assert (await run("status")).code == 4
    served.home.api.chmod(0o644)
    lax = await run("status")
    assert (lax.code, "read by other users" in lax.err) == (4, True)


async def test_a_reader_that_leaves_is_no_error(served: Served, run: Run, tmp_path: Path) -> None:
    served.node.append(served.node.author.notes(2_000))
    words = f"{sys.executable} -P -m node.cli export | head -1; echo ${{PIPESTATUS[0]}}"
    done = await trio.run_process(
        ["bash", "-c", words], capture_stdout=True, capture_stderr=True, env=environment(tmp_path)
    )
    assert done.stdout.decode().splitlines()[-1] == "0"
    assert done.stderr == b""


# --- without one

WITHOUT = ["status", "peers", "board", "down", "track ls", "claim t --slot a=b", "agent pause"]


@pytest.mark.parametrize("words", WITHOUT)
async def test_without_a_daemon_commands_exit_with_three(run: Run, words: str) -> None:
    done = await run(*words.split())
    assert (done.code, done.out) == (3, "")
    assert "the daemon is not running" in done.err
    assert "start it with `consilience up`" in done.err


async def test_a_dead_daemons_address_is_recognised(run: Run, tmp_path: Path) -> None:
    address = {"url": "http://127.0.0.1:1", "token": "x", "pid": 1, "version": "0"}
    (tmp_path / "api.json").write_text(json.dumps(address))
    (tmp_path / "api.json").chmod(0o600)
    done = await run("status")
    assert (done.code, "does not answer" in done.err) == (3, True)
    (tmp_path / "api.json").write_text("{")
    assert (await run("status")).code == 3


@pytest.mark.parametrize(
    ("answer", "code", "complaint"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>", 3, "something else answers"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", 1, "may be of another version"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", 1, "broke off"),
        (b"SSH-2.0-dropbear\r\n", 3, "does not answer"),
    ],
)
async def test_who_took_over_a_dead_daemons_port_is_recognised(
    run: Run, tmp_path: Path, answer: bytes, code: int, complaint: str
) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        (listener, *_) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        address = {"url": f"http://127.0.0.1:{port}", "token": "x", "pid": 1, "version": "0"}
        (tmp_path / "api.json").write_text(json.dumps(address))
        (tmp_path / "api.json").chmod(0o600)
        done = await run("status")
        nursery.cancel_scope.cancel()
    assert done.code == code
    assert complaint in done.err


@pytest.mark.parametrize("recipe", ["[]", "{", '{"slots": [1]}', "[" * 60_000])
async def test_a_file_that_is_no_recipe_exits_with_two(run: Run, tmp_path: Path, recipe: str) -> None:
    (tmp_path / "recipe.json").write_text(recipe)
    done = await run("try", "deep-mlp", "--recipe", str(tmp_path / "recipe.json"), "--slot", "init_std=1")
    assert done.code == 2
    assert "it should look like" in done.err


@pytest.mark.parametrize("words", ["claim deep-mlp --program", "novelty --code", "report --sentences"])
async def test_a_file_that_is_too_long_is_not_read(run: Run, tmp_path: Path, words: str) -> None:
    with (tmp_path / "long").open("wb") as file:
        file.truncate(2 << 20)
    done = await run(*words.split(), str(tmp_path / "long"))
    assert done.code == 2
    assert "bytes" in done.err


async def test_init_writes_identity_and_config_once(run: Run, tmp_path: Path) -> None:
    done = await run("init", "--name", "ada", "--observer", "--bootstrap", "/ip4/10.0.0.1/tcp/1/p2p/x")
    assert done.code == 0, done.err
    assert "cannot be taken back" in done.err
    assert "consilience up" in done.err
    text = (tmp_path / "config.toml").read_text()
    assert 'name = "ada"' in text
    assert "enabled = false" in text
    key = (tmp_path / "identity.key").read_text()
    again = await run("init")
    assert (again.code, "exists already" in again.err) == (2, True)
    assert (tmp_path / "identity.key").read_text() == key
    me = (await run("id", "--json")).json
    assert me["name"] == "ada"
    assert me["peer_id"] in done.out


async def test_init_refuses_mistakes_before_it_writes(run: Run, tmp_path: Path) -> None:
    done = await run("init", "--bootstrap", "10.0.0.1:7118")
    assert (done.code, "multiaddr" in done.err) == (2, True)
    assert os.listdir(tmp_path) == []


async def test_id_needs_an_identity(run: Run) -> None:
    done = await run("id")
    assert (done.code, "consilience init" in done.err) == (2, True)


async def test_show_and_export_read_the_store(run: Run, tmp_path: Path, story: Story) -> None:
    from node.store import Store

    (tmp_path / "config.toml").write_text('[node]\nswarm = "test-swarm"\n')
    with Store(tmp_path / "records.db", story.track.swarm) as store:
        store.append(story.all)
    shown = await run("show", to_text(story.claim.id)[:10])
    assert shown.code == 0, shown.err
    assert "sqrt(3/fan_out)" in shown.out
    assert "reading its store" in shown.err
    kinds = [json.loads(line)["kind"] for line in (await run("export", "--track", "toy")).out.splitlines()]
    assert kinds == [item.kind for item in story.all]
    about = await run("export", "--about", to_text(story.claim.id), "--kind", "result")
    assert len(about.out.splitlines()) == 1


async def test_logs_are_shown_and_filtered(run: Run, tmp_path: Path) -> None:
    assert (await run("logs")).code == 5
    (tmp_path / "logs").mkdir()
    said = [
        {"timestamp": "2026-11-20T08:00:01Z", "level": "info", "part": "gossip", "event": "joined", "n": 1},
        {"timestamp": "2026-11-20T08:00:02Z", "level": "error", "part": "api", "event": "bad \x1b[2J"},
        {"timestamp": "2026-11-20T08:00:03Z", "level": "error", "part": "api", "event": "failed",
         "traceback": "line 1\n  line \x1b[2J2"},
    ]  # fmt: skip
    lines = "".join(json.dumps(line) + "\n" for line in said)
    (tmp_path / "logs" / "daemon.jsonl").write_text(lines + "not json \x1b[1m\n")
    done = await run("logs")
    assert "08:00:01 info     gossip       joined  n=1" in done.out
    assert "\x1b[2J" not in done.out
    assert "not json \\x1b[1m" in done.out
    assert "failed\n    line 1\n      line \\x1b[2J2\n" in done.out
    assert (await run("logs", "--level", "error", "-n", "3")).out.splitlines()[0].startswith("08:00:02")
    assert json.loads((await run("logs", "--json", "-n", "4")).out.splitlines()[0]) == said[0]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("bord", "did you mean `board`?"),
        ("board --limt 3", "--limit"),
        ("board --limit 0", "--limit"),
        ("show", "ID"),
        ("claim toy", "at least one --slot, --set or --program"),
        ("claim toy --set lr", "'lr' is not NAME=VALUE"),
        ("export --format csv", "--format"),
        ("export --kind clam", "did you mean `claim`?"),
        ("up --api-port x", "--api-port"),
    ],
)
async def test_usage_mistakes_exit_with_two(run: Run, words: str, complaint: str) -> None:
    done = await run(*words.split())
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err
    done = await run(*words.split(), "--json")
    said = json.loads(done.err)
    assert (done.code, done.out) == (2, "")
    assert complaint in said["error"] + said["hint"]


async def test_arguments_that_are_no_text_exit_with_two(run: Run) -> None:
    for words in (
        ("board", "\udcff"),
        ("export", "--track", "\udcff"),
        ("llm", "test", "http://h/v1", "m\udcff"),
    ):
        done = await run(*words)
        assert (done.code, done.out) == (2, "")
        assert f"argument {len(words)} is not UTF-8" in done.err


async def test_a_bad_configuration_exits_with_two(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[api]\nprot = 1\n")
    done = await run("up")
    assert done.code == 2
    assert "did you mean `port`?" in done.err
    (tmp_path / "config.toml").write_text('[api]\nport = "many"\n')
    assert "see docs/configuration.md" in (await run("up")).err
    (tmp_path / "config.toml").write_bytes(b"\xff")
    done = await run("llm", "use", "http://127.0.0.1:1/v1", "m", "--untested")
    assert (done.code, "is not valid TOML" in done.err) == (2, True)


async def test_completion_scripts_come_for_three_shells(run: Run) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_CONSILIENCE_COMPLETE" in (await run("completion", shell)).out


def test_logs_are_followed_through_halves_and_new_files_until_an_interrupt(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "daemon.jsonl"
    log.write_text('{"event": "ready"}\n{"event": "in ')
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    with subprocess.Popen(
        command(("logs", "--follow")), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(tmp_path) | {"PYTHONUNBUFFERED": "1"},
    ) as child:  # fmt: skip
        signal.signal(signal.SIGINT, before)
        assert child.stdout is not None
        assert "ready" in child.stdout.readline()
        with log.open("a") as file:
            file.write('two halves"}\n')
        assert "in two halves" in child.stdout.readline()
        log.rename(tmp_path / "logs" / "daemon.jsonl.1")
        log.write_text('{"event": "anew"}\n')
        assert "anew" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err.strip()) == (130, "interrupted")


# --- cost

HEAVY = {
    "anycorn", "fastapi", "httpx", "libp2p", "multiaddr", "numpy", "optuna", "pydantic", "scipy", "sklearn",
    "structlog", "sympy", "torch", "trio",
}  # fmt: skip


@pytest.mark.parametrize("name", ["boards", "claiming", "look", "records", "lifecycle", "check", "doctoring"])
def test_commands_import_nothing_heavy(name: str) -> None:
    code = f"import sys, node.cli, node.cli.{name}; print(*sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
