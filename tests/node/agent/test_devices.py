"""From the configured words to devices."""

from __future__ import annotations

import pytest

from leaderboard.errors import LocalError
from node.agent.devices import device_names, share_of_memory


async def test_configured_words_become_names(monkeypatch):
    async def cards() -> tuple[str, ...]:
        return ("H200", "H200")

    monkeypatch.setattr("node.agent.devices.find_cards", cards)
    assert await device_names(["auto"], {"cpu"}) == ["cpu"]
    assert await device_names(["auto"], {"cpu", "cuda"}) == ["cuda:0", "cuda:1", "cpu"]
    assert await device_names(["auto"], {"cuda"}) == ["cuda:0", "cuda:1"]
    assert await device_names(["cpu*3"], {"cpu"}) == ["cpu"] * 3
    assert await device_names(["cuda", "cuda:1", "cpu"], {"cpu"}) == ["cuda:0", "cuda:1", "cpu"]
    with pytest.raises(LocalError, match="names cuda:7, and torch finds cuda:0, cuda:1; name what is here"):
        await device_names(["cuda:7"], {"cuda"})


async def test_without_a_card_auto_is_the_processor(monkeypatch):
    async def cards() -> tuple[str, ...]:
        return ()

    monkeypatch.setattr("node.agent.devices.find_cards", cards)
    assert await device_names(["auto"], {"cuda"}) == ["cpu"]
    with pytest.raises(LocalError, match="names cuda, and torch finds no CUDA card here; name what is here"):
        await device_names(["cuda"], {"cuda"})


def test_workers_share_the_memory():
    assert share_of_memory(1) >= 3 * share_of_memory(4) > 0
