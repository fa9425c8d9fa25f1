"""The server: a loopback socket, the gate, and anycorn inside the daemon's own trio run.

Limits on hostile clients, each tested against the real server: request head 16 KiB (h11) and 20 s
(anycorn's idle time-out), body 256 KiB and 10 s (`access.Gate`), event streams 32, a peer that stops reading
5 s (`node.api.listening`; without it a stuck client delays shutdown by 20 s).
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable

import anycorn
import trio
from anycorn.utils import LifespanFailureError
from anyio.abc import TaskStatus

from ..home import Home
from .access import Access, Gate, withdraw, write_address
from .app import create_app
from .listening import listen
from .metrics import Traffic
from .ports import NodePort

__all__ = ["serve"]

_IDLE_S = 20.0
"""How long a kept connection may be idle. Well above the 5 s after which httpx drops one by itself: whoever
closes first must be the client, or its next request meets a closed door."""
_GRACE_S = 1.0
_HARD_STOP_S = 2.5
"""From the wish to stop to cutting what is still open."""


async def serve(
    node: NodePort,
    home: Home,
    host: str,
    port: int,
    shutdown_trigger: Callable[[], Awaitable[None]],
    *,
    task_status: TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `node` until `shutdown_trigger` returns; starts with the URL. Port 0 takes any free port.

    While it runs, `home.api` tells this user's CLI the address and the token. Raises Misuse if the address
    cannot be bound. Closing the node's event streams is the caller's part (`Feed.close`).
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        access = Access.new(host, listener.getsockname()[1])
        version = (await node.status()).version
        traffic = Traffic()
        app = Gate(create_app(node, traffic, version), access, traffic.count)
        write_address(home.api, access, version)
        stack.callback(withdraw, home.api, access)
        task_status.started(access.url)
        await _run(app, listener, shutdown_trigger)


async def _run(app: Gate, listener: socket.socket, shutdown_trigger: Callable[[], Awaitable[None]]) -> None:
    with trio.CancelScope() as scope:

        async def stop() -> None:
            await shutdown_trigger()
            scope.deadline = trio.current_time() + _HARD_STOP_S

        try:
            # Our ASGI type is wider than anycorn's, which lists each kind of message.
            await anycorn.serve(app, _settings(listener), shutdown_trigger=stop, mode="asgi")  # type: ignore[arg-type]
        except (LifespanFailureError, BaseExceptionGroup):
            # Cancelling anycorn makes it complain about its lifespan; that is no news then.
            if not scope.cancel_called and not trio.current_effective_deadline() == -float("inf"):
                raise
            await trio.lowlevel.checkpoint_if_cancelled()


def _settings(listener: socket.socket) -> anycorn.Config:
    settings = anycorn.Config()
    settings.bind = [f"fd://{listener.detach()}"]
    settings.errorlog = logging.getLogger("anycorn.error")
    settings.accesslog = None
    settings.include_server_header = False
    settings.keep_alive_timeout = _IDLE_S
    settings.graceful_timeout = _GRACE_S
    settings.shutdown_timeout = _GRACE_S
    settings.h11_max_incomplete_size = 16 * 1024
    settings.alpn_protocols = ["http/1.1"]
    settings.websocket_max_message_size = 1024
    return settings
