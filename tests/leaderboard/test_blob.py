"""What a blob's id covers; the published vectors stay true."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard.blob import CHUNK_BYTES, MAX_BLOB_BYTES, BlobHead, blob_id, head_of
from leaderboard.errors import LocalError, PeerError
from leaderboard.ids import to_text

VECTORS = Path(__file__).parents[1] / "vectors" / "blobs-v1.json"


def pattern(size: int) -> bytes:
    """Bytes 0, 1, 2, ... 250, 0, 1, ...: any implementation can make them."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_ids_differ_exactly_where_contents_do(a: bytes, b: bytes) -> None:
    assert (blob_id(a) == blob_id(b)) == (a == b)


@given(size=st.integers(0, 3 * CHUNK_BYTES), at=st.integers(0, 3 * CHUNK_BYTES - 1), flip=st.integers(1, 255))
@settings(max_examples=25, deadline=None)
def test_every_byte_is_covered(size: int, at: int, flip: int) -> None:
    data = bytearray(pattern(size))
    head = head_of(bytes(data))
    if at < size:
        data[at] ^= flip
        index = at // CHUNK_BYTES
        assert not head.holds(index, bytes(data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]))
        assert blob_id(bytes(data)) != head.id


def test_limits() -> None:
    assert BlobHead(MAX_BLOB_BYTES, bytes(32 * 4096)).chunks == 4096
    with pytest.raises(PeerError):
        BlobHead(MAX_BLOB_BYTES + 1, bytes(32 * 4097))
    with pytest.raises(PeerError):
        BlobHead(CHUNK_BYTES + 1, bytes(32))

    class Long(bytes):
        def __len__(self) -> int:
            return MAX_BLOB_BYTES + 1

    with pytest.raises(LocalError):
        head_of(Long())


def vectors() -> dict[str, Any]:
    sizes = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7]
    rows = []
    for size in sizes:
        head = head_of(pattern(size))
        rows.append({"size": size, "digests": head.digests.hex(), "id": to_text(head.id)})
    return {"data": "byte i of a blob is i modulo 251", "chunk_bytes": CHUNK_BYTES, "blobs": rows}


def test_published_vectors() -> None:
    found = json.loads(VECTORS.read_text()) if VECTORS.exists() else {}
    if os.environ.get("WRITE_VECTORS"):
        VECTORS.write_text(json.dumps({**found, **vectors()}, indent=1) + "\n")
        found = json.loads(VECTORS.read_text())
    assert {key: found[key] for key in vectors()} == vectors()
