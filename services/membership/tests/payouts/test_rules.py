"""What of feedback's grants is paid out, in which form, and what it is worth in points (MEM-069 to 071)."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest

from common.events.feedback import ComplaintResolved, ContentApproved, ContentChanged, RewardDecided, TicketEntry
from membership.payouts.refusals import PaidEnoughAlone, PayoutNeedsAnother
from membership.payouts.rules import Due, after_ground, check_cash, due_of, points_for, rounds_before
from membership.programme.payouts import PayoutRules

AT = datetime(2025, 3, 1, tzinfo=UTC)


def ticket(state: str = "granted", kind: str = "points", amount: int = 500, **more: Any) -> ComplaintResolved:
    given: dict[str, Any] = {"kind": kind, "amount": amount, "currency": "CNY", "state": state, **more}
    return ComplaintResolved.model_validate(
        {
            "ticket_id": "t", "kind": "quality", "state": "resolved", "priority": "normal", "opened_at": AT,
            "respond_by": AT, "resolve_by": AT, "compensation": given, "order_id": "o",
            "entry": TicketEntry(entry_id="e", action="resolve"),
        }
    )  # fmt: skip


def reward(state: Any = "approved", amount: int = 999) -> RewardDecided:
    return RewardDecided(claim_id="c", review_id="v", order_id="o", state=state, amount=amount, currency="CNY", by="li")


def content(earned: dict[str, Any] | None, **more: Any) -> ContentApproved:
    """Approved by li; FBK-043."""
    told = {"content_id": "u", "kind": "buyer_show", "submitted_at": AT, "state": "approved", "decided_by": "li"}
    return ContentApproved.model_validate(told | ({"reward": {**earned, "at": AT}} if earned else {}) | more)


def withdrawn(content: ContentApproved) -> ContentChanged:
    told = content.model_dump() | {"state": "withdrawn", "revision": content.revision + 1}
    return ContentChanged.model_validate(told)


@pytest.mark.parametrize(
    ("data", "rules", "expected"),
    [
        (ticket(decided_by="wu"), {}, Due("compensation", "t", "points", 500, "CNY", "o", "wu")),
        (ticket(kind="coupon", proposed_by="li"), {}, Due("compensation", "t", "coupon", 500, "CNY", "o", "li")),
        (ticket(state="proposed"), {}, None),
        (ticket(state="refused"), {}, None),
        (ticket(kind="refund"), {}, None),  # the shop's own business
        (ticket(amount=0), {}, None),
        (reward(), {}, Due("reward", "c", "points", 999, "CNY", "o", "li", review_id="v")),
        (reward(), {"review_reward": "cash"}, Due("reward", "c", "cash", 999, "CNY", "o", "li", review_id="v")),
        (reward(), {"review_reward": "none"}, None),
        (reward("refused"), {}, None),
        (content({"form": "points", "points": 200}), {}, Due("content", "u", "points", 0, "", None, "li", points=200)),
        (content({"form": "coupon", "offer_id": "x"}), {}, Due("content", "u", "coupon", 0, "", None, "li", None, "x")),
        (content({"form": "gift", "gift": "cup"}), {}, Due("content", "u", "gift", 0, "", None, "li", gift="cup")),
        (content(None), {}, None),
        (
            content({"form": "points", "points": 200}, order_id="o", review_id="v"),
            {},
            Due("content", "u", "points", 0, "", "o", "li", points=200, review_id="v"),
        ),
    ],
)
def test_what_was_granted_is_due_in_the_form_that_the_shop_pays(data: Any, rules: Any, expected: Due | None) -> None:
    """MEM-069, MEM-071: the stars of a review stand nowhere here (C-12); feedback judges the review (C-11)."""
    assert due_of(data, PayoutRules.model_validate(rules)) == expected


@pytest.mark.parametrize(
    ("amount", "per_unit", "unit", "points"),
    [(500, 100, 100, 500), (999, 100, 100, 999), (999, 1, 100, 10), (1, 10, 100, 1), (1_000, 100, 1, 100_000)],
)
def test_points_are_worth_at_least_what_was_granted(amount: int, per_unit: int, unit: int, points: int) -> None:
    """5.00 at 100 points for 1.00 are 500 points; a part of a point is a whole one."""
    assert points_for(amount, per_unit, unit) == points


def test_a_refund_of_the_whole_order_blocks_what_is_due_and_reverses_what_was_paid() -> None:
    """MEM-070."""
    states: list[Any] = ["due", "paid", "blocked", "reversed"]
    assert [after_ground(state) for state in states] == ["blocked", "reversed", "blocked", "reversed"]


@pytest.mark.parametrize(("number", "before"), [(1, []), (3, ["referral/a-b-referee-1", "referral/a-b-referee-2"])])
def test_a_reward_knows_its_rounds_before(number: int, before: list[str]) -> None:
    """MEM-087: what was kept in one of them is not given again."""
    assert rounds_before(f"referral/a-b-referee-{number}") == before


@pytest.mark.parametrize(
    ("amount", "approved_by", "alone_today", "refused"),
    [
        (500, "li", 0, False),
        (501, "li", 0, True),
        (501, "wu", 9_999, False),
        (200, "\uff2c\uff29 ", 300, False),
        (200, "\uff2c\uff29 ", 301, True),
        (501, None, 0, True),
        (500, None, 0, False),
    ],
)
def test_much_cash_is_paid_by_another_person_than_approved_it(
    amount: int, approved_by: str | None, alone_today: int, refused: bool
) -> None:
    """SEC-012: nobody is another person by writing the name otherwise; many small payouts are one large one."""
    rules = PayoutRules(cash_alone=500)
    with pytest.raises(PayoutNeedsAnother) if refused else nullcontext():
        check_cash("p", amount, (approved_by, "li"), alone_today, 0, rules, domestic=True)


@pytest.mark.parametrize(
    ("approved_by", "today", "refused"),
    [("li", 800, False), ("li", 801, True), (None, 801, True), ("wu", 5_000, False)],
)
def test_one_person_pays_so_much_cash_a_day_that_nobody_else_has_looked_at(
    approved_by: str | None, today: int, refused: bool
) -> None:
    """SEC-012: to all customers together."""
    rules = PayoutRules(cash_alone=500, cash_a_day=1_000)
    with pytest.raises(PaidEnoughAlone) if refused else nullcontext():
        check_cash("p", 200, (approved_by, "li"), 0, today, rules, domestic=True)


def test_cash_in_a_former_currency_is_within_no_bound() -> None:
    """SEC-012, decision 0070: 90.00 EUR are not less than 10,000 yen because 9,000 is less."""
    rules = PayoutRules(cash_alone=10_000)
    check_cash("p", 9_000, ("wu", "li"), 0, 0, rules, domestic=False)
    check_cash("p", 9_000, (None, "li"), 0, 0, rules, domestic=False)
    with pytest.raises(PayoutNeedsAnother, match="another currency"):
        check_cash("p", 9_000, ("li", "li"), 0, 0, rules, domestic=False)
