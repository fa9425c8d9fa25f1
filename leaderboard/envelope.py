"""Signed records on the wire: sealing, opening, and the id that names them.

An envelope is the canonical array `[version, body, signature]`. `body` is kept verbatim for ever; its map
holds author, swarm, kind, chain, seq, prev, time and payload. Signature and ContentId are taken over a domain
string plus `body`, so a record means nothing under another protocol version, and, as the swarm id is
inside, nothing in another swarm. The id does not cover the signature, so a re-signed record is the same
record. Specification: docs/spec/record-v1.md.

Chain, seq and prev are advisory: the set is the truth and records are accepted out of order. Two
envelopes of one author with equal chain and seq are proof of equivocation (see leaderboard.evidence).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .admission import MAX_WORK_BITS, has_work
from .codec import MAX_RECORD_BYTES, Value, ValueMap, decode, encode
from .errors import LocalError, PeerError
from .fields import Fields
from .ids import AuthorId, ContentId, SwarmId
from .records import Record, parse_payload, subject_of
from .signing import SIGNATURE_BYTES, Signer, holds, is_strict

__all__ = [
    "CHAIN_BYTES",
    "VERSION",
    "ChainTip",
    "Envelope",
    "Glimpse",
    "Slip",
    "content_id",
    "glimpse",
    "open_envelope",
    "presumed_id",
    "seal",
    "swarm_id",
]

VERSION = 1
CHAIN_BYTES = 16
_DOMAIN = b"consilience/record/v1\x00"
WORK_BYTES = 8
_BODY_AT = {0xC4: 4, 0xC5: 5}
"""Where the body begins in the wire form, by the byte that says how its length is written."""
_SHORT, _LONG = b"\x93\x01\xc4", b"\x93\x01\xc5"
"""An array of three, version 1, and a body whose length takes one byte or two."""
_SIGNATURE_HEAD = b"\xc4\x40"
_SWARM_DOMAIN = b"consilience/swarm/v1\x00"
_WORK_DOMAIN = b"consilience/swarm/v1/work\x00"
_WITH_WORK = b"\x89"
"""A map of nine: a body whose last field is `work`."""
_AUTHOR_HEAD, _TIME_HEAD, _WORK_HEAD = b"\xa6author\xc4\x20", b"\xa4time\xcf", b"\xa4work\xc4\x08"


def swarm_id(name: str, work_bits: int = 0) -> SwarmId:
    """The id of the swarm called `name`, whose records carry `work_bits` bits of proof of work."""
    if not 0 <= work_bits <= MAX_WORK_BITS:
        raise LocalError(f"proof of work takes 0 to {MAX_WORK_BITS} bits, not {work_bits}")
    domain = _WORK_DOMAIN + bytes((work_bits,)) if work_bits else _SWARM_DOMAIN
    return SwarmId(hashlib.sha256(domain + name.encode()).digest())


@dataclass(frozen=True, slots=True)
class ChainTip:
    """The last record of a chain: what its author's next record points back to."""

    chain: bytes
    seq: int
    """Sequence number of that record; -1 for a chain without records."""
    prev: ContentId | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A record with who said it, where in its author's chain, and the bytes that prove it."""

    raw: bytes
    """The wire bytes, exactly as received."""
    id: ContentId
    author: AuthorId
    swarm: SwarmId
    chain: bytes
    seq: int
    prev: ContentId | None
    time_ms: int
    """The author's clock, UTC; for display and for the age of leases only."""
    record: Record

    @property
    def kind(self) -> str:
        return self.record.kind

    @property
    def subject(self) -> bytes | None:
        """The id of what this record is about, by which it is looked up."""
        return subject_of(self.record)

    @property
    def tip(self) -> ChainTip:
        """This record as the end of its chain."""
        return ChainTip(self.chain, self.seq, self.id)

    @property
    def signed(self) -> bytes:
        """What `leaderboard.signing.holds` takes: the signature and what it is of."""
        # Opening found the outer array in canonical form, and key and signature in strict form.
        body = self.raw[_BODY_AT[self.raw[2]] : -SIGNATURE_BYTES - 2]
        return b"".join((self.raw[-SIGNATURE_BYTES:], _DOMAIN, body))

    def signature_holds(self) -> bool:
        """Whether the signature is the author's, of an envelope that was opened; the costly check."""
        return holds(self.author, self.signed)


class Slip(NamedTuple):
    """What a store's index says of a record that another process has opened, and its bytes."""

    raw: bytes
    id: ContentId
    author: AuthorId
    chain: bytes
    seq: int
    time_ms: int
    kind: str
    subject: bytes | None


class Glimpse(NamedTuple):
    """What can be told of an envelope without opening it: all of it is true if it is one."""

    id: ContentId
    author: AuthorId
    time_ms: int


def seal(
    record: Record, signer: Signer, swarm: SwarmId, tip: ChainTip, time_ms: int, *, work_bits: int = 0
) -> Envelope:
    """Sign `record` as the next one after `tip`: the only place in the project that signs records.

    `work_bits` is what the swarm asks for: about 2^bits microseconds of computing.
    """
    fields: dict[str, Value] = {
        "author": signer.author,
        "chain": tip.chain,
        "kind": record.kind,
        "payload": record.payload(),
        "prev": tip.prev,
        "seq": tip.seq + 1,
        "swarm": swarm,
        "time": time_ms,
    }
    body = _with_work(fields, work_bits) if work_bits else encode(fields)
    raw = encode([VERSION, body, signer.sign(_DOMAIN + body)])
    try:
        return open_envelope(raw, swarm)
    except PeerError as error:
        raise LocalError(f"cannot seal this {record.kind}: {error}") from None


