"""Likeness to other people's programs: the material, the features, the index, what comes of it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.novelty.artefact import Query
from experiments.novelty.catalogue import load_catalogue
from experiments.novelty.checker import Checker
from experiments.novelty.likeness.arrays import as_arrays
from experiments.novelty.likeness.build import index_of
from experiments.novelty.likeness.features import GROUPS, features_of
from experiments.novelty.likeness.index import COLUMNS, Index, read_index, write_index
from experiments.novelty.likeness.matcher import LikenessMatcher
from experiments.novelty.likeness.programs import load_programs, read_programs
from experiments.novelty.structure.source import read_source
from experiments.novelty.verdict import Channel, Evidence, Relation, Strength
from leaderboard.errors import LocalError

CODE = {
    "tanh": "def f(x):\n    return (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())",
    "relu": "def g(u):\n    return torch.where(u > 0, u, 0 * u)",
    "dropout": "def h(z, p):\n    m = torch.rand_like(z) < 1 - p\n    return z * m / (1 - p)",
}


@pytest.fixture(scope="module")
def small() -> Index:
    """An index of a dozen programs: three techniques with other names in each, and an odd one."""
    catalogue = load_catalogue()
    rows = {entry.id: at for at, entry in enumerate(catalogue.techniques)}
    texts, owners = [], []
    for technique, code in CODE.items():
        for letter in "abcd":
            texts.append(f"{code}\n{letter} = 3")
            owners.append(rows[technique])
    texts.append("def k(a):\n    return a.sort()[0].cumsum(0) % 7")
    return Index(index_of([features_of(text) for text in texts], [*owners, -1]), catalogue)


# --- the material -----------------------------------------------------------------------------------------


def test_every_program_has_a_technique_of_the_catalogue_and_parses() -> None:
    programs, known = load_programs(), load_catalogue().by_id
    assert {one.technique for one in programs if one.technique} <= set(known)
    assert not [one for one in programs if read_source(one.code) is None]


def test_every_technique_has_programs_of_two_authors_and_there_are_odd_ones() -> None:
    authors: dict[str, set[str]] = {}
    for one in load_programs():
        authors.setdefault(one.technique, set()).add(one.author)
    assert len(authors[""]) >= 6
    few = [entry.id for entry in load_catalogue().techniques if len(authors.get(entry.id, ())) < 2]
    assert len(few) <= 10


def test_a_malformed_file_of_programs_is_refused() -> None:
    assert [one.technique for one in read_programs("#### relu\nx = 1\n#### -\ny = 2\n", "a")] == ["relu", ""]
    with pytest.raises(LocalError, match="before the first"):
        list(read_programs("x = 1\n#### relu\ny\n", "a"))
    with pytest.raises(LocalError, match="nothing below"):
        list(read_programs("#### relu\n\n#### -\ny\n", "a"))


# --- features -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plain", "array"),
    [
        ("y = [v * v for v in x]", "y = x * x"),
        ("y = sum(a * b for a, b in zip(p, q))", "y = sum(p * q)"),
        ("out = []\nfor v in x:\n    out.append(v + 1)", "out = []\nout = x + 1"),
        ("t = 0\nfor i in range(n):\n    t += x[i]", "t = 0\nt = sum(x)"),
        (
            "def f(v):\n    if v > 0:\n        return v\n    return 0",
            "def f(v):\n    return where(v > 0, v, 0)",
        ),
        ("def f(v):\n    return v * 2\ny = [f(c) for c in x]", "def f(v):\n    return v * 2\ny = x * 2"),
        ("m = sum([v for v in x]) / len(x)", "m = mean(x)"),
        ("y = [i * v for i, v in enumerate(x)]", "y = arange() * x"),
    ],
)
def test_loops_become_arrays(plain: str, array: str) -> None:
    assert ast.unparse(ast.fix_missing_locations(as_arrays(ast.parse(plain)))) == array


def test_names_of_variables_and_of_own_functions_matter_to_words_alone() -> None:
    one, other = (
        features_of(CODE["dropout"]),
        features_of(CODE["dropout"].replace("z", "inp").replace("h(", "go(")),
    )
    assert {group for group in GROUPS if one[group] != other[group]} <= {"words"}


def test_a_diff_is_what_it_adds() -> None:
    diff = features_of(" def f(x):\n-    return x.tanh()\n+    return x.tanh() * x.sigmoid()")
    assert diff["called"]["sigmoid()"] == 1.0
    assert diff["called"]["tanh()"] < 1.0


def test_code_that_does_not_parse_has_words() -> None:
    found = features_of("fn relu6(x: f32) -> f32 { x.max(0.0).min(6.0) }")
    assert found["words"]
    assert not found["edges"]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="abx =+-*/()[]:\n.,0123#<>if for in return def", max_size=120))
def test_features_never_fail(code: str) -> None:
    assert set(features_of(code)) == set(GROUPS)


# --- index and matcher ----------------------------------------------------------------------------------


def test_a_disguised_program_is_nearest_to_its_technique(small: Index) -> None:
    catalogue = load_catalogue()
    body = "keep = torch.rand_like(weird) < 1 - rate\n    return weird * keep / (1 - rate)"
    sight = small.look(f"def shrink(weird, rate):\n    {body}")
    for column in ("nearest", "trained", "array chains"):
        best = int(sight.table[:, COLUMNS.index(column)].argmax())
        assert catalogue.techniques[best].id == "dropout"
    assert sight.odd_nearest < sight.table[:, COLUMNS.index("nearest")].max()


def test_a_program_without_anything_known_is_like_nothing(small: Index) -> None:
    sight = small.look("import os")
    assert sight.table[:, COLUMNS.index("nearest")].max() < 0.2
    assert np.isfinite(sight.table).all()


def test_an_index_survives_storing(tmp_path: Path) -> None:
    features = [features_of(code) for code in (*CODE.values(), *CODE.values())]
    stored = index_of(features, [0, 1, 2, 0, 1, 2])
    write_index(stored, tmp_path / "index.npz")
    back = read_index(tmp_path / "index.npz")
    np.testing.assert_array_equal(back.keys, stored.keys)
    np.testing.assert_array_equal(back.weights.indices, stored.weights.indices)
    np.testing.assert_allclose(back.weights.data, stored.weights.data, atol=1 / 16)
    np.testing.assert_allclose(back.places, stored.places, atol=np.abs(stored.places).max() / 100)


def test_only_the_first_candidate_flags_and_chances_fall() -> None:
    matcher = LikenessMatcher(load_catalogue())
    found = matcher.evidence(CODE["dropout"], ())
    assert found[0].technique == "dropout"
    assert len(found) == 5
    assert not any(item.flags for item in found[1:])
    chances = [item.score for item in found]
    assert chances == sorted(chances, reverse=True)
    assert all(item.channel is Channel.LIKENESS for item in found)


# --- in the checker -------------------------------------------------------------------------------------


class Alike:
    """A likeness channel that is sure of one technique, or of none."""

    def __init__(self, technique: str, relation: Relation) -> None:
        self._found = Evidence(Channel.LIKENESS, relation, technique, 0.8, "alike")

    def evidence(self, code: str, found: Sequence[Evidence]) -> Sequence[Evidence]:
        assert code
        assert isinstance(found, Sequence)
        return [self._found]


RULED = "def loss(l, b):\n    return (l - b).abs() + b"  # the form of flooding


def test_a_rule_that_likeness_supports_is_strong_and_one_that_it_does_not_is_a_hint() -> None:
    alone = Checker().check(Query(code=RULED))
    assert (alone.technique and alone.technique.id, alone.strength) == ("flooding", Strength.STRONG)
    both = Checker(likeness=Alike("flooding", Relation.EQUAL)).check(Query(code=RULED))
    assert (both.technique and both.technique.id, both.strength) == ("flooding", Strength.STRONG)
    against = Checker(likeness=Alike("mixup", Relation.NEAR)).check(Query(code=RULED))
    assert not against.flagged


def test_likeness_alone_is_a_suspicion_that_says_so() -> None:
    verdict = Checker(likeness=Alike("mixup", Relation.EQUAL)).check(Query(code="y = helper(x)"))
    assert verdict.strength is Strength.SUSPECTED
    assert verdict.headline.endswith("(by its code's likeness to others)")


def test_measured_behaviour_is_a_flag_whatever_likeness_says() -> None:
    code = "def f(x):\n    return x * torch.sigmoid(x)"
    verdict = Checker(likeness=Alike("mixup", Relation.NEAR)).check(Query(code=code))
    assert (verdict.technique and verdict.technique.id, verdict.strength) == ("silu", Strength.CONFIRMED)
