"""A real llama-server with a tiny random model: whatever it says, we survive it and get our schema."""

from __future__ import annotations

import importlib.util
import random
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from experiments.llm import Client, Json, Object, OneOf, Rung, Settings, Wire, probe
from experiments.llm.ladder import Message
from experiments.search.answers import answer_schema
from experiments.search.llm import LanguageModel
from experiments.search.portfolio import hybrid
from experiments.search.proposer import Briefing
from experiments.tracks.deep_mlp import track as deep_mlp
from leaderboard.errors import ConsilienceError

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
BRIEFING = Briefing(deep_mlp())


def _load(name: str, path: Path) -> object:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def binary() -> Path:
    found = _load("llama_server", HERE.parents[2] / "bench" / "llama_server.py").find()  # type: ignore[attr-defined]
    if found is None:
        pytest.skip("no llama-server here; build it: python bench/llama_server.py (7 minutes)")
    return Path(found)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("gguf", reason="the package gguf writes the tiny model")
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    _load("tiny_model", HERE / "tiny_model.py").write_model(path)  # type: ignore[attr-defined]
    return path


@pytest.fixture
def server(binary: Path, weights: Path, tmp_path: Path) -> Iterator[int]:
    """The port of a server that is loading; ended with the test."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [str(binary), "-m", str(weights), "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-c", "8192", "-np", "1", "-t", "1", "--no-warmup"], stdout=log, stderr=log
        )
    yield port
    process.kill()
    process.wait()


@pytest.fixture
async def url(server: int) -> str:
    """The endpoint, when it answers."""
    address = f"http://127.0.0.1:{server}/v1"
    with trio.fail_after(120):
        while True:
            try:
                await Wire(address).get("/health", at_root=True)
            except ConsilienceError:
                await trio.sleep(0.05)  # loading; no result of a test depends on this time
            else:
                return address


async def test_the_server_enforces_schemas_and_tells_its_context(url: str) -> None:
    found = await probe(Wire(url), Settings("tiny", max_tokens=256))
    assert found.trouble == ""
    assert found.capability is not None
    assert (found.capability.rung, found.capability.enforced) == (Rung.JSON_SCHEMA, True)
    assert found.context == 8192


async def test_random_weights_still_propose_by_the_schema(url: str) -> None:
    """The real question of a track, and its real schema; whether the expressions mean anything is another
    matter (they do not)."""
    client = Client(Wire(url), Settings("tiny", max_tokens=1500, temperature=1.0))
    question = LanguageModel(client).messages(BRIEFING, random.Random(1))
    schema = answer_schema(BRIEFING)
    effects: set[Json] = set()
    failures = []
    for _ in range(60):
        try:
            value, _ = await client.ask(question, schema, lambda value: value)
        except ConsilienceError as error:
            failures.append(str(error))
        else:
            effects.add(value["predicted_effect"])
    assert len(failures) <= 1, failures
    assert len(effects) > 1  # random weights indeed


async def test_a_hybrid_with_a_useless_model_still_does_research(url: str) -> None:
    failures: list[object] = []
    model = LanguageModel(Client(Wire(url), Settings("tiny", max_tokens=600)), on_failure=failures.append)
    researcher = hybrid(model)
    for seed in range(4):
        proposal = await researcher.propose(BRIEFING, random.Random(seed))
        assert proposal is not None


async def test_leaving_frees_the_servers_only_slot(url: str) -> None:
    endless = {"model": "tiny", "messages": [{"role": "user", "content": "Talk."}], "stream": True}
    with trio.move_on_after(0.3) as left:
        await Wire(url).chat({**endless, "ignore_eos": True, "max_tokens": 8000})
    assert left.cancelled_caught
    patient = Client(Wire(url), Settings("tiny", max_tokens=400, deadline_s=20.0))
    value, _ = await patient.ask(
        [Message("user", "?")], Object({"kind": OneOf(("a", "b"))}), lambda value: value
    )
    assert value["kind"] in ("a", "b")
