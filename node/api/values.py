"""Values that the HTTP API gives and takes: what a program that talks to a node reads and writes.

Ids are text (`leaderboard.ids.to_text`). Text that came from peers (names, hypotheses, labels) is passed on
unescaped; whoever shows it escapes it. Plain dataclasses, so that the CLI can read answers back without
importing FastAPI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

__all__ = [
    "AgentStatus",
    "BoardRow",
    "BoardView",
    "ClaimDraft",
    "ClaimReceipt",
    "DeviceStatus",
    "Event",
    "ExportFilter",
    "FindingView",
    "IdentityView",
    "Json",
    "JsonMap",
    "Metric",
    "ModelStatus",
    "NodeStatus",
    "PartStatus",
    "PeerView",
    "ProposerView",
    "RecordRef",
    "RecordView",
    "RefusedView",
    "Sample",
    "TrackView",
]

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
else:
    Json = object  # FastAPI reads these annotations and cannot follow a recursive alias
JsonMap: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True, slots=True)
class IdentityView:
    """Who this node is; public values only."""

    author: str
    """AuthorId in base32 text: who signs this node's records."""
    peer_id: str
    """The same key as libp2p spells it (`12D3Koo...`)."""
    name: str
    swarm: str
    swarm_id: str


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One supervised part of the daemon: `api`, `boards`, `feed`, `gossip`, `agent`."""

    name: str
    state: str
    """`starting`, `running`, `waiting` (before a restart), `ended`."""
    restarts: int
    last_error: str
    """Text of the failure that caused the last restart; empty if there was none."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The language model that has ideas here: how it fares, and what it has cost today (UTC)."""

    name: str
    endpoint: str
    state: str
    """`ready`, `thinking`, or why it rests."""
    asked: int
    """Questions since the daemon started."""
    ideas: int
    """Of these, answers that became a proposal."""
    failures: dict[str, int]
    """The others, by what was wrong."""
    requests: int
    requests_per_day: int
    """0 is no limit, here and below."""
    tokens: int
    tokens_per_day: int
    dollars: float
    dollars_per_day: float
    seconds: float = 0.0
    """Of asking, summed."""
    seconds_per_day: float = 0.0


