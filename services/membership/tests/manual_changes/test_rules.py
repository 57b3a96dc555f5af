"""When a change by hand needs a second person, and who may be that (MEM-020)."""

from __future__ import annotations

import pytest

from common.events.customers import CustomerErased, KeyIssued
from membership.handlers import SUBSCRIPTIONS
from membership.manual_changes.refusals import SamePerson, TooManyGrants
from membership.manual_changes.rules import check_grants, check_second, points_need_approval, tier_needs_approval
from membership.programme.approvals import Approvals


@pytest.mark.parametrize(
    ("points", "today", "needed"),
    [(500, 0, False), (-500, 0, False), (501, 0, True), (-501, 0, True), (100, 400, False), (100, 401, True)],
)
def test_a_second_person_is_needed_beyond_what_one_may_change_in_a_day(points: int, today: int, needed: bool) -> None:
    """Adding and taking count alike, and many small changes as one large one."""
    assert points_need_approval(points, today, 0, Approvals(points_alone=500)) is needed


@pytest.mark.parametrize(
    ("points", "today", "needed"), [(500, 4_500, False), (500, 4_501, True), (-1, 5_000, True), (1, 4_999, False)]
)
def test_a_second_person_is_needed_beyond_what_one_may_change_of_all_members(
    points: int, today: int, needed: bool
) -> None:
    """SEC-012: an agent gives away no sum, a member at a time."""
    assert points_need_approval(points, 0, today, Approvals(points_alone=500, points_a_day=5_000)) is needed


@pytest.mark.parametrize(
    ("rule", "tier", "needed"),
    [
        ("none", "vip", True),
        ("candidates", "vip", False),
        ("candidates", "supreme", True),
        ("all", "supreme", False),
    ],
)
def test_a_tier_for_which_a_campaign_made_one_a_candidate_may_need_no_second_person(
    rule: str, tier: str, needed: bool
) -> None:
    """MEM-020: who has spent enough in the campaign is on the work list."""
    rules = Approvals.model_validate({"tiers_alone": rule})
    assert tier_needs_approval(tier, "vip", rules) is needed
    assert tier_needs_approval(tier, "", rules) is (rule != "all")


@pytest.mark.parametrize("by", ["li", "LI", " li ", "ＬＩ", "l\u200bi"])
def test_nobody_approves_what_they_asked_for(by: str) -> None:
    with pytest.raises(SamePerson):
        check_second("li", by)


def test_the_refusal_names_who_asked_and_says_that_a_key_is_one_person() -> None:
    with pytest.raises(SamePerson) as refused:
        check_second("ann (key 1a2b3c4d)", "bob (key 1a2b3c4d)")
    assert refused.value.detail.startswith("'ann (key 1a2b3c4d)' asked for this change")
    assert "people:vouch" in refused.value.detail
    with pytest.raises(SamePerson) as refused:
        check_second("Ann", "ann")
    assert "people:vouch" not in refused.value.detail


def test_one_person_grants_so_many_tiers_a_month() -> None:
    check_grants(2, "li", Approvals(tiers_a_month=3))
    with pytest.raises(TooManyGrants):
        check_grants(3, "li", Approvals(tiers_a_month=3))


def test_the_customers_keys_come_from_the_bus() -> None:
    """Without them no reason could be kept encrypted, and every change would be refused."""
    heard = {kind for each in SUBSCRIPTIONS for kind in each.types}
    assert {KeyIssued, CustomerErased} <= heard
