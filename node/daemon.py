"""The daemon: one process, one `trio.run`, and the parts of a node side by side under a supervisor.

Order of start: lock on the state directory, identity, store, standings; then gossip, API and agent as
parts that may fail and come back each on its own. Order of stop, on SIGTERM, SIGINT or `consilience down`:
event streams end, the API finishes what it is answering, everything else is cancelled; what is durable needs
no farewell. A process that is not gone five seconds later is ended the hard way, which loses nothing either.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import filelock
import structlog
import trio

from gossip.net.config import NetConfig
from gossip.net.swarm import Swarm, open_swarm
from gossip.proto.peerid import public_key_of
from leaderboard.admission import Allowance
from leaderboard.errors import ConsilienceError
from leaderboard.ids import AuthorId, from_text

from . import identity, refusals
from .addresses import load_book, save_book
from .agent.open import open_agent
from .api.server import serve as serve_api
from .blobs import BlobStore
from .config import Config
from .errors import EXIT_OK, Misuse
from .feed import Feed
from .files import make_folder
from .logs import configure
from .node import Node
from .replica import Entrance, NodeReplica
from .store import Store
from .supervisor import Supervisor
from .views import record_event

__all__ = ["run"]

_HARD_STOP_S = 5.0
_PAGE = 256
_NEIGHBOURS_S = 5.0


def run(config: Config) -> int:
    """Run the node in `config.home` until it is told to stop; returns the exit code."""
    make_folder(config.home.path)
    configure(config)
    log = structlog.get_logger("daemon")
    lock = filelock.FileLock(config.home.lock)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise Misuse(
            f"another consilience is running in {config.home.path}",
            "stop it with `consilience down`, or choose another directory with --home",
        ) from None
    try:
        trio.run(_main, config)
    except ConsilienceError as error:
        log.error("the node stopped", error=str(error))
        raise
    finally:
        lock.release()
    log.info("stopped")
    return EXIT_OK


async def _main(config: Config) -> None:
    _private_key(config)  # said now, rather than by a part of the node that is started again and again
    me = identity.load_or_create(config.home.identity)
    swarm = config.swarm_id()
    with Store(config.home.store, swarm) as store:
        replica = NodeReplica(store, swarm, _entrance(config, me), config.home.boards)
        await replica.open()
        feed = Feed(
            replica, lambda row, limit: [record_event(it.row, it.envelope) for it in replica.page(row, limit)]
        )
        blob_store = BlobStore(config.home.blobs, config.limits.blob_mb << 20)
        node = Node(config, me, replica, feed, Supervisor(), blob_store=blob_store)
        structlog.get_logger("daemon").info(
            "started", home=str(config.home.path), peer_id=me.peer_id, records=len(replica)
        )
        with closing(replica):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_stop_on_signal, node)
                nursery.start_soon(node.supervisor.run, _parts(config, node, me))
                await node.stopping.wait()
                _end_the_hard_way_in(_HARD_STOP_S)
                feed.close()
                with trio.move_on_after(_HARD_STOP_S / 2):
                    await node.api_stopped.wait()
                nursery.cancel_scope.cancel()


async def _stop_on_signal(node: Node) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            await node.stop()


def _end_the_hard_way_in(seconds: float) -> None:
    """A thread of a library may hang; records do not, they are on the disk."""
    timer = threading.Timer(seconds, os._exit, (EXIT_OK,))
    timer.daemon = True
    timer.start()


def _parts(config: Config, node: Node, me: identity.Identity) -> dict[str, Callable[[], Awaitable[None]]]:
    async def gossip() -> None:
        net = _net_config(config, me)
        chance = random.Random(os.urandom(16))  # noqa: S311 - choices among peers, nothing secret
        opened = open_swarm(net, node.replica, shelf=node.blobs, random=chance, wall_ns=time.time_ns)
        async with opened as swarm:
            node.swarm = swarm
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_tell_neighbours, node.replica, swarm)
                    nursery.start_soon(_push_own, node)
            finally:
                node.swarm = None
                node.replica.neighbours = frozenset()

    async def serve() -> None:
        try:
            await serve_api(node, config.home, config.api.host, config.api.port, node.stopping.wait)
        finally:
            if node.stopping.is_set():
                node.api_stopped.set()

    async def agent() -> None:
        async with open_agent(config, me, node.replica, node.author, node.blobs) as found:
            node.agent = found
            try:
                await found.run()
            finally:
                node.agent = None

    parts: dict[str, Callable[[], Awaitable[None]]] = {
        "api": serve,
        "boards": node.replica.keep_boards,
        "feed": node.feed.run,
        "gossip": gossip,
    }
    if config.agent.enabled:
        parts["agent"] = partial(_once_caught_up, node.replica, agent)
    return parts


async def _once_caught_up(replica: NodeReplica, part: Callable[[], Awaitable[None]]) -> None:
    """An agent that saw half of the records would repeat the work of the other half."""
    await replica.wait_caught_up()
    await part()


async def _tell_neighbours(replica: NodeReplica, swarm: Swarm) -> None:
    """Keep the replica informed of whose nodes are here, for their quota."""
    while True:
        replica.neighbours = frozenset(AuthorId(public_key_of(peer.peer)) for peer in swarm.peers())
        await trio.sleep(_NEIGHBOURS_S)


async def _push_own(node: Node) -> None:
    """Push this node's records as they enter the log; peers' records travel on by GossipSub itself."""
    cursor = node.replica.cursor
    while True:
        await node.replica.wait_beyond(cursor)
        page = await trio.to_thread.run_sync(node.replica.page, cursor, _PAGE)
        own = [item.envelope.raw for item in page if item.envelope.author == node.author.id]
        if own and node.swarm is not None:
            await node.swarm.publish(own)
        cursor = page[-1].row if page else cursor


def _entrance(config: Config, me: identity.Identity) -> Entrance:
    return Entrance(
        me=me.author,
        refused=refusals.load(config.home.refused),
        members=frozenset(AuthorId(from_text(text)) for text in config.admission.members),
        work_bits=config.admission.work_bits,
        allowance=Allowance.daily(config.admission.strangers_mb),
    )


def _net_config(config: Config, me: identity.Identity) -> NetConfig:
    path = config.home.peers
    return NetConfig(
        seed=me.seed,
        swarm=config.swarm_id(),
        listen=config.node.listen,
        bootstrap=config.node.bootstrap,
        private_key=_private_key(config),
        max_links=config.limits.max_peers,
        lan=config.network.mdns,
        relay=config.network.relay,
        relays=config.network.relays,
        book=load_book(path),
        save_book=lambda entries: save_book(path, entries),
    )


def _private_key(config: Config) -> bytes | None:
    if not config.network.psk_file:
        return None
    with suppress(OSError, ValueError):
        with Path(config.network.psk_file).expanduser().open(encoding="ascii") as file:
            key = bytes.fromhex(file.read(200).strip())
        if len(key) == 32:
            return key
    raise Misuse(
        f"`network.psk_file`: {config.network.psk_file} does not hold 64 hex digits",
        "make one with `openssl rand -hex 32` and give every member the same",
    )
