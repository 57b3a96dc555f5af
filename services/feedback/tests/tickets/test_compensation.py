"""Who may grant what: a claim with a photo by rule, an agent up to a limit, above it two people."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.events.feedback import Compensation
from feedback.standing.rules import Stood
from feedback.tickets.compensation import Circumstances, Claim, claimed, decided, is_alone, proposed
from feedback.tickets.policy import CompensationRules
from feedback.tickets.refusals import CompensationStands, NothingProposed, SecondPersonNeeded

NOON = datetime(2025, 3, 5, 12, tzinfo=UTC)
RULES = CompensationRules(automatic_limit=2_000, automatic_most=2, agent_limit=10_000)
ORDER = Stood(5_000, "CNY", NOON - timedelta(days=30), completed=True, void=False)
GOOD: dict[str, Any] = {"currency": "CNY", "order": ORDER, "granted_before": 1}
SEEN = Circumstances("CNY")


def claim(amount: int = 2_000, kind: Any = "refund", currency: str = "CNY") -> Claim:
    return Claim(kind, amount, currency)


@pytest.mark.parametrize(
    ("asked", "changes", "against"),
    [
        pytest.param(claim(), {}, (), id="at the limit"),
        pytest.param(claim(kind="reship"), {}, (), id="the goods again"),
        pytest.param(claim(2_001), {}, ("above_limit",), id="above the limit"),
        pytest.param(claim(kind="points"), {}, ("kind",), id="points are an agent's matter"),
        pytest.param(claim(currency="USD"), {}, ("currency",), id="another currency"),
        pytest.param(
            claim(), {"order": replace(ORDER, currency="USD")}, ("currency",), id="an order in another currency"
        ),
        pytest.param(claim(), {"order": None}, ("no_order",), id="no order of this customer's"),
        pytest.param(
            claim(), {"order": replace(ORDER, remaining=1_999)}, ("above_paid",), id="more than was paid, not refunded"
        ),
        pytest.param(claim(), {"order": replace(ORDER, came_at=None)}, ("not_come",), id="goods that have not come"),
        pytest.param(
            claim(), {"order": replace(ORDER, came_at=NOON - timedelta(days=31))}, ("too_late",), id="an old order"
        ),
        pytest.param(claim(), {"granted_before": 2}, ("too_many",), id="too many claims"),
        pytest.param(claim(), {"order_compensated": True}, ("order_compensated",), id="the order was compensated"),
        pytest.param(claim(), {"photo_seen": True}, ("photo_seen",), id="a photo that was seen"),
        pytest.param(
            claim(5_001),
            {"granted_before": 3, "order_compensated": True},
            ("above_limit", "above_paid", "too_many", "order_compensated"),
            id="all that is so is said",
        ),
    ],
)
def test_a_claim_with_a_photo(asked: Claim, changes: dict[str, Any], against: tuple[str, ...]) -> None:
    """FBK-030: granted without return, or left to a person, who sees why (SEC-013)."""
    found = claimed(asked, True, RULES, Circumstances(**GOOD | changes), NOON)
    assert (found.state, found.not_by_rule) == ("proposed" if against else "granted", against)
    assert (found.automatic, found.without_return) == (not against, not against)
    assert found.decided_at == (None if against else NOON)
    if against:
        refused = decided(found, "li", RULES, SEEN, NOON, grants=False)
        assert refused.not_by_rule == against, "it stays when a person decides"


def test_a_claim_without_a_photo_is_not_judged_yet() -> None:
    """FBK-030: the photo is asked for."""
    found = claimed(claim(), False, RULES, Circumstances(**GOOD), NOON)
    assert (found.state, found.not_by_rule, found.decided_at) == ("claimed", (), None)


def test_a_shop_may_ask_for_photos_that_are_kept_here() -> None:
    rules = RULES.model_copy(update={"automatic_kept_photos": True})
    for kept in (True, False):
        found = claimed(claim(), True, rules, Circumstances(**GOOD, photo_kept=kept), NOON)
        assert found.not_by_rule == (() if kept else ("photo_not_kept",))


def test_a_shop_may_grant_nothing_by_itself() -> None:
    rules = RULES.model_copy(update={"automatic_limit": 0})
    assert claimed(claim(1), True, rules, Circumstances(**GOOD), NOON).state == "proposed"


@pytest.mark.parametrize(
    ("amount", "currency", "state"), [(10_000, "CNY", "granted"), (10_001, "CNY", "proposed"), (1, "USD", "proposed")]
)
def test_an_agent_grants_up_to_the_limit_alone(amount: int, currency: str, state: str) -> None:
    """FBK-029."""
    found = proposed(None, claim(amount, currency=currency), "li", RULES, SEEN, NOON)
    assert (found.state, found.proposed_by, found.decided_by) == (state, "li", "li" if state == "granted" else None)


@pytest.mark.parametrize(
    ("amount", "seen", "state"),
    [
        pytest.param(6_000, {"given": 4_000}, "granted", id="with what other tickets gave, at the limit"),
        pytest.param(6_001, {"given": 4_000}, "proposed", id="with what other tickets gave, above it"),
        pytest.param(6_000, {"by_agent": 94_000}, "granted", id="with what the agent gave today, at the day's limit"),
        pytest.param(6_001, {"by_agent": 94_000}, "proposed", id="with what the agent gave today, above it"),
        pytest.param(5_000, {"order": ORDER}, "granted", id="all that remains paid"),
        pytest.param(5_001, {"order": ORDER}, "proposed", id="more than remains paid"),
        pytest.param(1, {"order": replace(ORDER, remaining=0)}, "proposed", id="an order refunded whole"),
    ],
)
def test_one_agent_gives_no_more_in_many_tickets_nor_more_than_was_paid(
    amount: int, seen: dict[str, Any], state: str
) -> None:
    """FBK-029, SEC-012: one limit is the customer's, one the agent's, whether they propose or approve a claim."""
    circumstances = Circumstances("CNY", **seen)
    assert proposed(None, claim(amount), "li", RULES, circumstances, NOON).state == state
    asked = claimed(claim(amount), False, RULES, circumstances, NOON)
    assert decided(asked, "li", RULES, circumstances, NOON, grants=True).state == state


@pytest.mark.parametrize("by", ["Li.Wei ", "ＬＩ.wei", "li.\u200bwei", "LI . WEI"])
def test_nobody_is_another_person_by_writing_the_name_otherwise(by: str) -> None:
    """SEC-012."""
    stands = proposed(None, claim(20_000), "li.wei", RULES, SEEN, NOON)
    with pytest.raises(SecondPersonNeeded):
        decided(stands, by, RULES, SEEN, NOON, grants=True)


@pytest.mark.parametrize(
    ("by", "seen", "given"),
    [
        (None, {"by_agent": 99_000, "given": 9_000}, ("granted", None, None, False)),
        ("li", {"by_agent": 98_000, "given": 8_000}, ("granted", None, "li", True)),
        ("li", {"by_agent": 98_001}, ("proposed", "li", None, False)),
        ("li", {"given": 8_001}, ("proposed", "li", None, False)),
    ],
)
def test_what_the_rule_grants_by_a_photo_that_an_agent_gave_is_the_agents(
    by: str | None, seen: dict[str, Any], given: tuple[Any, ...]
) -> None:
    """SEC-012: within what they may grant alone, else another person's."""
    found = claimed(claim(), True, RULES, Circumstances(**GOOD | seen), NOON, by)
    assert (found.state, found.proposed_by, found.decided_by, is_alone(found)) == given


