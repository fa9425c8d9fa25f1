"""What a node can be told: a frozen tree with few dials, each with its default, its bounds and what it does.

A value out of bounds is a `Misuse` that names the dial. `node.config` fills the tree.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any

from leaderboard.errors import LocalError

from .errors import Misuse
from .quiet import Quiet

__all__ = ["Admission", "Agent", "Api", "Limits", "Llm", "Log", "Network", "Node", "Tree"]

_LEVELS = ("debug", "info", "warning", "error")
_LONGEST_NAME = 64
_PROPOSERS = ("auto", "embedded", "random", "greedy", "tpe", "cma-es")
_LLM_BOUNDS = {
    "requests_per_day": (0, 1e9),
    "tokens_per_day": (0, 1e12),
    "dollars_per_day": (0, 1e6),
    "seconds_per_day": (0, 86_400),
    "prompt_price": (0, 1e6),
    "completion_price": (0, 1e6),
    "briefing_tokens": (500, 2e5),
    "answer_tokens": (64, 1e5),
    "temperature": (0, 2),
    "deadline_s": (1, 3600),
}
_LEAST_TRIAL_MB = 512  # torch alone takes 300
_DEVICE = re.compile(r"auto|cpu(\*[1-9]\d{0,2})?|cuda(:\d{1,3})?")
_MOST_WORK_BITS = 32
_AUTHOR_DIGITS = 52
_BASE32 = frozenset("abcdefghijklmnopqrstuvwxyz234567")


def _dial(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, slots=True)
class Node:
    """Who this node is and whom it meets."""

    name: str = _dial("", "What others see beside your records. Public, and shown, never trusted.")
    swarm: str = _dial("consilience", "Name of the swarm; records of one swarm mean nothing in another.")
    listen: tuple[str, ...] = _dial(
        ("/ip4/0.0.0.0/tcp/7118",), "Multiaddrs to accept peers on; tcp/0 takes any free port."
    )
    bootstrap: tuple[str, ...] = _dial(
        (), "Multiaddrs of peers to join through, each ending in /p2p/<peer id>."
    )

    def __post_init__(self) -> None:
        _require(len(self.name) <= _LONGEST_NAME, "node.name", f"has more than {_LONGEST_NAME} characters")
        _require(0 < len(self.swarm) <= _LONGEST_NAME, "node.swarm", f"needs 1 to {_LONGEST_NAME} characters")
        for address in self.listen:
            _require(address.startswith("/"), "node.listen", f"{address!r} is not a multiaddr")
        _require_peers(self.bootstrap, "node.bootstrap")


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API on this machine."""

    host: str = _dial("127.0.0.1", "Loopback address to serve on; other hosts reach it by an ssh tunnel.")
    port: int = _dial(7117, "TCP port; 0 takes any free one. The CLI finds it by itself.")

    def __post_init__(self) -> None:
        _require(_is_loopback(self.host), "api.host", f"{self.host!r} is not a loopback address")
        _require(0 <= self.port <= 65_535, "api.port", "must lie between 0 and 65535")


@dataclass(frozen=True, slots=True)
class Agent:
    """The research agent."""

    enabled: bool = _dial(True, "false makes this node an observer: it keeps and shows records.")
    tracks: tuple[str, ...] = _dial(("deep-mlp",), "Names of the installed tracks to work on.")
    proposer: str = _dial(
        "auto",
        "Who has ideas: auto (the model too, if there is one), embedded, random, greedy, tpe, cma-es.",
    )
    replicate_share: float = _dial(0.25, "Part of the computing time that checks other nodes' claims.")
    peer_programs: bool = _dial(
        False, "Re-run programs of other nodes, confined by bubblewrap or Landlock; never on a card."
    )
    track_folders: tuple[str, ...] = _dial(
        (), "Folders with tracks of your own: packages that declare `consilience.tracks` entry points."
    )
    devices: tuple[str, ...] = _dial(
        ("auto",), "What trials run on: auto, cpu, cpu*4 (workers), cuda (every card), cuda:0."
    )
    trial_memory_mb: int = _dial(
        0, "Most memory of a trial in MiB; 0 takes three quarters of the machine's over the workers."
    )
    quiet: tuple[str, ...] = _dial(
        (), "When to rest, in local time: 08:00-18:00, Mon-Fri 08:00-18:00, Sat 22:00-07:00."
    )
    on_battery: bool = _dial(False, "Work on while the machine runs on battery.")
    max_load: float = _dial(
        1.0, "Rest while other programs use more than this part of the processors; 1 never rests."
    )

    def __post_init__(self) -> None:
        _require(self.proposer in _PROPOSERS, "agent.proposer", f"is not one of {', '.join(_PROPOSERS)}")
        _require(0.0 <= self.replicate_share <= 1.0, "agent.replicate_share", "must lie between 0 and 1")
        _require(0.0 < self.max_load <= 1.0, "agent.max_load", "must lie above 0 and at most at 1")
        small = 0 < self.trial_memory_mb < _LEAST_TRIAL_MB
        _require(not small, "agent.trial_memory_mb", f"must be 0 or at least {_LEAST_TRIAL_MB}")
        _require(bool(self.devices), "agent.devices", "names no device")
        for device in self.devices:
            _require(bool(_DEVICE.fullmatch(device)), "agent.devices", f"{device!r} is no device")
        for span in self.quiet:
            try:
                Quiet.read(span)
            except LocalError as error:
                _require(False, "agent.quiet", str(error))


