"""Sentences, stems and BM25."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from experiments.novelty.text.prose import parts_of, what_differs
from experiments.novelty.text.words import BM25, sentences, tokens


def test_fragments_join_their_neighbours() -> None:
    assert sentences("Wow! We scale the weights by width. It works!") == [
        "Wow! We scale the weights by width.",
        "It works!",
    ]
    assert sentences("  ") == []


@given(st.text(max_size=30_000))
def test_what_is_read_of_a_text_is_bounded(text: str) -> None:
    found = sentences(text)
    assert len(found) <= 8
    assert sum(map(len, found)) <= 1_200
    assert all(piece.strip() for piece in found)


def test_tokens_are_stems_without_filler() -> None:
    assert tokens("We are scaling the weightMatrices by fan_in") == tokens("scale weight Matrice fan")
    assert tokens("the of and") == []


def test_bm25_prefers_rare_shared_words() -> None:
    index = BM25([["layer", "norm"], ["layer", "warmup"], ["layer", "layer", "drop"]])
    scores = index.scores(["warmup", "layer"])
    assert int(scores.argmax()) == 1
    assert 0.0 < scores[1] <= 1.0
    assert not BM25([["a"]]).scores(["zebra"]).any()


def test_unknown_words_lower_the_share() -> None:
    index = BM25([["layer", "norm"], ["other"]])
    assert index.scores(["norm"])[0] > index.scores(["norm", "moon", "song"])[0]


def test_code_is_told_from_prose() -> None:
    prose, code = parts_of("A new trick.\n```python\nx = relu(x)\n```\nIt works.")
    assert "relu" in code
    assert "relu" not in prose
    assert "works" in prose
    prose, code = parts_of("One line changed:\n- x = gelu(x)\n+ x = relu(x)")
    assert "gelu" in code
    assert prose == "One line changed:"
    assert parts_of("x = relu(x) is all I changed") == ("x = relu(x) is all I changed", "")


def test_a_twist_is_quoted() -> None:
    claim = "Drop random units, but only in the last three layers. Loss falls."
    assert what_differs(claim) == "but only in the last three layers"
    assert what_differs("Drop random units. Loss falls.") == ""
    assert what_differs("It is simple but good.") == ""
    assert len(what_differs("We clip it, but " + "very " * 500)) <= 120
