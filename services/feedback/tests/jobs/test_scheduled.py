"""Scheduled surveys on a real PostgreSQL: asked once when due, with rest, erased customers left out, rebuilt."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.events import Event
from common.events.customers import CustomerErased
from common.events.feedback import SurveyRequested
from feedback.main import due

from ..conftest import MARCH, PUBLIC_URL, Feedback, completed, merged

DAY = timedelta(days=1)
TURNS = "select customer, due_at, taken_until from survey_turns order by customer"
SCHEDULES = [
    {"schedule_id": "unboxing", "form_id": "unboxing", "after": "first_order", "days": 2},
    {"schedule_id": "settled", "form_id": "resolution", "after": "ticket", "days": 1},
    {"schedule_id": "quarterly", "form_id": "csat", "after": "quarter"},
]


async def save_schedules(feedback: Feedback, *schedules: dict[str, Any], days: float = -1, rest_days: int = 30) -> None:
    feedback.clock.set(MARCH + days * DAY)
    surveys = {"schedules": schedules or SCHEDULES, "rest_days": rest_days}
    policy = {"ask_usage_question": False, "surveys": surveys}
    answer = await feedback.client.put("/v1/shops/s/policy", json={"policy": policy})
    assert answer.status_code == 200, answer.text


async def sweep(feedback: Feedback, days: float) -> list[Event[SurveyRequested]]:
    """All that is due so many days after 1 March; what is asked by it."""
    feedback.clock.set(MARCH + days * DAY)
    before = len(await feedback.announced())
    while (await feedback.client.post("/ops/sweep")).json()["done"]:
        pass
    async with feedback.database.transaction() as tx:
        assert await due(tx, feedback.clock.now()) == 0
    return [e for e in (await feedback.announced())[before:] if isinstance(e.data, SurveyRequested)]


async def resolve(feedback: Feedback, ticket_id: str, customer: str = "ann") -> None:
    await feedback.client.post("/v1/shops/s/tickets", json={"ticket_id": ticket_id, "customer": customer})
    entry = {"entry_id": "end", "action": "resolve", "by": "li"}
    answer = await feedback.client.post(f"/v1/shops/s/tickets/{ticket_id}/entries", json=entry)
    assert answer.status_code == 201, answer.text


async def test_each_schedule_asks_once_when_it_falls_due(feedback: Feedback) -> None:
    """FBK-006, FBK-017: after the first order, and quarterly in the shop's zone."""
    await save_schedules(feedback)
    await feedback.handle(completed("o1"), completed("b1", 40, "bob"))
    assert await sweep(feedback, 1.9) == []
    [unboxing] = await sweep(feedback, 2)
    assert (unboxing.data.kind, unboxing.data.order_id, unboxing.time) == ("unboxing", "o1", MARCH + 2 * DAY)
    assert await sweep(feedback, 3) == []
    assert await sweep(feedback, 32) == [], "the quarter began less than thirty days after"
    assert [(e.subject, e.data.kind) for e in await sweep(feedback, 43)] == [("bob", "unboxing")]
    assert await feedback.verify() == []


async def test_of_two_identifiers_of_a_person_that_fall_due_together_one_is_asked(feedback: Feedback) -> None:
    """ORD-040: the other rests, in the same batch as well."""
    await save_schedules(feedback, {"schedule_id": "each", "form_id": "unboxing", "after": "order", "days": 2})
    await merged(feedback, "ann", "till")
    await feedback.handle(completed("o1"), completed("o2", 0.5, "till"))
    assert len(await sweep(feedback, 3)) == 1
    assert await feedback.verify() == []


async def test_a_quarter_begins_in_the_shops_zone(feedback: Feedback) -> None:
    """FBK-003: a regular survey of those who bought in the quarter before."""
    await save_schedules(feedback, rest_days=0)
    await feedback.handle(completed("o1"))
    await sweep(feedback, 3)
    [asked] = await sweep(feedback, 33)
    assert (asked.data.kind, asked.time) == ("csat", datetime(2025, 3, 31, 16, tzinfo=UTC))


