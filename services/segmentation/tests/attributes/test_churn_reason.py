"""Churn reasons and the win-back that fits each (SEG-016 to SEG-018)."""

from __future__ import annotations

from typing import Any

import pytest

from common.events.feedback import LeaveReasonGiven
from common.events.segments import ChurnReasonRecorded
from segmentation.attributes.churn_reason import rules
from segmentation.thresholds.state import WinBackRules

from ..histories import fold


def reason(events: Any, day: str, of: Any = "price") -> Any:
    return events.make("c1", f"{day}T12:00", ChurnReasonRecorded(reason=of, source="call"))


@pytest.mark.parametrize(
    ("life_cycle", "of", "action"),
    [
        ("churned", "service", "apology_ticket"),
        ("churned", "nobody_cares", "greeting_call"),
        ("churned", "price", "coupon"),
        ("dead", "better_product", "new_product_trial"),
        ("pre_churn", "other", "survey_with_gift"),
        ("pre_churn", None, "survey_with_gift"),
        ("active", "price", "coupon"),
        ("active", None, None),
        (None, None, None),
    ],
)
def test_seg_018_the_win_back_fits_the_reason(life_cycle: Any, of: Any, action: str | None) -> None:
    assert rules.win_back(life_cycle, of, WinBackRules()) == action
    assert rules.win_back("churned", "price", WinBackRules(price="greeting_call")) == "greeting_call"


def test_seg_017_the_usual_shares_are_those_of_the_source_and_add_up() -> None:
    assert [rules.SHARES[each] for each in rules.REASONS] == [45, 20, 15, 15, 5]
    assert sum(rules.SHARES.values()) == 100


def test_the_newest_reason_holds_until_the_customer_buys_again(events: Any) -> None:
    bought = events.completed("c1", "2025-01-01T10:00", order="a")
    told = [bought, reason(events, "2025-02-01"), reason(events, "2025-02-03", "service")]
    assert fold(told).churn_reason.reason == "service"
    # At any hour of that day, if it is later than the reason; one of before it does not count.
    assert fold([*told, events.completed("c1", "2025-02-03T23:00", order="b")]).churn_reason.reason is None
    earlier = events.completed("c1", "2025-02-03T00:30", order="e")
    assert fold([told[0], earlier, *told[1:]]).churn_reason.reason == "service"
    assert fold([*told, events.completed("c1", "2025-02-04T10:00", order="c")]).churn_reason.reason is None
    late = events.completed("c1", "2025-01-20T10:00", order="d")
    assert fold([late, *told]).churn_reason.reason == "service"


def test_a_reason_is_no_purchase_and_no_sign_of_interest(events: Any) -> None:
    registered = events.registered("c1", "2025-01-01T10:00")
    state = fold([registered, reason(events, "2025-02-01")])
    assert (state.stage.value, state.purchases.completed, state.churn_reason.reason) == ("prospect", 0, "price")


@pytest.mark.parametrize(
    ("chosen", "reason_of_it"),
    [("service", "service"), ("cheaper_price", "price"), ("better_product", "better_product"), ("moved_away", "other")],
)
def test_seg_016_what_a_survey_of_leave_reasons_hears_is_a_churn_reason(
    chosen: str, reason_of_it: str, events: Any
) -> None:
    bought = events.completed("c1", "2025-01-01T10:00", order="a")
    told = events.make("c1", "2025-02-02T12:00", LeaveReasonGiven(survey_id="s1", reason=chosen))
    state = fold([bought, reason(events, "2025-02-01", "service"), told])
    assert (state.churn_reason.reason, state.churn_reason.source) == (reason_of_it, "survey")
    # What staff heard later counts more.
    assert fold([bought, told, reason(events, "2025-02-03", "price")]).churn_reason.source == "call"
