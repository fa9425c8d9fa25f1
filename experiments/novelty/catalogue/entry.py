"""One known technique, and the decoder that turns a data file's object into it.

A technique is described by *facts* (who, when, where published) and by *descriptions*: own-worded sentences
that say what the mechanism computes, each from another angle, because people who rediscover a technique do
not use its name.  Descriptions carry the recognition; names only label it.

`formula` is a Python expression that `ast.parse(mode="eval")` accepts, over the variables of its category
(`x` for activations; `t`, `T` for schedules; `fan_in`, `fan_out`, `depth`, `layer` for initialisers; `p`, `y`
or `r` for losses; `g`, `m`, `v`, `lr` for optimizers).  Names that are not variables are free parameters.
It is None where no single expression says it.

`probe` names the behaviour probe family that can run the technique (see `PROBES`); `probe_params` are that
probe's arguments for this very technique.

Not covered: whether an earlier inventor exists.  `year` is the first publication known to the authors of
the entry, and an entry that turns out too late is a bug report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leaderboard.errors import LocalError

__all__ = ["CATEGORIES", "PROBES", "ProbeValue", "Technique", "decode_technique"]

ProbeValue = bool | int | float | str

CATEGORIES: tuple[str, ...] = (
    "initialization",
    "activations",
    "normalization",
    "optimizers",
    "schedules",
    "regularization",
    "losses",
    "augmentation",
    "attention",
    "architectures",
    "tokenization",
    "distributed",
    "compression",
    "kernels",
    "search",
    "reinforcement",
    "tabular",
    "evaluation",
    "tuning",
)

PROBES: tuple[str, ...] = (
    "activation",
    "attention",
    "augmentation",
    "compression",
    "distributed",
    "init",
    "kernel",
    "loss",
    "norm",
    "optimizer",
    "regularizer",
    "schedule",
)


@dataclass(frozen=True, slots=True)
class Technique:
    """A known technique.  Text fields are our own words; `authors` are family names, "et al." is implied."""

    id: str
    name: str
    aliases: tuple[str, ...]
    category: str
    year: int
    authors: tuple[str, ...]
    paper_title: str
    paper_ref: str
    """`arXiv:2002.12345`, `doi:10....`, or venue and year where neither is certain."""
    symbol: str | None
    """Dotted public name in torch or another library, such as `torch.nn.init.kaiming_normal_`."""
    formula: str | None
    probe: str | None
    probe_params: tuple[tuple[str, ProbeValue], ...]
    descriptions: tuple[str, ...]
    special_case_of: tuple[str, ...]
    combines_with: tuple[str, ...]
    not_to_confuse: tuple[str, ...]
    equivalence_class: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The name followed by the aliases."""
        return (self.name, *self.aliases)

    @property
    def citation(self) -> str:
        """One line for a person: who, when, what, where."""
        who = self.authors[0] if len(self.authors) == 1 else f"{self.authors[0]} et al."
        return f"{who} ({self.year}), {self.paper_title}, {self.paper_ref}"


_FIELDS = frozenset(Technique.__dataclass_fields__) - {"category"}
"""What a data file may say of an entry; its category is the file's name."""


def decode_technique(raw: Mapping[str, object], category: str) -> Technique:
    """Build an entry from a decoded JSON object; raises `LocalError` that names the field at fault."""
    unknown = raw.keys() - _FIELDS
    if unknown:
        raise LocalError(f"catalogue entry {raw.get('id')!r}: unknown fields {sorted(unknown)}; see entry.py")
    return Technique(
        id=_text(raw, "id"),
        name=_text(raw, "name"),
        aliases=_texts(raw, "aliases"),
        category=category,
        year=_year(raw),
        authors=_texts(raw, "authors"),
        paper_title=_text(raw, "paper_title"),
        paper_ref=_text(raw, "paper_ref"),
        symbol=_optional(raw, "symbol"),
        formula=_optional(raw, "formula"),
        probe=_optional(raw, "probe"),
        probe_params=_params(raw),
        descriptions=_texts(raw, "descriptions"),
        special_case_of=_texts(raw, "special_case_of"),
        combines_with=_texts(raw, "combines_with"),
        not_to_confuse=_texts(raw, "not_to_confuse"),
        equivalence_class=_optional(raw, "equivalence_class"),
    )


def _fault(raw: Mapping[str, object], field: str, wanted: str) -> LocalError:
    return LocalError(f"catalogue entry {raw.get('id')!r}: field {field!r} must be {wanted}")


def _text(raw: Mapping[str, object], field: str) -> str:
    value = raw.get(field)
    if not isinstance(value, str) or not value:
        raise _fault(raw, field, "a non-empty string")
    return value


def _optional(raw: Mapping[str, object], field: str) -> str | None:
    return None if raw.get(field) is None else _text(raw, field)


def _texts(raw: Mapping[str, object], field: str) -> tuple[str, ...]:
    value = raw.get(field, [])
    if not isinstance(value, list):
        raise _fault(raw, field, "a list of strings")
    for item in value:
        if not isinstance(item, str):
            raise _fault(raw, field, "a list of strings")
    return tuple(value)


def _year(raw: Mapping[str, object]) -> int:
    value = raw.get("year")
    if not isinstance(value, int) or isinstance(value, bool):
        raise _fault(raw, "year", "an integer")
    return value


def _params(raw: Mapping[str, object]) -> tuple[tuple[str, ProbeValue], ...]:
    value = raw.get("probe_params", {})
    if not isinstance(value, dict):
        raise _fault(raw, "probe_params", "an object of numbers, booleans and strings")
    for item in value.values():
        if not isinstance(item, (bool, int, float, str)):
            raise _fault(raw, "probe_params", "an object of numbers, booleans and strings")
    return tuple(value.items())
