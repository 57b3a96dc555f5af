"""Points for years of membership (MEM-025), and expiry that orders extend."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from common.events import Event
from common.events.membership import MemberRegistered
from membership.member import Member
from membership.points.state import LOT, Points
from membership.programme.programme import PointsRules, Programme
from membership.programme.tenure import TenureRules, TenureStep
from membership.tenure.state import Tenure

from ..stories import at, completed, event, fold

YEARS = Programme(tenure=TenureRules(steps=(TenureStep(years=1, points=100), TenureStep(years=3, points=300))))


def member(programme: Programme, until: str, *events: Event[Any]) -> Member:
    return fold(list(events), until, programme)[0]


@pytest.mark.parametrize(
    ("until", "points", "years"),
    [
        ("2021-02-27T23:59", 0, 0),
        ("2021-02-28", 100, 1),
        ("2022-02-28", 200, 2),
        ("2023-02-28", 500, 3),
        ("2024-02-28T23:59", 500, 3),
        ("2024-02-29", 800, 4),
    ],
)
def test_each_year_of_membership_gives_points_on_its_anniversary(until: str, points: int, years: int) -> None:
    """MEM-025; of 29 February the anniversary is the 28th in other years. They expire as points earned then."""
    found = member(YEARS, until, event("2020-02-29", MemberRegistered()))
    issued = -Points.of(found).issued
    assert (issued, Tenure.of(found).years) == (points, years)


def test_where_no_version_gives_points_no_anniversary_falls_due() -> None:
    found = member(Programme(), "2024-01-01", event("2020-02-29", MemberRegistered()))
    assert (Tenure.of(found).next, Tenure.of(found).years) == (None, 0)


@pytest.mark.parametrize(("extended_by", "left"), [("nothing", 50), ("orders", 150)])
def test_an_order_extends_the_expiry_of_all_points_where_the_programme_says_so(extended_by: str, left: int) -> None:
    """100 points of January 2024 expire with January 2025; the order of June extends them to June 2025."""
    programme = Programme(points=PointsRules.model_validate({"extended_by": extended_by}))
    orders = [completed("2024-01-10", "a", 100_00), completed("2024-06-10", "b", 50_00)]
    found = member(programme, "2025-02-02", *orders)
    assert Points.of(found).available == left
    ends = {lot.expires for _, lot in LOT.all(found) if lot.expires}
    assert {(end - timedelta(days=1)).astimezone(at("2024-01-01").tzinfo).date() for end in ends} == {date(2025, 6, 30)}
    assert Points.of(member(programme, "2025-07-02", *orders)).available == 0


def test_steps_of_tenure_rise() -> None:
    with pytest.raises(ValidationError, match="must rise"):
        TenureRules(steps=(TenureStep(years=2, points=100), TenureStep(years=3, points=50)))
