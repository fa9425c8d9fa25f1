"""The checker as a whole: slots, the reference, and the process that serves JSON lines."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from experiments.novelty.artefact import MAX_LINE, Query, decode_query, encode_query
from experiments.novelty.checker import Checker
from experiments.novelty.payload import from_payload, to_payload
from experiments.novelty.probes.init_laws import Layer
from experiments.novelty.probes.init_weights import summarise_weights
from experiments.novelty.verdict import Channel, Evidence, Relation, Strength, Verdict
from leaderboard.errors import PeerError

REFERENCE = (("activation", "max(x, 0)"), ("init_std", "1/sqrt(3*fan_in)"), ("lr", "1"))


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker()


def _recipe(**slots: str) -> Query:
    return Query(expressions=tuple((dict(REFERENCE) | slots).items()), reference=REFERENCE)


@pytest.mark.parametrize(
    ("law", "headline"),
    [
        ("sqrt(2/fan_in)", "rediscovery of Kaiming initialization (fan_in)"),
        ("1.4142*fan_in**-0.5", "rediscovery of Kaiming initialization (fan_in)"),
        ("(fan_out/2)**-0.5", "rediscovery of Kaiming initialization (fan_out)"),
        ("sqrt(2/fan_in)*1.3", "variant of Kaiming initialization (fan_in, gain 1.30x)"),
        ("std = np.sqrt(2.0 / n_in)", "rediscovery of Kaiming initialization (fan_in)"),
        ("sigma^2 = 2/in_features", "rediscovery of Kaiming initialization (fan_in)"),
        ("(2/w.shape[1])**0.5", "rediscovery of Kaiming initialization (fan_in)"),
        ("sqrt(2/(fan_in+fan_out))", "rediscovery of Xavier initialization"),
    ],
)
def test_init_slots(checker: Checker, law: str, headline: str) -> None:
    verdict = checker.check(_recipe(init_std=law))
    assert verdict.headline == headline
    assert verdict.strength is Strength.CONFIRMED


@pytest.mark.parametrize("law", ["fan_in**-0.3", "(fan_in*fan_out)**-0.25", "0.1+0.2*layer/depth"])
def test_odd_laws_match_nothing(checker: Checker, law: str) -> None:
    assert checker.check(_recipe(init_std=law)).label == "unmatched"


def test_what_the_reference_does_is_no_change(checker: Checker) -> None:
    verdict = checker.check(_recipe(init_std="(3*fan_in)**-0.5", activation="(x+abs(x))/2"))
    assert verdict.relation is Relation.NOT_PROBED


def test_all_slots_are_looked_at(checker: Checker) -> None:
    verdict = checker.check(_recipe(init_std="0.01+0.001*fan_in", activation="x*sigmoid(x)"))
    assert verdict.technique is not None
    assert verdict.technique.id == "silu"


@pytest.mark.parametrize(
    "law", ["", "fan_in fan_in", "__import__('os')", "open", "sqrt(" * 500, "1/0", "9" * 5000]
)
def test_hostile_expressions_are_not_probed(checker: Checker, law: str) -> None:
    assert checker.check(Query(expressions=(("init_std", law),))).label in {"not_probed", "unmatched"}


def test_real_weights(checker: Checker) -> None:
    rng = np.random.default_rng(5)
    widths = (64, 20, 80, 40, 60, 10)
    weights = []
    for k in range(5):
        i, o = widths[k], widths[k + 1]
        weights.append(summarise_weights(rng.normal(size=(o, i)) * np.sqrt(2 / i), Layer(i, o, k, 5)))
    verdict = checker.check(decode_query(json.loads(json.dumps(encode_query(Query(weights=tuple(weights)))))))
    assert verdict.headline == "rediscovery of Kaiming initialization (fan_in, normal)"
    assert from_payload(to_payload(verdict)) == verdict


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"claim": 3},
        {"expressions": {"init_std": 3}},
        {"layers": [[1, 2]]},
        {"layers": [[0, 1, 0, 1]]},
        {"weights": [{"layer": [2, 2, 0, 1], "entries": 0.5}]},
        {"lr_log": ["a"]},
        {"lr_log": [1.0] * 5000},
        {"settings": {"lr": [1]}},
        {"claim": "x" * 30_000},
    ],
)
def test_odd_queries_are_peer_errors(value: object) -> None:
    with pytest.raises(PeerError):
        decode_query(value)


def test_the_process_answers_every_line() -> None:
    lines = [
        json.dumps({"id": "a", "expressions": {"init_std": "sqrt(2/fan_in)"}}),
        "not json",
        "[" * 100_000,
        '{"claim": "' + "x" * (2 * MAX_LINE) + '"}',
        '{"id": NaN, "claim": "x"}',
        '{"id": 1e999, "claim": "x"}',
        '{"id": ["x"], "claim": "x"}',
        '{"id": "c", "claim": 5}',
        json.dumps({"id": 7, "expressions": {"init_std": "fan_in**-0.3"}}),
    ]
    command = [sys.executable, "-P", "-m", "experiments.novelty", "--batch", "-"]
    done = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=False, timeout=60
    )
    first, *refused, last = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["id"], first["verdict"], first["name"]) == ("a", "rediscovery", "Kaiming initialization")
    assert all("error" in line and line.keys() < first.keys() | {"error"} for line in refused)
    assert [line["verdict"] for line in refused] == ["unmatched"] * 7
    assert [line["id"] for line in refused] == [None] * 6 + ["c"]
    assert (last["id"], last["verdict"], last["name"]) == (7, "unmatched", None)
    assert done.returncode == 1


def test_a_check_that_takes_too_long_is_refused_and_the_next_is_served(
    monkeypatch: pytest.MonkeyPatch, checker: Checker
) -> None:
    from experiments.novelty import __main__ as process

    class Stuck(Checker):
        def check(self, query: Query) -> Verdict:
            while query.claim == "stuck":
                pass
            return checker.check(query)

    monkeypatch.setattr(process, "_SECONDS", 0.05)
    stuck, served = process._Desk(Stuck()), b'{"id": 2, "expressions": {"init_std": "sqrt(2/fan_in)"}}'
    assert "stopped" in str(process._reply(stuck, b'{"id": 1, "claim": "stuck"}')["error"])
    monkeypatch.setattr(process, "_SECONDS", 20.0)
    assert process._reply(stuck, served)["name"] == "Kaiming initialization"


def test_no_error_of_a_check_ends_the_stream(checker: Checker) -> None:
    from experiments.novelty import __main__ as process

    class Broken(Checker):
        def check(self, query: Query) -> Verdict:
            raise ZeroDivisionError(query.claim)

    refused = process._reply(process._Desk(Broken()), b'{"id": 1, "claim": "x"}')
    assert (refused["id"], refused["verdict"]) == (1, "unmatched")
    assert "ZeroDivisionError" in str(refused["error"])
    served = process._reply(process._Desk(checker), b'{"id": "\\ud800", "claim": "\\ud800 lone \\u0000"}')
    assert "error" not in served


def test_tuning_is_told_as_a_ratio(checker: Checker) -> None:
    query = Query(settings=(("batch_size", 64),), baseline=(("batch_size", 32),))
    assert checker.check(query).headline == "tuning: Batch-size tuning, 2x the baseline"


def test_words_alone_are_a_suspicion(checker: Checker) -> None:
    class Words:
        def evidence(self, text: str, code: str = "") -> list[Evidence]:
            return [Evidence(Channel.TEXT, Relation.EQUAL, "dropout", 0.8, f"{len(text)}{len(code)}")]

    verdict = Checker(text=Words()).check(Query(claim="we switch units off at random"))
    assert verdict.strength is Strength.SUSPECTED
    measured = Checker(text=Words()).check(Query(claim="units", expressions=(("init_std", "fan_in**-0.3"),)))
    assert measured.label == "unmatched"
    probed = Checker(text=Words()).check(Query(claim="units", expressions=(("init_std", "sqrt(2/fan_in)"),)))
    assert probed.technique is not None
    assert probed.technique.id == "kaiming-init"


def test_words_choose_between_names_of_one_behaviour() -> None:
    class Words:
        def evidence(self, text: str, code: str = "") -> list[Evidence]:
            name = "magnitude-pruning" if "weights" in text else "topk-sparsification"
            return [Evidence(Channel.TEXT, Relation.NEAR, name, 0.3, code)]

    code = "def f(x):\n    k = x.abs().flatten().topk(20)[0][-1]\n    return x*(x.abs() >= k)"
    named = [
        verdict.technique.id
        for claim in ("prune the weights", "send fewer gradients")
        if (verdict := Checker(text=Words()).check(Query(claim=claim, code=code))).technique
    ]
    assert named == ["magnitude-pruning", "topk-sparsification"]
