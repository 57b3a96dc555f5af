"""Pages of a campaign's customers, two at a time: whole or not at all, each customer once. On a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.events.customers import CustomerMerged
from common.events.segments import SegmentEntered
from messaging.campaigns import store
from messaging.jobs import planning
from messaging.jobs.planning import Planning

from ..campaigns_of import SPRING
from ..sending import until
from .test_on_a_database import BASE, act

EVERYBODY = [f"c{n:02}" for n in range(40)]
GROUP = [{"what": "segment.spring", "is": "in"}]
PROGRESS = "select entered_upto, looked_at, treated, held_out, done from campaigns"
MEMBERS = "select customer from campaign_members order by 1"
ENTERED = "select count(*) from outbox where type = 'campaign.entered'"
REFUSE = """
create function refuse() returns trigger language plpgsql as $$ begin raise 'no room'; end $$;
create trigger refuse before insert on campaign_members for each row when (new.customer = '{customer}')
execute function refuse()
"""


async def begin(messaging: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign to everybody, in pages of five customers."""
    monkeypatch.setattr(planning, "MOST", 5)
    now = messaging.clock.now()
    for customer in EVERYBODY:
        inside = SegmentEntered(segment="spring", episode="1", since=now, revision=1)
        await messaging.feed(*messaging.known(customer))
        await messaging.feed(messaging.event(inside, f"{customer}-in", now, customer=customer))
    document = {**SPRING, "group": GROUP, "hold_out_percent": 0}
    assert (await client.put(BASE, json={"document": document})).status_code == 200
    await act(client, "start")


async def plan(messaging: Any) -> int:
    async with messaging.database.transaction() as tx:
        return await Planning(messaging.database).plan(tx, messaging.clock.now(), 200)


async def run(messaging: Any, statements: str) -> None:
    async with messaging.database.transaction() as tx:
        for statement in statements.split(";\n"):
            await tx.execute(statement.strip() if "$$" not in statement else statement)


