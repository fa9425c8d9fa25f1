"""The text channel from claim to evidence, with the encoder and on words alone."""

from __future__ import annotations

import json

import pytest

from experiments.novelty.catalogue import load_catalogue
from experiments.novelty.text.features import FEATURES, Index
from experiments.novelty.text.matcher import CALIBRATION, MODEL_FILE, TextMatcher, load_models, unrelated
from experiments.novelty.text.minilm import find_encoder
from experiments.novelty.verdict import Channel, Relation

KNOWN = (
    (
        "orthogonal-init",
        "Weights begin as the Q of a QR factorisation of gaussian noise, all singular values one.",
    ),
    ("mixup", "We blend random pairs of images and blend their labels in the same proportion!"),
    (
        "stochastic-depth",
        "While training, whole residual blocks are skipped at random; at test time all are used.",
    ),
    ("speculative-decoding", "A small draft model proposes tokens that the big model verifies in one pass."),
    ("gradient-boosting", "Each new tree is fitted to the residual errors of the sum of trees so far."),
)
ODD = (
    "Neurons swap their biases whenever the tram outside my window is late.",
    "We colour every weight by its zip code and train only the blue ones on Sundays.",
    "",
    "!!! ??? 12345",
)


@pytest.fixture(scope="module", params=["encoder", "words"])
def matcher(request: pytest.FixtureRequest) -> TextMatcher:
    encoder = find_encoder() if request.param == "encoder" else None
    if request.param == "encoder" and encoder is None:
        pytest.skip("the extra `embeddings` is not installed")
    return TextMatcher(load_catalogue(), encoder)


@pytest.mark.parametrize(("technique", "claim"), KNOWN)
def test_mechanisms_are_named(matcher: TextMatcher, technique: str, claim: str) -> None:
    evidence = matcher.evidence(claim)
    assert evidence[0].technique == technique
    assert evidence[0].channel is Channel.TEXT
    assert not any(item.flags for item in evidence[1:])
    assert len(evidence) <= 5


def test_clear_claims_are_flagged(matcher: TextMatcher) -> None:
    """All but at most one: the threshold is set for few false flags, not for finding everything."""
    flagged = [matcher.evidence(claim)[0].relation is Relation.EQUAL for _, claim in KNOWN]
    assert sum(flagged) >= len(KNOWN) - 1


@pytest.mark.parametrize("claim", ODD)
def test_odd_ideas_and_noise_are_not_flagged(matcher: TextMatcher, claim: str) -> None:
    assert not any(item.flags or item.relation is Relation.TUNING for item in matcher.evidence(claim))


def test_probabilities_fall(matcher: TextMatcher) -> None:
    found = matcher.match(KNOWN[0][1], k=10)
    chances = [match.probability for match in found]
    assert len(found) == 10
    assert chances == sorted(chances, reverse=True)
    assert all(0.0 <= chance <= 1.0 for chance in chances)


def test_a_move_of_a_setting_is_tuning(matcher: TextMatcher) -> None:
    (first, *_) = matcher.evidence(
        "Raising the learning rate, a larger step size for the optimizer, lowers the loss."
    )
    assert first.technique == "lr-tuning"
    sure = first.score >= matcher.threshold  # words without an encoder are not
    assert first.relation is (Relation.TUNING if sure else Relation.NEAR)


def test_a_twist_makes_a_variant(matcher: TextMatcher) -> None:
    claim = KNOWN[1][1].rstrip("!") + ", but only between pictures of one class."
    (first, *_) = matcher.evidence(claim)
    assert first.relation is Relation.REPARAMETRISATION
    assert first.what_differs == "but only between pictures of one class"


def test_a_name_counts_unless_it_is_the_rival() -> None:
    catalogue = load_catalogue()
    index, column = Index(catalogue, None), FEATURES.index("named")

    def named(claim: str) -> list[str]:
        table = index.features(claim).table
        return [entry.id for entry, row in zip(catalogue.techniques, table, strict=True) if row[column]]

    assert named("this is Kaiming initialization") == ["kaiming-init"]
    assert named("it beats Kaiming initialization") == []
    assert named("we found a way to drop convolution") == []


def test_code_in_the_text_counts_like_code_beside_it(matcher: TextMatcher) -> None:
    code = "def step():\n    clip_grad_norm_(model.parameters(), max_norm)"
    inside = matcher.match(f"One line fixed my run.\n```python\n{code}\n```", 3)
    beside = matcher.match("One line fixed my run.", 3, code)
    assert [match.technique for match in inside] == [match.technique for match in beside]


def test_hostile_length_is_bounded(matcher: TextMatcher) -> None:
    assert len(matcher.evidence("scale weights by depth. " * 20_000)) <= 5


def test_models_have_a_coefficient_for_each_number() -> None:
    raw = json.loads(MODEL_FILE.read_bytes())
    for name, model in zip(("encoder", "words_only"), load_models(), strict=True):
        assert raw[name]["ranking"].keys() == set(FEATURES)
        assert raw[name]["calibration"].keys() == set(CALIBRATION)
        assert 0.0 < model.threshold < 1.0


def test_family_is_not_a_rival() -> None:
    by_id = load_catalogue().by_id
    assert not unrelated(by_id["silu"], by_id["swish"])
    assert not unrelated(by_id["swiglu"], by_id["glu"])
    assert unrelated(by_id["adam"], by_id["dropout"])
