"""A message is sent, held or suppressed, with its reason: consent, what is known, stale and obsolete news."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from common.events.orders import (
    OrderClosed,
    OrderCompleted,
    OrderDelivered,
    OrderLogisticsUpdated,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
)
from messaging.conditions.rules import is_obsolete
from messaging.conditions.state import Condition, Facts, OrderNews
from messaging.consent.state import ConsentState, Statement, register_of
from messaging.decisions.rules import decide, stale_from

from ..situations import TUESDAY_TEN, at, candidate, claim, sent, situation


@pytest.mark.parametrize(
    ("what", "flow", "changes", "expected"),
    [
        ("nothing forbids it", "tier", {}, ("send", "allowed")),
        ("no consent was ever recorded", "tier", {"consent": None}, ("suppress", "no_consent")),
        ("a survey needs consent too", "survey", {"consent": None}, ("suppress", "no_consent")),
        ("consent was withdrawn", "tier", {"consent": "withdrawn"}, ("suppress", "consent_withdrawn")),
        ("the customer opted out", "tier", {"consent": "opted_out"}, ("suppress", "opted_out")),
        ("a notice passes an opt-out", "order_shipped", {"consent": "opted_out"}, ("send", "allowed")),
        ("a notice needs no consent", "order_paid", {"consent": None}, ("send", "allowed")),
        ("there is no address", "order_paid", {"has_address": False}, ("hold", "no_address")),
        ("the address bounced for good", "order_paid", {"bounced": True}, ("suppress", "bounced")),
        ("the customer was erased", "order_paid", {"key": "erased"}, ("suppress", "erased")),
        ("the key has not come yet", "order_paid", {"key": "missing"}, ("hold", "key_missing")),
        ("no consent counts before a missing key", "tier", {"key": "missing", "consent": None},
         ("suppress", "no_consent")),
        ("its flow is of another release", "tier", {"flow_known": False}, ("hold", "unknown_flow")),
        ("its channel has no sender", "order_paid", {"has_sender": False}, ("hold", "no_sender")),
        ("it is not so any more", "tier", {"obsolete": True}, ("suppress", "obsolete")),
        ("a complaint of the customer's is open", "tier", {"complaint_open": True}, ("hold", "complaint_open")),
        ("a survey is asked all the same", "survey", {"complaint_open": True}, ("send", "allowed")),
        ("a notice goes in spite of a complaint", "order_paid", {"complaint_open": True}, ("send", "allowed")),
        ("another one took this window", "tier", {"contacted": sent("2025-03-04 09:45")}, ("hold", "window_taken")),
        ("a notice takes no window", "tier", {"contacted": sent("2025-03-04 09:45", purpose="transactional")},
         ("send", "allowed")),
    ],
)  # fmt: skip
def test_one_decision_with_its_reason(what: str, flow: str, changes: dict[str, Any], expected: tuple[str, str]) -> None:
    """SEC-005, MSG-008, MSG-009."""
    decision = decide(candidate(flow), situation(**changes), TUESDAY_TEN)
    assert (decision.outcome, decision.reason) == expected, what


@pytest.mark.parametrize(("flow", "days"), [("tier", 3), ("lapse", 3), ("survey", 14), ("order_shipped", 7)])
def test_old_news_writes_to_nobody(flow: str, days: int) -> None:
    """Stale after 3 days (marketing), 14 (survey), 7 (transactional) since the cause."""
    still = candidate(flow, TUESDAY_TEN - timedelta(days=days))
    assert decide(still, situation(), TUESDAY_TEN).outcome == "send"
    too_old = candidate(flow, TUESDAY_TEN - timedelta(days=days, seconds=1))
    assert decide(too_old, situation(), TUESDAY_TEN).reason == "stale"


def test_a_customer_not_read_yet_is_waited_for_once() -> None:
    """A profile may come minutes after the order: what is fresh waits for it, and is suppressed when it is stale."""
    unknown = situation(contact_known=False, has_address=False, key="missing")
    first = decide(candidate("order_placed"), unknown, TUESDAY_TEN)
    stale_at = stale_from("transactional", TUESDAY_TEN, unknown.policy)
    assert (first.outcome, first.reason, first.until) == ("hold", "contact_unknown", stale_at)
    waited = replace(candidate("order_placed"), held="contact_unknown")
    assert decide(waited, unknown, stale_at - timedelta(minutes=1)).outcome == "hold"
    last = decide(waited, unknown, stale_at)
    assert (last.outcome, last.reason) == ("suppress", "no_address")


def said(state: Any, when: str, rank: int = 30, id: str = "1") -> Statement:
    return Statement("email", "marketing", at(when), rank, "/shops/s/x", id, state)


def state_at(statements: Any, channel: Any, purpose: Any, until: datetime) -> ConsentState | None:
    held = register_of(statements).holding(channel, purpose, until)
    return held.state if held else None


def test_the_newest_statement_holds_whatever_order_it_came_in() -> None:
    """SEC-005: newest `time` wins; an opt-out at the same instant as a consent wins over it."""
    given_, withdrawn = said("granted", "2025-03-01 10:00"), said("withdrawn", "2025-03-02 10:00")
    opted_out = said("opted_out", "2025-03-02 10:00", rank=60)
    for order in ([given_, withdrawn, opted_out], [opted_out, withdrawn, given_]):
        assert state_at(order, "email", "marketing", TUESDAY_TEN) == "opted_out"
        assert state_at(order, "email", "marketing", at("2025-03-01 23:00")) == "granted"
        assert state_at(order, "email", "survey", TUESDAY_TEN) is None
        assert state_at(order, "sms", "marketing", TUESDAY_TEN) is None


def test_a_win_back_is_obsolete_once_the_customer_bought_or_left_the_segment() -> None:
    lapsed = candidate("lapse", condition=Condition("lapsed/2025-01-04", 5, "in"))
    left = (at("2025-03-04 09:00"), Condition("lapsed/2025-01-04", 6, "out"))
    later = TUESDAY_TEN + timedelta(hours=1)
    assert not is_obsolete(claim(lapsed), Facts(), later)
    assert is_obsolete(claim(lapsed), Facts([], [TUESDAY_TEN + timedelta(minutes=1)]), later)
    assert not is_obsolete(claim(lapsed), Facts([], [later + timedelta(minutes=1)]), later), (
        "not by what happens after the decision"
    )
    assert not is_obsolete(claim(lapsed), Facts([], [TUESDAY_TEN - timedelta(days=60)]), later)
    assert is_obsolete(claim(lapsed), Facts([left], []), later)
    assert not is_obsolete(claim(lapsed), Facts([(left[0], replace(left[1], subject="lapsed/2024-01-01"))], []), later)


def test_a_tier_message_is_obsolete_once_a_newer_revision_names_another_tier() -> None:
    """Of another service's facts about a customer the highest revision counts."""
    senior = candidate("tier", condition=Condition("tier", 3, "Senior"))
    assert is_obsolete(claim(senior), Facts([(TUESDAY_TEN, Condition("tier", 4, "VIP"))], []), TUESDAY_TEN)
    assert not is_obsolete(claim(senior), Facts([(TUESDAY_TEN, Condition("tier", 4, "Senior"))], []), TUESDAY_TEN)
    assert not is_obsolete(claim(senior), Facts([(TUESDAY_TEN, Condition("tier", 2, "Regular"))], []), TUESDAY_TEN)


