"""Errors that people meet at the edge: each knows its HTTP status, its exit code and what to do next.

ConsilienceError (leaderboard.errors)
├── LocalError
│   ├── NotFound         no such thing here (404, exit 5)
│   ├── Ambiguous        an id prefix that fits several records (409, exit 2)
│   ├── Misuse           wrong arguments, wrong configuration (400, exit 2)
│   ├── DaemonDown       nobody answers for this state directory (exit 3)
│   ├── AuthFailed       token missing, wrong or stolen by a changed file mode (401, exit 4)
│   ├── TimedOut         no answer in time (504, exit 6)
│   └── StoreBroken      disk full, database locked or corrupted (500, exit 1)
├── PeerError            (400, exit 1)
└── Refused              (503, exit 1)

`check failed` (exit 7) is not an error but an answer: the command that checks returns it.
"""

# ruff: noqa: N818 - named for what happened, as leaderboard.errors.Refused is

from __future__ import annotations

from typing import ClassVar

from leaderboard.errors import ConsilienceError, LocalError, PeerError, Refused

__all__ = [
    "EXIT_CHECK_FAILED",
    "EXIT_FAILED",
    "EXIT_INTERRUPTED",
    "EXIT_OK",
    "EXIT_USAGE",
    "Ambiguous",
    "AuthFailed",
    "DaemonDown",
    "HintedError",
    "Misuse",
    "NotFound",
    "StoreBroken",
    "TimedOut",
    "exit_code",
    "hint_of",
    "http_status",
]

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CHECK_FAILED = 7
EXIT_INTERRUPTED = 130


class HintedError(LocalError):
    """A local error with a second sentence: what to do about it."""

    status: ClassVar[int] = 500
    code: ClassVar[int] = EXIT_FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NotFound(HintedError):
    """No such record, track or peer on this node."""

    status = 404
    code = 5


class Ambiguous(HintedError):
    """An id prefix that fits more than one record."""

    status = 409
    code = EXIT_USAGE


class Misuse(HintedError):
    """Wrong arguments or a wrong configuration file."""

    status = 400
    code = EXIT_USAGE


class DaemonDown(HintedError):
    """No daemon answers for this state directory."""

    status = 503
    code = 3


class AuthFailed(HintedError):
    """The token is missing or is not the daemon's."""

    status = 401
    code = 4


class TimedOut(HintedError):
    """No answer in time."""

    status = 504
    code = 6


class StoreBroken(HintedError):
    """The database cannot be used: disk full, locked by someone else, or corrupted."""


def http_status(error: ConsilienceError) -> int:
    """The status under which the API reports `error`."""
    if isinstance(error, HintedError):
        return error.status
    if isinstance(error, Refused):
        return 503
    return 400 if isinstance(error, PeerError) else 500


def exit_code(error: ConsilienceError) -> int:
    """The exit code with which the CLI reports `error`."""
    return error.code if isinstance(error, HintedError) else EXIT_FAILED


def hint_of(error: ConsilienceError) -> str:
    """What the error tells the user to do next; empty where it says so itself."""
    return error.hint if isinstance(error, HintedError) else ""
