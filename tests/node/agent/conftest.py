"""The toy track, installed for one test."""

from __future__ import annotations

import sys

import pytest

from experiments.track import load_track

from .room import TOYS


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.syspath_prepend(TOYS)
    yield load_track("toy")
    load_track.cache_clear()
    for name in [name for name in sys.modules if name.startswith("toytrack")]:
        del sys.modules[name]
