"""Host script of the GPU probe: can torch see a device in here?"""

from __future__ import annotations

import torch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .boot import Channel


def host(channel: Channel) -> None:
    """Answer with the device's name, or with nothing."""
    channel.read()
    channel.write(torch.cuda.get_device_name(0).encode() if torch.cuda.is_available() else b"")
