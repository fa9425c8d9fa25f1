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

from experiments.llm import Client, Json, Number, Object, OneOf, Rung, Settings, Text, Wire, probe
from experiments.llm.ladder import Message
from experiments.search.llm import LanguageModel
from experiments.search.portfolio import hybrid
from experiments.search.proposer import Briefing
from experiments.tracks.deep_mlp import track as deep_mlp
from leaderboard.errors import ConsilienceError

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
SCHEMA = Object(
    {"idea": Text(4000), "gain": Number(), "sure": OneOf((False, True)), "kind": OneOf(("a", "b"))}
)


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


async def test_random_weights_still_answer_by_the_schema(url: str) -> None:
    client = Client(Wire(url), Settings("tiny", max_tokens=1500, temperature=1.0))
    values: list[dict[str, Json]] = []
    failures = []
    for number in range(30):
        try:
            value, _ = await client.ask([Message("user", f"Idea {number}?")], SCHEMA, lambda value: value)
        except ConsilienceError as error:
            failures.append(str(error))
        else:
            values.append(value)
    assert len(values) >= 29, failures
    assert {value["kind"] for value in values} == {"a", "b"}


async def test_a_hybrid_with_a_useless_model_still_does_research(url: str) -> None:
    failures: list[object] = []
    model = LanguageModel(Client(Wire(url), Settings("tiny", max_tokens=600)), on_failure=failures.append)
    researcher = hybrid(model)
    for seed in range(4):
        proposal = await researcher.propose(Briefing(deep_mlp()), random.Random(seed))
        assert proposal is not None


async def test_leaving_frees_the_servers_only_slot(url: str) -> None:
    impatient = Client(Wire(url), Settings("tiny", max_tokens=4000, deadline_s=0.3))
    with pytest.raises(ConsilienceError):
        await impatient.ask([Message("user", "Talk. " * 50)], Object({"text": Text()}), lambda value: value)
    patient = Client(Wire(url), Settings("tiny", max_tokens=400, deadline_s=20.0))
    value, _ = await patient.ask(
        [Message("user", "?")], Object({"kind": OneOf(("a", "b"))}), lambda value: value
    )
    assert value["kind"] in ("a", "b")
