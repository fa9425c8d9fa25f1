"""A person's program travels as a blob and is re-run by whoever allows it, in a sandbox; by nobody else."""

from __future__ import annotations

import json

import pytest

from experiments.sandbox import Level

from .processes import Daemon, wait_until

pytestmark = pytest.mark.slow

HE = (
    "def initialiser(shape, fan_in, fan_out, layer, depth, rng):\n"
    "    return rng.normal(0, (2 / fan_in) ** 0.5, shape)  # He et al. 2015\n"
)


@pytest.fixture
def swarm(tmp_path):
    started: list[Daemon] = []

    def add(name: str, bootstrap: str = "", **settings: object) -> Daemon:
        daemon = Daemon.settle(tmp_path, name, bootstrap, agent__tracks=["deep-mlp"], **settings)
        started.append(daemon)
        return daemon.start()

    yield add
    for daemon in started:
        daemon.stop()


def every(daemon: Daemon, kind: str) -> list[dict[str, object]]:
    assert daemon._client is not None
    text = daemon._client.get("/v1/export", params={"kind": kind}).raise_for_status().text
    return [json.loads(line) for line in text.splitlines()]


def records(daemon: Daemon, kind: str, claim: str) -> list[dict[str, object]]:
    return [row for row in every(daemon, kind) if row["payload"].get("claim") == claim]


@pytest.mark.timeout(600)
def test_a_program_is_claimed_fetched_confined_and_replicated(swarm):
    author = swarm("author", agent__replicate_share=0.0)
    willing = swarm("willing", author.address, agent__peer_programs=True, agent__replicate_share=1.0)
    unwilling = swarm("unwilling", author.address, agent__replicate_share=1.0)
    for other in (author, unwilling):  # or else there would be more promising claims to replicate first
        other.post("/v1/agent/pause", {})
    draft = {"track": "deep-mlp", "program": HE, "hypothesis": "He"}
    claim = author.post("/v1/claims", draft)["claim"]
    assert author.post("/v1/claims", {**draft, "program": HE.replace("2015", "again")})["known"]
    wait_until(lambda: records(author, "result", claim), patience_s=180)
    (result,) = records(author, "result", claim)
    assert result["payload"]["measurement"]["sandbox"] in set(Level)
    me = willing.status()["identity"]["author"]
    wait_until(lambda: records(willing, "replication", claim), patience_s=300)
    (made,) = records(willing, "replication", claim)
    assert made["author"] == me
    assert made["payload"]["own"]["sandbox"] in set(Level)
    assert made["payload"]["replay"]["seeds"][0] in result["payload"]["measurement"]["seeds"]
    shown = willing.ask(f"/v1/records/{claim}")
    assert shown["standing"]["standing"] == "replicated"
    unwilling.post("/v1/agent/resume", {})
    third = unwilling.status()["identity"]["author"]
    wait_until(lambda: third in {row["author"] for row in every(willing, "accept")}, patience_s=180)
    assert third not in {row["author"] for row in records(willing, "accept", claim)}
