"""Daemons of a private swarm: its key lets in, no other does, and members outlive whoever brought them in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .processes import Daemon, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def observer(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons without agents, and stops them."""
    started: list[Daemon] = []

    def add(name: str, bootstrap: str = "", key: str = "") -> Daemon:
        settings: dict[str, object] = {"agent__enabled": False, "agent__tracks": ["deep-mlp"]}
        if key:
            (tmp_path / f"{name}.key").write_text(key)
            settings["network__psk_file"] = str(tmp_path / f"{name}.key")
        daemon = Daemon.settle(tmp_path, name, bootstrap, agent__track_folders=[], **settings)
        started.append(daemon)
        return daemon.start()

    yield add
    for daemon in started:
        daemon.stop()


def test_members_find_each_other_without_the_one_that_introduced_them(
    observer: Callable[..., Daemon],
) -> None:
    key, other = "5a" * 32, "5b" * 32
    first = observer("first", key=key)
    second, third = (observer(name, first.address, key) for name in ("second", "third"))
    wait_until(lambda: all(node.status()["peers"] == 2 for node in (first, second, third)))
    strangers = [observer("wrong", first.address, other), observer("keyless", first.address)]

    first.post("/v1/claims", {"track": "deep-mlp", "slots": {"init_std": "0.1"}})
    wait_until(lambda: second.status()["records"] == third.status()["records"] == 2)
    met = {first.status()["identity"]["peer_id"], second.status()["identity"]["peer_id"]}
    book = third.home.path / "peers.json"
    wait_until(lambda: book.exists() and met <= {entry["peer"] for entry in json.loads(book.read_text())})

    first.kill()
    third.kill()
    wait_until(lambda: second.status()["peers"] == 0)
    second.post("/v1/claims", {"track": "deep-mlp", "slots": {"init_std": "0.2"}})
    third.start()  # whose only bootstrap peer is dead
    wait_until(lambda: third.status()["records"] == 3)
    assert [peer["peer_id"] for peer in third.ask("/v1/peers")] == [second.status()["identity"]["peer_id"]]
    for stranger in strangers:
        assert stranger.status()["peers"] == 0
        assert stranger.status()["records"] == 0
