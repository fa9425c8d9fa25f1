"""A small swarm's records: a confirmed and known claim, a refuted one, a failed one, hostile words."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from leaderboard.ablation import Ablation, Change
from leaderboard.envelope import Envelope
from leaderboard.evidence.seeds import author_seeds
from leaderboard.evidence.synthetic import SWARM, Actor, Contest
from leaderboard.ids import to_text
from leaderboard.records import Finding, Note, Profile, Retraction
from node.report.book import Book
from node.report.sources import read_books, read_export

HOSTILE = "<script>alert(1)</script> | [x](http://evil) `ls` \x1b[31m\u202e {effect track} 99"


@dataclass(frozen=True)
class Case:
    envelopes: list[Envelope]
    good: str
    bad: str
    broken: str

    @property
    def content(self) -> bytes:
        return b"".join(envelope.raw for envelope in self.envelopes)

    def book(self) -> Book:
        (book,) = read_books(read_export(self.content, SWARM))
        return book


@pytest.fixture(scope="session")
def case() -> Case:
    contest = Contest(noise=0.3, delta_min=0.05)
    ada, *others = [
        Actor(name, contest, environment=name) for name in ("ada", "bob", "cyd", "dan", "eve", "fay")
    ]
    records = [ada.track(), ada.write(Profile("ada <b>", "test", "cpu"))]
    good, bad = ada.claim(2.0, text="Wider wants smaller."), ada.claim(-2.0, text=HOSTILE)
    broken = ada.claim(0.5, text="too big")
    records += [good, bad, broken, ada.result(good, 2.0), ada.result(bad, 3.0)]
    records.append(ada.write(Retraction(broken.id, "the trial failed here: memory: 16 GiB wanted")))
    for other in others:
        for claim, gain in ((good, 2.0), (bad, -2.0)):
            accept = other.accept(claim)
            records += [accept, other.deliver(accept, gain)]
    records.append(others[0].write(Note(bad.id, HOSTILE)))
    found = Finding(
        good.id, "equal", "rediscovery of the gain law", "gain-law", "He et al. (2015)", "torch.gain",
        "fan_in", "gain", 1.0, "confirmed", ("it matches",), "1",
    )  # fmt: skip
    records.append(others[1].write(found))
    seeds = author_seeds(contest.manifest.id, others[0].id, 8)
    change = Change("gain", {"gain": 0.0}, contest.measure(2.0, 0.0, seeds, "bob"))
    records.append(others[0].write(Ablation(good.id, None, (change,))))
    return Case(records, to_text(good.id), to_text(bad.id), to_text(broken.id))


@pytest.fixture(scope="session")
def book(case: Case) -> Book:
    return case.book()
