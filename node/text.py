"""Makes text of strangers safe to show: peers, models and files may not drive a terminal or forge a line.

Everything that Python calls unprintable (control characters, ANSI escapes, bidirectional overrides,
zero-width characters, line separators, private use) appears as a visible escape.
"""

from __future__ import annotations

__all__ = ["clip", "visible"]


def visible(text: str, *, lines: bool = False) -> str:
    """`text` with every unprintable character spelled out; `lines` keeps line feeds."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or (lines and c == "\n") else _spell(ord(c)) for c in text)


def clip(text: str, most: int) -> str:
    """`text` cut to `most` characters, with an ellipsis where something is missing."""
    return text if len(text) <= most else text[: max(0, most - 1)] + "…"


def _spell(code: int) -> str:
    names = {9: "\\t", 10: "\\n", 13: "\\r"}
    if code in names:
        return names[code]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
