"""A member is told what is missing before a tier is lost, once a term, and never in vain (issue 13)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from common.events import Event
from common.events.membership import TierDropWarned
from common.fold.folding import fold_all
from membership.drop_warning.state import DropWarning
from membership.fold import MemberFolding
from membership.programme.programme import Programme

from ..stories import CUSTOMER, SHOP, announced, at, completed, fold, posted, refund, rules


def warnings(
    events: list[Event[Any]], until: str, programme: Programme | None = None
) -> list[tuple[str, int | None, int | None]]:
    _, effects = fold(events, until, programme)
    return [(w.tier, w.missing_spend, w.missing_orders) for w in announced(effects, TierDropWarned)]


VIP = completed("2025-02-28", "a", 200_000)


@pytest.mark.parametrize(
    ("more", "until", "expected"),
    [
        ([], "2026-01-28T23:59", []),
        ([], "2026-01-29T00:00", [("VIP", 200_000, 8)]),
        ([], "2026-03-30", [("VIP", 200_000, 8)]),
        ([completed("2025-06-01", "b", 150_000)], "2026-03-01", [("VIP", 50_000, 7)]),
        ([completed("2025-06-01", "b", 200_000)], "2026-03-01", []),
        ([completed(f"2025-06-0{n}", f"b{n}", 100) for n in range(1, 9)], "2026-03-01", []),
        # One tier down at the end of the grace: a term of its own, and a warning of its own.
        ([], "2027-03-15", [("VIP", 200_000, 8), ("Senior", 50_000, 3)]),
    ],
)
def test_a_month_before_the_term_ends_it_is_told_what_is_missing(
    more: list[Event[Any]], until: str, expected: list[Any]
) -> None:
    assert warnings([VIP, *more], until) == expected


def test_the_end_of_the_term_is_told_as_an_instant_of_the_shop() -> None:
    _, effects = fold([VIP], "2026-02-01")
    (warned,) = announced(effects, TierDropWarned)
    assert warned.term_ends == at("2026-03-01T00:00")


def test_late_news_of_a_term_that_is_over_warns_nobody() -> None:
    """The warning was of VIP, and the tier of now is another: neither is told anew."""
    folding = MemberFolding({SHOP: rules()})
    late, until = completed("2025-06-01", "b", 10_000), at("2026-04-10")
    before, _, _ = fold_all(folding, [VIP], until, (SHOP, CUSTOMER))
    after, _, _ = fold_all(folding, [VIP, late], until, (SHOP, CUSTOMER))
    assert DropWarning.of(before).missing != DropWarning.of(after).missing
    effects = folding.difference(before, posted(before), after, late.time)
    assert announced(effects, TierDropWarned) == []
    within = at("2026-02-10")
    before, _, _ = fold_all(folding, [VIP], within, (SHOP, CUSTOMER))
    after, _, _ = fold_all(folding, [VIP, late], within, (SHOP, CUSTOMER))
    (warned,) = announced(folding.difference(before, posted(before), after, late.time), TierDropWarned)
    assert (warned.tier, warned.missing_spend) == ("VIP", 190_000)


def test_nobody_is_warned_where_nobody_can_drop_or_the_programme_warns_nobody() -> None:
    assert warnings([VIP], "2026-03-01", Programme(downgrade="none")) == []
    assert warnings([VIP], "2026-03-01", Programme(warn_days=0)) == []
    assert warnings([completed("2025-02-28", "a", 100)], "2027-03-01") == []


def test_a_refund_that_brings_the_end_near_warns_at_once() -> None:
    """The second order made a VIP until 2026-12-01; without it the first term of the Senior ends next week."""
    events = [
        completed("2025-01-10", "a", 60_000),
        completed("2025-12-01", "b", 200_000),
        refund("2026-01-03", "b", 200_000),
    ]
    member, effects = fold(events, "2026-01-03T23:00")
    assert [w.tier for w in announced(effects, TierDropWarned)] == ["Senior"]
    assert DropWarning.of(member).missing is not None


def test_a_term_of_a_month_begins_before_its_warning() -> None:
    programme = Programme(term_months=1, warn_days=30, grace_days=0)
    assert warnings([completed("2025-02-01", "a", 60_000)], "2025-02-02T23:59", programme) == []
    assert len(warnings([completed("2025-02-01", "a", 60_000)], "2025-02-04", programme)) == 1


@pytest.mark.parametrize("given", [{"warn_days": 366}, {"warn_days": -1}])
def test_a_warning_that_makes_no_sense_is_refused(given: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Programme.model_validate(given)
