"""The maximum of a likelihood in a few positive parameters, by BFGS in their logarithms (Nocedal and Wright, 2006)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, inf, log
from typing import NamedTuple

Gradient = list[float]
Objective = Callable[[Sequence[float]], tuple[float, Gradient]]
"""The mean log-likelihood at parameters, and its derivative by each of them."""
FARTHEST = 12.0
"""Logarithms of parameters beyond that belong to no shop: the likelihood rises for ever, and the fit is degenerate."""
_STEEPNESS, _NEARLY, _SHORTEST = 1e-8, 1e-6, 1e-8
_STEPS = 300


class Maximum(NamedTuple):
    """`found`: the slope is none; `far`: which parameters ran away, by position."""

    parameters: tuple[float, ...]
    value: float
    found: bool
    far: tuple[int, ...]


def maximise(objective: Objective, start: Sequence[float]) -> Maximum:
    """The best parameters found from `start`; where the search ran away or got stuck it says so."""
    size = len(start)
    at = [log(each) for each in start]
    value, slope = _in_logs(objective, at)
    inverse = _identity(size)
    for _ in range(_STEPS):
        if max(map(abs, slope)) < _STEEPNESS or _far(at):
            break
        direction = [sum(row[i] * slope[i] for i in range(size)) for row in inverse]
        rise = _dot(direction, slope)
        if rise <= 0:  # rounding has spoilt the curvature: begin again with the steepest ascent
            inverse, direction, rise = _identity(size), slope, _dot(slope, slope)
        # No step goes farther than e^2 in any parameter.
        step = min(1.0, 2.0 / max(map(abs, direction)))
        while True:
            following = [x + step * d for x, d in zip(at, direction, strict=True)]
            higher, steeper = _in_logs(objective, following)
            if higher >= value + 1e-4 * step * rise:
                break
            step /= 2
            if step < _SHORTEST:
                break
        # No step is higher, or none is by more than rounding: it is as high as can be told.
        if step < _SHORTEST or (higher - value < 1e-14 * abs(value) and max(map(abs, steeper)) < _NEARLY):
            break
        moved = [step * d for d in direction]
        # Of the negative, which is minimised.
        turned = [before - after for before, after in zip(slope, steeper, strict=True)]
        inverse = _updated(inverse, moved, turned)
        at, value, slope = following, higher, steeper
    far = _far(at)
    # A slope that rounding alone keeps from vanishing.
    found = not far and max(map(abs, slope)) < _NEARLY
    return Maximum(tuple(exp(each) for each in at), value, found, far)


def _in_logs(objective: Objective, at: Sequence[float]) -> tuple[float, Gradient]:
    if max(map(abs, at)) > FARTHEST + 3:
        return -inf, [0.0] * len(at)
    parameters = [exp(each) for each in at]
    value, slope = objective(parameters)
    return value, [each * p for each, p in zip(slope, parameters, strict=True)]


def _far(at: Sequence[float]) -> tuple[int, ...]:
    return tuple(place for place, each in enumerate(at) if abs(each) > FARTHEST)


def _identity(size: int) -> list[list[float]]:
    return [[float(i == j) for j in range(size)] for i in range(size)]


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _updated(inverse: list[list[float]], moved: Sequence[float], turned: Sequence[float]) -> list[list[float]]:
    """The BFGS formula for the inverse of the curvature; unchanged where the curvature is not that of a hill."""
    bend = _dot(moved, turned)
    if bend <= 1e-18:
        return inverse
    size = len(moved)
    carried = [_dot(row, turned) for row in inverse]
    share = (1 + _dot(turned, carried) / bend) / bend
    return [
        [
            inverse[i][j] + share * moved[i] * moved[j] - (carried[i] * moved[j] + moved[i] * carried[j]) / bend
            for j in range(size)
        ]
        for i in range(size)
    ]


def digamma(x: float) -> float:
    """The derivative of lgamma for x > 0 (Abramowitz and Stegun 6.3.5, 6.3.18), to some 1e-14."""
    found = 0.0
    while x < 10:
        found -= 1 / x
        x += 1
    inverse = 1 / (x * x)
    tail = inverse * (1 / 12 - inverse * (1 / 120 - inverse * (1 / 252 - inverse * (1 / 240 - inverse / 132))))
    return found + log(x) - 0.5 / x - tail
