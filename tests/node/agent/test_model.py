"""A language model among the proposers: whatever it does, research goes on and the budget holds."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from experiments.search.portfolio import embedded
from experiments.search.proposer import Briefing
from experiments.tracks.deep_mlp import track as deep_mlp
from leaderboard.errors import Refused
from node.agent.model import Model, open_model
from node.agent.thinkers import thinkers
from node.errors import Misuse
from node.notebook import Notebook
from node.sections import Llm

from ...experiments.llm.conftest import Server, server

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["server"]

TRACK = deep_mlp()


class Clock:
    """Moves when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    with Notebook(tmp_path / "notebook.db") as opened:
        yield opened


def opened(server: Server, notebook: Notebook, **dials: object) -> Model:
    found = open_model(replace(Llm(endpoint=server.url, model="tiny", deadline_s=20.0), **dials), notebook)
    assert found is not None
    return found


def answers(server: Server, law: str) -> object:
    """Passes the probe for schemas, then proposes `law`."""

    async def reply(stream: object, request: dict[str, object]) -> None:
        asked = json.dumps(request.get("response_format", {}))
        if "hypothesis" not in asked:
            await server.enforces()(stream, request)  # type: ignore[arg-type]
            return
        said = {"hypothesis": "h", "mechanism": "m", "predicted_effect": "0.5", "slots": {"init_std": law}}
        await server.says(json.dumps(said))(stream, request)  # type: ignore[arg-type]

    return reply


async def ask(model: Model, seed: int = 1) -> object:
    return await model.propose(Briefing(TRACK), random.Random(seed))


async def test_an_idea_comes_and_is_counted(server: Server, notebook: Notebook) -> None:
    server.plays(answers(server, "1.1/sqrt(fan_in)"))  # type: ignore[arg-type]
    model = opened(server, notebook)
    proposal = await ask(model)
    assert proposal is not None
    status = model.status()
    assert (status.state, status.asked, status.ideas, status.failures) == ("ready", 1, 1, {})
    assert (status.requests, status.name) == (2, "tiny")  # the probe and the question
    assert status.tokens > 2000


async def test_a_model_that_is_not_there_rests_longer_each_time(server: Server, notebook: Notebook) -> None:
    server.plays(server.raw("503 Service Unavailable"))
    clock = Clock()
    watched = opened(server, notebook)
    watched._clock = clock
    waits = []
    for _ in range(4):
        with pytest.raises(Refused, match="busy"):
            await ask(watched)
        asked = len(server.requests)
        with pytest.raises(Refused, match="busy"):
            await ask(watched)  # at once: it is not asked again
        assert len(server.requests) == asked
        waits.append(watched._quiet_until - clock.now)
        clock.now = watched._quiet_until
    assert waits == [5.0, 10.0, 20.0, 40.0]
    assert "embedded search carries on" in watched.status().state
    assert "busy" in watched.status().state
    server.plays(answers(server, "1.1/sqrt(fan_in)"))  # type: ignore[arg-type]
    assert await ask(watched) is not None
    assert watched.status().state == "ready"


async def test_the_budget_outlives_a_restart(server: Server, tmp_path: Path) -> None:
    server.plays(answers(server, "1.1/sqrt(fan_in)"))  # type: ignore[arg-type]
    with Notebook(tmp_path / "notebook.db") as notebook:
        assert await ask(opened(server, notebook, requests_per_day=3)) is not None
    with Notebook(tmp_path / "notebook.db") as notebook:
        again = opened(server, notebook, requests_per_day=3)
        with pytest.raises(Refused, match="requests"):
            await ask(again)  # the third request is the probe; the question would be the fourth
        assert len(server.requests) == 3
        assert again.status().requests == 3
        assert "midnight UTC" in again.status().state


