"""What a simulated network is like, and what happened in it."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Settings", "Tally"]


@dataclass(frozen=True, slots=True)
class Settings:
    """A network. Latencies are one way and per link: lognormal around the median, fixed for the run."""

    nodes: int
    seed: int = 1
    degree: int = 6
    latency: float = 0.045
    """Median, seconds."""
    spread: float = 0.5
    """Standard deviation of the logarithm of the latency."""
    loss: float = 0.0
    """Probability that a copy of a pushed message, or a whole sync session, is lost."""
    silent: float = 0.0
    """Part of the nodes that take and pass nothing on, and do not answer sync."""
    sync_seconds: float = 0.0
    """Mean pause between sessions of a node; 0 for no sync."""
    symbols: int = 512
    """Symbols in each node's sketch."""


@dataclass(slots=True)
class Tally:
    """What happened."""

    events: int = 0
    copies: int = 0
    """Pushed messages that arrived, new or not."""
    push_bytes: int = 0
    sync_bytes: int = 0
    sessions: int = 0
    equal: int = 0
    bans: int = 0
    hops: list[int] = field(default_factory=list)
    """For each first arrival of a message at a node, how many links it came over."""
    arrivals: list[float] = field(default_factory=list)
    """For each first arrival, seconds since the message left its maker."""
