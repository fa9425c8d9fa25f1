"""Whole swarms of real processes: agreement, crashes, lies and garbage."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .processes import Daemon, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # processors may be shared with much else


@pytest.fixture
def swarm(tmp_path):
    """Daemons by name; everything that was started is stopped."""
    started: list[Daemon] = []

    def add(
        name: str, bootstrap: str = "", command: tuple[str, ...] | None = None, **settings: object
    ) -> Daemon:
        daemon = Daemon.settle(tmp_path, name, bootstrap, **settings)
        daemon.command = command or daemon.command
        started.append(daemon)
        return daemon.start()

    yield add
    for daemon in started:
        daemon.stop()


def free_port() -> int:
    """Below those that the system gives to others (32,768 on) while our daemon is down."""
    for port in range(21_000 + os.getpid() % 1000, 32_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def confirmed(daemon: Daemon) -> list[dict[str, object]]:
    return [row for row in daemon.board()["rows"] if row["rank"] is not None]


def agree(*daemons: Daemon) -> bool:
    """Whether all have the same records and the same board."""
    statuses = [daemon.status() for daemon in daemons]
    return len({(status["records"], status["board_digest"]) for status in statuses}) == 1


def settle_down(*daemons: Daemon) -> None:
    """No new work; wait until promises are kept and everything has arrived everywhere."""
    for daemon in daemons:
        if daemon.status()["agent"]["enabled"]:
            daemon.post("/v1/agent/pause")
    wait_until(lambda: all(d.status()["agent"]["activity"] in ("paused", "observer") for d in daemons))
    try:
        wait_until(lambda: agree(*daemons))
    except AssertionError:
        told = [(d.home.path.name, d.status()["records"], d.status()["board_digest"]) for d in daemons]
        raise AssertionError(f"no agreement: {told}") from None


def test_a_swarm_confirms_and_agrees_and_a_latecomer_catches_up(swarm):
    one = swarm("one")
    two, three = swarm("two", one.address), swarm("three", one.address)
    wait_until(lambda: len(confirmed(one)) >= 3, patience_s=480.0)
    late = swarm("late", three.address, agent__enabled=False)
    wait_until(lambda: late.status()["peers"] >= 3)  # by peer exchange: it knew one address
    settle_down(one, two, three, late)
    rows = confirmed(late)
    assert rows
    assert all(row["replicators"] >= 2 and row["effect"] > 0 for row in rows)
    assert late.status()["agent"]["trials"] == 0


def test_killed_in_the_middle_of_writing_a_node_keeps_its_word_and_goes_on(swarm):
    one = swarm("one", node__listen=[f"/ip4/127.0.0.1/tcp/{free_port()}"])  # where others knock
    two = swarm("two", one.address)
    wait_until(lambda: one.status()["peers"] == 1)
    for _ in range(3):
        wait_until(lambda: one.status()["agent"]["trials"] >= 2)
        held = {row["id"] for row in _export(one)}
        one.kill()
        one.start()
        after = {row["id"] for row in _export(one)}
        assert held <= after
    settle_down(one, two)
    me = one.status()["identity"]["author"]
    claims = [row for row in one.board()["rows"] if row["author"] == me]
    assert len({row["summary"] for row in claims}) == len(claims)  # with its memory it repeats nothing
    assert all(row["measured"] is not None for row in claims)  # and what was begun is finished


def _export(daemon: Daemon) -> list[dict[str, str]]:
    import json

    assert daemon._client is not None
    text = daemon._client.get("/v1/export").raise_for_status().text
    return [json.loads(line) for line in text.splitlines()]


def test_garbage_on_both_ports_hurts_nobody(swarm):
    one = swarm("one")
    two = swarm("two", one.address)
    _, _, host, _, port, *_ = one.address.split("/")
    api = one._client.base_url
    for target in ((host, int(port)), (api.host, api.port)):
        for _ in range(50):
            with socket.create_connection(target, timeout=60) as victim:
                victim.sendall(os.urandom(4096))
    before = [daemon.status()["agent"]["trials"] for daemon in (one, two)]
    wait_until(lambda: one.status()["agent"]["trials"] > before[0] + 3)
    wait_until(lambda: two.status()["agent"]["trials"] > before[1] + 3)
    settle_down(one, two)
    assert all(part["restarts"] == 0 for part in one.status()["parts"])


def test_a_node_that_lies_about_its_results_is_found_out(swarm):
    """By whoever runs its claims again; that two do so on one claim, which refutes it for all, is luck."""
    one = swarm("one")
    two, three = swarm("two", one.address), swarm("three", one.address)
    honest = (one, two, three)
    liar = swarm("liar", one.address, command=(os.path.join(os.path.dirname(__file__), "lying_node.py"),))
    author = liar.status()["identity"]["author"]
    caught: set[str] = set()

    def found_out() -> bool:
        # It is truthful about everybody else's claims, so it may earn its way back for a while.
        for daemon in honest:
            assert not [row for row in confirmed(daemon) if row["author"] == author]
            assert quarantined(daemon).keys() <= {"liar"}
            if "liar" in quarantined(daemon):
                caught.add(daemon.home.path.name)
        return bool(caught)  # the others then expect less of its claims than of honest ones

    wait_until(found_out, patience_s=480.0)
    settle_down(one, two, three, liar)
    assert not [row for row in confirmed(one) if row["author"] == author]
    told = [
        peer["trust"]
        for node in (one, two, three)
        for peer in node.ask("/v1/peers")
        if peer["name"] == "liar"
    ]
    assert any("of your re-runs agreed" in trust for trust in told)  # whoever caught it has looked for itself


def test_two_liars_of_six_who_collude_are_found_out(swarm):
    """Invented results, confirmed by the other liar: nothing of it stands, and nobody honest is blamed."""
    command = (os.path.join(os.path.dirname(__file__), "colluding_node.py"),)
    one = swarm("one")
    honest = [one, *(swarm(name, one.address) for name in ("two", "three", "four"))]
    liars = [swarm(name, one.address, command=command) for name in ("liar", "accomplice")]
    lied = {liar.status()["identity"]["author"] for liar in liars}

    caught: dict[str, set[str]] = {daemon.home.path.name: set() for daemon in honest}

    def found_out() -> bool:
        # Whatever the state of knowledge: no board of an honest node ever confirms what was invented.
        # The liars are truthful about everybody else's claims, so each may earn its way back for a while.
        for daemon in honest:
            assert not [row for row in confirmed(daemon) if row["author"] in lied]
            caught[daemon.home.path.name] |= quarantined(daemon).keys()
        return all(sum(liar in names for names in caught.values()) >= 2 for liar in ("liar", "accomplice"))

    wait_until(found_out, patience_s=480.0)
    settle_down(*honest, *liars)
    rows = one.board()["rows"]
    assert {row["standing"] for row in rows if row["author"] in lied} <= {
        "refuted",
        "measured",
        "replicated",
        "claimed",
    }
    assert all(_truly_better(_recipe(one, row["claim"])) for row in confirmed(one))
    held = [quarantined(daemon).keys() for daemon in honest]
    assert all(names <= {"liar", "accomplice"} for names in (*held, *caught.values()))
    for daemon, names in zip(honest, held, strict=True):
        shown = _cli("peers", "--home", str(daemon.home.path)).splitlines()
        assert names == {
            name
            for name in ("liar", "accomplice", "one", "two", "three", "four")
            if _line(shown, name, "quarantined")
        }


def _line(shown: list[str], name: str, word: str) -> bool:
    return any(f" {name} " in line and word in line for line in shown)


def quarantined(daemon: Daemon) -> dict[str, str]:
    """The peers that a node has in quarantine, with its reasons."""
    found = {peer["name"]: peer["trust"] for peer in daemon.ask("/v1/peers")}
    return {name: reason for name, reason in found.items() if reason.startswith("quarantined: ")}


def _recipe(daemon: Daemon, claim: str) -> dict[str, float]:
    found: dict[str, float] = daemon.ask(f"/v1/records/{claim}")["payload"]["recipe"]["settings"]
    return found


def _truly_better(settings: dict[str, float]) -> bool:
    """Whether the toy track's recipe lies lower in the bowl than the reference (-1, -1)."""
    height = (settings["x"] - 0.3) ** 2 + (settings["y"] + 0.2) ** 2
    return height < (-1 - 0.3) ** 2 + (-1 + 0.2) ** 2


def _cli(*arguments: str) -> str:
    command = [sys.executable, "-P", "-m", "node.cli", *arguments]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "400"},
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_daemon_stops_within_five_seconds_and_leaves_nothing_behind(swarm):
    one = swarm("one")
    took = []
    while not took or (took[-1] >= 5.0 and len(took) < 3):  # a machine may stand still for some of them
        if took:
            one.start()
        wait_until(lambda: one.status()["agent"]["trials"] >= 1)
        group = one.process.pid
        took.append(one.stop())
        assert one.process.returncode == 0
        left = [pid for pid in os.listdir("/proc") if pid.isdigit() and _runs_in(pid, group)]
        assert left == []
        assert not one.home.api.exists()
    assert took[-1] < 5.0, took


def _runs_in(pid: str, session: int) -> bool:
    """Whether a process of the session runs; one that only waits for its parent to look does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return os.getsid(int(pid)) == session and stat.rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
