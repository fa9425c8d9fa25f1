"""deep-mlp: how should a deep plain ReLU net be initialised?

A chain of fully connected layers without normalisation, without skip connections and with zero biases is
trained by plain SGD on scikit-learn's digits (1,797 images of 8 x 8). At 11 to 13 hidden layers the usual
default initialisation is dead: the signal fades to nothing on its way. The recipe says the standard deviation
of each layer's normal weights, the activation, and the schedule of the step size.

The seed draws depth, widths, weights, order of the samples and split. Widths differ by a factor of four
within a net and again between seeds, so what wins has to be a law: a constant that suits one net is dead or
diverges on another. docs/tracks/deep-mlp.md has the measurements behind every frozen number, and what they do
not show.
"""

from __future__ import annotations

from typing import Final

from leaderboard.manifest import TrackManifest

from ...recipe import Recipe
from ...space import FloatRange, Setting, Slot, Space
from ...track import Track
from .shape import BATCH, HIDDEN, INIT_VARIABLES, PATTERN, SCALES, STEPS, cycle

__all__ = ["DATA_SHA256", "SPACE", "track"]

# Of the images (1797 x 64 bytes) followed by the labels (1797 bytes), as scikit-learn ships them.
DATA_SHA256: Final = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"

# Where searches compare expressions; hints, not part of the contest.
_GRID: Final = tuple((step / 4,) for step in range(-16, 17))
_UNIT: Final = tuple((step / 16,) for step in range(17))


def _layer_points() -> tuple[tuple[float, ...], ...]:
    """(fan_in, fan_out, depth, layer) of all layers of a small, a middle and a large net."""
    scales = (SCALES[0], SCALES[len(SCALES) // 2], SCALES[-1])
    orders = (PATTERN, (1, 3, 2, 4), (4, 2, 3, 1))
    nets = map(cycle, HIDDEN, scales, orders)
    return tuple(
        (float(fan_in), float(fan_out), float(net.depth), float(layer))
        for net in nets
        for layer, (fan_in, fan_out) in enumerate(net.fans)
    )


SPACE: Final = Space(
    programs=True,
    settings=(Setting("lr", FloatRange(0.001, 0.02, log=True), "step size of plain SGD", searched=False),),
    slots=(
        Slot(
            "init_std",
            INIT_VARIABLES,
            "standard deviation of the normal weights of one layer; layers count from 0, depth is how many",
            low=1e-4,
            high=10.0,
            points=_layer_points(),
        ),
        Slot("activation", ("x",), "what every hidden unit computes", points=_GRID, searched=False),
        Slot(
            "lr",
            ("t",),
            "multiplier of the step size; t goes from 0 to 1 over the run",
            low=0.0,
            points=_UNIT,
            searched=False,
        ),
    ),
)


def track() -> Track:
    """The track; imports no data and no torch."""
    # torch.nn.Linear draws uniform weights whose standard deviation is this; ours are normal, and biases 0.
    reference = Recipe.complete(
        SPACE, {"lr": 0.01}, {"init_std": "1/sqrt(3*fan_in)", "activation": "max(x, 0)", "lr": "1"}
    )
    manifest = TrackManifest(
        name="deep-mlp",
        version=1,
        question="How should a deep plain ReLU network be initialised so that it trains?",
        metric="validation loss (cross-entropy, nats)",
        direction="min",
        data=bytes.fromhex(DATA_SHA256),
        budget={"samples": BATCH * STEPS},
        reference=reference.to_payload(),
        space=SPACE.describe(),
        tolerance="D0",
        delta_min=0.01,
        effect_bound=2.302585092994046,  # log(10): what a net that always answers "any digit" loses
        author_seeds=5,
        replicator_seeds=5,
        evaluator=1,
    )
    return Track(
        manifest=manifest,
        space=SPACE,
        reference=reference,
        runner="experiments.tracks.deep_mlp.runner",
        examiner="experiments.tracks.deep_mlp.examiner",
    )
