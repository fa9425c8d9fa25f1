"""What a node decides about its place in the network, and what it can read off it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gossip.proto.book import Entry
from gossip.proto.peerid import PeerId
from leaderboard.ids import SwarmId

__all__ = ["NetConfig", "PeerView", "Statistics"]


@dataclass(frozen=True, slots=True)
class NetConfig:
    """Everything `open_swarm` needs to know."""

    seed: bytes = field(repr=False)
    """The node's Ed25519 seed, 32 bytes: its PeerId and its author key are the same key."""
    swarm: SwarmId
    listen: tuple[str, ...] = ("/ip4/0.0.0.0/tcp/0",)
    """Multiaddrs to listen on; port 0 takes a free one."""
    announce: tuple[str, ...] = ()
    """Multiaddrs to tell peers besides those we listen on (a forwarded port, a DNS name)."""
    bootstrap: tuple[str, ...] = ()
    """Multiaddrs that end in /p2p/<PeerId>."""
    private_key: bytes | None = field(default=None, repr=False)
    """32 bytes known to the members of a private swarm only; None for an open one."""
    links: int = 6
    """Connections a node keeps up by itself; fewer only if it knows fewer peers."""
    max_links: int = 64
    """Connections in all; above it, inbound ones are refused."""
    sync_seconds: float = 3.0
    """Mean pause between comparisons with a random peer; up to twice that while nothing differs."""
    relay: bool = False
    """Pass on what others send to nodes that cannot be called."""
    relays: tuple[str, ...] = ()
    """Multiaddrs, each ending in /p2p/<PeerId>, of members to be reachable through."""
    lan: bool = False
    """Look for peers on the local network by mDNS."""
    book: tuple[Entry, ...] = ()
    """The address book as it was saved."""
    save_book: Callable[[tuple[Entry, ...]], None] | None = field(default=None, repr=False)
    """Called about once a minute and at the end with the address book, if it changed."""


@dataclass(frozen=True, slots=True)
class PeerView:
    """A connected peer."""

    peer: PeerId
    addresses: tuple[str, ...]
    """Where it may be dialled, as far as known."""
    outbound: bool
    """Whether we dialled it."""
    since: float
    """Seconds it has been connected."""
    member: bool
    """Whether it has shown that it speaks our protocols in our swarm."""
    in_mesh: bool
    """Whether records are pushed to it directly."""
    round_trip: float | None
    """Seconds of the last ping."""
    guilt: float
    """0 innocent, 100 banned."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counters since the start; all of them only grow, except those under `now`."""

    peers: int
    """Now: connected peers."""
    known_peers: int
    """Now: entries of the address book."""
    mesh: int
    """Now: peers that we push to directly."""
    waiting: int
    """Now: records that wait to be pushed."""
    pushed_records: int
    pushed_batches: int
    delivered_batches: int
    delivered_records: int
    """Records that came by push, new or not."""
    new_records: int
    """Records that came by push or sync and were new."""
    syncs: Mapping[str, int]
    """Sync sessions that we opened, by their ending."""
    served: int
    """Sync sessions that others opened and we served."""
    sync_bytes_in: int
    sync_bytes_out: int
    blobs_fetched: int
    blob_bytes_in: int
    blob_bytes_out: int
    """Bytes of blob streams, whoever opened them."""
    refused: Mapping[str, int]
    """What was refused or contained, by reason."""
    dials: int
    dials_failed: int
    bans: int
    watchdog_drops: int
    """Peers that stopped answering pings."""
