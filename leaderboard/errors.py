"""Whose fault is it? Every error of the project descends from one of three.

ConsilienceError
├── LocalError      our bug, misuse, or a broken machine: fix it here
├── PeerError       a peer (or a file, a model, a page) sent something it should not: costs the sender
└── Refused         nobody's fault: not now, not allowed by configuration, over a quota
"""

from __future__ import annotations

__all__ = ["ConsilienceError", "LocalError", "PeerError", "Refused"]


class ConsilienceError(Exception):
    """Root of all errors that we raise on purpose; its text is written for the person who reads it."""


class LocalError(ConsilienceError):
    """Our own fault or the user's: a bug, a wrong argument, a full disk."""


class PeerError(ConsilienceError):
    """Somebody else sent something malformed, oversized or dishonest; the sender pays for it."""


class Refused(ConsilienceError):  # noqa: N818 - not an error of anybody
    """A well-formed request that is not served: busy, over quota, switched off. Nobody is to blame."""