def _news(kind: Any, minutes: int, **fields: Any) -> OrderNews:
    news: Any
    if kind is OrderLogisticsUpdated:
        news = OrderLogisticsUpdated(order_id="o-1", **fields)
    elif kind is OrderRefunded:
        news = OrderRefunded(refund_id="r", order_id="o-1", currency="CNY", **fields)
    else:
        news = kind(order_id="o-1", state=kind.TYPE[6:], currency="CNY", goods_paid=100, **fields)
    return OrderNews("o-1", TUESDAY_TEN + timedelta(minutes=minutes), news)


@pytest.mark.parametrize(
    ("what", "flow", "news", "obsolete"),
    [
        ("the order was closed", "order_paid", [(OrderPaid, 0, {}), (OrderClosed, 5, {"revision": 2})], True),
        ("it was refunded whole", "survey", [(OrderPaid, 0, {}), (OrderRefunded, 5, {"amount": 100})], True),
        ("it was closed", "survey", [(OrderPaid, 0, {}), (OrderClosed, 5, {"revision": 2})], True),
        ("a part was refunded", "survey", [(OrderPaid, 0, {}), (OrderRefunded, 5, {"amount": 40})], False),
        ("a newer state has a notice", "order_paid", [(OrderPaid, 0, {}), (OrderShipped, 5, {"revision": 2})], True),
        ("it is the newest state", "order_shipped", [(OrderPaid, 0, {}), (OrderShipped, 5, {"revision": 2})], False),
        ("it completed", "order_receipt_due", [(OrderDelivered, 0, {}), (OrderCompleted, 5, {"revision": 2})], True),
        ("it is not confirmed", "order_receipt_due", [(OrderDelivered, 0, {})], False),
        ("it has arrived", "delivery_late", [(OrderShipped, 0, {}), (OrderDelivered, 5, {"revision": 2})], True),
        ("it came too late", "delivered_late", [(OrderShipped, 0, {}), (OrderDelivered, 5, {"revision": 2})], False),
        (
            "a correction in the same state",
            "order_shipped",
            [(OrderShipped, 0, {}), (OrderShipped, 5, {"revision": 2, "again": True})],
            False,
        ),
        (
            "the parcel goes on",
            "parcel_exception",
            [(OrderLogisticsUpdated, 0, {"status": "exception"}), (OrderLogisticsUpdated, 5, {"status": "in_transit"})],
            True,
        ),
        (
            "another parcel goes on",
            "parcel_exception",
            [
                (OrderLogisticsUpdated, 0, {"status": "exception"}),
                (OrderLogisticsUpdated, 5, {"status": "in_transit", "tracking": "SF2"}),
            ],
            False,
        ),
        (
            "it is the newest word",
            "parcel_exception",
            [(OrderLogisticsUpdated, 0, {"status": "customs"}), (OrderLogisticsUpdated, 5, {"status": "exception"})],
            False,
        ),
        (
            "the order arrived",
            "parcel_exception",
            [(OrderLogisticsUpdated, 0, {"status": "exception"}), (OrderDelivered, 5, {"revision": 2})],
            True,
        ),
        ("the closing comes later", "order_paid", [(OrderPaid, 0, {}), (OrderClosed, 90, {"revision": 2})], False),
    ],
)
def test_a_message_about_an_order_is_obsolete_once_it_is_untrue_or_overtaken(
    what: str, flow: str, news: Any, obsolete: bool
) -> None:
    """Of states announced together the newest is mailed; none for an order that was closed or refunded whole."""
    made = claim(candidate(flow, details={"order_id": "o-1"}))
    facts = Facts(orders=[_news(kind, minutes, **fields) for kind, minutes, fields in news])
    assert is_obsolete(made, facts, TUESDAY_TEN + timedelta(hours=1)) is obsolete, what


def test_a_tier_that_was_lost_and_regained_is_not_congratulated_twice() -> None:
    had = [(TUESDAY_TEN, Condition("tier", n, tier)) for n, tier in ((1, "Senior"), (2, "Regular"), (3, "Senior"))]
    again = candidate("tier", condition=had[2][1])
    assert is_obsolete(claim(again), Facts(had), TUESDAY_TEN)
    assert not is_obsolete(claim(again), Facts(had[1:]), TUESDAY_TEN)


def test_at_one_instant_the_refusal_holds() -> None:
    granted, withdrawn = said("granted", "2025-03-04 09:00", id="2"), said("opted_out", "2025-03-04 09:00", id="1")
    for order in ([granted, withdrawn], [withdrawn, granted]):
        assert state_at(order, "email", "marketing", TUESDAY_TEN) == "opted_out"
