"""Reports: every number follows from the records, strangers' words stay words, the unsupported is refused."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.errors import PeerError
from leaderboard.evidence.effects import paired_effects
from leaderboard.evidence.synthetic import SWARM
from leaderboard.ids import to_text
from leaderboard.records import Replication
from node.errors import NotFound
from node.report.markdown import render_markdown
from node.report.page import render_page
from node.report.sentences import Cited, Refusal, Sentence, read_sentence, shown
from node.report.sources import read_books, read_export
from node.report.template import compose, refused_shown


def page_of(book, *sentences: str) -> str:
    document = compose(book, sentences)
    return render_page([document], [refused_shown(document)], "made now")


def text_of(book, *sentences: str) -> str:
    document = compose(book, sentences)
    return render_markdown([document], [refused_shown(document)], "made now")


def test_the_effect_is_the_median_of_what_the_cited_records_say(case, book):
    figure = book.figure("effect", case.good)
    effects = []
    for key in figure.sources:
        record = book.records[key].record
        if isinstance(record, Replication):
            effects += paired_effects(record.own, book.manifest, len(record.own.seeds))
    assert len(effects) == 40
    assert figure.value == pytest.approx(median(effects))
    assert book.figure("seeds", case.good).value == 40
    assert book.figure("replicators", case.good).value == 5


def test_totals_count_the_records(case, book):
    counts = {"claims": 3, "results": 2, "replications": 10, "authors": 1}
    assert {key: book.figure(key, "track").value for key in counts} == counts
    assert book.figure("confirmed", "track").value == 1
    assert book.figure("refuted", "track").value == 1
    assert book.figure("retracted", "track").value == 1


def test_every_part_of_the_story_is_told(case, book):
    said = text_of(book)
    for word in ("Summary", "What stands", "What was known already", "What caused the gains", "Replications",
                 "Disputes", "Failures", "rediscovery of the gain law", "He et al. (2015); torch.gain",
                 "the trial failed here: memory: 16 GiB wanted", "refuted"):  # fmt: skip
        assert word in said, word
    assert "Refused sentences" not in said


def test_every_number_in_the_page_is_a_citation_that_leads_somewhere(case, book):
    page = page_of(book)
    anchors = set(re.findall(r'id="(r-[a-z2-7]{10}|records)"', page))
    links = re.findall(
        r'<a class="n" href="#([^"]+)" title="([a-z0-9_]+) of ([a-z2-7]+)[^"]*">([^<]+)</a>', page
    )
    assert len(links) > 30
    for target, key, subject, number in links:
        assert target in anchors
        assert shown(book.figure(key, subject).value) == number
    # What is left after links, quotations, pictures and the list of records has no number in it.
    rest = re.sub(
        r"<a .*?</a>|<code>.*?</code>|<svg.*?</svg>|<style>.*?</style>|<head>.*?</head>", "", page, flags=re.S
    )
    rest = rest[: rest.index("Records cited")]
    words = html.unescape(re.sub(r"<[^>]+>", " ", rest))
    assert not re.search(r"\d", words.replace("test v1", "").replace(f"{book.manifest.name} v1", "")), words


def test_strangers_words_stay_words(case, book):
    page, text = page_of(book), text_of(book)
    assert "<script" not in page
    assert "\x1b" not in page + text
    assert "\u202e" not in page + text
    assert "ada &lt;b&gt;" in page
    assert "](http://evil)" not in re.sub(r"`[^`]*`", "", text)
    assert "<script" not in re.sub(r"`[^`]*`", "", text)


def test_the_page_asks_for_nothing(book):
    page = page_of(book)
    assert "default-src 'none'" in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "@import" not in page
    assert "url(" not in page


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("It gains 1.9 nats.", "'1' without"),
        ("It is twice as good.", "'twice' without"),
        ("Half of the seeds won.", "'Half' without"),
        ("It wins seven times.", "'seven' without"),
        ("It gains {effect zzzzzzzz}.", "say no effect of zzzzzzzz"),
        ("It gains {beauty GOOD}.", "say no beauty"),
        ("It gains {effect track}.", "say no effect of track"),
        ("It gains {effect good.", "not of the form"),
        ("{own_seeds BROKEN} seeds.", "say no own_seeds"),
        ("It gains ٣ nats.", "without"),
    ],
)
def test_a_sentence_without_support_is_refused_and_listed(case, book, text, reason):
    text = text.replace("GOOD", case.good).replace("BROKEN", case.broken)
    found = read_sentence(text, book)
    assert isinstance(found, Refusal)
    assert reason in found.reason
    assert html.escape(text) in page_of(book, text)
    assert "Refused sentences" in text_of(book, text)


def test_a_supported_sentence_gets_its_numbers_from_the_records(case, book):
    text = f"{{recipe {case.good[:8]}}} gains {{effect {case.good[:8]}}} over {{seeds {case.good}}} seeds."
    found = read_sentence(text, book)
    assert isinstance(found, Sentence)
    cited = [part for part in found.parts if isinstance(part, Cited)]
    assert [part.key for part in cited] == ["effect", "seeds"]
    assert "<h2>In words</h2>" in page_of(book, text)


@given(st.text(max_size=80))
def test_no_text_with_a_digit_outside_a_citation_passes(text):
    class Nothing:
        def figure(self, key, subject):
            return None

        words = figure

    found = read_sentence(text, Nothing())
    if any(c in "0123456789" for c in text):
        assert isinstance(found, Refusal)


def test_the_order_of_records_does_not_matter(case):
    turned = b"".join(envelope.raw for envelope in reversed(case.envelopes))
    (book,) = read_books(read_export(turned + turned, SWARM))
    assert page_of(book) == page_of(case.book())


def test_json_lines_say_the_same(case):
    lines = b"".join(json.dumps({"raw": b64encode(e.raw).decode()}).encode() + b"\n" for e in case.envelopes)
    assert {e.id for e in read_export(lines, SWARM)} == {e.id for e in case.envelopes}


def test_forged_and_cut_exports_are_refused(case):
    content = case.content
    with pytest.raises(PeerError, match="cut or malformed"):
        read_export(content[:-10], SWARM)
    raw = bytearray(case.envelopes[3].raw)
    raw[-1] ^= 1
    with pytest.raises(PeerError):
        read_export(bytes(raw), SWARM)
    with pytest.raises(PeerError, match="line 1"):
        read_export(b'{"raw": 3}', SWARM)


def test_an_unknown_track_and_an_empty_store_say_what_to_do(case):
    envelopes = read_export(case.content, SWARM)
    with pytest.raises(NotFound, match="no track is called 'nope'"):
        read_books(envelopes, "nope")
    with pytest.raises(NotFound, match="no claims yet"):
        read_books(envelopes[:2])
    assert read_books(envelopes, to_text(case.book().manifest.id)[:8])
