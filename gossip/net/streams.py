"""Frames over libp2p streams, each with a limit and a deadline.

py-libp2p has neither timeouts nor short frames in mind: its own reader takes one byte at a time and gives up
after a hundred fragments, and `set_deadline` raises on yamux.
"""

from __future__ import annotations

from typing import Any

import trio

from gossip.proto.frames import MAX_FRAME_BYTES
from gossip.proto.peerid import PeerId
from leaderboard.errors import PeerError

from .contain import Contained

__all__ = ["FRAME_SECONDS", "FrameStream", "remote_ip"]

FRAME_SECONDS = 10.0
"""A frame that is expected must be there, whole, within this time; so must one that we write."""
_READ_BYTES = 65_536
_MAX_LENGTH_BYTES = 3
"""A varint of three bytes reaches 2 MiB."""


class FrameStream:
    """A stream that carries frames, each after its length as an unsigned varint."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self.bytes_in = 0
        self.bytes_out = 0

    @property
    def peer(self) -> PeerId:
        """Who is at the other end, as proven by the noise handshake."""
        return PeerId(str(self._stream.muxed_conn.peer_id))

    @property
    def remote_ip(self) -> str | None:
        """The address the connection comes from, if it is known."""
        return remote_ip(self._stream.muxed_conn)

    async def read(self, seconds: float | None = None) -> bytes | None:
        """The next frame; None if the stream ended between frames. TooSlowError after `seconds`."""
        with trio.fail_after(FRAME_SECONDS if seconds is None else seconds):
            while True:
                head = self._length()
                if head is not None and len(self._buffer) >= sum(head):
                    start, length = head
                    frame = bytes(memoryview(self._buffer)[start : start + length])
                    del self._buffer[: start + length]
                    return frame
                if not await self._fill():
                    if self._buffer:
                        raise PeerError("a stream that ends within a frame")
                    return None

    async def write(self, frame: bytes, seconds: float | None = None) -> None:
        """Send one frame; TooSlowError if the other end does not take it within `seconds`."""
        data = _varint(len(frame)) + frame
        self.bytes_out += len(data)
        with trio.fail_after(FRAME_SECONDS if seconds is None else seconds):
            await self._stream.write(data)

    async def close(self) -> None:
        """End our side and forget the stream; never raises, never waits long."""
        with _briefly(), Contained():
            await self._stream.close()

    async def reset(self) -> None:
        """Drop the stream at once, both ways."""
        with _briefly(), Contained():
            await self._stream.reset()

    async def _fill(self) -> bool:
        try:
            data = await self._stream.read(_READ_BYTES)
        except EOFError:  # what both layers' end-of-stream exceptions have in common
            return False
        self.bytes_in += len(data)
        self._buffer += data
        return bool(data)

    def _length(self) -> tuple[int, int] | None:
        value = 0
        for index, byte in enumerate(self._buffer[:_MAX_LENGTH_BYTES]):
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if not 0 < value <= MAX_FRAME_BYTES:
                    raise PeerError(f"announces a frame of {value} bytes, the limit is {MAX_FRAME_BYTES}")
                return index + 1, value
        if len(self._buffer) >= _MAX_LENGTH_BYTES:
            raise PeerError("announces a frame beyond all limits")
        return None


def remote_ip(connection: Any) -> str | None:
    """The address a muxed connection comes from, if it is known."""
    with Contained():
        remote = connection.get_remote_address()
        return None if remote is None else str(remote[0])
    return None


def _briefly() -> trio.CancelScope:
    """For farewells: not cut short by a cancellation that is under way, but short."""
    scope = trio.move_on_after(0.5)
    scope.shield = True
    return scope


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
