"""Host script of the probe: tries what must fail, and reports each thing that did not."""

from __future__ import annotations

import os
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .boot import Channel

BREACHES = {
    "devices can be added": lambda: os.open("/dev/consilience-probe", os.O_CREAT | os.O_WRONLY),
    "files can be written": lambda: os.open("/consilience-probe", os.O_CREAT | os.O_WRONLY),
    "temporary files can be written": lambda: os.open("/tmp/probe", os.O_CREAT | os.O_WRONLY),  # noqa: S108
    "the user database can be read": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "processes can be started": os.fork,
    "programs can be run": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606
    "the network can be reached": lambda: socket.socket(socket.AF_INET),
    "local sockets can be made": lambda: socket.socket(socket.AF_UNIX),
    "the parent can be signalled": lambda: os.kill(os.getppid() or 1, 0),
}


def breaches() -> list[str]:
    """Names of the walls that did not hold."""
    through = []
    for name, attempt in BREACHES.items():
        try:
            attempt()  # type: ignore[no-untyped-call]
        except OSError:
            continue
        through.append(name)
    return through


def host(channel: Channel) -> None:
    """Answer with the breaches, one a line."""
    channel.read()
    channel.write("\n".join(breaches()).encode())