@dataclass(frozen=True, slots=True)
class ProposerView:
    """What the ideas of one proposer were worth on one track; effects in units of the track's metric."""

    track: str
    name: str
    """`search/...`, `llm/MODEL`, `person`."""
    claims: int
    """Its claims that somebody has measured."""
    confirmed: int
    mean_effect: float
    """A divergence counts as minus the track's bound."""
    best_effect: float
    predictions: int
    """Claims that said beforehand what they expect."""
    bias: float | None
    """Predicted minus measured, on average: positive is too hopeful."""
    error: float | None
    """Mean absolute error."""
    right_sign: float | None
    """Share of predictions with the right direction."""
    correlation: float | None


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """One device that trials run on, since the daemon started."""

    name: str
    """`cpu`, `cuda:0`."""
    busy: float
    """Part of the time in which a trial ran, from 0 to 1."""
    trials: int
    failures: int
    """Trials without an outcome."""
    last_fault: str
    """Stable word for the last of them: `timeout`, `memory`, `crash`, ...; empty if there was none."""


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """What the research agent is doing."""

    enabled: bool
    activity: str
    """For people: `measuring abcd...`, `replicating abcd...`, `trying out deep-mlp`, `idle`."""
    trials: int
    """Own claims measured since the daemon started."""
    replications: int
    """Replications published since the daemon started."""
    proposer: str = ""
    """Who has the ideas, as the configuration says."""
    model: ModelStatus | None = None
    """The language model; None where none is configured."""
    resting: str = ""
    """Why nothing new starts: `paused`, `on battery`, ...; empty while it works."""
    devices: tuple[DeviceStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """The answer to `consilience status`."""

    version: str
    identity: IdentityView
    started_ms: int
    """When the daemon started, UTC milliseconds."""
    listen: tuple[str, ...]
    """Multiaddrs with `/p2p/<peer id>`: what others pass to `--bootstrap`."""
    peers: int
    records: int
    store_bytes: int
    """Size of the database files on disk."""
    tracks: int
    board_digest: str
    """Digest over the common boards of all tracks: equal record sets give equal digests."""
    agent: AgentStatus
    parts: tuple[PartStatus, ...]
    boards_percent: float = 100.0
    """How much of the log the boards show; below 100 while they catch up after a start."""


@dataclass(frozen=True, slots=True)
class PeerView:
    """A connected peer."""

    peer_id: str
    name: str
    """From its Profile record; shown, never trusted."""
    address: str
    direction: str
    """Who called: `in` the peer, `out` this node."""
    since_ms: int
    """When it connected, UTC milliseconds."""
    rtt_ms: float | None
    guilt: float
    """What its bad messages have cost it: 0 innocent, 100 banned for a while."""
    trust: str
    """How its numbers fared when this node ran them again, in words; empty where none were."""


@dataclass(frozen=True, slots=True)
class RefusedView:
    """The local refuse-list."""

    authors: tuple[str, ...]
    """Author ids whose records this node leaves out, in order."""


@dataclass(frozen=True, slots=True)
class TrackView:
    """A contest that this node knows."""

    id: str
    name: str
    version: int
    question: str
    metric: str
    direction: str
    tolerance: str
    installed: bool
    """Whether this node can run it; otherwise it only shows its board."""
    claims: int
    confirmed: int
    space: JsonMap
    """The manifest's search space: settings with ranges, slots with their variables."""


@dataclass(frozen=True, slots=True)
class FindingView:
    """A novelty verdict as the board shows it."""

    label: str
    relation: str
    technique: str | None
    mode: str
    """Which form of the technique, e.g. `fan_in`; empty if it has only one."""
    gain: float | None
    """Ratio to the technique's canonical constant."""
    paper: str
    symbol: str
    strength: str
    authors: tuple[str, ...]
    """Names of those who signed this verdict."""
    others: int
    """How many signed a different one."""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One claim on a board. Numbers are effects (positive is better), in units of the track's metric."""

    rank: int | None
    """None for what is merely claimed or measured, refuted, unstable or retracted."""
    claim: str
    author: str
    author_name: str
    standing: str
    """`claimed`, `measured`, `replicated`, `confirmed`, `refuted`, `unstable` or `retracted`."""
    summary: str
    """The recipe in one line."""
    hypothesis: str
    effect: float | None
    """Median paired effect over others' fresh seeds; None before the first replication."""
    low: float | None
    high: float | None
    """Anytime-valid confidence sequence of that median."""
    bound: float | None
    """Selection-corrected lower bound by which rows are ranked."""
    measured: float | None
    """Median of the author's own seeds: shown, never ranked by."""
    replicators: int
    seeds: int
    """Fresh seeds by others that count."""
    findings: tuple[FindingView, ...]
    time_ms: int


@dataclass(frozen=True, slots=True)
class BoardView:
    """The common board of one track."""

    track: TrackView
    digest: str
    rows: tuple[BoardRow, ...]
    """Ranked rows first, in order of rank; then the unranked, newest first."""


@dataclass(frozen=True, slots=True)
class RecordRef:
    """A record in one line."""

    id: str
    kind: str
    author: str
    time_ms: int
    summary: str


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record taken apart for reading; bytes appear as base32 ids or, of other lengths, as `hex:...`."""

    id: str
    kind: str
    author: str
    author_name: str
    time_ms: int
    chain: str
    seq: int
    prev: str | None
    size: int
    """Length of the wire form in bytes."""
    payload: JsonMap
    standing: BoardRow | None
    """Where the claim stands; None for records that are not claims."""
    explanation: tuple[str, ...]
    """What each number of the standing means, in plain words; empty for records that are not claims."""
    related: tuple[RecordRef, ...]
    """Records about this claim (accepts, results, replications, findings, ...), in order of time."""


@dataclass(frozen=True, slots=True)
class ClaimDraft:
    """A person's hypothesis, to be checked, signed and measured by this node."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    """Read by FastAPI: a misspelt field is an error, not a claim without it."""

    track: str
    """Track id, a unique prefix of it, or the track's name."""
    settings: dict[str, bool | int | float | str] = field(default_factory=dict)
    """Values that differ from the reference recipe."""
    slots: dict[str, str] = field(default_factory=dict)
    """Expressions that differ from the reference recipe."""
    hypothesis: str = ""
    predicted_effect: float | None = None
    opponent: str | None = None
    """Claim id or prefix; None takes the track's reference recipe."""
    parents: tuple[str, ...] = ()
    licence: str = ""
    derivable: bool = True
    program: str = ""
    """Python source with functions for the track's slots, where the track takes programs; public."""


@dataclass(frozen=True, slots=True)
class ClaimReceipt:
    """What became of a draft: the signed claim, and when it will be measured."""

    claim: str
    track: str
    known: bool
    """True if this author had claimed this recipe before; then `claim` is that older record."""
    queued: bool
    """True if this node will measure it; False on an observer."""


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """Which records to export; empty fields select everything."""

    kind: str = ""
    track: str = ""
    """Id, prefix or name; selects the track's claims and everything about them."""
    author: str = ""
    about: str = ""
    """A claim's id or prefix: that claim, its track, opponents, parents and every record about it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, with the place in the log from which a listener can go on."""

    seq: int
    """Row number in the store's log."""
    type: str
    """`record`."""
    data: JsonMap


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metric:
    """A Prometheus metric family; names start with `consilience_`."""

    name: str
    kind: str
    """`counter` or `gauge`."""
    help: str
    samples: tuple[Sample, ...]
