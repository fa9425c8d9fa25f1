"""The log file: one JSON object a line, bounded, without secrets, and unforgeable by what it quotes."""

from __future__ import annotations

import io
import json
import logging
import logging.handlers
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from node import logs
from node.config import Config, load
from node.errors import Misuse
from node.home import Home
from node.text import clip, visible


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the log writes to standard error."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


@pytest.fixture
def config(tmp_path: Path, console: io.StringIO) -> Iterator[Config]:
    """A configured log, undone afterwards."""
    root = logging.getLogger()
    before, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    config = load(Home(tmp_path), {}, {})
    logs.configure(config)
    yield config
    logging.captureWarnings(False)
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)
    logging.raiseExceptions = raising
    structlog.reset_defaults()


def lines(config: Config) -> list[dict[str, Any]]:
    return [json.loads(line) for line in config.home.log.read_text().splitlines()]


def test_events_become_json_lines(console: io.StringIO, config: Config) -> None:
    structlog.get_logger("gossip").info("peer joined", peer="12D3Koo", links=3)
    structlog.get_logger("gossip").debug("too fine")
    (line,) = lines(config)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "peer joined", "level": "info", "links": 3, "part": "gossip", "peer": "12D3Koo"}
    assert "peer joined" in console.getvalue()


def test_hostile_text_cannot_forge_lines_or_drive_the_terminal(console: io.StringIO, config: Config) -> None:
    hostile = 'x\n{"event": "forged"}\x1b[2J\u202e'
    structlog.get_logger("gossip").warning("refused", reason=hostile, size=10**6 * "y")
    (line,) = lines(config)
    assert line["reason"] == 'x\\n{"event": "forged"}\\x1b[2J\\u202e'
    assert len(line["size"]) == 2_000
    shown = console.getvalue()
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    assert len(shown.splitlines()) == 1


def test_secrets_are_hidden_by_name(config: Config) -> None:
    structlog.get_logger("api").info("started", api_token="abc", Authorization="Bearer x", seed=b"\x01")
    (line,) = lines(config)
    assert line["api_token"] == line["Authorization"] == line["seed"] == "[hidden]"


def test_exceptions_keep_their_trace(config: Config) -> None:
    try:
        raise ValueError("bad \x1b[31mthing")
    except ValueError as error:
        structlog.get_logger("api").error("request failed", exc_info=error)
    (line,) = lines(config)
    assert "Traceback" in line["exception"]
    assert line["exception"].endswith("ValueError: bad \\x1b[31mthing")


def test_libraries_speak_through_the_same_door_at_their_own_level(config: Config) -> None:
    logging.getLogger("libp2p.pubsub").error("odd packet")
    logging.getLogger("anycorn.error").warning("slow %s", "client")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    first, second = lines(config)
    assert (first["part"], first["event"]) == ("anycorn.error", "slow client")
    assert "old thing" in second["event"]


def test_the_file_is_bounded(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    (handler,) = [h for h in logging.getLogger().handlers if isinstance(h, logging.FileHandler)]
    assert isinstance(handler, logging.handlers.RotatingFileHandler)
    monkeypatch.setattr(handler, "maxBytes", 2_000)
    for number in range(200):
        structlog.get_logger("agent").info("trial", number=number)
    sizes = [path.stat().st_size for path in config.home.logs.iterdir()]
    assert len(sizes) == 5
    assert max(sizes) <= 2_000
    assert lines(config)[-1]["number"] == 199


def test_an_unwritable_directory_is_explained(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(Misuse, match="cannot make the directory"):
        logs.configure(load(Home(tmp_path), {}, {}))


@given(st.text())
def test_visible_text_is_printable_and_plain_text_is_itself(text: str) -> None:
    assert visible(text).isprintable()
    assert visible(visible(text)) == visible(text)
    assert "\n" not in visible(text)
    assert visible(text, lines=True).replace("\n", "").isprintable()


def test_clipping_says_that_something_is_missing() -> None:
    assert clip("abc", 3) == "abc"
    assert clip("abcd", 3) == "ab…"
