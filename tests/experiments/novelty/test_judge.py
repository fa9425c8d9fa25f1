"""A language model's opinion counts as far as it can be checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import pytest

from experiments.llm import AnswerError, Client, Message, Object, Unavailable
from experiments.novelty.artefact import Query
from experiments.novelty.catalogue import load_catalogue
from experiments.novelty.checker import Checker
from experiments.novelty.judge import Judge
from experiments.novelty.verdict import Channel, Evidence, Relation, Strength

CLAIM = "We let each neuron's output pass, multiplied by what a small clerk thinks of it."
ENTRY = load_catalogue().by_id["glu"]


class Scripted:
    """Stands for the client: says one answer, and like the client hands it to the check."""

    def __init__(self, **answer: str) -> None:
        self.answer = answer
        self.messages: Sequence[Message] = ()

    async def ask(
        self, messages: Sequence[Message], schema: Object, check: Callable[[dict[str, object]], object]
    ) -> tuple[object, None]:
        self.messages = messages
        return check(schema.check(dict(self.answer))), None


class Away:
    async def ask(self, *_: object) -> None:
        raise Unavailable("nobody there")


def judge(technique: str = "glu", said: str = "multiplied by what a", offered: str = "") -> Judge:
    offered = offered or " ".join(ENTRY.descriptions[0].split()[:5])
    client = Scripted(technique=technique, claim_passage=said, candidate_passage=offered)
    return Judge(cast("Client", client))


def opinion(one: Judge, candidates: Sequence[str] = ("glu", "relu")) -> list[Evidence]:
    return one.evidence(CLAIM, "", candidates, load_catalogue())


def test_an_opinion_with_true_passages_counts() -> None:
    (found,) = opinion(judge())
    assert (found.technique, found.relation, found.channel) == ("glu", Relation.EQUAL, Channel.TEXT)
    assert "multiplied by what a" in found.summary


def test_none_takes_nothing_away() -> None:
    (found,) = opinion(judge("none"))
    assert not found.flags
    assert "none of the candidates" in found.summary


@pytest.mark.parametrize(
    "wrong",
    [
        judge("swiglu"),
        judge("no-such-entry"),
        judge(said="words that the claim does not have"),
        judge(said="what a"),
        judge(offered="words that the catalogue does not have"),
    ],
)
def test_an_opinion_that_cannot_be_checked_is_told_and_does_not_flag(wrong: Judge) -> None:
    (found,) = opinion(wrong)
    assert not found.flags
    assert "gave no opinion" in found.summary


def test_a_model_that_is_away_costs_nothing() -> None:
    (found,) = opinion(Judge(cast("Client", Away())))
    assert (found.relation, "nobody there" in found.summary) == (Relation.NOT_PROBED, True)
    assert opinion(judge(), candidates=()) == []


class Words:
    """A text channel that is sure of nothing."""

    def evidence(self, text: str, code: str = "") -> Sequence[Evidence]:
        return ()

    def candidates(self, text: str, code: str = "") -> Sequence[str]:
        return ("glu", "relu")


def test_the_checker_asks_only_where_nothing_was_measured() -> None:
    one = judge()
    checker = Checker(text=Words(), judge=one)
    verdict = checker.check(Query(claim=CLAIM))
    assert verdict.technique is not None
    assert (verdict.technique.id, verdict.strength) == ("glu", Strength.SUSPECTED)
    client = cast("Scripted", one.client)
    client.messages = ()
    assert checker.check(Query(claim="sqrt(2/fan_in)")).strength is Strength.CONFIRMED
    assert client.messages == ()


def test_the_model_is_shown_the_claim_and_the_candidates_texts() -> None:
    one = judge()
    opinion(one)
    shown = cast("Scripted", one.client).messages[1].content
    assert CLAIM in shown
    assert ENTRY.descriptions[-1] in shown


def test_the_check_refuses_with_an_answer_error_so_that_the_client_asks_again() -> None:
    from experiments.novelty.judge import _checked

    answer = {"technique": "glu", "claim_passage": "not there at all", "candidate_passage": "x y z"}
    with pytest.raises(AnswerError, match="letter by letter"):
        _checked({**answer}, CLAIM, {"glu": ENTRY})
