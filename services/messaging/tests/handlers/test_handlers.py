"""What handlers keep, and which candidates they make. On a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from common.events.customers import ConsentChanged, CustomerErased, CustomerUpdated
from common.events.messages import ContactOptedOut
from common.events.orders import OrderCompleted
from common.events.segments import SegmentEntered, SegmentLeft

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def test_the_highest_revision_of_a_profile_counts_whatever_comes_last(messaging: Any) -> None:
    older = messaging.event(CustomerUpdated(revision=2, email="old@example.test", zone="Asia/Tokyo"), "u2")
    newer = messaging.event(CustomerUpdated(revision=3, email="new@example.test", zone="Europe/London"), "u3")
    await messaging.feed(newer)
    await messaging.feed(older)
    newest = (
        "select c.revision, a.sealed, c.zone from contacts c join contact_addresses a using (shop, customer, revision)"
    )
    assert await messaging.rows(newest) == [(3, "new@example.test", "Europe/London")]
    older = "select sealed from contact_addresses where revision = 2"
    assert await messaging.rows(older) == [(None,)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_permission_is_the_same_in_any_order(messaging: Any, order: tuple[int, ...]) -> None:
    """SEC-005: newest `time` wins, also between services' topics."""
    now = messaging.clock.now()
    said = [
        messaging.event(ConsentChanged(channel="email", granted=True), "yes", now - 3 * DAY),
        messaging.event(ContactOptedOut(channel="email", via="link"), "out", now - 2 * DAY),
        messaging.event(ConsentChanged(channel="email", granted=True), "again", now - DAY),
    ]
    await messaging.feed(*messaging.known(consent=False))
    for n in order:
        await messaging.feed(said[n])
    await messaging.feed(messaging.tier_up(1))
    await messaging.decide()
    assert await messaging.outcomes() == [("send", "allowed")]


async def test_no_marketing_without_a_recorded_consent_and_none_after_an_opt_out(messaging: Any) -> None:
    """SEC-005, MSG-009, MSG-008: notices still reach those who opted out."""
    await messaging.feed(*messaging.known("c1", consent=False), *messaging.known("c2"))
    out = ContactOptedOut(channel="email", via="link")
    await messaging.feed(messaging.event(out, "out", customer="c2"))
    await messaging.feed(
        messaging.tier_up(1), messaging.tier_up(1, customer="c2"), messaging.notice("o1", customer="c2")
    )
    await messaging.decide()
    assert await messaging.outcomes() == [
        ("send", "allowed"),
        ("suppress", "no_consent"),
        ("suppress", "opted_out"),
    ]


async def test_what_is_announced_ten_times_is_one_candidate(messaging: Any) -> None:
    """MSG-037: once per lapse episode."""
    await messaging.feed(*messaging.known())
    entered = SegmentEntered(segment="lapsed", episode="2025-01-04", since=messaging.clock.now(), revision=1)
    for n in range(10):
        await messaging.feed(messaging.tier_up(1), messaging.notice("o1"), messaging.event(entered, f"lapse-{n}"))
    assert await messaging.rows("select flow, count(*) from candidates group by 1 order by 1") == [
        ("lapse", 1),
        ("order_shipped", 1),
        ("tier", 1),
    ]


@pytest.mark.parametrize("size", [1, 2, 500])
async def test_batch_borders_never_show(messaging: Any, size: int) -> None:
    now = messaging.clock.now()
    events = [e for n in range(20) for e in messaging.known(f"c{n:02}", revision=n)]
    events += [messaging.tier_up(n, now - n * HOUR, customer=f"c{n:02}") for n in range(20)]
    for start in range(0, len(events), size):
        await messaging.feed(*events[start : start + size])
    await messaging.decide()
    assert await messaging.rows("select customer, outcome, reason, at from decisions order by 1, 4") == [
        (f"c{n:02}", "send", "allowed", now) for n in range(20)
    ]


async def test_a_lapsed_customer_who_buys_gets_no_win_back(messaging: Any) -> None:
    """MSG-037: by the order itself, or by segmentation's answer to it, whichever is read first."""
    now = messaging.clock.now()
    messaging.clock.instant = now + HOUR / 2
    for customer in ("c1", "c2", "c3"):
        await messaging.feed(*messaging.known(customer))
        entered = SegmentEntered(segment="lapsed", episode="2025-01-04", since=now, revision=5)
        await messaging.feed(messaging.event(entered, f"in-{customer}", customer=customer))
    order = OrderCompleted(order_id="o9", state="completed", currency="CNY", goods_paid=1)
    await messaging.feed(messaging.event(order, "bought", now + HOUR / 4, customer="c1"))
    left = SegmentLeft(segment="lapsed", episode="2025-01-04", revision=6)
    await messaging.feed(messaging.event(left, "left", now + HOUR / 4, customer="c2"))
    await messaging.decide()
    assert await messaging.rows("select customer, reason from candidates order by 1") == [
        ("c1", "obsolete"),
        ("c2", "obsolete"),
        ("c3", "allowed"),
    ]


async def test_of_an_erased_customer_no_day_of_the_own_is_kept(messaging: Any) -> None:
    """SEC-006: nor one whose key had not come; another's stays."""
    async with messaging.database.transaction() as tx:
        await tx.execute(
            """
            insert into personal_dates (shop, customer, kind, revision, at, sealed, day)
            select 's', customer, kind, 1, :at, case when kind = 'birthday' then 'sealed' end, '\\x00'
            from unnest(array['c1', 'c2']) customer, unnest(array['birthday', 'anniversary']) kind
            """,
            at=messaging.clock.now(),
        )
    await messaging.feed(messaging.event(CustomerErased(), "erased"))
    assert await messaging.rows("select customer, count(*) from personal_dates group by 1") == [("c2", 2)]


@pytest.mark.parametrize("erased_first", [False, True])
async def test_of_an_erased_customer_no_name_language_zone_nor_address_is_kept(
    messaging: Any, erased_first: bool
) -> None:
    """SEC-006: whichever is read first."""
    profile = CustomerUpdated(revision=2, email="old@example.test", language="de", zone="Asia/Tokyo")
    told = [messaging.event(profile, "told"), messaging.event(CustomerErased(), "erased")]
    await messaging.feed(messaging.event(profile, "bobs", customer="bob"))
    for event in reversed(told) if erased_first else told:
        await messaging.feed(event)
    assert await messaging.rows("select customer from contacts") == [("bob",)]
    assert await messaging.rows("select customer from contact_addresses") == [("bob",)]


async def test_an_erased_customer_gets_nothing_more(messaging: Any) -> None:
    await messaging.feed(*messaging.known(), messaging.notice("o1"))
    await messaging.feed(messaging.event(CustomerErased(), "erased"))
    await messaging.decide()
    assert await messaging.outcomes() == [("suppress", "erased")]


async def test_a_history_without_states_notifies_nobody(messaging: Any) -> None:
    completed = OrderCompleted(order_id="o1", state="completed", currency="CNY", goods_paid=1)
    await messaging.feed(*messaging.known(), messaging.event(completed, "done"))
    assert await messaging.rows("select count(*) from candidates") == [(0,)]
