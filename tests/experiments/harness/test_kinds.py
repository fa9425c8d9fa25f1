"""Names of devices, and counting cards in a child."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from experiments.harness.kinds import DeviceName, _models, find_cards
from leaderboard.errors import LocalError


def test_names_are_read_and_written():
    assert DeviceName.read("cpu") == DeviceName()
    assert DeviceName.read("cuda:3") == DeviceName("cuda", 3)
    assert [str(DeviceName.read(text)) for text in ("cpu", "cuda:0")] == ["cpu", "cuda:0"]


@pytest.mark.parametrize("text", ["", "cuda", "cuda:", "cuda:-1", "cuda:1000", "gpu", "cpu:0", "cuda:0 "])
def test_other_names_are_refused(text):
    with pytest.raises(LocalError, match="names no device"):
        DeviceName.read(text)


def test_a_worker_sees_its_own_card_and_no_other():
    assert DeviceName.read("cpu").surroundings["CUDA_VISIBLE_DEVICES"] == ""
    assert DeviceName.read("cuda:2").surroundings["CUDA_VISIBLE_DEVICES"] == "2"


async def test_without_a_driver_nothing_is_asked(tmp_path):
    assert await find_cards(tmp_path / "nvidia") == ()


@pytest.mark.parametrize(("said", "found"), [
    (b'["H200", "H200"]\n', ("H200", "H200")),
    (b"a warning\n[]\n", ()),
    (b"", ()),
    (b"garbage", ()),
    (b"{}", ()),
    (b"\xff\xfe", ()),
])  # fmt: skip
def test_what_the_probe_says_is_not_trusted(said, found):
    assert _models(said) == found


@pytest.mark.slow
def test_the_probe_prints_a_list():
    done = subprocess.run(
        [sys.executable, "-P", "-m", "experiments.harness.probe"],
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert isinstance(json.loads(done.stdout), list)
