"""Turns of a past that is told later: of those between two inputs the last alone is announced.

Who ordered years ago and never again has gone through sleeping, pre-churn and churned to dead before anybody heard of
it. Nobody is written to about it any more, so what was only passed through is not told (decision 0098).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from common.fold.folding import Step
from segmentation.attributes.attribute import Attribute

SINGLY = timedelta(days=800)
"""Changes of so long before now are told one by one: the longest past that messaging goes through to say what a flow
would have sent."""


def pass_over(steps: Sequence[Step], attributes: Sequence[type[Attribute]], before: datetime) -> None:
    """Of an attribute's changes before the instant, by what fell due and the input after it, tell the last alone.

    It is told as leading from where the first one began; not at all where it leads back to there.
    """
    run: list[Step] = []
    for step in steps:
        if step.at >= before:
            break
        run.append(step)
        if step.event is not None:
            _tell_last(run, attributes)
            run = []
    _tell_last(run, attributes)


def _tell_last(run: Sequence[Step], attributes: Sequence[type[Attribute]]) -> None:
    if len(run) < 2:
        return
    for attribute in attributes:
        changes = [
            (step, n)
            for step in run
            for n, effect in enumerate(step.effects)
            if isinstance(effect.data, attribute.ANNOUNCES)
        ]
        if len(changes) < 2:
            continue
        (first, place), (last, at) = changes[0], changes[-1]
        began, change = first.effects[place].data, last.effects[at]
        for step, n in changes:
            step.effects[n] = replace(step.effects[n], told=False)
        if attribute.read_back(change.data) != attribute.read_before(began):
            last.effects[at] = replace(change, data=change.data.model_copy(update={"old": began.old}))
