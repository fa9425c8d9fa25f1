"""An author stops running what has fallen behind, and never more than the limit."""

from __future__ import annotations

import pytest

from experiments.search.racing import worth_another_seed


@pytest.mark.parametrize(
    ("effects", "best", "more"),
    [
        ([], 2.0, True),
        ([0.0], 0.0, False),  # did nothing
        ([None], 0.0, False),  # diverged
        ([0.3], 0.0, True),  # the first that works is worth knowing
        ([0.3], 2.0, False),  # far behind
        ([1.5], 2.0, True),  # one seed may mislead by that much
        ([1.4, 1.4, 1.4], 2.0, False),  # three no longer
        ([1.9, 1.9, 1.9], 2.0, True),
        ([1.9, None], 0.0, False),
        ([2.0] * 4, 2.0, False),  # the limit
    ],
)
def test_racing(effects: list[float | None], best: float, more: bool) -> None:
    assert worth_another_seed(effects, best, least=0.01, limit=4) is more
