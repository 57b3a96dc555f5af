"""Caps, windows and turns of an address are shared by all customer ids that have it. On a real PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.feedback import SurveyRequested
from common.work.set_aside import Task
from messaging.commands.consent import opt_out
from messaging.contacts.store_locks import hold_addresses
from messaging.jobs.deciding import take_due, take_due_notices
from messaging.limits.caps.rules import cap_reached, month_of
from messaging.limits.caps.state import Caps, Contacted, Places
from regulars.testing import OwnTopics, scaled

from ..conftest import TUESDAY_TEN
from ..jobs.test_deciding import LATER, SWEEP, WINDOWS, local
from ..sending import until
from ..shared_addresses import DAY, MO, OUT, two
from ..situations import SHANGHAI
from ..verification.test_verifying import verify

HASHES = st.sampled_from([b"a", b"b"])


async def test_the_ids_of_an_address_share_caps_windows_and_the_survey_of_thirty_days(
    messaging: Any, topics: OwnTopics
) -> None:
    """MSG-007, C-8: three marketing messages a month, one message a window, one survey in 30 days to the mailbox."""
    await two(messaging)
    early = local("2025-03-04 08:00")
    for customer in ("k3", "k3b"):
        await messaging.feed(*[messaging.tier_up(n, early, customer=customer) for n in range(4)])
        survey = SurveyRequested(survey_id="q", order_id="o", answer_url="https://x.example", cause_at=early)
        await messaging.feed(messaging.event(survey, f"ask-{customer}", early, customer=customer))
    for when in ("2025-03-04 08:00", *WINDOWS, *LATER):
        messaging.clock.instant = local(when)
        await messaging.decide()
    assert Counter(await messaging.rows("select purpose from messages")) == {("marketing",): 3, ("survey",): 1}
    assert len(set(await messaging.rows("select leave_before from messages"))) == 4
    assert set(await messaging.rows("select reason from candidates where outcome = 'suppress'")) == {("cap",)}
    assert await verify(messaging, topics) == []


async def test_a_replay_merges_the_ids_of_an_address_by_time(replayed: Any, topics: OwnTopics) -> None:
    """The same decisions, whether a week is one step or seven."""
    for customer, email in zip(("k3", "k3b"), MO, strict=True):
        await replayed.feed(*replayed.known(customer, email=email, at=local("2025-03-01 10:00")))
    await replayed.feed(replayed.tier_up(1, local("2025-03-05 09:30"), customer="k3"))
    await replayed.feed(*[replayed.tier_up(n, local(f"2025-03-0{n} 20:59"), customer="k3b") for n in (3, 4, 6)])
    await replayed.feed(replayed.event(OUT, "out", local("2025-03-06 12:00"), customer="k3"))
    replayed.clock.set(local("2025-03-10 00:00"))
    await replayed.decide()
    assert await replayed.rows("select customer, at from messages order by at") == [
        ("k3b", local("2025-03-03 20:59")),
        ("k3b", local("2025-03-04 20:59")),
        ("k3", local("2025-03-05 09:30")),
    ]
    assert await replayed.rows("select reason from candidates where outcome = 'suppress'") == [("opted_out",)]
    assert await verify(replayed, topics) == []


@pytest.mark.timeout(3600)
async def test_the_cap_of_an_address_holds_between_two_processes(messaging: Any, topics: OwnTopics) -> None:
    """M3: two processes with two sweeps each race for ten ids of each mailbox; never one message more than the cap."""
    mailboxes = scaled(4, 50)
    for n in range(mailboxes):
        for customer in (f"c{n}-{i}" for i in range(10)):
            email = f"box{n}@example.test".upper() if customer.endswith("3") else f"box{n}@example.test"
            await messaging.feed(*messaging.known(customer, email=email))
            await messaging.feed(*[messaging.tier_up(t, customer=customer) for t in range(3)])
    url = messaging.database.engine.url.render_as_string(hide_password=False)
    instants = [local(when).isoformat() for when in WINDOWS]
    sweep = SWEEP.replace("at, 60)", "at, 3)")  # few at a time, so that a mailbox's ids are in several bites at once
    racing = [await asyncio.create_subprocess_exec(sys.executable, "-c", sweep, url, *instants) for _ in range(2)]
    assert [await child.wait() for child in racing] == [0, 0]
    shared = "select address, leave_before from messages group by 1, 2 having count(*) > 1"
    assert await messaging.rows(shared) == [], "one message a window"
    for when in LATER:
        messaging.clock.instant = local(when)
        await messaging.decide()
    assert await messaging.rows("select count(*) from messages group by address") == [(3,)] * mailboxes
    assert await verify(messaging, topics) == []


async def test_who_decides_about_an_address_holds_up_nobody_else(messaging: Any) -> None:
    await two(messaging)
    await messaging.feed(*messaging.known("else"))
    await messaging.feed(*[messaging.tier_up(1, customer=c) for c in ("else", "k3", "k3b")])
    async with messaging.database.transaction() as tx, messaging.database.transaction() as other:
        assert await take_due_notices(tx, messaging.clock.now(), 1) is None
        await tx.lock_customers([("s", "k3")])
        assert await hold_addresses(tx, [("s", "k3")]) == [("s", "k3")]
        assert await take_due(other, messaging.clock.now(), 9) == [Task("s", "else")]


async def test_what_a_customer_was_sent_takes_the_window_at_a_new_address_too(messaging: Any) -> None:
    await messaging.feed(*messaging.known("k3", email="old@example.test"), messaging.tier_up(1, customer="k3"))
    await messaging.decide()
    await messaging.feed(*messaging.known("k3", email="new@example.test", revision=2, consent=False))
    await messaging.feed(messaging.tier_up(2, customer="k3"))
    await messaging.decide()
    assert await messaging.outcomes() == [("hold", "window_taken"), ("send", "allowed")]


async def test_an_opt_out_waits_for_who_decides_about_the_address(messaging: Any) -> None:
    """Else a decision that did not see it would be taken after it was answered."""
    await two(messaging)
    waits = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with messaging.database.transaction() as tx:
        await tx.lock_customers([("s", "k3b")])
        assert await hold_addresses(tx, [("s", "k3b")]) == [("s", "k3b")]
        answered = asyncio.create_task(opt_out(messaging.database, ("s", "k3"), OUT))

        async def on_its_way() -> list[bool]:
            return [] if answered.done() or await messaging.rows(waits) else [True]

        await until(on_its_way)
        assert not answered.done()
    await answered


@given(
    asked=st.lists(st.tuples(st.sampled_from(["k3", "k3b", "k3c"]), HASHES, st.sampled_from(["marketing", "survey"]),
                             st.integers(0, 60)), max_size=40),
)  # fmt: skip
def test_no_sequence_of_messages_under_any_ids_exceeds_a_cap_of_an_address(
    asked: list[tuple[str, bytes, Any, int]],
) -> None:
    """M3, MSG-007: customers share and change addresses; each address and each customer stays within the caps."""
    caps, places = Caps(), Places()
    went: list[tuple[str, bytes, Contacted]] = []
    for customer, address, kind, days in asked:
        at = TUESDAY_TEN + days * DAY
        if cap_reached(caps, places.so_far(("s", customer), [address]), kind, "email", at, SHANGHAI) is None:
            one = Contacted(at, kind, "email")
            places.take(("s", customer), address, one)
            went.append((customer, address, one))
    for of in (0, 1):
        counted = Counter((row[of], month_of(row[2].at, SHANGHAI), row[2].purpose) for row in went)
        assert all(count <= 3 for (_, _, kind), count in counted.items() if kind == "marketing")
        total = Counter((row[of], month_of(row[2].at, SHANGHAI)) for row in went)
        assert all(count <= 6 for count in total.values())
    for address in (b"a", b"b"):
        surveys = sorted(c.at for _, of_one, c in went if of_one == address and c.purpose == "survey")
        assert all(later - earlier >= 30 * DAY for earlier, later in pairwise(surveys))
