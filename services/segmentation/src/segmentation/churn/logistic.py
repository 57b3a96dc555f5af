"""Logistic regression by Newton's method, and measures of how well probabilities tell what happened."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt

RIDGE = 1.0
"""Draws the weights to none, as one more customer would: nothing runs away where a feature tells everything."""
_STEPS = 50

Row = Sequence[float]


def sigmoid(x: float) -> float:
    """The probability with these odds in logarithms."""
    return 1 / (1 + exp(-x)) if x > -700 else 0.0


def spread(rows: Sequence[Row]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column; 1 for one that does not vary."""
    means = tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))
    squares = (sum((v - m) ** 2 for v in c) / len(rows) for c, m in zip(zip(*rows, strict=True), means, strict=True))
    return means, tuple(sqrt(each) if each > 1e-12 else 1.0 for each in squares)


def fit(rows: Sequence[Row], happened: Sequence[bool], start: Sequence[float] | None = None) -> tuple[float, ...]:
    """The weights of the constant and of each column, which should have mean 0 and deviation 1.

    There is one best set of weights; a `start` near it saves steps.
    """
    size = len(rows[0]) + 1
    weights, with_constant = list(start or [0.0] * size), [(1.0, *row) for row in rows]
    for _ in range(_STEPS):
        slope = [-RIDGE * w if place else 0.0 for place, w in enumerate(weights)]
        bend = [[RIDGE if i == j and i else 0.0 for j in range(size)] for i in range(size)]
        for row, known in zip(with_constant, happened, strict=True):
            p = sigmoid(sum(w * x for w, x in zip(weights, row, strict=True)))
            off, variance = known - p, p * (1 - p)
            for i, x in enumerate(row):
                slope[i] += off * x
                of_row, weighed = bend[i], variance * x
                for j in range(i + 1):
                    of_row[j] += weighed * row[j]
        for i in range(size):
            for j in range(i):
                bend[j][i] = bend[i][j]
        step = solve(bend, slope)
        weights = [w + s for w, s in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-7:
            break
    return tuple(weights)


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The solution of a system of linear equations, by elimination; the matrix is regular."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda j: abs(rows[j][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for j in range(i + 1, size):
            factor = rows[j][i] / rows[i][i]
            rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    found = [0.0] * size
    for i in reversed(range(size)):
        found[i] = (rows[i][size] - sum(rows[i][j] * found[j] for j in range(i + 1, size))) / rows[i][i]
    return found


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
