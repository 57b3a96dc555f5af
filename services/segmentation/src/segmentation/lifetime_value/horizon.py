"""The time to come, cut into steps, each of which is discounted as of its middle."""

from __future__ import annotations

YEAR = 365
STEP_DAYS = 30
MOST_STEPS = 24
"""A longer horizon has longer steps: within half a year the discount hardly bends, and each step costs a sum."""


def steps(horizon_days: int, most: int = MOST_STEPS) -> list[tuple[int, int]]:
    """The days from and to which the horizon is summed at once, in order."""
    step = max(STEP_DAYS, -(-horizon_days // most))
    return [(began, min(began + step, horizon_days)) for began in range(0, horizon_days, step)]
