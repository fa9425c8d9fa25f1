"""The identity file: private, never overwritten, and one key for records and libp2p alike."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from node.errors import AuthFailed, Misuse
from node.identity import create, load, load_or_create


def test_the_same_identity_is_found_again(tmp_path: Path) -> None:
    first = load_or_create(tmp_path / "deep" / "identity.key")
    again = load_or_create(tmp_path / "deep" / "identity.key")
    assert again.seed == first.seed
    assert again.author == first.author == first.signer.author
    assert again.peer_id.startswith("12D3KooW")
    assert [item.name for item in (tmp_path / "deep").iterdir()] == ["identity.key"]


def test_the_file_is_private_and_documented(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    identity = create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == f"consilience-identity-v1 ed25519\n{identity.seed.hex()}\n"
    assert identity.seed.hex() not in repr(identity)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_lax_permissions_are_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "identity.key"
    create(path)
    path.chmod(mode)
    with pytest.raises(AuthFailed, match=f"{mode:04o}") as caught:
        load(path)
    assert f"chmod 600 {path}" in caught.value.hint


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    seed = create(path).seed
    with pytest.raises(Misuse, match="exists already"):
        create(path)
    assert load(path).seed == seed


@pytest.mark.parametrize(
    "content",
    [
        "",
        "consilience-identity-v1 ed25519\n",
        "x" * 200,
        "consilience-identity-v1 ed25519\n" + "0A" * 32 + "\n",
        "consilience-identity-v1 ed25519\n" + "0a" * 31 + "\n",
        "consilience-identity-v2 x\n" + "0a" * 32 + "\n",
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "identity.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(Misuse, match="not an identity file"):
        load_or_create(path)


def test_links_directories_and_absence_are_refused(tmp_path: Path) -> None:
    create(tmp_path / "real.key")
    os.symlink(tmp_path / "real.key", tmp_path / "link.key")
    (tmp_path / "directory.key").mkdir()
    for name, complaint in (("link", "cannot read"), ("directory", "not a regular"), ("none", "no identity")):
        with pytest.raises(Misuse, match=complaint):
            load(tmp_path / f"{name}.key")
