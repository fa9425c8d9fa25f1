"""A track for tests of whole swarms: find the bottom of a noisy bowl. A trial takes a few milliseconds."""

from experiments.recipe import Recipe
from experiments.space import FloatRange, Setting, Space
from experiments.track import Track
from leaderboard.manifest import TrackManifest

SPACE = Space(
    (
        Setting("x", FloatRange(-1.0, 1.0), "first coordinate"),
        Setting("y", FloatRange(-1.0, 1.0), "second coordinate"),
    ),
    (),
)


def track() -> Track:
    reference = Recipe.complete(SPACE, {"x": -1.0, "y": -1.0}, {})
    manifest = TrackManifest(
        name="toy",
        version=1,
        question="Where is the bottom of the bowl?",
        metric="height",
        direction="min",
        data=bytes(32),
        budget={"samples": 1},
        reference=reference.to_payload(),
        space=SPACE.describe(),
        tolerance="D0",
        delta_min=0.01,
        effect_bound=8.0,
        author_seeds=4,
        replicator_seeds=8,
        evaluator=1,
    )
    return Track(manifest, SPACE, reference, "toytrack.runner", "toytrack.examiner")
