"""The refuse-list of a real daemon: at once, in everything it shows and serves, and after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .processes import Daemon, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def observer(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    started: list[Daemon] = []

    def add(name: str, bootstrap: str = "") -> Daemon:
        daemon = Daemon.settle(
            tmp_path,
            name,
            bootstrap,
            agent__enabled=False,
            agent__tracks=["deep-mlp"],
            agent__track_folders=[],
        )
        started.append(daemon)
        return daemon.start()

    yield add
    for daemon in started:
        daemon.stop()


def claims(daemon: Daemon) -> list[str]:
    """Authors of the claims on its board."""
    boards = daemon.ask("/v1/boards", track="deep-mlp", limit=100)
    return sorted(row["author"] for board in boards for row in board["rows"])


def test_a_refused_author_is_gone_at_once_and_stays_gone(observer: Callable[..., Daemon]) -> None:
    one = observer("one")
    two = observer("two", one.address)
    wait_until(lambda: one.status()["peers"] == 1)
    author = two.status()["identity"]["author"]
    me = one.status()["identity"]["author"]
    one.post("/v1/claims", {"track": "deep-mlp", "slots": {"init_std": "0.1"}})
    wait_until(lambda: two.status()["records"] == 2)
    two.post("/v1/claims", {"track": "deep-mlp", "slots": {"init_std": "0.2"}})
    wait_until(lambda: claims(one) == sorted([me, author]))

    assert one.post(f"/v1/authors/{author[:8]}/refuse") == {"authors": [author]}
    assert claims(one) == [me]
    assert one.status()["records"] == 2
    two.post("/v1/claims", {"track": "deep-mlp", "slots": {"init_std": "0.3"}})
    late = observer("late", one.address)  # knows the refuser first: gets nothing of the refused from it
    wait_until(lambda: late.status()["peers"] == 2)
    wait_until(lambda: claims(late) == sorted([me, author, author]))  # but from the author itself
    assert one.status()["records"] == 2

    one.kill()
    one.start()
    assert claims(one) == [me]
    assert one.ask("/v1/refused") == {"authors": [author]}
    assert one.post(f"/v1/authors/{author}/allow") == {"authors": []}
    wait_until(lambda: claims(one) == sorted([me, author, author]))
