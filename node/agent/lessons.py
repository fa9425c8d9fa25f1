"""What the evidence teaches: short sentences, each with the records from which it follows.

Lessons are computed from the board and the notebook's attempts every time, never edited: the notebook
compares them with what it holds, so a lesson whose evidence changed is revised and one that no longer follows
is withdrawn. Kinds, in the words that a briefing uses:

- `cause`: what a change of a recipe contributes, where somebody took the recipe apart;
- `known technique`: a technique of the catalogue that turned up here, and what came of it;
- `refuted`: what looked good to its author and did not hold on others' seeds;
- `dead end`: own trials that diverged or gained nothing;
- `broken`: own trials that gave no value;
- `calibration`: how far a proposer's predictions are off;
- `note`: what peers wrote about confirmed recipes. Their words, not ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from experiments.search.calibration import calibrate
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.evidence.standing import Standing
from leaderboard.ids import ContentId, RecipeId, TrackId, to_text
from leaderboard.records import Note

from ..notebook_entries import Attempt, Lesson, Outcome
from ..views import recipe_line

__all__ = ["MOST_PER_KIND", "is_dead_end", "learn"]

MOST_PER_KIND = 300
"""Lessons of one kind that are computed, the latest; a briefing holds some dozens. Not fewer than the rows of
the board that are read, or else lessons would be withdrawn for being old."""
_MOST_TEXT = 600
_LEAST_PREDICTIONS = 5
_KNOWN = frozenset({"equal", "special_case_of"})
_AGAINST = frozenset({Standing.REFUTED, Standing.UNSTABLE})


def learn(
    track: Track,
    views: Sequence[ClaimView],
    attempts: Mapping[RecipeId, Attempt],
    notes: Sequence[tuple[ContentId, Note]],
) -> list[Lesson]:
    """All lessons of a track.

    views: claims of the board, best first; attempts: the notebook's by recipe, oldest first; notes: by peers,
    with the claims that they are about.
    """
    latest = list(attempts.items())[::-1]
    here = track.id  # a hash of the manifest: once, not for each of hundreds of lessons
    kinds = (
        _causes(track, here, views),
        _known(track, here, views),
        _refuted(track, here, views),
        _dead_ends(track, here, latest),
        _broken(track, here, latest),
        _calibration(track, here, attempts.values()),
        _notes(track, here, views, notes),
    )
    return [lesson for kind in kinds for lesson in _first(kind)]


def _first(lessons: Iterable[Lesson]) -> Iterator[Lesson]:
    """The first ones, each key once."""
    found: dict[str, Lesson] = {}
    for lesson in lessons:
        if len(found) >= MOST_PER_KIND:
            break
        found.setdefault(lesson.key, lesson)
    yield from found.values()


def _lesson(here: TrackId, kind: str, about: str, text: str, *support: ContentId | None) -> Lesson:
    records = tuple(record for record in support if record is not None)
    return Lesson(here, f"{kind}/{about}"[:200], kind, text[:_MOST_TEXT], records)


def _line(track: Track, view: ClaimView) -> str:
    return recipe_line(view.claim.recipe, track.manifest.reference)


def _causes(track: Track, here: TrackId, views: Sequence[ClaimView]) -> Iterator[Lesson]:
    for view in views:
        for cause in view.causes:
            text = f"{_line(track, view)}: {cause.text}"
            yield _lesson(here, "cause", f"{to_text(view.id)}/{cause.name}", text, view.id)


def _known(track: Track, here: TrackId, views: Sequence[ClaimView]) -> Iterator[Lesson]:
    for view in views:
        for finding in view.findings:
            if finding.relation in _KNOWN and finding.technique is not None:
                text = f"{finding.label} was tried as {_line(track, view)}: {_came_of(view)}"
                about = f"{finding.technique}/{finding.mode}/{finding.slot}"
                yield _lesson(here, "known technique", about, text, view.id)


def _refuted(track: Track, here: TrackId, views: Sequence[ClaimView]) -> Iterator[Lesson]:
    for view in views:
        if view.standing in _AGAINST:
            text = f"{_line(track, view)} did not hold on others' seeds: {_came_of(view)}"
            yield _lesson(here, "refuted", to_text(view.id), text, view.id)


def _came_of(view: ClaimView) -> str:
    """What is known of a claim's effect: others' numbers if there are any."""
    evidence = view.evidence
    if evidence.median is None:
        own = "no result yet" if evidence.author is None else "measured by its author only"
        return f"{view.standing.value}, {own}"
    said = f"{view.standing.value}, effect {evidence.median:.4g} over {len(evidence.ordered)} seeds"
    if evidence.interval is not None:
        said += f", {evidence.interval[0]:.4g} to {evidence.interval[1]:.4g}"
    return said


def _dead_ends(track: Track, here: TrackId, latest: Sequence[tuple[RecipeId, Attempt]]) -> Iterator[Lesson]:
    for recipe, attempt in latest:
        if is_dead_end(attempt, track.manifest.delta_min):
            line = recipe_line(attempt.recipe, track.manifest.reference)
            text = f"{line} {_fate(attempt.effect)} ({attempt.seeds} seeds)"
            yield _lesson(here, "dead end", to_text(recipe), text, attempt.claim)


def _fate(effect: float | None) -> str:
    if effect is None:
        return "diverged"
    return f"loses {-effect:.3g}" if effect < 0 else f"gains only {effect:.3g}"


def is_dead_end(attempt: Attempt, least: float) -> bool:
    """Whether a measured attempt diverged or gained less than the least effect of interest."""
    if attempt.outcome is not Outcome.MEASURED or attempt.standing == Standing.CONFIRMED.value:
        return False
    return attempt.effect is None or attempt.effect < least


def _broken(track: Track, here: TrackId, latest: Sequence[tuple[RecipeId, Attempt]]) -> Iterator[Lesson]:
    for recipe, attempt in latest:
        if attempt.outcome is Outcome.FAILED:
            text = f"{recipe_line(attempt.recipe, track.manifest.reference)} gives no value: {attempt.why}"
            yield _lesson(here, "broken", to_text(recipe), text, attempt.claim)


def _calibration(track: Track, here: TrackId, attempts: Iterable[Attempt]) -> Iterator[Lesson]:
    measured = (item for item in attempts if item.outcome is Outcome.MEASURED)
    outcomes = ((item.proposer, item.predicted, item.effect) for item in measured)
    for found in calibrate(outcomes, track.manifest.effect_bound):
        if found.predictions >= _LEAST_PREDICTIONS:
            way = "hopeful" if found.bias > 0 else "timid"
            text = (
                f"predictions by {found.proposer} were too {way} by {abs(found.bias):.2g} on average"
                f" ({found.predictions} of them, right sign in {found.right_sign:.0%})"
            )
            yield _lesson(here, "calibration", found.proposer, text)


def _notes(
    track: Track, here: TrackId, views: Sequence[ClaimView], notes: Sequence[tuple[ContentId, Note]]
) -> Iterator[Lesson]:
    confirmed = {view.id: view for view in views if view.standing is Standing.CONFIRMED}
    for number, (claim, note) in enumerate(notes):
        if claim in confirmed:
            text = f"a peer wrote about {_line(track, confirmed[claim])}: {note.text}"
            yield _lesson(here, "note", f"{to_text(claim)}/{number}", text, claim)