async def test_the_resolution_of_a_ticket_is_asked_about_and_its_stars_rate_the_ticket(feedback: Feedback) -> None:
    """FBK-036, FBK-008: the service is followed up, by itself."""
    await save_schedules(feedback)
    await feedback.issue_key()
    feedback.clock.set(MARCH)
    await resolve(feedback, "t1")
    [asked] = await sweep(feedback, 1)
    assert (asked.data.kind, asked.data.ticket_id) == ("resolution", "t1")
    path = asked.data.answer_url.removeprefix(PUBLIC_URL)
    assert (await feedback.client.post(path, data={"stars": "2", "fair": "3"})).status_code == 200
    ticket = (await feedback.client.get("/v1/shops/s/tickets/t1")).json()
    assert (ticket["rating"], ticket["entries"][-1]["action"]) == (2, "rate")
    assert await feedback.verify() == []


async def test_a_ticket_opened_again_before_it_is_due_asks_nothing(feedback: Feedback) -> None:
    await save_schedules(feedback)
    await feedback.issue_key()
    feedback.clock.set(MARCH)
    await resolve(feedback, "t1")
    again = {"entry_id": "again", "action": "reopen", "by": "li"}
    assert (await feedback.client.post("/v1/shops/s/tickets/t1/entries", json=again)).status_code == 201
    assert await sweep(feedback, 1) == []
    assert await feedback.verify() == []


async def test_an_import_of_old_orders_asks_nobody(feedback: Feedback) -> None:
    """Old news writes to nobody."""
    await save_schedules(feedback, days=-400)
    await feedback.handle(*(completed(f"o{n}", -300 + n, f"c{n}") for n in range(20)))
    assert await sweep(feedback, 0) == []
    assert await feedback.verify() == []


async def test_without_schedules_no_turn_is_kept(feedback: Feedback) -> None:
    await feedback.handle(completed("o1"))
    assert await feedback.rows(TURNS) == []


async def test_an_erased_customer_is_not_asked(feedback: Feedback) -> None:
    """SEC-006."""
    await save_schedules(feedback)
    await feedback.issue_key()
    await feedback.handle(completed("o1"))
    async with feedback.database.transaction() as tx:
        await tx.lock_customers([("s", "ann")])
        await feedback.keys.erase(tx, [("s", "ann")])
    await feedback.handle(Event("x", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased()))
    await feedback.handle(completed("o2", 1))
    assert await sweep(feedback, 3) == []
    assert await feedback.verify() == []


@pytest.mark.parametrize("seed", range(4))
async def test_r5_an_empty_database_looks_at_everybody_at_the_same_time(
    feedback: Feedback, rebuilt: Feedback, seed: int
) -> None:
    """Orders, tickets, versions and surveys in any order; what was asked is not asked again."""
    await save_schedules(feedback)
    orders = [completed(f"o{n}", n, f"c{n % 4}") for n in range(10)]
    await feedback.handle(*orders)
    for n in range(3):
        await feedback.issue_key(f"c{n}")
        feedback.clock.set(MARCH + n * DAY)
        await resolve(feedback, f"t{n}", f"c{n}")
    asked = await sweep(feedback, 4)
    assert len(asked) == 3, "c3 bought too late to be asked yet"
    log: list[Event[Any]] = [*orders, *await feedback.announced()]
    random.Random(seed).shuffle(log)
    rebuilt.clock.set(MARCH + 4 * DAY)
    for event in log:
        await rebuilt.handle(event)
        assert await rebuilt.verify() == []
    assert await sweep(rebuilt, 4) == []
    assert await rebuilt.rows("select * from surveys order by survey_id") == await feedback.rows(
        "select * from surveys order by survey_id"
    )
    assert [row[:2] for row in await rebuilt.rows(TURNS)] == [row[:2] for row in await feedback.rows(TURNS)]
    assert await rebuilt.verify() == []


async def test_a_planted_difference_is_found(feedback: Feedback) -> None:
    await save_schedules(feedback)
    await feedback.handle(completed("o1"))
    assert await feedback.verify() == []
    await feedback.rows("update survey_turns set due_at = due_at + interval '1 day' returning 1")
    assert len(await feedback.verify()) == 1
