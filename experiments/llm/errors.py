"""What can go wrong with a language model, by whose fault it is.

ConsilienceError
├── LocalError
│   └── AuthError        401/403: the key is missing or wrong; a person must act
├── PeerError
│   └── AnswerError         the endpoint answered, and the answer is of no use (kind says how)
│       └── UnsupportedError   it does not serve this form of request: step down the ladder
└── Refused
    ├── Unavailable       not reachable, busy or too slow now; `retry_after_s` says when to come back
    └── BudgetSpent       the operator's budget does not allow this request
"""

from __future__ import annotations

from leaderboard.errors import LocalError, PeerError, Refused

__all__ = ["AnswerError", "AuthError", "BudgetSpent", "Unavailable", "UnsupportedError"]


class AuthError(LocalError):
    """The endpoint wants a key, or another one."""


class AnswerError(PeerError):
    """An answer that cannot be used; `kind` is a stable word for logs, counters and tests."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class UnsupportedError(AnswerError):
    """The endpoint refused the form of the request (HTTP 400, 404, 415, 422, 500, 501)."""

    def __init__(self, text: str) -> None:
        super().__init__("unsupported", text)


class Unavailable(Refused):
    """Nobody there, too busy or too slow; says nothing about what the endpoint can do."""

    def __init__(self, text: str, retry_after_s: float | None = None, *, began: bool = False) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.began = began
        """It may have begun to work on the request, so that tokens may have been used."""


class BudgetSpent(Refused):
    """A limit of the operator's budget would be passed."""
