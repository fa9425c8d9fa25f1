"""A report as one HTML file: style and pictures inside, no script, no request, for screens of any width."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources

from leaderboard.ids import ContentId, to_text

from ..text import clip, visible
from ..views import summary
from .book import SHORT
from .document import Block, Document, Heading, Paragraph, Table, is_total, totals_told
from .sentences import Cited, Refusal, Sentence, shown

__all__ = ["render_page"]

_LONGEST_QUOTE = 300
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_page(documents: Sequence[Document], refused: Sequence[Sequence[Refusal]], made: str) -> str:
    """All documents on one page; `made` says when and from what."""
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    body = "".join(map(_document, documents, refused))
    title = ", ".join(document.title for document in documents)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n<main>{body}</main>\n<footer>{_text(made)}</footer>\n</body>\n</html>\n"
    )


def _document(document: Document, refusals: Sequence[Refusal]) -> str:
    parts = [
        f'<h1>{_text(document.title)}</h1>\n<p class="question">{_text(document.book.manifest.question)}</p>'
    ]
    parts += map(_block, document.blocks)
    if refusals:
        items = "".join(
            f"<li><code>{_text(item.text)}</code>: {_text(item.reason)}</li>" for item in refusals
        )
        parts.append(f"<h2>Refused sentences</h2><ul>{items}</ul>")
    cited = "".join(_record(document, key) for key in document.sources() if key in document.book.records)
    totals = _text(totals_told(document))
    end = f'<h2 id="records">Records cited</h2><p>{totals}</p><ul class="records">{cited}</ul>'
    return "\n".join([*parts, end])


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{_text(text)}</h2>"
        case Paragraph(sentences):
            return f"<p>{' '.join(map(_sentence, sentences))}</p>"
        case Table(head, rows):
            top = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in head)
            lines = "".join(
                "<tr>" + "".join(f"<td>{_sentence(c)}</td>" for c in row) + "</tr>" for row in rows
            )
            name = _text(", ".join(head))
            # A region that scrolls must be reachable by keyboard, and named.
            return (
                f'<div class="scroll" tabindex="0" role="region" aria-label="table: {name}">'
                f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>"
            )
    return f"<figure>{block.svg}<figcaption>{_text(block.caption)}</figcaption></figure>"


def _record(document: Document, key: ContentId) -> str:
    envelope, name = document.book.records[key], to_text(key)
    said = _text(clip(summary(envelope), _LONGEST_QUOTE))
    return f'<li id="r-{name[:SHORT]}"><code>{name}</code> {_text(envelope.kind)}: {said}</li>'


def _sentence(sentence: Sentence) -> str:
    parts = []
    for part in sentence.parts:
        if isinstance(part, str):
            parts.append(_text(part))
        elif isinstance(part, Cited):
            parts.append(_number(part))
        else:
            parts.append(f"<code>{_text(clip(part.words.text, _LONGEST_QUOTE))}</code>")
    return "".join(parts)


def _number(part: Cited) -> str:
    number, sources = shown(part.figure.value), part.figure.sources
    if not sources:
        return number
    about = f"{part.key} of {part.subject[:SHORT]}, from {len(sources)} records"
    place = "records" if is_total(sources) else f"r-{to_text(sources[0])[:SHORT]}"
    return f'<a class="n" href="#{place}" title="{_text(about)}">{number}</a>'


def _text(text: str) -> str:
    return escape(visible(text))
