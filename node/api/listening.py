"""The API's socket: opened by the server, and by commands that ask beforehand whether it can be had.

`TCP_USER_TIMEOUT` ends connections whose other side has stopped reading; accepted sockets inherit it.
"""

from __future__ import annotations

import errno
import socket

from ..errors import Misuse

__all__ = ["listen"]

_UNSENT_MS = 5_000
_WAITING = 100
"""Connections that may wait to be accepted."""


def listen(host: str, port: int) -> socket.socket:
    """A listening, non-blocking socket; Misuse if the address cannot be had. Port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNSENT_MS)
        listener.bind((host, port))
        listener.listen(_WAITING)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise Misuse(
                f"cannot serve the API on {host} port {port}: {error.strerror}",
                "another node may use it; set `api.port = 0` or `--api-port 0` for any free port",
            ) from None
        raise
    return listener
