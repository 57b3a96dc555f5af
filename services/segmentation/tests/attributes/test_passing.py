"""Of the distant past the last change in a row is told, the near past and the present one by one (decision 0098)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import Event
from common.events.segments import ChurnRiskEnded, ChurnRiskRaised, LifeCycleChanged
from common.fold.folding import Step, fold_all
from common.time.clock import FixedClock
from segmentation.attributes.passing import SINGLY
from segmentation.fold import PARTS, PASSED_THROUGH, SegmentFolding

from ..histories import INPUTS, KEY, START, at, history, shop
from ..shop_life import announced, differences, feed, states, sweep_all

NOW = at("2025-06-01T00:00")
Change = tuple[str, Any, Any]


def told(events: list[Event[Any]], now: datetime = NOW) -> list[Change]:
    """Day, old and new of the life cycle, as announced of a history that is told at the instant."""
    return [
        (f"{effect.at:%Y-%m-%d}", effect.data.old, effect.data.new)
        for step in _steps(events, now)
        for effect in step.effects
        if effect.told and isinstance(effect.data, LifeCycleChanged)
    ]


def _steps(events: list[Event[Any]], now: datetime, passing: bool = True) -> list[Step]:
    folding = SegmentFolding({"tea": shop()})
    _, steps, _ = fold_all(folding, events, now, KEY)
    if passing:
        folding.pass_over(steps, now)
    return steps


@pytest.mark.parametrize(
    ("what", "days", "expected"),
    [
        (
            "an order long ago and never again",
            ["2020-01-01"],
            [("2020-01-01", None, "active"), ("2020-12-26", "active", "dead")],
        ),
        (
            "bought again after a while: never away",
            ["2020-01-01", "2020-04-10"],
            [("2020-01-01", None, "active"), ("2021-06-24", "active", "dead")],
        ),
        (
            "an order in the near past",
            ["2024-03-01"],
            [
                ("2024-03-01", None, "active"),
                ("2024-04-30", "active", "sleeping"),
                ("2024-06-29", "sleeping", "pre_churn"),
                ("2024-08-28", "pre_churn", "churned"),
                ("2025-02-24", "churned", "dead"),
            ],
        ),
        (
            "dead long ago, and back",
            ["2020-01-01", "2025-05-20"],
            [("2020-01-01", None, "active"), ("2020-12-26", "active", "dead"), ("2025-05-20", "dead", "active")],
        ),
        (
            "800 days ago within the turns: what comes after is told singly",
            ["2022-10-15"],
            [
                ("2022-10-15", None, "active"),
                ("2023-02-12", "active", "pre_churn"),
                ("2023-04-13", "pre_churn", "churned"),
                ("2023-10-10", "churned", "dead"),
            ],
        ),
    ],
)
def test_what_is_told_of_a_life_cycle(events: Any, what: str, days: list[str], expected: list[Change]) -> None:
    """SEG-009 to SEG-013."""
    assert told([events.completed("c1", f"{day}T10:00", 10_000) for day in days]) == expected


def test_a_warning_that_came_and_went_is_not_told(events: Any) -> None:
    """SEG-015: a silence that grew into a strong warning and ended by itself, years ago; one of today is told."""

    def risks(now: str) -> list[type[Any]]:
        bought = [events.completed("c1", f"2020-01-{day:02}T10:00", 10_000) for day in range(1, 29, 3)]
        found = [e.data for step in _steps(bought, at(now)) for e in step.effects if e.told]
        return [type(data) for data in found if isinstance(data, ChurnRiskRaised | ChurnRiskEnded)]

    assert risks("2025-06-01T00:00") == []
    assert risks("2020-06-01T00:00") == [ChurnRiskRaised, ChurnRiskRaised, ChurnRiskEnded]


@given(INPUTS, st.integers(0, 2_500))
def test_what_is_told_leads_on_from_what_was_told_before(events: Any, drawn: list[Any], days: int) -> None:
    """What others believe after each fact is what the next one begins from, and in the end what is true."""
    now = START + timedelta(days=days)
    told_of = [each for each in history(events, drawn) if each.time <= now]
    steps, every = _steps(told_of, now), _steps(told_of, now, passing=False)
    state, _, _ = fold_all(SegmentFolding({"tea": shop()}), told_of, now, KEY)
    assert [s.cause for s in steps] == [s.cause for s in every]
    for name in PARTS:
        kind = type(getattr(state, name))
        believed: Any = None
        for effect in (e for step in steps for e in step.effects if e.told and isinstance(e.data, kind.ANNOUNCES)):
            if kind in PASSED_THROUGH:
                assert kind.read_before(effect.data) == believed
            believed = kind.read_back(effect.data)
        assert believed == getattr(state, name).announced
    for step, whole in zip(steps, every, strict=True):
        singly = [e.data for e in step.effects if e.told and e.at >= now - SINGLY]
        assert len(singly) == len([e for e in whole.effects if e.at >= now - SINGLY]), "of the near past all is told"


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_however_the_history_is_cut_the_same_is_told(
    new_db: Callable[[], Any], clock: FixedClock, events: Any, size: int
) -> None:
    """Batch borders never show (architecture 2.1): a customer's facts and revisions are those of one batch."""
    bought = [
        events.completed(
            f"c{n}", f"20{year}-{month:02}-{n + 3:02}T10:00", 9_000 + 100 * month, order=f"{n}-{year}-{month}"
        )
        for n in range(6)
        for year in (19, 20, 24)
        for month in range(1, 12, n + 1)
    ]
    bought.sort(key=lambda each: each.order_key)
    whole, cut = await new_db(), await new_db()
    clock.set(NOW)
    for db, at_once in ((whole, 500), (cut, size)):
        await feed(db, bought, at_once)
        await sweep_all(db, clock, NOW)
        assert await differences(db) == []
    assert await states(whole) == await states(cut)

    async def facts(db: Any) -> list[Any]:
        return sorted((f.subject, f.data.revision, f.id, f.time, f.data) for f in await announced(db))

    assert await facts(whole) == await facts(cut)