def test_above_the_limit_another_person_approves() -> None:
    """FBK-029: nobody approves what they proposed."""
    stands = proposed(None, claim(20_000), "li", RULES, SEEN, NOON)
    with pytest.raises(SecondPersonNeeded):
        decided(stands, "li", RULES, SEEN, NOON, grants=True)
    granted = decided(stands, "wu", RULES, SEEN, NOON, grants=True)
    assert (granted.state, granted.proposed_by, granted.decided_by) == ("granted", "li", "wu")
    with pytest.raises(NothingProposed):
        decided(granted, "wu", RULES, SEEN, NOON, grants=False)


def test_a_customers_claim_above_the_limit_takes_two_people() -> None:
    stands = claimed(claim(20_000), True, RULES, Circumstances(**GOOD), NOON)
    first = decided(stands, "li", RULES, SEEN, NOON, grants=True)
    assert (first.state, first.proposed_by) == ("proposed", "li")
    with pytest.raises(SecondPersonNeeded):
        decided(first, "li", RULES, SEEN, NOON, grants=True)
    assert decided(first, "wu", RULES, SEEN, NOON, grants=True).state == "granted"
    small = claimed(claim(5_000), True, RULES, Circumstances(**GOOD), NOON)
    assert decided(small, "li", RULES, SEEN, NOON, grants=True).decided_by == "li"


@pytest.mark.parametrize("state", ["proposed", "granted"])
def test_a_ticket_is_compensated_once_at_a_time(state: Any) -> None:
    stands = Compensation(kind="refund", amount=1, currency="CNY", state=state)
    with pytest.raises(CompensationStands):
        proposed(stands, claim(), "li", RULES, SEEN, NOON)


@pytest.mark.parametrize("state", ["claimed", "refused"])
def test_what_waits_for_a_photo_or_was_refused_gives_way_to_an_agents_proposal(state: Any) -> None:
    stands = Compensation(kind="refund", amount=1, currency="CNY", state=state)
    assert proposed(stands, claim(), "li", RULES, SEEN, NOON).state == "granted"
