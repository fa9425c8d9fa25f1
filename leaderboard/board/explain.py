"""Each number of a claim in plain words: what `consilience show` prints under the figures."""

from __future__ import annotations

from ..evidence.pool import Share
from ..evidence.standing import Standing
from ..ids import short
from .rows import ClaimView, as_float

__all__ = ["explain"]


def explain(view: ClaimView) -> list[str]:
    """Sentences, most important first; numbers as on the board, in units of the track's metric."""
    lines = [f"{view.standing.value.capitalize()}: {view.reason}."]
    lines += _against_reference(view)
    lines += _against_opponent(view)
    lines += _evidence(view)
    lines += [_replicator(share) for share in view.evidence.shares]
    lines += [cause.text for cause in view.causes]
    lines += _author(view)
    lines += _replays(view)
    lines += [f"Missing: {item}." for item in view.evidence.shortfall]
    lines += _terms(view)
    return lines


def _terms(view: ClaimView) -> list[str]:
    """On which terms the author gave the recipe away."""
    lines = [f"Licence of the recipe: {view.claim.licence}."] if view.claim.licence else []
    if not view.claim.derivable:
        lines.append("Its author asks that nothing be derived from it: agents run it and do not build on it.")
    return lines


def _against_reference(view: ClaimView) -> list[str]:
    if view.margin is None:
        return []
    chained = (
        " It was measured against another claim, whose own margin is added." if view.margin.chained else ""
    )
    return [
        (
            f"Better than the reference by {view.margin.median:.4g} (median seed), and by at least "
            f"{view.margin.lower:.4g} after correcting for the fact that the best of many claims is shown; "
            f"the ranking uses this lower bound.{chained}"
        )
    ]


def _against_opponent(view: ClaimView) -> list[str]:
    evidence = view.evidence
    if evidence.median is None:
        return []
    total = evidence.total
    seeds = total.wins + total.losses + total.ties
    lines = [
        (
            f"Won {total.wins} of {seeds} seeds that other nodes drew (an effect above {view.delta_min:g} is "
            f"a win), lost {total.losses}, tied {total.ties}; the candidate diverged on {total.diverged}. "
            f"Median effect {evidence.median:.4g}."
        )
    ]
    if evidence.interval is None:
        lines.append("The interval of the median is still unbounded: it takes at least 7 seeds.")
    else:
        low, high = evidence.interval
        lines.append(
            f"With 95 % confidence, however often one looks, the median effect lies between {low:.4g} and "
            f"{high:.4g}."
        )
    if evidence.overdue:
        lines.append(f"{evidence.overdue} seeds were accepted and not delivered: they count as losses.")
    if evidence.outstanding:
        lines.append(f"{evidence.outstanding} accepted seeds may still be running.")
    return lines


def _evidence(view: ClaimView) -> list[str]:
    evidence = view.evidence
    if not evidence.replicators:
        return []
    value = as_float(evidence.e_value)
    lines = [
        (
            f"Evidence {value:.4g}: if the recipe did not win most seeds, so high a value "
            f"would ever appear with probability below {min(1.0, 1 / value):.2g}. The bar is "
            f"{view.bar} now; it rises with the number of claims tested, so that at most one confirmed "
            f"claim in {view.odds} is expected to be luck."
        )
    ]
    if view.standing is Standing.REFUTED and evidence.reverse_e_value >= view.odds:
        lines.append(f"Evidence against it: {as_float(evidence.reverse_e_value):.4g}.")
    places = len(evidence.environments)
    if places == 1:
        lines.append(
            f"All in one environment class ({evidence.environments[0]}): nothing is known about others."
        )
    else:
        lines.append(f"Measured in {places} environment classes: {', '.join(evidence.environments)}.")
    return lines


def _replicator(share: Share) -> str:
    count = share.count
    seeds = count.wins + count.losses + count.ties
    text = f"Replicator {short(share.author)}: {count.wins} of {seeds} seeds won"
    if share.overdue or share.outstanding:
        text += f", {share.overdue + share.outstanding} not delivered"
    return f"{text}; not counted: {share.note}." if share.note else f"{text}."


def _author(view: ClaimView) -> list[str]:
    author = view.evidence.author
    if author is None or author.median is None:
        return []
    return [
        (
            f"Its author measured a median effect of {author.median:.4g} on {author.seeds} seeds of its own; "
            "that attracts replicators and never ranks."
        )
    ]


def _replays(view: ClaimView) -> list[str]:
    check = view.evidence.check
    if not (check.matched or check.mismatched or check.unstable):
        return []
    return [
        (
            f"Of the peers who ran one of the author's seeds again, {len(check.supporters)} found its "
            f"number, {len(check.mismatched)} another one and {len(check.unstable)} a divergence."
        )
    ]
