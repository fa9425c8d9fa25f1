"""The source: unambiguous, of exactly the entropy that is stated, and no two seeds share their words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.tracks.byte_lm.grammar import LEXICON, START, entropy_rate, language_id, states
from experiments.tracks.byte_lm.language import Language


def test_every_state_has_probabilities_and_prefix_free_words() -> None:
    language = Language(3)
    for name, arcs in states().items():
        assert math.isclose(sum(arc.probability for arc in arcs), 1.0, abs_tol=1e-12)
        words = language._states[name].words
        assert len(words) == len(arcs)
        for one in words:
            assert [other for other in words if other.startswith(one)] == [one], name
        for arc, word in zip(arcs, words, strict=True):
            assert arc.word.rank < 0 or len(word) == arc.word.length


def test_the_entropy_is_that_of_the_linear_system() -> None:
    names = list(states())
    place = {name: index for index, name in enumerate(names)}
    flow = np.zeros((len(names), len(names)))
    bits, length = np.zeros(len(names)), np.zeros(len(names))
    for name, arcs in states().items():
        for arc in arcs:
            bits[place[name]] -= arc.probability * math.log2(arc.probability)
            length[place[name]] += arc.probability * arc.word.length
            for following in arc.follow:
                flow[place[following], place[name]] += arc.probability
    start = np.zeros(len(names))
    start[place[START]] = 1.0
    visits = np.linalg.solve(np.eye(len(names)) - flow, start)
    assert math.isclose(entropy_rate(), float(visits @ bits / (visits @ length)), rel_tol=1e-12)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_ideal_reader_reaches_the_entropy(seed: int) -> None:
    language = Language(seed)
    text = language.write(400_000, 0)
    costs = language.bits(text)
    # Paragraphs are independent: blocks of 10,000 bytes give the spread of the mean.
    blocks = costs.reshape(40, -1).mean(axis=1)
    error = blocks.std(ddof=1) / math.sqrt(len(blocks))
    assert error < 0.01
    assert abs(costs.mean() - entropy_rate()) < 4 * error


def test_a_reader_with_other_words_does_not() -> None:
    text = Language(5).write(200, 0)
    assert math.isinf(Language(6).bits(text).max())


def test_the_reader_predicts_a_distribution_and_pays_what_it_predicted() -> None:
    language = Language(7)
    reader = language.reader()
    for byte in language.write(3_000, 0):
        chances = reader.predict()
        assert math.isclose(chances.sum(), 1.0, abs_tol=1e-9)
        assert math.isclose(-math.log2(chances[byte]), reader.read(byte), abs_tol=1e-9)


def test_a_name_is_free_when_it_is_repeated() -> None:
    language = Language(11)
    text = language.write(20_000, 0)
    costs = language.bits(text)
    paragraph = next(p for p in text.split(b"\n") if p.count(p.split()[1].rstrip(b".")) > 1)
    name = paragraph.split()[1].rstrip(b".")
    first = text.index(paragraph) + paragraph.index(name)
    again = text.index(name, first + 1)
    assert costs[first : first + 4].sum() == pytest.approx(2 * math.log2(16 * 5))
    assert costs[again + 1 : again + 5].sum() == 0.0
    assert costs[again] > 0.0


def test_parts_and_seeds_are_different_texts_and_repeat() -> None:
    assert Language(1).write(500, 0) == Language(1).write(500, 0)
    assert Language(1).write(500, 0) != Language(1).write(500, 1)
    words = [set(Language(seed)._states["noun-one0"].words) for seed in (1, 2)]
    assert len(words[0] & words[1]) < 4  # short words may meet by chance
    assert len(words[0]) == len(LEXICON["noun"]) + len(LEXICON["adjective"])


def test_the_language_is_pinned() -> None:
    """A change of the grammar is another track: this hash is in every record of byte-lm."""
    assert language_id().hex() == "9d93e0c13fa3616ee2bd420fca09cb87840b5cca3ef2a2031247b2a2e3816ba5"
    assert round(entropy_rate(), 9) == 0.733704519
