"""Reaching nodes that cannot be called: circuit relay v2, through a member of the swarm that offers it.

A node behind a NAT reserves a place at a relay, tells peers the circuit address (the relay's own, then
`/p2p/<relay>/p2p-circuit`), and keeps the connection to the relay up. Who wants to reach it asks the relay to
pass bytes on; noise and yamux run end to end through the circuit, so the relay sees neither records nor keys,
and the PeerId is proven as always. The relay is py-libp2p's service; reserving and dialling are ours, since
its transport picks relays, reserves anew for every dial, and its `connect` refuses circuit addresses.

Not covered: hole punching, and relays that are no members of the swarm. Docs: docs/libp2p.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
from libp2p.connection_types import ConnectionType
from libp2p.custom_types import TProtocol
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage
from libp2p.relay.circuit_v2.pb.circuit_pb2 import PeerId as CircuitPeer
from libp2p.relay.circuit_v2.protocol import PROTOCOL_ID, CircuitV2Protocol
from libp2p.relay.circuit_v2.protocol_buffer import StatusCode
from libp2p.relay.circuit_v2.resources import RelayLimits
from libp2p.relay.circuit_v2.utils import read_delimited_msg, write_delimited_msg
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from gossip.proto.peerid import PeerId
from leaderboard.errors import Refused

from .contain import Contained
from .host import Host, identifier_of

__all__ = ["CIRCUIT", "Relays", "is_circuit", "offer_relay"]

CIRCUIT = "/p2p-circuit"
_LIMITS = RelayLimits(
    duration=24 * 3600, data=4 * 1024**3, max_circuit_conns=16, max_reservations=64, reservation_ttl=3600
)
"""What this node does for others as a relay. A circuit that ends is dialled again, so this bounds its traffic
per day and neighbour rather than what the neighbour can do."""
_LOOK_SECONDS = 5.0
_RENEW_SECONDS = 900.0
"""A quarter of the time for which a reservation holds."""
_ANSWER_SECONDS = 10.0


def is_circuit(address: str) -> bool:
    """Whether an address leads through a relay."""
    return address.endswith(CIRCUIT)


@asynccontextmanager
async def offer_relay(host: Host, serve: bool) -> AsyncIterator[None]:
    """Accept circuits to this node; if `serve`, pass on those of others too."""
    service = CircuitV2Protocol(host.basic, limits=_LIMITS, allow_hop=serve)
    async with background_trio_service(service):
        await service.event_started.wait()
        yield


class Relays:
    """This node's places at relays, and calls through relays."""

    def __init__(self, host: Host, through: tuple[tuple[PeerId, str], ...]) -> None:
        """`through`: relays to be reachable at, each with its address."""
        self._host = host
        self._through = through
        self._reserved: dict[PeerId, float] = {}

    def addresses(self) -> tuple[str, ...]:
        """Circuit addresses at which this node can be reached now."""
        return tuple(
            f"{address}/p2p/{relay}{CIRCUIT}" for relay, address in self._through if relay in self._reserved
        )

    async def run(self) -> None:
        """Keep a place at every relay until cancelled."""
        while True:
            for relay, address in self._through:
                with Contained() as outcome, trio.fail_after(2 * _ANSWER_SECONDS):
                    await self._keep(relay, address)
                if outcome.error is not None:
                    self._reserved.pop(relay, None)
            await trio.sleep(_LOOK_SECONDS if self._through else float("inf"))

    async def _keep(self, relay: PeerId, address: str) -> None:
        now = trio.current_time()
        connected = bool(self._host.network.get_connections(identifier_of(relay)))
        if connected and now - self._reserved.get(relay, float("-inf")) < _RENEW_SECONDS:
            return
        await self._reach(relay, address)
        stream, answer = await self._ask(relay, HopMessage(type=HopMessage.RESERVE))
        await stream.close()
        _require_ok(answer, "a place")
        self._reserved[relay] = now

    async def dial(self, address: str, peer: PeerId) -> Any:
        """A connection to `peer` through the relay in `address`; the relay is connected to first."""
        at, _, relay = address.removesuffix(CIRCUIT).rpartition("/p2p/")
        target = identifier_of(peer)
        await self._reach(PeerId(relay), at)
        request = HopMessage(type=HopMessage.CONNECT, peer=CircuitPeer(id=target.to_bytes()))
        stream, answer = await self._ask(PeerId(relay), request)
        try:
            _require_ok(answer, "a circuit")
            raw = RawConnection(
                stream=stream,
                initiator=True,
                connection_type=ConnectionType.RELAYED,
                addresses=[Multiaddr(f"/p2p/{relay}{CIRCUIT}/p2p/{peer}")],
            )
            return await self._host.basic.upgrade_outbound_connection(raw, target)
        except BaseException:
            with Contained(), trio.CancelScope(shield=True), trio.move_on_after(0.5):
                await stream.reset()
            raise

    async def _reach(self, relay: PeerId, address: str) -> None:
        identifier = identifier_of(relay)
        if not self._host.network.get_connections(identifier):
            await self._host.network.dial_addr(Multiaddr(address), identifier)

    async def _ask(self, relay: PeerId, question: HopMessage) -> tuple[Any, HopMessage]:
        stream = await self._host.basic.new_stream(identifier_of(relay), [TProtocol(PROTOCOL_ID)])
        with trio.fail_after(_ANSWER_SECONDS):
            await write_delimited_msg(stream, question)
            return stream, await read_delimited_msg(stream, HopMessage)


def _require_ok(answer: HopMessage, what: str) -> None:
    if answer.type != HopMessage.STATUS or int(answer.status) != int(StatusCode.OK):
        raise Refused(f"the relay does not give {what}: status {answer.status}")
