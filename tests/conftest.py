"""Shared settings: derandomised Hypothesis, so that a red run can be repeated and is nobody's bad luck.

To look for examples that were never tried: `pytest --hypothesis-profile=explore --hypothesis-seed=N`.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", parent=settings.get_profile("explore"), derandomize=True)
settings.load_profile("repeatable")
