"""The node speaking: signs records, one after the other, and puts them through the one door.

A chain is one run of the daemon. After a restart a node cannot tell whether its store is the newest copy
(a backup may have been restored, an acknowledged record may live on peers only), and continuing an old chain
could fork it, which peers would have to take for equivocation. So every start opens a new random chain.
"""

from __future__ import annotations

import secrets
from functools import partial

import trio

from leaderboard.envelope import CHAIN_BYTES, ChainTip, Envelope, seal
from leaderboard.errors import LocalError
from leaderboard.ids import AuthorId
from leaderboard.ledger import Verdict
from leaderboard.records import Record
from leaderboard.signing import Signer

from .errors import Misuse
from .replica import NodeReplica, now_ms

__all__ = ["Author"]


class Author:
    """The one place in the daemon that signs."""

    def __init__(self, signer: Signer, replica: NodeReplica) -> None:
        self._signer = signer
        self._replica = replica
        self._tip = ChainTip(secrets.token_bytes(CHAIN_BYTES), -1, None)
        self._turn = trio.Lock()

    @property
    def id(self) -> AuthorId:
        """Under which name this node signs."""
        return self._signer.author

    async def publish(self, record: Record) -> Envelope:
        """Sign and admit `record`; durable on return. Gossip picks it up from the log.

        Raises Misuse if the operator's own lists keep it out, and LocalError if it cannot be sealed or the
        ledger rejects it (both are bugs here).
        """
        async with self._turn:
            envelope = await self._seal(record)
            (admission,) = await self._replica.admit([envelope.raw], "")
            if admission.verdict is Verdict.IGNORE:
                raise Misuse(
                    f"this node does not take in its own {record.kind}: {admission.reason}",
                    "add the author that `consilience id` shows to `admission.members`, here and elsewhere",
                )
            if admission.verdict is not Verdict.ACCEPT:
                raise LocalError(f"our own {record.kind} was refused: {admission.reason}")
            self._tip = envelope.tip
        return envelope

    async def _seal(self, record: Record) -> Envelope:
        """In a thread if the swarm asks for proof of work, which computes for a while."""
        bits = self._replica.entrance.work_bits
        work = partial(seal, record, self._signer, self._replica.swarm, self._tip, now_ms(), work_bits=bits)
        return await trio.to_thread.run_sync(work) if bits else work()
