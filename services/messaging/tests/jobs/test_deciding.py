"""The sweep decides each candidate once, in order, within every cap, with its reason. On a real PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from common.events.feedback import QuestionAnswer, SurveyAnswered, SurveyRequested
from common.events.membership import TierChanged
from common.events.segments import SegmentEntered
from regulars.testing import scaled

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


async def test_the_fourth_marketing_message_of_a_month_is_suppressed_and_a_notice_is_sent(messaging: Any) -> None:
    """T-4.16, MSG-007, MSG-008."""
    await messaging.feed(*messaging.known())
    for n, when in enumerate(["2025-03-04 10:00", "2025-03-04 15:00", "2025-03-05 10:00", "2025-03-06 10:00"]):
        messaging.clock.instant = local(when)
        await messaging.feed(messaging.tier_up(n, local(when)))
        await messaging.decide()
    await messaging.feed(messaging.notice("o1", local("2025-03-06 10:00")))
    await messaging.decide()
    assert await messaging.outcomes() == [("send", "allowed")] * 4 + [("suppress", "cap")]
    details = await messaging.rows("select detail from decisions where reason = 'cap'")
    assert details == [("3 marketing messages by email in 2025-03",)]


WINDOWS = ["2025-03-04 10:00", "2025-03-04 14:30", "2025-03-04 19:30", "2025-03-05 09:30", "2025-03-05 14:30"]
LATER = ["2025-03-05 19:30", "2025-03-06 09:30", "2025-03-06 14:30", "2025-03-06 19:30"]
SWEEP = """
import asyncio, sys
from datetime import datetime
from common.storage.database import Database
from messaging.jobs.deciding import decide_due
from messaging.decisions.store import lock_due_customers

class Stepped:
    def now(self):
        return self.instant

async def sweep(database, at):
    while True:
        async with database.transaction() as tx:
            if not await decide_due(tx, at, await lock_due_customers(tx, at, 60), replay=False):
                return

async def main():
    clock = Stepped()
    database = Database(sys.argv[1], clock=clock, service="messaging")
    for at in sys.argv[2:]:
        clock.instant = datetime.fromisoformat(at)
        await asyncio.gather(*(sweep(database, clock.instant) for _ in range(2)))
    await database.close()

asyncio.run(main())
"""


@pytest.mark.timeout(3600)
async def test_fifty_candidates_at_once_send_exactly_the_cap_by_two_processes(messaging: Any) -> None:
    """M3, MSG-007: two processes with two sweeps each race for the same customers; never one more than the cap."""
    customers = [f"c{n:03}" for n in range(scaled(8, 200))]
    for customer in customers:
        await messaging.feed(*messaging.known(customer))
        await messaging.feed(*[messaging.tier_up(n, customer=customer) for n in range(50)])
    url = messaging.database.engine.url.render_as_string(hide_password=False)
    instants = [local(when).isoformat() for when in WINDOWS]
    racing = [await asyncio.create_subprocess_exec(sys.executable, "-c", SWEEP, url, *instants) for _ in range(2)]
    assert [await child.wait() for child in racing] == [0, 0]
    assert await messaging.rows("select customer from messages group by 1 having count(*) > 3") == []
    for when in LATER:  # what one process, ahead of the other, held for a window that neither came to
        messaging.clock.instant = local(when)
        await messaging.decide()
    assert await messaging.rows("select customer, outcome, count(*) from candidates group by 1, 2 order by 1, 2") == [
        row for c in customers for row in ((c, "send", 3), (c, "suppress", 47))
    ]
    assert await messaging.rows("select count(*) from messages") == [(3 * len(customers),)]
    assert await messaging.rows("select distinct reason from candidates where outcome = 'suppress'") == [("cap",)]


async def test_the_first_by_rank_goes_and_the_others_wait_for_the_next_window(messaging: Any) -> None:
    """One message a window, survey before tier before win-back."""
    now = messaging.clock.now()
    early = local("2025-03-04 08:00")
    await messaging.feed(*messaging.known())
    survey = SurveyRequested(survey_id="q1", order_id="o1", answer_url="https://x.example", cause_at=early)
    entered = SegmentEntered(segment="lapsed", episode="2025-01-04", since=early, revision=1)
    await messaging.feed(
        messaging.event(entered, "lapse", early), messaging.tier_up(1, early), messaging.event(survey, "ask", early)
    )
    sent = []
    for when in ["2025-03-04 08:00", "2025-03-04 09:30", "2025-03-04 14:30", "2025-03-04 19:30"]:
        messaging.clock.instant = local(when)
        await messaging.decide()
        sent.append(await messaging.rows("select flow from messages order by at"))
    assert [[flow for (flow,) in found] for found in sent] == [
        [],
        ["survey"],
        ["survey", "tier"],
        ["survey", "tier", "lapse"],
    ]
    assert now < messaging.clock.now()


async def test_a_replay_judges_each_row_at_its_own_time(replayed: Any) -> None:
    """MSG-004, MSG-007, a week in one step: window, cap, consent and order of sending are of each row's time."""
    await replayed.feed(*replayed.known(at=local("2025-03-01 10:00")))
    await replayed.feed(*[replayed.tier_up(n, local(f"2025-03-0{n} 07:00")) for n in range(3, 8)])
    replayed.clock.set(local("2025-03-10 00:00"))
    await replayed.decide()
    assert await replayed.rows("select at from messages order by at") == [
        (local("2025-03-03 14:30"),),  # Monday morning is closed
        (local("2025-03-04 09:30"),),
        (local("2025-03-05 09:30"),),
    ]
    assert await replayed.rows("select at, reason from decisions where outcome = 'suppress' order by at") == [
        (local("2025-03-06 09:30"), "cap"),
        (local("2025-03-07 09:30"), "cap"),
    ]
    # Ids and times come from the rows, so a second replay tells the same.
    announced = await replayed.rows("select type, count(*) from outbox group by 1 order by 1")
    assert announced == [("message.held", 5), ("message.suppressed", 2)]


