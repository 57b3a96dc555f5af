"""Is a message sent, held or suppressed, and why? Permission, what is known, stale and obsolete news."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from messaging.domain.decision import CONTACT_WAIT, decide
from messaging.domain.flows import Condition
from messaging.domain.obsolete import is_obsolete
from messaging.domain.permission import Statement, standing_at

from .situations import TUESDAY_TEN, at, candidate, sent, situation


@pytest.mark.parametrize(
    ("what", "flow", "changes", "expected"),
    [
        ("nothing forbids it", "tier", {}, ("send", "allowed")),
        ("no consent was ever recorded", "tier", {"standing": None}, ("suppress", "no_consent")),
        ("a survey needs consent too", "survey", {"standing": None}, ("suppress", "no_consent")),
        ("consent was withdrawn", "tier", {"standing": "withdrawn"}, ("suppress", "consent_withdrawn")),
        ("the customer opted out", "tier", {"standing": "opted_out"}, ("suppress", "opted_out")),
        ("a notice passes an opt-out", "order_shipped", {"standing": "opted_out"}, ("send", "allowed")),
        ("a notice needs no consent", "order_paid", {"standing": None}, ("send", "allowed")),
        ("there is no address", "order_paid", {"has_address": False}, ("suppress", "no_address")),
        ("the address bounced for good", "order_paid", {"bounced": True}, ("suppress", "bounced")),
        ("the customer was erased", "order_paid", {"key": "erased"}, ("suppress", "erased")),
        ("the key has not come yet", "order_paid", {"key": "missing"}, ("hold", "key_missing")),
        ("no consent counts before a missing key", "tier", {"key": "missing", "standing": None},
         ("suppress", "no_consent")),
        ("it is not so any more", "tier", {"obsolete": True}, ("suppress", "obsolete")),
        ("another one took this window", "tier", {"contacted": sent("2025-03-04 09:45")}, ("hold", "window_taken")),
        ("a notice takes no window", "tier", {"contacted": sent("2025-03-04 09:45", kind="transactional")},
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
    """The order may be read before the registration that was sent with it."""
    unknown = situation(contact_known=False, has_address=False, key="missing")
    first = decide(candidate("order_placed"), unknown, TUESDAY_TEN)
    assert (first.outcome, first.reason, first.until) == ("hold", "contact_unknown", TUESDAY_TEN + CONTACT_WAIT)
    assert decide(candidate("order_placed"), unknown, TUESDAY_TEN + CONTACT_WAIT).reason == "no_address"


def said(standing: Any, when: str, rank: int = 30, id: str = "1") -> Statement:
    return Statement("email", "marketing", at(when), rank, "/shops/s/x", id, standing)


def test_the_newest_statement_holds_whatever_order_it_came_in() -> None:
    """SEC-005: newest `time` wins; an opt-out at the same instant as a consent wins over it."""
    given_, withdrawn = said("granted", "2025-03-01 10:00"), said("withdrawn", "2025-03-02 10:00")
    opted_out = said("opted_out", "2025-03-02 10:00", rank=60)
    for order in ([given_, withdrawn, opted_out], [opted_out, withdrawn, given_]):
        assert standing_at(order, "email", "marketing", TUESDAY_TEN) == "opted_out"
        assert standing_at(order, "email", "marketing", at("2025-03-01 23:00")) == "granted"
        assert standing_at(order, "email", "survey", TUESDAY_TEN) is None
        assert standing_at(order, "sms", "marketing", TUESDAY_TEN) is None


def test_a_win_back_is_obsolete_once_the_customer_bought_or_left_the_segment() -> None:
    lapsed = candidate("lapse", condition=Condition("lapsed/2025-01-04", 5, "in"))
    left = (at("2025-03-04 09:00"), Condition("lapsed/2025-01-04", 6, "out"))
    later = TUESDAY_TEN + timedelta(hours=1)
    assert not is_obsolete(lapsed, [], [], later)
    assert is_obsolete(lapsed, [], [TUESDAY_TEN + timedelta(minutes=1)], later)
    assert not is_obsolete(lapsed, [], [later + timedelta(minutes=1)], later), "not by what happens after the decision"
    assert not is_obsolete(lapsed, [], [TUESDAY_TEN - timedelta(days=60)], later)
    assert is_obsolete(lapsed, [left], [], later)
    assert not is_obsolete(lapsed, [(left[0], replace(left[1], subject="lapsed/2024-01-01"))], [], later)


def test_a_tier_message_is_obsolete_once_a_newer_revision_names_another_tier() -> None:
    """Of another service's facts about a customer the highest revision counts."""
    senior = candidate("tier", condition=Condition("tier", 3, "Senior"))
    assert is_obsolete(senior, [(TUESDAY_TEN, Condition("tier", 4, "VIP"))], [], TUESDAY_TEN)
    assert not is_obsolete(senior, [(TUESDAY_TEN, Condition("tier", 4, "Senior"))], [], TUESDAY_TEN)
    assert not is_obsolete(senior, [(TUESDAY_TEN, Condition("tier", 2, "Regular"))], [], TUESDAY_TEN)