async def test_where_a_page_fails_so_do_those_after_it_and_no_customer_is_passed_over(
    messaging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: the progress is that of the pages which stand."""
    async with messaging.client() as client:
        await begin(messaging, client, monkeypatch)
        await run(messaging, REFUSE.format(customer="c12"))
        with pytest.raises(Exception, match="no room"):
            await plan(messaging)
        assert await messaging.rows(PROGRESS) == [("c09", 10, 10, 0, False)]
        assert [customer for (customer,) in await messaging.rows(MEMBERS)] == EVERYBODY[:10]
        await run(messaging, "drop trigger refuse on campaign_members")
        while await plan(messaging):
            pass
        assert await messaging.rows(PROGRESS) == [("c39", 40, 40, 0, True)]
        assert [customer for (customer,) in await messaging.rows(MEMBERS)] == EVERYBODY


async def test_who_was_absorbed_comes_in_once_with_the_survivor_in_another_page(
    messaging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ORD-040: also while the page of the survivor is not committed yet."""
    async with messaging.client() as client:
        await begin(messaging, client, monkeypatch)
        merged = CustomerMerged(survivor="c03", absorbed="c07", sequence=1)
        await messaging.feed(messaging.event(merged, "merged", messaging.clock.now(), customer="c03"))
        while await plan(messaging):
            pass
        assert await messaging.rows(PROGRESS) == [("c39", 40, 39, 0, True)]
        assert len(await messaging.rows(MEMBERS)) == 39


@pytest.mark.parametrize("again", [False, True])
async def test_a_page_that_is_under_way_when_the_campaign_is_paused_is_dropped(
    messaging: Any, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """MSG-062: also where the campaign goes on at once, by another version."""
    async with messaging.client() as client:
        await begin(messaging, client, monkeypatch)
        monkeypatch.setattr(planning, "PAGES", 1)
        assert await plan(messaging) == 1
        async with messaging.database.transaction() as held:
            await held.execute("update campaigns set looked_at = looked_at")
            planned = asyncio.create_task(plan(messaging))
            await until(lambda: _nobody_waits(messaging))
            await held.execute("update campaigns set state = :state", state="running" if again else "paused")
            await held.execute(
                "insert into campaign_versions select shop, version + 1, at, campaign, document, :state, reason"
                " from campaign_versions order by version desc limit 1",
                state="running" if again else "paused",
            )
        assert await planned == 1
        assert await messaging.rows(PROGRESS) == [("c04", 5, 5, 0, False)]
        assert [customer for (customer,) in await messaging.rows(MEMBERS)] == EVERYBODY[:5]
        assert len(await messaging.rows("select 1 from candidates")) == 5
        assert await messaging.rows(ENTERED) == [(1,)]


async def _nobody_waits(messaging: Any) -> list[int]:
    waiting = await messaging.rows(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    )
    return [] if waiting else [1]


async def test_two_processes_share_a_campaign_without_a_customer_twice(
    messaging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with messaging.client() as client:
        await begin(messaging, client, monkeypatch)

        async def go_on() -> None:
            while await messaging.rows("select 1 from campaigns where not done"):
                await plan(messaging)

        await asyncio.gather(go_on(), go_on(), go_on())
        assert await messaging.rows(PROGRESS) == [("c39", 40, 40, 0, True)]
        assert [customer for (customer,) in await messaging.rows(MEMBERS)] == EVERYBODY
        assert await messaging.rows(ENTERED) == [(9,)]
        assert len(await messaging.rows("select 1 from messages")) == 40


async def test_it_is_said_of_a_customer_who_is_held_out(messaging: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """MSG-051, MSG-057: of whom nothing is decided, also under another identifier of the person."""
    async with messaging.client() as client:
        await begin(messaging, client, monkeypatch)
        document = {**SPRING, "campaign": "summer", "group": GROUP, "hold_out_percent": 100}
        assert (await client.put(BASE.replace("spring", "summer"), json={"document": document})).status_code == 200
        answer = await client.post(f"{BASE.replace('spring', 'summer')}/actions", json={"action": "start"})
        assert answer.status_code == 200, answer.text
        merged = CustomerMerged(survivor="c03", absorbed="c07", sequence=1)
        await messaging.feed(messaging.event(merged, "merged", messaging.clock.now(), customer="c03"))
        while await plan(messaging):
            pass
        for customer in ("c03", "c07"):
            found = (await client.get(f"/v1/shops/s/customers/{customer}/campaigns")).json()
            assert [(one["campaign"], one["held_out"]) for one in found] == [("spring", False), ("summer", True)]
            assert {one["arm"] for one in found} <= {"a", "b", "hold_out"}
        assert (await client.get("/v1/shops/s/customers/stranger/campaigns")).json() == []


async def test_no_page_waits_for_whoever_counts_what_harm_the_campaign_does(
    messaging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: counting takes seconds of a large campaign, and a page holds its customers."""
    async with messaging.client() as client:
        await begin(messaging, client, monkeypatch)
        async with messaging.database.transaction() as watching:
            assert await store.hold_watched(watching, messaging.clock.now()) == ("s", "spring")
            async with messaging.database.transaction() as other:
                assert await store.hold_watched(other, messaging.clock.now()) is None, "one at a time"
            async with asyncio.timeout(60):
                while await plan(messaging):
                    pass
        assert await messaging.rows(PROGRESS) == [("c39", 40, 40, 0, True)]


async def test_the_pages_of_a_turn_go_by_the_rules_of_its_instant(
    messaging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MSG-004: a rebuild reads the channels by the time of the fact."""
    async with messaging.client() as client:
        await begin(messaging, client, monkeypatch)
        began = messaging.clock.now()
        messaging.clock.instant += timedelta(seconds=2)
        assert (await client.put("/v1/shops/s/policy", json={"policy": {"channels": ["sms"]}})).status_code == 200
        async with messaging.database.transaction() as tx:
            assert await Planning(messaging.database).plan(tx, began, 200) == 1
        decided = await messaging.rows("select distinct policy_version, channel from decisions join candidates"
                                       " using (shop, customer, message_id)")  # fmt: skip
        assert decided == [(0, "email")]
