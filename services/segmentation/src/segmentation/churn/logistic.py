"""Logistic regression by Newton's method, and measures of how well probabilities tell what happened."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

import numpy as np
from numpy.typing import NDArray

RIDGE = 1.0
"""Draws the weights to none, as one more customer would: nothing runs away where a feature tells everything."""
_STEPS = 50

Row = Sequence[float]
Table = NDArray[np.float64]


def sigmoid(x: float) -> float:
    """The probability with these odds in logarithms."""
    return 1 / (1 + exp(-x)) if x > -700 else 0.0


def spread(rows: Sequence[Row]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column; 1 for one that does not vary."""
    table = np.asarray(rows, dtype=np.float64)
    variances = table.var(axis=0)
    deviations = np.sqrt(np.where(variances > 1e-12, variances, 1.0))
    return tuple(map(float, table.mean(axis=0))), tuple(map(float, deviations))


def scaled(rows: Sequence[Row], means: Sequence[float], spreads: Sequence[float]) -> Table:
    """Each column less its mean and by its spread."""
    found: Table = (np.asarray(rows, dtype=np.float64) - np.asarray(means)) / np.asarray(spreads)
    return found


def fit(
    rows: Sequence[Row] | Table, happened: Sequence[bool], start: Sequence[float] | None = None
) -> tuple[float, ...]:
    """The weights of the constant and of each column, which should have mean 0 and deviation 1.

    There is one best set of weights; a `start` near it saves steps.
    """
    given = np.asarray(rows, dtype=np.float64)
    table = np.column_stack((np.ones(len(given)), given))
    known = np.asarray(happened, dtype=np.float64)
    ridge = np.full(table.shape[1], RIDGE)
    ridge[0] = 0.0
    weights = np.zeros(table.shape[1]) if start is None else np.array(start, dtype=np.float64)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(np.minimum(-(table @ weights), 700.0)))
        slope = table.T @ (known - p) - ridge * weights
        bend = table.T @ (table * (p * (1 - p))[:, None]) + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        weights = weights + step
        if np.abs(step).max() < 1e-7:
            break
    return tuple(map(float, weights))


def auc(scores: Sequence[float], happened: Sequence[bool]) -> float:
    """The probability that of one to whom it happened and one to whom not the first has the higher score; ties half."""
    ordered = sorted(zip(scores, happened, strict=True))
    total, place = 0.0, 0
    while place < len(ordered):
        end = place
        while end < len(ordered) and ordered[end][0] == ordered[place][0]:
            end += 1
        # Ranks from 1; equal scores share the middle one.
        total += sum(known for _, known in ordered[place:end]) * (place + 1 + end) / 2
        place = end
    yes = sum(happened)
    no = len(ordered) - yes
    return (total - yes * (yes + 1) / 2) / (yes * no) if yes and no else 0.5


def brier(probabilities: Sequence[float], happened: Sequence[bool]) -> float:
    """The mean squared difference from what happened."""
    return sum((p - known) ** 2 for p, known in zip(probabilities, happened, strict=True)) / len(happened)
