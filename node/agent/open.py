"""Putting an agent together from the configuration: device, checker, proposer, tracks."""

from __future__ import annotations

import hmac
import os
import platform
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog

from experiments.harness.pool import Pool, open_pool
from experiments.track import Track
from gossip.proto.peerid import peer_id_of
from leaderboard.blob import BlobId
from leaderboard.ids import AuthorId
from leaderboard.records import Profile

from ..author import Author
from ..blobs_shelf import Blobs
from ..config import Config
from ..identity import Identity
from ..notebook import Notebook
from ..quiet import Quiet
from ..replica import NodeReplica
from ..tracks import configured_tracks
from .checker import NoveltyChecker
from .devices import device_names, share_of_memory
from .loop import Agent
from .machine import OtherLoad, is_on_battery
from .memory import Memory
from .model import open_model
from .programs import ProgramRunner
from .replicate import Replicator
from .research import Researcher
from .rest import Rest
from .share import DeviceShare
from .thinkers import thinkers
from .workbench import Workbench

__all__ = ["open_agent"]

_COIN_DOMAIN = b"consilience/coin-key/v1\x00"


@asynccontextmanager
async def open_agent(
    config: Config, me: Identity, replica: NodeReplica, author: Author, blobs: Blobs
) -> AsyncIterator[Agent]:
    """An agent that is ready to run; its worker and checker end with the block."""
    tracks = configured_tracks(config)
    checker = NoveltyChecker()
    rest = _rest(config)
    try:
        with Notebook(config.home.notebook) as notebook:
            async with _open_pool(config, tracks, rest) as pool:
                bench = Workbench(
                    replica=replica,
                    author=author,
                    device=pool,
                    checker=checker,
                    tracks={track.id: track for track in tracks if pool.runs(track)},
                    coin=hmac.digest(me.seed, _COIN_DOMAIN, "sha256"),
                    random=random.Random(os.urandom(16)),  # noqa: S311 - ideas, nothing secret
                    model=open_model(config.llm, notebook),
                    programs=_programs(config, blobs),
                )
                yield _agent(config, bench, Memory(notebook, replica.store, author.id), rest)
    finally:
        await checker.aclose()


def _agent(config: Config, bench: Workbench, memory: Memory, rest: Rest) -> Agent:
    first, quick = thinkers(config.agent.proposer, bench.model)
    return Agent(
        bench,
        Researcher(bench, first, memory),
        Replicator(bench, bench.programs if config.agent.peer_programs else None),
        DeviceShare(config.agent.replicate_share),
        _profile(config),
        standby=None if quick is None else Researcher(bench, quick, memory),
        rest=rest,
    )


def _programs(config: Config, blobs: Blobs) -> ProgramRunner:
    async def fetch(blob: BlobId, most_bytes: int, near: Sequence[AuthorId]) -> bytes:
        return await blobs.obtain(blob, most_bytes, [peer_id_of(author) for author in near])

    return ProgramRunner(fetch, config.track_folders())


@asynccontextmanager
async def _open_pool(config: Config, tracks: Sequence[Track], rest: Rest) -> AsyncIterator[Pool]:
    """The devices that the configuration names; tracks that none of them can run are named in the log."""
    log = structlog.get_logger("agent")
    names = await device_names(config.agent.devices, {kind for track in tracks for kind in track.runs_on})
    bound = config.agent.trial_memory_mb * 2**20 or share_of_memory(len(names))
    log.info("devices", names=names, trial_memory_mb=bound // 2**20)
    async with open_pool(names, config.track_folders(), bound, rest.wait_for_machine) as pool:
        for track in tracks:
            if not pool.runs(track):
                log.warning("no device for a track", track=track.name, needs=" or ".join(track.runs_on))
        yield pool


def _rest(config: Config) -> Rest:
    agent = config.agent
    return Rest(
        config.home.paused,
        quiet=[Quiet.read(span) for span in agent.quiet],
        on_battery=None if agent.on_battery else is_on_battery,
        other_load=OtherLoad().share if agent.max_load < 1.0 else None,
        most_load=agent.max_load,
    )


def _profile(config: Config) -> Profile:
    device = f"{platform.machine()} {platform.system()}"
    return Profile(config.node.name, f"consilience {version('consilience')}", device)
