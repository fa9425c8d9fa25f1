"""Moves of settings: what a change of configuration does to the dials that every recipe has.

A learning rate that doubles is tuning, not a technique, and is told as a ratio to the baseline.  Settings
come as two tables, as a diff (`- lr = 3e-4`, `+ lr: 6e-4`, `--batch-size 64`), or as a sentence that has both
values ("raise the batch size from 32 to 64").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["SETTINGS", "Move", "moves_in_diff", "moves_in_tables", "moves_in_words", "setting_of"]

_NUMBER = r"[-+]?(?:\d[\d_,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_ASSIGNMENT = re.compile(
    rf"^\s*(?:--)?[\"']?([A-Za-z][\w.\- ]*?)[\"']?\s*(?::=|=|:|\s|\()\s*[\"']?({_NUMBER})(.*)$"
)
_FROM_TO = re.compile(
    rf"\bfrom\s+({_NUMBER})\s*(k|K|M|%)?\s+(?:up |down )?to\s+({_NUMBER})\s*(k|K|M|%)?|"
    rf"({_NUMBER})\s*(k|K|M)?\s*(?:->|→|=>)\s*({_NUMBER})\s*(k|K|M)?"
)
_NEARBY = 40  # characters before "from" in which the setting must be named
_SUFFIX = {"k": 1e3, "K": 1e3, "M": 1e6, "%": 0.01}

# Technique id of the catalogue, and how the setting is spelled (whole, without separators).
_SPELLINGS = """
    lr-tuning: lr learningrate maxlr baselr peaklr lrmax initiallr matrixlr embeddinglr
    lr-tuning: stepsize eta
    weight-decay-tuning: wd weightdecay decay l2 adamwd
    batch-size-tuning: batch batchsize bs devicebatchsize totalbatchsize microbatch trainbatchsize minibatch
    width-tuning: width hidden hiddendim hiddensize dmodel nembd dim modeldim embdim channels nhidden dff
    depth-tuning: depth nlayer nlayers numlayers layers numblocks nblocks
    context-length-tuning: context contextlength ctx seqlen sequencelength blocksize maxseqlen maxlen nctx
    longer-training: epochs nepochs numepochs maxsteps trainsteps numsteps steps iterations maxiters
    longer-training: numiterations totalsteps trainingsteps numtrainsteps
    head-count-tuning: nhead nheads numheads heads numattentionheads
    dropout-tuning: dropout dropoutrate dropoutp pdrop droprate
    momentum-tuning: momentum beta1 mu
    beta2-tuning: beta2 adambeta2
    ema-decay-tuning: emadecay ema
    rank-tuning: rank lorarank r
    ffn-ratio-tuning: ffnratio mlpratio expansion ffnmult
    discount-tuning: gamma discount
    tree-count-tuning: nestimators ntrees numtrees
    resolution-tuning: imagesize imgsize resolution
    warmup-tuning: nwarmup
    label-smoothing-tuning: labelsmoothing smoothing
    optimizer-hyper-tuning: eps epsilon adameps
    warmup-tuning: warmup warmupsteps warmupratio warmupiters warmupfrac warmupfraction
    grad-clip-tuning: gradclip clip clipnorm maxgradnorm maxnorm clipgradnorm
    init-constant-tuning: initstd initscale initializerrange initgain weightinitstd stdinit std
    seed-tuning: seed randomseed manualseed
    attention-scale-tuning: attnscale attentionscale
    rope-base-tuning: ropebase ropetheta rotarybase
"""
SETTINGS: Mapping[str, str] = {
    spelling: technique.strip()
    for technique, _, words in (line.partition(":") for line in _SPELLINGS.strip().splitlines())
    for spelling in words.split()
}
"""Spelling without separators, in lower case, to the technique of tuning that setting."""


@dataclass(frozen=True, slots=True)
class Move:
    """A setting that went from one value to another."""

    technique: str
    setting: str
    before: float
    after: float

    @property
    def ratio(self) -> float | None:
        return self.after / self.before if self.before else None

    @property
    def words(self) -> str:
        return f"{self.setting} from {self.before:g} to {self.after:g}"


def setting_of(name: str) -> str | None:
    """The tuning technique of a setting's name, whatever its separators and case; also by its last words."""
    parts = [part for part in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name) if part]
    for start in range(len(parts)):
        found = SETTINGS.get("".join(parts[start:]).lower())
        if found is not None:
            return found
    return None


def moves_in_tables(before: Mapping[str, object], after: Mapping[str, object]) -> list[Move]:
    """Moves between two tables of settings."""
    moves = []
    for name, value in after.items():
        old = before.get(name)
        if _is_number(value) and _is_number(old) and value != old:
            technique = setting_of(name)
            if technique is not None:
                moves.append(Move(technique, name, float(str(old)), float(str(value))))
    return moves


def moves_in_diff(removed: Sequence[str], added: Sequence[str]) -> tuple[list[Move], bool]:
    """Moves in the lines of a diff, and whether every changed line was one (a pure change of settings)."""
    old, new = dict(_assignments(removed)), dict(_assignments(added))
    moves = []
    for name, (value, rest) in new.items():
        if name in old and old[name][1] == rest and old[name][0] != value:
            technique = setting_of(name)
            if technique is not None:
                moves.append(Move(technique, name, old[name][0], value))
    changed = [line for line in added if line.strip() and line.strip() not in {r.strip() for r in removed}]
    return moves, bool(moves) and len(moves) == len(changed)


def moves_in_words(text: str) -> list[Move]:
    """Moves told in a sentence: a setting's name and "from A to B" in the same sentence."""
    moves = []
    for sentence in re.split(r"(?<=[.!?;])\s+|\n", text[:4_000]):
        for found in _FROM_TO.finditer(sentence):
            values = found.groups()
            first = values[:4] if values[0] is not None else values[4:]
            before, after = (_scaled(first[0], first[1] or first[3]), _scaled(first[2], first[3]))
            technique = _named_in(sentence[max(0, found.start() - _NEARBY) : found.start()])
            if technique is not None and before != after:
                moves.append(Move(technique[0], technique[1], before, after))
    return moves


def _named_in(text: str) -> tuple[str, str] | None:
    """The last setting that a piece of a sentence names."""
    words = re.findall(r"[A-Za-z][\w\-]*", text)
    best: tuple[str, str] | None = None
    for start in range(len(words)):
        for length in (3, 2, 1):
            name = " ".join(words[start : start + length])
            found = SETTINGS.get(re.sub(r"[\W_]+", "", name).lower())
            if found is not None:
                best = (found, name)
                break
    return best


def _assignments(lines: Iterable[str]) -> list[tuple[str, tuple[float, str]]]:
    found = []
    for line in lines:
        match = _ASSIGNMENT.match(line.partition("#")[0].rstrip().rstrip(","))
        if match is not None:
            name, value, rest = match.groups()
            found.append((name.strip(), (_scaled(value, None), rest.strip())))
    return found


def _scaled(value: str | None, suffix: str | None) -> float:
    return float((value or "0").replace(",", "").replace("_", "")) * _SUFFIX.get(suffix or "", 1.0)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
