"""A recipe of byte-lm read as a model and its training: typed values, and what they cost. Plain Python.

Sizes that do not fit each other are rounded as their purposes say, so that every recipe of the space is some
model: a search needs no knowledge of divisibility.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ...recipe import Recipe
from .budget import MIN_STEPS, Budget

__all__ = ["VOCABULARY", "Design", "Matrix"]

VOCABULARY: Final = 256
_NEWTON_SCHULZ: Final = 5  # iterations of Muon


@dataclass(frozen=True, slots=True)
class Matrix:
    """One weight matrix: its name, its shape (fan_out, fan_in), and the layer that laws see."""

    name: str
    fan_out: int
    fan_in: int
    layer: int
    """0 for the embedding, 1 to depth for the blocks, depth + 1 for the head."""

    @property
    def size(self) -> int:
        return self.fan_out * self.fan_in


@dataclass(frozen=True, slots=True)
class Design:
    """The typed settings of a recipe, sizes made to fit."""

    context: int
    depth: int
    heads: int
    kv_heads: int
    head_size: int
    hidden: int
    gated: bool
    tied: bool
    norm: str
    norm_place: str
    qk_norm: bool
    positions: str
    window: int
    """Bytes back, itself included, that attention sees; the context for full attention."""
    logit_cap: float
    optimizer: str
    lr: float
    matrix_lr: float
    beta1: float
    beta2: float
    weight_decay: float
    warmup: float
    clip: float
    batch: int
    label_smoothing: float

    @classmethod
    def of(cls, recipe: Recipe, budget: Budget) -> Design:
        """The design that a recipe says, for a class of machines."""

        def whole(name: str) -> int:
            return int(recipe.number(name))

        heads = whole("heads")
        # Rotary positions turn pairs of channels, so a head has an even number of them.
        head_size = max(2, whole("width") // heads // 2 * 2)
        kv_heads = max(n for n in range(1, heads + 1) if heads % n == 0 and n <= whole("kv_heads"))
        width = heads * head_size
        local = recipe.setting("attention") == "window"
        return cls(
            context=budget.context,
            depth=whole("depth"),
            heads=heads,
            kv_heads=kv_heads,
            head_size=head_size,
            hidden=max(4, round(recipe.number("mlp_ratio") * width / 4) * 4),
            gated=bool(recipe.setting("gated")),
            tied=bool(recipe.setting("tied")),
            norm=str(recipe.setting("norm")),
            norm_place=str(recipe.setting("norm_place")),
            qk_norm=bool(recipe.setting("qk_norm")),
            positions=str(recipe.setting("positions")),
            window=min(whole("window"), budget.context) if local else budget.context,
            logit_cap=recipe.number("logit_cap"),
            optimizer=str(recipe.setting("optimizer")),
            lr=recipe.number("lr"),
            matrix_lr=recipe.number("matrix_lr"),
            beta1=recipe.number("beta1"),
            beta2=recipe.number("beta2"),
            weight_decay=recipe.number("weight_decay"),
            warmup=recipe.number("warmup"),
            clip=recipe.number("clip"),
            batch=whole("batch"),
            label_smoothing=recipe.number("label_smoothing"),
        )

    @property
    def width(self) -> int:
        """Channels of the residual stream."""
        return self.heads * self.head_size

    def matrices(self) -> Iterator[Matrix]:
        """Every weight matrix that a law of initialisation draws, in the order in which it is drawn."""
        width, kv = self.width, self.kv_heads * self.head_size
        yield Matrix("embedding", width, VOCABULARY, 0)
        if self.positions == "learned":
            yield Matrix("positions", width, self.context, 0)
        for layer in range(1, self.depth + 1):
            yield Matrix(f"query{layer}", width, width, layer)
            yield Matrix(f"key{layer}", kv, width, layer)
            yield Matrix(f"value{layer}", kv, width, layer)
            yield Matrix(f"mix{layer}", width, width, layer)
            if self.gated:
                yield Matrix(f"gate{layer}", self.hidden, width, layer)
            yield Matrix(f"up{layer}", self.hidden, width, layer)
            yield Matrix(f"down{layer}", width, self.hidden, layer)
        if not self.tied:
            yield Matrix("head", VOCABULARY, width, self.depth + 1)

    def flops_per_step(self) -> int:
        """Multiplications and additions of one step: matrix products forward and backward, and Muon's own.

        Elementwise work (norms, activations, softmax, the update itself) is not counted, as is usual
        (Kaplan et al. 2020, arXiv 2001.08361, table 1, counts likewise).
        """
        products = sum(m.size for m in self.matrices() if m.layer > 0)
        if self.tied:
            products += VOCABULARY * self.width
        # Query times key and weights times value over the positions seen, half of them masked at full window.
        seen = sum(min(place + 1, self.window) for place in range(self.context)) / self.context
        forward = 2 * products + 4 * self.depth * self.width * seen
        return round(3 * forward * self.context * self.batch) + self._update_flops()

    def _update_flops(self) -> int:
        if self.optimizer != "muon":
            return 0
        short_long = (sorted((m.fan_in, m.fan_out)) for m in self.matrices() if m.layer in self.blocks)
        return sum(_NEWTON_SCHULZ * (4 * a * a * b + 2 * a**3) for a, b in short_long)

    @property
    def blocks(self) -> range:
        """The layers between embedding and head."""
        return range(1, self.depth + 1)

    def steps(self, budget: Budget) -> int | None:
        """How many steps both budgets allow; None if the model is too large for a run."""
        by_tokens = budget.tokens // (self.context * self.batch)
        by_flops = budget.flops // self.flops_per_step()
        steps = min(by_tokens, by_flops)
        return steps if steps >= MIN_STEPS else None
