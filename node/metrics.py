"""The daemon's own metrics, read from the parts when somebody asks; docs/api.md lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .api.values import Metric, Sample

if TYPE_CHECKING:
    from .agent.loop import Agent
    from .node import Node

__all__ = ["node_metrics"]


def node_metrics(node: Node) -> tuple[Metric, ...]:
    """All families; those of a part that is not running are left out."""
    families = [
        _one("records", "gauge", "Records in this node's replica.", len(node.replica)),
        _by("part_restarts_total", "counter", "Restarts of supervised parts.", "part", _restarts(node)),
    ]
    if node.agent is not None:
        activity = node.agent.activity
        families += [
            _one("trials_total", "counter", "Own claims measured.", activity.trials),
            _one("replications_total", "counter", "Replications published.", activity.replications),
            _by("device_runs_total", "counter", "Trials with an outcome.", "device", _runs(node.agent)),
        ]
    if node.swarm is not None:
        net = node.swarm.statistics()
        families += [
            _one("peers", "gauge", "Connected peers.", net.peers),
            _one("known_peers", "gauge", "Entries of the address book.", net.known_peers),
            _one("pushed_records_total", "counter", "Records pushed by gossip.", net.pushed_records),
            _one("delivered_records_total", "counter", "Records that came by push.", net.delivered_records),
            _one("new_records_total", "counter", "Records from peers that were new.", net.new_records),
            _one("sync_bytes_in_total", "counter", "Bytes read in sync sessions.", net.sync_bytes_in),
            _one("sync_bytes_out_total", "counter", "Bytes written in sync sessions.", net.sync_bytes_out),
            _one("blobs_fetched_total", "counter", "Blobs fetched from peers.", net.blobs_fetched),
            _one("blob_bytes_in_total", "counter", "Bytes read on blob streams.", net.blob_bytes_in),
            _one("blob_bytes_out_total", "counter", "Bytes written on blob streams.", net.blob_bytes_out),
            _one("dials_total", "counter", "Attempts to connect.", net.dials),
            _one("dials_failed_total", "counter", "Attempts to connect that failed.", net.dials_failed),
            _one("bans_total", "counter", "Peers banned for a while.", net.bans),
            _by("refused_total", "counter", "What was refused from peers.", "reason", net.refused),
            _by("syncs_total", "counter", "Sync sessions by their ending.", "ending", net.syncs),
        ]
    return tuple(families)


def _restarts(node: Node) -> Mapping[str, int]:
    return {part.name: part.restarts for part in node.supervisor.statistics()}


def _runs(agent: Agent) -> Mapping[str, int]:
    """Several workers on the processor share its name."""
    found: dict[str, int] = {}
    for device in agent.devices():
        found[device.name] = found.get(device.name, 0) + device.trials
    return found


def _one(name: str, kind: str, text: str, value: float) -> Metric:
    return Metric(f"consilience_{name}", kind, text, (Sample(value),))


def _by(name: str, kind: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    samples = tuple(Sample(value, {label: key}) for key, value in sorted(values.items()))
    return Metric(f"consilience_{name}", kind, text, samples)