def _with_work(fields: dict[str, Value], bits: int) -> bytes:
    """The body with a nonce that gives its id the work. `work` sorts last, so only its end is hashed anew."""
    blank = encode({**fields, "work": bytes(WORK_BYTES)})
    head = blank[:-WORK_BYTES]
    state = hashlib.sha256(_DOMAIN + head)
    for nonce in _nonces():
        attempt = state.copy()
        attempt.update(nonce)
        if has_work(ContentId(attempt.digest()), bits):
            return head + nonce
    raise AssertionError("2^64 nonces were not enough")


def _nonces() -> Iterator[bytes]:
    return (number.to_bytes(WORK_BYTES, "big") for number in range(2**64))


def presumed_id(raw: bytes) -> ContentId | None:
    """The id of `raw` if it is an envelope, which `open_envelope` finds out; None if it is surely none."""
    start = _BODY_AT.get(raw[2]) if len(raw) > 2 else None
    return None if start is None else _id(raw[start : -SIGNATURE_BYTES - 2])


def glimpse(raw: bytes) -> Glimpse | None:
    """A tenth of the cost of `open_envelope`; None for what is no envelope, and for clocks before 1970-02-19.

    `author` is the first key of a body and `time` the last one but `work`, and all have one form only.
    """
    start = _BODY_AT.get(raw[2]) if len(raw) > 2 else None
    if start is None:
        return None
    body = raw[start : -SIGNATURE_BYTES - 2]
    end = len(body)
    if body[:1] == _WITH_WORK:
        end -= len(_WORK_HEAD) + WORK_BYTES
    if body[1 : 1 + len(_AUTHOR_HEAD)] != _AUTHOR_HEAD or body[end - 14 : end - 8] != _TIME_HEAD:
        return None
    author = AuthorId(body[10:42])
    return Glimpse(_id(body), author, int.from_bytes(body[end - 8 : end], "big"))


def content_id(raw: bytes) -> ContentId:
    """The id of an envelope's bytes, without looking inside the body; PeerError if it has no body."""
    return _id(_split(raw)[1])


def open_envelope(raw: bytes, swarm: SwarmId) -> Envelope:
    """Everything that can be checked without the signature, in order of cost; raises PeerError."""
    version, body, signature = _split(raw)
    if version != VERSION:
        raise PeerError(f"record version {version}; this node reads version {VERSION}")
    fields = Fields(_map(decode(body)), "envelope")
    author = AuthorId(fields.id("author"))
    envelope_swarm = SwarmId(fields.id("swarm"))
    fields.require(envelope_swarm == swarm, "signed for another swarm")
    fields.require(is_strict(author, signature), "key or signature is not in strict Ed25519 form")
    kind = fields.text("kind", 32)
    chain = fields.binary("chain", CHAIN_BYTES, CHAIN_BYTES)
    seq = fields.integer("seq", 0, 2**63 - 1)
    prev = fields.optional_id("prev")
    fields.require((prev is None) == (seq == 0), "prev is missing, or present at the start of a chain")
    time_ms = fields.integer("time", 0, 2**53)
    record = parse_payload(kind, fields.mapping("payload"))
    if fields.has("work"):  # the proof itself is in the id, where the ledger looks if its swarm asks for it
        fields.binary("work", WORK_BYTES, WORK_BYTES)
    fields.done()
    return Envelope(
        raw=raw,
        id=_id(body),
        author=author,
        swarm=envelope_swarm,
        chain=chain,
        seq=seq,
        prev=None if prev is None else ContentId(prev),
        time_ms=time_ms,
        record=record,
    )


def _id(body: bytes) -> ContentId:
    return ContentId(hashlib.sha256(_DOMAIN + body).digest())


def _split(raw: bytes) -> tuple[int, bytes, bytes]:
    if len(raw) > MAX_RECORD_BYTES:
        raise PeerError(f"envelope has {len(raw)} bytes, the limit is {MAX_RECORD_BYTES}")
    end = len(raw) - SIGNATURE_BYTES
    start = _body_at(raw)
    if start is not None and raw[end - 2 : end] == _SIGNATURE_HEAD:
        return VERSION, raw[start : end - 2], raw[end:]
    match decode(raw):
        case [int(version), bytes(body), bytes(signature)] if len(signature) == SIGNATURE_BYTES:
            if not isinstance(version, bool):  # `true` would be a second spelling of version 1
                return version, body, signature
    raise PeerError("not an envelope: expected [version, body, signature]")


def _body_at(raw: bytes) -> int | None:
    """Where the body of an envelope of our version begins, if that is what its first bytes say.

    They say where it ends, too, and have one form only, so nothing needs to be decoded.
    """
    if raw[:3] == _SHORT:
        return 4 if int.from_bytes(raw[3:4], "big") + 4 + 2 + SIGNATURE_BYTES == len(raw) else None
    size = int.from_bytes(raw[3:5], "big")
    return 5 if raw[:3] == _LONG and size > 255 and size + 5 + 2 + SIGNATURE_BYTES == len(raw) else None


def _map(value: Value) -> ValueMap:
    if isinstance(value, dict):
        return value
    raise PeerError("envelope body is not a map")