@dataclass(frozen=True, slots=True)
class Llm:
    """The language model that may have ideas; `consilience llm use` fills this in."""

    endpoint: str = _dial("", "Base URL of an OpenAI-compatible endpoint; empty for no model.")
    model: str = _dial("", "The model's name there.")
    key_env: str = _dial("", "Environment variable that holds the key; the key itself never stands here.")
    key_file: str = _dial("", "File of mode 0600 that holds the key.")
    requests_per_day: int = _dial(2_000, "Most requests in a day (UTC); 0 for no limit.")
    tokens_per_day: int = _dial(5_000_000, "Most tokens in a day, prompts included; 0 for no limit.")
    dollars_per_day: float = _dial(1.0, "Most dollars in a day, by the prices below; 0 for no limit.")
    seconds_per_day: float = _dial(0.0, "Most seconds of asking in a day; 0 for no limit.")
    prompt_price: float = _dial(0.0, "Dollars for a million tokens of prompt; 0 for a model of your own.")
    completion_price: float = _dial(0.0, "Dollars for a million tokens of answer.")
    briefing_tokens: int = _dial(4_000, "Most tokens of a prompt that tell what is known.")
    answer_tokens: int = _dial(2_048, "Most tokens of an answer, reasoning included.")
    temperature: float = _dial(0.7, "How freely the model draws.")
    deadline_s: float = _dial(180.0, "Seconds for one question, waiting and asking again included.")

    def __post_init__(self) -> None:
        _require(bool(self.endpoint) == bool(self.model), "llm.model", "and `llm.endpoint` go together")
        _require(not (self.key_env and self.key_file), "llm.key_file", "and `llm.key_env` exclude each other")
        for name, (low, high) in _LLM_BOUNDS.items():
            good = low <= getattr(self, name) <= high
            _require(good, f"llm.{name}", f"must lie between {low:g} and {high:g}")
        # A question may take until its deadline, so with less than that none would ever be asked.
        enough = not 0 < self.seconds_per_day < self.deadline_s
        _require(enough, "llm.seconds_per_day", "must be 0 or at least `llm.deadline_s`")


@dataclass(frozen=True, slots=True)
class Network:
    """How peers find each other."""

    mdns: bool = _dial(True, "Announce this node on the local network and look for others there.")
    relay: bool = _dial(False, "Let nodes that cannot be called be reached through this one.")
    relays: tuple[str, ...] = _dial(
        (),
        "Multiaddrs of members to be reachable through, each ending in /p2p/<peer id>.",
    )
    psk_file: str = _dial("", "File with 64 hex digits: a private swarm for those who have the same key.")

    def __post_init__(self) -> None:
        _require_peers(self.relays, "network.relays")


@dataclass(frozen=True, slots=True)
class Admission:
    """Whose records this node takes in, and how many."""

    members: tuple[str, ...] = _dial(
        (), "Author ids; if any are named, records of others are ignored. Give every node the same list."
    )
    work_bits: int = _dial(
        0, "Proof of work of every record; part of the swarm's identity, so every node needs the same."
    )
    strangers_mb: int = _dial(
        1024, "Megabytes that authors of no standing may store together: at once, and again each day."
    )

    def __post_init__(self) -> None:
        _require(0 <= self.work_bits <= _MOST_WORK_BITS, "admission.work_bits", "must lie between 0 and 32")
        _require(self.strangers_mb >= 1, "admission.strangers_mb", "must be at least 1")
        for text in self.members:
            good = len(text) == _AUTHOR_DIGITS and set(text) <= _BASE32
            _require(good, "admission.members", f"{text!r} is not an author id; `consilience id` prints one")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the node may use."""

    max_peers: int = _dial(64, "Most connections to other nodes at a time.")
    blob_mb: int = _dial(1024, "Most MiB of blobs (program texts and the like); copies make room first.")

    def __post_init__(self) -> None:
        _require(1 <= self.max_peers <= 10_000, "limits.max_peers", "must lie between 1 and 10000")
        _require(self.blob_mb >= 1, "limits.blob_mb", "must be at least 1")


@dataclass(frozen=True, slots=True)
class Log:
    """The daemon's log."""

    level: str = _dial("info", "Least level to write: debug, info, warning or error.")
    console: bool = _dial(True, "Write to standard error as well as to the file.")

    def __post_init__(self) -> None:
        _require(self.level in _LEVELS, "log.level", f"is not one of {', '.join(_LEVELS)}")


@dataclass(frozen=True, slots=True)
class Tree:
    """What a configuration file may say."""

    node: Node = field(default_factory=Node)
    api: Api = field(default_factory=Api)
    agent: Agent = field(default_factory=Agent)
    llm: Llm = field(default_factory=Llm)
    network: Network = field(default_factory=Network)
    admission: Admission = field(default_factory=Admission)
    limits: Limits = field(default_factory=Limits)
    log: Log = field(default_factory=Log)


def _require_peers(addresses: tuple[str, ...], key: str) -> None:
    for address in addresses:
        good = address.startswith("/") and "/p2p/" in address
        _require(good, key, f"{address!r} is not a multiaddr with /p2p/<peer id>")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _require(condition: bool, key: str, complaint: str) -> None:
    if not condition:
        raise Misuse(f"`{key}` {complaint}", "see docs/configuration.md")
