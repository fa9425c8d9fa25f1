"""The one place where any error of py-libp2p stops.

py-libp2p lets whatever a packet provokes (protobuf's DecodeError, KeyError, its own forty exceptions, groups
of them) rise through nurseries it shares with everything else, so one bad packet ends the process. There is
no list of exceptions to catch; at its edges we contain every `Exception`, count it and hand it to whoever
decides what the peer did. Cancellation and other `BaseException`s pass.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

__all__ = ["Contained", "Report"]

Report = Callable[[Exception], None]


class Contained:
    """`with Contained(report):` ends at an `Exception` from its body, which goes to `report`."""

    __slots__ = ("_report", "error")

    def __init__(self, report: Report | None = None) -> None:
        self._report = report
        self.error: Exception | None = None

    def __enter__(self) -> Contained:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = error
        if self._report is not None:
            self._report(error)
        return True
