"""The daemon's log: JSON lines in `<state>/logs/daemon.jsonl`, and the same for people on the console.

The file is bounded (5 files of 4 MiB). Values are bounded too and made visible (`node.text`), because error
texts quote peers; fields whose name says that they are secret are hidden. Libraries log through the same
door at a level of their own: libp2p reports every odd packet of every stranger as an error of its own.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from .config import Config
from .errors import Misuse
from .files import make_folder
from .home import Home
from .text import clip, visible

__all__ = ["configure"]

_FILE_BYTES = 4 * 1024 * 1024
_FILES = 5
_MOST_CHARACTERS = 2_000
_MOST_OF_A_TRACE = 8_000
_SECRET = ("authorization", "passw", "psk", "secret", "seed", "token")
_QUIET = {
    "anycorn": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "libp2p": logging.CRITICAL,
    "multiaddr": logging.CRITICAL,
}

_Event = MutableMapping[str, Any]


def configure(config: Config) -> None:
    """Send structlog and the standard library's loggers to the file and to standard error."""
    root = logging.getLogger()
    for handler in tuple(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(config.log.level.upper())
    root.addHandler(_file_handler(config.home))
    if config.log.console:
        root.addHandler(_console_handler())
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk must not print a traceback for every line
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _shared() -> list[Any]:
    """What happens to every event, ours or a library's."""
    return [
        structlog.stdlib.add_log_level,
        _name_part,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _bounded,
    ]


def _file_handler(home: Home) -> logging.Handler:
    make_folder(home.logs)
    try:
        handler = logging.handlers.RotatingFileHandler(
            home.log, maxBytes=_FILE_BYTES, backupCount=_FILES - 1, encoding="utf-8"
        )
    except OSError as error:
        raise Misuse(f"cannot write the log in {home.logs}: {error.strerror}", "check permissions") from None
    handler.setFormatter(_formatter(structlog.processors.JSONRenderer(ensure_ascii=True)))
    return handler


def _console_handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())))
    return handler


def _formatter(renderer: Any) -> logging.Formatter:
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_shared(), processors=[remove, renderer])


def _name_part(logger: Any, _: str, event: _Event) -> _Event:
    """The part of the daemon that speaks, or the library's logger."""
    record = event.get("_record")
    name = record.name if record is not None else getattr(logger, "name", "")
    event.setdefault("part", name)
    return event


def _bounded(_: Any, __: str, event: _Event) -> _Event:
    for key, value in event.items():
        if key.startswith("_"):
            continue
        if any(word in key.lower() for word in _SECRET):
            event[key] = "[hidden]"
        elif not isinstance(value, bool | int | float | None):
            is_trace = key in ("exception", "traceback")
            text = clip(str(value), _MOST_OF_A_TRACE if is_trace else _MOST_CHARACTERS)
            event[key] = visible(text, lines=is_trace)
    return event
