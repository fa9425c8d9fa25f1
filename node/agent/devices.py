"""From the configured words to the devices of this machine."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from experiments.harness.kinds import CPU, CUDA, find_cards
from leaderboard.errors import LocalError

__all__ = ["device_names", "share_of_memory"]

_USABLE = 0.75
"""Part of the machine's memory that trials may hold together: the daemon, the novelty checker and their owner
need the rest. A guess."""


async def device_names(words: Sequence[str], wanted: Collection[str]) -> list[str]:
    """Names of devices for `open_pool`: `auto`, `cpu`, `cpu*3`, `cuda` (every card) or `cuda:1` each.

    `wanted` are the kinds that the tracks run on. `auto` takes every card if some track runs on cards, and
    one worker on the processor if some track runs there, or if there is no card. LocalError names a card that
    is not here.
    """
    cards: list[str] = []
    if any(word.startswith(CUDA) for word in words) or ("auto" in words and CUDA in wanted):
        cards = [f"{CUDA}:{card}" for card in range(len(await find_cards()))]
    found: list[str] = []
    for word in words:
        if word == "auto":
            found += cards if CUDA in wanted else []
            found += [CPU] if CPU in wanted or not cards else []
        elif word.startswith(CPU):
            found += [CPU] * int(word.partition("*")[2] or 1)
        elif word == CUDA and cards:
            found += cards
        elif word in cards:
            found.append(word)
        else:
            here = f"torch finds {', '.join(cards)}" if cards else "torch finds no CUDA card here"
            raise LocalError(f"`agent.devices` names {word}, and {here}; name what is here, `cpu` or `auto`")
    return list(_without_doubles(found))


def _without_doubles(names: Sequence[str]) -> list[str]:
    """Several workers may share the processor, but no card is named twice."""
    return [name for place, name in enumerate(names) if name == CPU or name not in names[:place]]


def share_of_memory(workers: int) -> int:
    """Bytes for the trial of each of `workers`; 0 (no bound) where the system does not say what it has."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
    return int(total * _USABLE / max(workers, 1))
