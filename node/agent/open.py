"""Putting an agent together from the configuration: device, checker, proposer, tracks."""

from __future__ import annotations

import hmac
import os
import platform
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from experiments.harness.device import open_device
from experiments.search.portfolio import embedded
from leaderboard.records import Profile

from ..author import Author
from ..config import Config
from ..identity import Identity
from ..replica import NodeReplica
from ..tracks import configured_tracks, track_folders
from .checker import NoveltyChecker
from .loop import Agent
from .replicate import Replicator
from .research import Researcher
from .share import DeviceShare
from .workbench import Workbench

__all__ = ["open_agent"]

_COIN_DOMAIN = b"consilience/coin-key/v1\x00"


@asynccontextmanager
async def open_agent(
    config: Config, me: Identity, replica: NodeReplica, author: Author
) -> AsyncIterator[Agent]:
    """An agent that is ready to run; its worker and checker end with the block."""
    tracks = configured_tracks(config)
    checker = NoveltyChecker()
    try:
        async with open_device(folders=track_folders(config)) as device:
            bench = Workbench(
                replica=replica,
                author=author,
                device=device,
                checker=checker,
                tracks={track.id: track for track in tracks},
                coin=hmac.digest(me.seed, _COIN_DOMAIN, "sha256"),
                random=random.Random(os.urandom(16)),  # noqa: S311 - ideas, nothing secret
            )
            yield Agent(
                bench,
                Researcher(bench, embedded()),
                Replicator(bench),
                DeviceShare(config.agent.replicate_share),
                _profile(config),
            )
    finally:
        await checker.aclose()


def _profile(config: Config) -> Profile:
    device = f"{platform.machine()} {platform.system()}"
    return Profile(config.node.name, f"consilience {version('consilience')}", device)
