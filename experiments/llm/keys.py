"""Keys of endpoints: from an environment variable or a file that nobody else can read.

A key never enters a log, a record, an error message or a `repr`; the only place that unwraps it is the one
that writes the Authorization header.
"""

from __future__ import annotations

import html
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from leaderboard.errors import LocalError

__all__ = ["MAX_KEY", "Key", "key_from_environment", "key_from_file"]

MAX_KEY: Final = 4096  # bytes; the longest tokens we know have 2,000


class Key:
    """A secret that prints as stars."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        if (
            not 0 < len(secret) <= MAX_KEY
            or not secret.isascii()
            or any(c.isspace() or not c.isprintable() for c in secret)
        ):
            raise LocalError("the key is empty, too long, or holds characters that no key has; copy it again")
        self._secret = secret

    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self._secret}"

    def hide(self, text: str) -> str:
        """The text without the key, should an endpoint repeat it: plainly, or as in JSON, HTML or a URL."""
        secret = self._secret
        spelled = (json.dumps(secret)[1:-1].replace("/", "\\/"), html.escape(secret), quote(secret, safe=""))
        for form in (secret, *spelled):
            text = text.replace(form, "[key]")
        return text

    def __repr__(self) -> str:
        return "Key(***)"


def key_from_environment(name: str, environment: Mapping[str, str] = os.environ) -> Key:
    """The key in a variable; LocalError says which one to set."""
    value = environment.get(name, "").strip()
    if not value:
        raise LocalError(f"the environment variable {name} holds no key; set it or name a key file")
    return Key(value)


def key_from_file(path: Path) -> Key:
    """The key in a plain file of mode 0600 or stricter; LocalError says what is wrong with it."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise LocalError(f"{path} is not a plain file")
            if status.st_mode & 0o077:
                raise LocalError(f"{path} can be read by others; run: chmod 600 {path}")
            content = file.read(MAX_KEY + 1)
    except OSError as error:
        raise LocalError(f"cannot read the key file {path}: {error.strerror}") from error
    if len(content) > MAX_KEY or not content.isascii():
        raise LocalError(f"{path} does not look like a key")
    return Key(content.decode("ascii").strip())