async def test_the_step_of_a_replay_does_not_show(replayed: Any, messaging: Any) -> None:
    """A week at once or day by day: the same decisions."""
    found = []
    for service, steps in ((replayed, [7]), (messaging, range(8))):
        if service is messaging:
            from common.time.clock import FixedClock

            service.clock = service.database.clock = FixedClock(local("2025-03-03 00:00"))
        await service.feed(*service.known(at=local("2025-03-01 10:00")))
        await service.feed(*[service.tier_up(n, local(f"2025-03-0{n} 20:59")) for n in range(3, 8)])
        for day in steps:
            service.clock.set(local("2025-03-03 00:00") + day * DAY)
            await service.decide()
        found.append(await service.rows("select message_id, at, outcome, reason, until from decisions order by 2, 1"))
    assert found[0] == found[1]
    assert found[0]


async def test_consent_given_after_a_row_fell_due_does_not_count_for_it_in_a_replay(replayed: Any) -> None:
    from common.events.customers import ConsentChanged

    await replayed.feed(*replayed.known(consent=False))
    now = replayed.clock.now()
    await replayed.feed(
        replayed.tier_up(1, now), replayed.event(ConsentChanged(channel="email", granted=True), "yes", now + DAY)
    )
    replayed.clock.set(now + 2 * DAY)
    await replayed.decide()
    assert await replayed.outcomes() == [("suppress", "no_consent")]


async def test_a_held_message_is_judged_anew_when_it_is_released(messaging: Any) -> None:
    """Consent, staleness and conditions are those of the release."""
    early = local("2025-03-04 08:00")
    messaging.clock.instant = early
    await messaging.feed(*messaging.known("c1"), *messaging.known("c2"))
    survey = SurveyRequested(survey_id="q1", order_id="o1", answer_url="https://x.example", cause_at=early)
    await messaging.feed(messaging.tier_up(1, early), messaging.event(survey, "ask", early, customer="c2"))
    await messaging.decide()
    assert await messaging.outcomes() == [("hold", "window")] * 2
    down = TierChanged(old="VIP", new="Senior", direction="down", reason="refund", revision=2)
    answered = SurveyAnswered(survey_id="q1", order_id="o1", answers=(QuestionAnswer(question="stars", score=5),))
    await messaging.feed(
        messaging.event(down, "down", early + DAY / 96), messaging.event(answered, "a", early + DAY / 96, customer="c2")
    )
    messaging.clock.instant = local("2025-03-04 09:30")
    await messaging.decide()
    assert await messaging.outcomes() == [("suppress", "obsolete")] * 2


async def test_a_missing_key_is_waited_for_and_announced_once(messaging: Any) -> None:
    key, *rest = messaging.known()
    await messaging.feed(*rest, messaging.notice("o1"))
    start = messaging.clock.now()
    for minutes in (0, 10, 20):
        messaging.clock.instant = start + timedelta(minutes=minutes)
        await messaging.decide()
    assert await messaging.outcomes() == [("hold", "key_missing")]
    assert await messaging.rows("select count(*) from outbox where type = 'message.held'") == [(1,)]
    await messaging.feed(key)
    messaging.clock.instant = start + timedelta(minutes=30)
    await messaging.decide()
    assert await messaging.outcomes() == [("send", "allowed")]


@pytest.mark.parametrize("zone", ["America/New_York", "Nowhere/Land", None])
async def test_the_recipients_zone_decides_the_window_and_the_shops_where_it_is_unknown(
    messaging: Any, zone: str
) -> None:
    await messaging.feed(*messaging.known(zone=zone), messaging.tier_up(1))
    await messaging.decide()
    expected = ("hold", "window") if zone == "America/New_York" else ("send", "allowed")
    assert await messaging.outcomes() == [expected]
