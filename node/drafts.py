"""A person's hypothesis becomes a claim: checked as a recipe of its track, signed, and owed a measurement."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from experiments.programs.canonical import Program, read_program
from experiments.recipe import Recipe, RecipeError
from experiments.sandbox.codes import Rejected
from experiments.track import Track as InstalledTrack
from leaderboard.ids import ContentId, to_text
from leaderboard.manifest import TrackManifest
from leaderboard.records import Claim, Track, recipe_id

from .api.values import ClaimDraft, ClaimReceipt
from .author import Author
from .blobs_shelf import Blobs
from .errors import Misuse
from .replica import NodeReplica

__all__ = ["Drafts"]


class Drafts:
    """Takes drafts of this node's owner."""

    def __init__(
        self, replica: NodeReplica, author: Author, blobs: Blobs, installed: Sequence[InstalledTrack]
    ) -> None:
        self._replica = replica
        self._author = author
        self._blobs = blobs
        self._installed = {track.id: track for track in installed}

    async def submit(self, draft: ClaimDraft, manifest: TrackManifest, *, measures: bool) -> ClaimReceipt:
        """Publish the draft as a claim on the track, or name the claim that this node made of it before.

        `measures` says whether this node has an agent to measure it. Misuse says what is wrong with a draft.
        """
        program = _program(draft.program)
        recipe = self._recipe(manifest, draft, program)
        known = self._known(recipe, manifest)
        if known is not None:
            return known
        opponent = None if draft.opponent is None else await self._claim_id(draft.opponent)
        parents = tuple([await self._claim_id(parent) for parent in draft.parents])
        if manifest.id not in self._replica.standings.tracks():
            await self._author.publish(Track(manifest))
        if program is not None:
            await self._blobs.put(program.source.encode())  # before the claim that names it
        envelope = await self._author.publish(
            Claim(
                track=manifest.id,
                recipe=recipe.to_payload(),
                opponent=opponent,
                hypothesis=draft.hypothesis,
                predicted_effect=draft.predicted_effect,
                parents=parents,
                proposer="person",
                licence=draft.licence,
                derivable=draft.derivable,
            )
        )
        return ClaimReceipt(to_text(envelope.id), manifest.name, known=False, queued=measures)

    def _known(self, recipe: Recipe, manifest: TrackManifest) -> ClaimReceipt | None:
        """This author's older claim of the recipe: there is one claim for each author and recipe."""
        standings = self._replica.standings
        for claim in sorted(standings.claims_of_recipe(recipe_id(recipe.to_payload()))):
            facts = standings.facts(claim)
            if facts is None or facts.claim is None or facts.author != self._author.id:
                continue
            if facts.claim.track == manifest.id:
                return ClaimReceipt(to_text(claim), manifest.name, known=True, queued=not facts.measured)
        return None

    def _recipe(self, manifest: TrackManifest, draft: ClaimDraft, program: Program | None) -> Recipe:
        track = self._installed.get(manifest.id)
        if track is None:
            raise Misuse(
                f"this node has not installed this version of {manifest.name}",
                "install it and name it in `agent.tracks` to claim here",
            )
        payload = {"settings": draft.settings, "slots": draft.slots}
        try:
            return Recipe.from_payload(
                payload if program is None else {**payload, "program": program.id}, track
            )
        except RecipeError as error:
            raise Misuse(
                str(error), f"`consilience track show {manifest.name}` lists what can be said"
            ) from None

    async def _claim_id(self, prefix: str) -> ContentId:
        found = await trio.to_thread.run_sync(self._replica.store.find, prefix)
        if self._replica.standings.facts(found) is None:
            raise Misuse(f"{prefix} is not a claim", "copy a claim's id from `consilience board`")
        return found


def _program(source: str) -> Program | None:
    """A person's program in canonical form; None for no text."""
    if not source:
        return None
    try:
        return read_program(source)
    except Rejected as error:
        raise Misuse(error.reason, "`consilience try TRACK --program FILE` says more") from None