async def test_the_budget_of_seconds_outlives_a_restart(server: Server, tmp_path: Path) -> None:
    async def slow(stream: trio.SocketStream, request: dict[str, Any]) -> None:
        await trio.sleep(0.05)
        await answers(server, "1.1/sqrt(fan_in)")(stream, request)  # type: ignore[operator]

    server.plays(slow)
    with Notebook(tmp_path / "notebook.db") as notebook:
        model = opened(server, notebook, seconds_per_day=20.05)
        assert await ask(model) is not None
        assert 0.1 <= model.status().seconds < 20.0
    with Notebook(tmp_path / "notebook.db") as notebook:
        again = opened(server, notebook, seconds_per_day=20.05)
        with pytest.raises(Refused, match=r"budget of 20\.05 s"):
            await ask(again)  # it may take 20 s, and less is left
        assert len(server.requests) == 2


async def test_the_words_of_a_refused_key_and_a_missing_key_reach_the_status(
    server: Server, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    missing = opened(server, notebook, key_env="NO_SUCH_KEY")
    with pytest.raises(Refused, match="NO_SUCH_KEY"):
        await ask(missing)
    assert "NO_SUCH_KEY" in missing.status().state
    monkeypatch.setenv("SOME_KEY", "sk-secret-value")
    server.plays(server.raw("401 Unauthorized", b"sk-secret-value is wrong"))
    refused = opened(server, notebook, key_env="SOME_KEY")
    with pytest.raises(Refused, match="refuses the key"):
        await ask(refused)
    assert "sk-secret" not in refused.status().state


async def test_answers_of_no_use_are_counted_by_kind(server: Server, notebook: Notebook) -> None:
    server.plays(answers(server, "os.system(1)"))  # type: ignore[arg-type]
    model = opened(server, notebook)
    assert await ask(model) is None
    assert model.status().failures == {"recipe": 1}
    assert model.status().state == "ready"


async def test_a_model_that_never_helps_is_asked_less_and_less(server: Server, notebook: Notebook) -> None:
    server.plays(answers(server, "os.system(1)"))  # type: ignore[arg-type]
    clock = Clock()
    model = opened(server, notebook)
    model._clock = clock
    for _ in range(3):
        assert await ask(model) is None
    with pytest.raises(Refused, match="3 answers of no use"):
        await ask(model)
    clock.now = 5.0
    assert await ask(model) is None
    clock.now = 14.0
    with pytest.raises(Refused, match="4 answers of no use"):
        await ask(model)
    clock.now = 15.0
    server.plays(answers(server, "1.1/sqrt(fan_in)"))  # type: ignore[arg-type]
    assert await ask(model) is not None
    assert model.status().state == "ready"


async def test_with_a_dead_model_somebody_else_has_the_ideas(server: Server, notebook: Notebook) -> None:
    server.plays(server.raw("500 Internal Server Error"))
    first, quick = thinkers("auto", opened(server, notebook))
    assert quick is not None
    for seed in range(3):
        proposal = await first.propose(Briefing(TRACK), random.Random(seed))
        assert proposal is not None
        assert proposal.proposer.startswith("search/")


async def test_the_dial_chooses_who_has_ideas(server: Server, notebook: Notebook) -> None:
    model = opened(server, notebook)
    names = {word: thinkers(word, model)[0].name for word in ("auto", "embedded", "random", "greedy", "tpe")}
    assert names == {
        "auto": "search/hybrid",
        "embedded": embedded().name,
        "random": "search/random",
        "greedy": "search/greedy",
        "tpe": "search/tpe",
    }
    assert thinkers("auto", None)[0].name == embedded().name
    assert open_model(Llm(), notebook) is None


def test_a_budget_of_seconds_that_no_question_fits_into_is_refused() -> None:
    with pytest.raises(Misuse, match="deadline_s"):
        Llm(seconds_per_day=10.0, deadline_s=20.0)
    assert Llm(seconds_per_day=20.0, deadline_s=20.0).seconds_per_day == 20.0
