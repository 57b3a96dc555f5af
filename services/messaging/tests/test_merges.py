"""Customers who are one person: one register, one contact, one count under the caps (ORD-040). On a real PostgreSQL."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from common.events.customers import ConsentChanged, CustomerMerged, CustomerUnmerged
from messaging.consent.rules import joined
from messaging.consent.state import FAR, Register, Said, Statement
from messaging.known import get_reachable
from regulars.testing import OwnTopics

from .conftest import TUESDAY_TEN
from .jobs.test_deciding import local
from .verification.test_verifying import verify

A, B = ("s", "a"), ("s", "b")
DAY = timedelta(days=1)


def said(number: int, state: Any) -> Statement:
    return Statement("email", "marketing", TUESDAY_TEN + number * DAY, 30, "/s", f"{number}", state)


def holding(a: list[Statement], b: list[Statement], merged: int) -> str | None:
    own = joined([A, B], {A: a, B: b}, {B: TUESDAY_TEN + merged * DAY})
    found = Register(Said(own)).holding("email", "marketing", FAR)
    return None if found is None else found.state


def test_whatever_one_of_them_refused_is_refused_from_the_merge_on() -> None:
    """Withdrawal wins, also over a later yes of the other; what is said after the merge holds by its time."""
    assert holding([said(2, "granted")], [said(1, "withdrawn")], merged=3) == "withdrawn"
    assert holding([said(1, "opted_out")], [said(2, "granted")], merged=3) == "opted_out"
    assert holding([said(2, "granted"), said(4, "granted")], [said(1, "withdrawn")], merged=3) == "granted"
    assert holding([said(2, "granted")], [said(1, "withdrawn"), said(2, "granted")], merged=3) == "granted"
    assert holding([said(1, "granted")], [], merged=3) == "granted"
    assert holding([said(1, "granted")], [said(5, "withdrawn")], merged=3) == "withdrawn"
    assert holding([], [], merged=3) is None


async def test_one_person_is_written_to_at_one_address_under_one_cap_and_an_undone_merge_leaves_no_trace(
    messaging: Any, topics: OwnTopics
) -> None:
    early = local("2025-03-04 08:00")
    await messaging.feed(*messaging.known("ann", email="ann@example.test"))
    await messaging.feed(*messaging.known("till", email="till@example.test"))
    merged = CustomerMerged(survivor="ann", absorbed="till", sequence=1)
    await messaging.feed(messaging.event(merged, "m1", early, customer="ann"))
    await messaging.feed(*[messaging.tier_up(n, early, customer="ann") for n in range(4)])
    for day in ("04", "05", "06", "07", "08"):
        for hour in ("10", "20"):
            messaging.clock.instant = local(f"2025-03-{day} {hour}:00")
            await messaging.decide()
    assert Counter(await messaging.rows("select customer, purpose from messages")) == {("ann", "marketing"): 3}
    # What another service says of an absorbed customer counts no more, an order's notice goes to the person.
    late = local("2025-03-08 20:30")
    await messaging.feed(messaging.tier_up(9, late, customer="till"), messaging.notice("o-1", late, customer="till"))
    messaging.clock.instant = late
    await messaging.decide()
    outcomes = dict(await messaging.rows("select flow, reason from candidates where customer = 'till'"))
    assert outcomes["tier"] == "obsolete"
    async with messaging.database.transaction() as tx:
        known = await get_reachable(tx, [("s", "till"), ("s", "ann")])
    assert known["s", "till"].hashes == known["s", "ann"].hashes
    assert await verify(messaging, topics) == []
    # A withdrawal under either identifier is the person's; once undone, each has what was said under it.
    no = ConsentChanged(channel="email", granted=False)
    await messaging.feed(messaging.event(no, "no", late, customer="till"))
    assert await register(messaging, "ann") == "withdrawn"
    undone = CustomerUnmerged(survivor="ann", absorbed="till", sequence=2)
    await messaging.feed(messaging.event(undone, "m2", late, customer="ann"))
    assert (await register(messaging, "ann"), await register(messaging, "till")) == ("granted", "withdrawn")
    assert await verify(messaging, topics) == []


async def register(messaging: Any, customer: str, until: datetime = FAR) -> str | None:
    async with messaging.database.transaction() as tx:
        found = (await get_reachable(tx, [("s", customer)]))["s", customer].register.holding(
            "email", "marketing", until
        )
    return None if found is None else str(found.state)
