"""The device's time is divided as configured."""

from __future__ import annotations

import pytest

from leaderboard.errors import LocalError
from node.agent.share import DeviceShare


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_the_share_is_kept_where_both_have_work(share):
    time = DeviceShare(share)
    for _ in range(400):
        if time.replication_is_due():
            time.replication_s += 3.0
        else:
            time.research_s += 1.0
    total = time.research_s + time.replication_s
    assert time.replication_s / total == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_the_unit_interval_is_refused(share):
    with pytest.raises(LocalError, match="between 0 and 1"):
        DeviceShare(share)
