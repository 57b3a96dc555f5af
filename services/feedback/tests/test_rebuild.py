"""A rebuild reads the versions of the policy back from the topic, and the same questions are due."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.customers import CustomerErased
from common.events.feedback import SurveyPolicyChanged
from common.storage.database import Transaction
from common.work.sweeps import WorkList, work
from feedback.handlers import on_orders
from feedback.jobs.moving import move_questions, take_late_policy
from feedback.main import due
from feedback.policy.state import NOTICE, Policy

from .conftest import MARCH, Feedback, completed, types

POLICY = "/v1/shops/s/policy"
VERSIONS = "select shop, version, valid_from, cast(policy as text) from policies order by shop, version"
QUESTIONS = "select customer, order_id, completed_at, due_at, survey_id from usage_questions order by customer"
DAY = timedelta(days=1)
MOVING = WorkList("late_versions", take_late_policy, move_questions)


async def save(feedback: Feedback, path: str = POLICY, **policy: Any) -> None:
    answer = await feedback.client.put(path, json={"policy": policy})
    assert answer.status_code == 200, answer.text


async def save_versions(feedback: Feedback) -> None:
    """Fourteen days from 1 March, nobody from the 11th, three days from the 21st; another shop has its own."""
    for days, policy in ((0, {"usage_question_days": 14}), (10, {"ask_usage_question": False}), (20, {})):
        feedback.clock.set(MARCH + days * DAY)
        await save(feedback, **(policy or {"usage_question_days": 3}))
    await save(feedback, "/v1/shops/other/policy", usage_question_days=1)


def orders() -> list[Event[Any]]:
    """One a day of a customer each, from before the first version to after the last; the last orders again."""
    made = [completed(f"o{n}", days=n, customer=f"c{n:02}") for n in range(-2, 25)]
    return [*made, completed("again", days=3, customer="c24")]


async def count_due(feedback: Feedback) -> int:
    async with feedback.database.transaction() as tx:
        return await due(tx, feedback.clock.now())


async def operators_sweep(feedback: Feedback) -> None:
    """All jobs in their order, round after round."""
    while (await feedback.client.post("/ops/sweep")).json()["done"]:
        pass


async def versions_announced(feedback: Feedback) -> list[Event[Any]]:
    return [e for e in await feedback.announced() if isinstance(e.data, SurveyPolicyChanged)]


async def test_each_version_is_announced_as_it_is_saved_and_what_is_refused_is_not(feedback: Feedback) -> None:
    await save(feedback, usage_question_days=14)
    assert (await feedback.client.put(POLICY, json={"policy": {}, "replaces": 0})).status_code == 409
    assert (await feedback.client.put(POLICY, json={"policy": {"usage_question_days": 0}})).status_code == 422
    [event] = await feedback.announced()
    assert (event.id, event.key, event.subject, event.source) == ("policy-1", "s/policy", None, "/shops/s/feedback")
    assert (event.time, event.data.version, event.data.valid_from) == (MARCH, 1, MARCH + NOTICE)
    assert event.data.policy == Policy(usage_question_days=14).model_dump(mode="json")


@pytest.mark.parametrize("size", [1, 2, 500])
@pytest.mark.parametrize("arrival", ["versions first", "versions last", "backwards", "mixed"])
async def test_r5_an_empty_database_gets_versions_and_questions_back_from_the_topics(
    feedback: Feedback, rebuilt: Feedback, arrival: str, size: int
) -> None:
    """Architecture section 2, point 4: versions are inputs, and the order of arrival does not matter."""
    await save_versions(feedback)
    await feedback.handle(*orders())
    versions = await versions_announced(feedback)
    log = {
        "versions first": [*versions, *orders()],
        "versions last": [*orders(), *versions],
        "backwards": [*orders(), *versions][::-1],
        "mixed": random.Random(5).sample([*versions, *orders()], len(versions) + len(orders())),
    }[arrival]
    for start in range(0, len(log), size):
        await rebuilt.handle(*log[start : start + size])
        assert await rebuilt.verify() == [], "while versions are still to be worked in, too"
    assert await rebuilt.rows(VERSIONS) == await feedback.rows(VERSIONS)
    assert await count_due(rebuilt) > 0, "versions met late are work to be done, which the settled check sees"
    await operators_sweep(rebuilt)
    await operators_sweep(feedback)
    assert await rebuilt.rows(QUESTIONS) == await feedback.rows(QUESTIONS)
    assert await count_due(rebuilt) == 0
    assert await versions_announced(rebuilt) == [], "what was read back is not announced again"
    assert (await rebuilt.client.get(POLICY)).json() == (await feedback.client.get(POLICY)).json()
    assert await rebuilt.verify() == []


async def test_nobody_is_asked_by_the_default_before_a_late_version_is_worked_in(
    feedback: Feedback, rebuilt: Feedback
) -> None:
    await save(feedback, ask_usage_question=False)
    feedback.clock.set(MARCH + 60 * DAY)
    await rebuilt.handle(*orders(), *await versions_announced(feedback))
    await operators_sweep(rebuilt)
    asked = await rebuilt.rows("select customer from usage_questions where survey_id is not null order by 1")
    assert asked == [("c-1",), ("c-2",), ("c00",)], "those alone whose order was completed before the version counted"


async def test_a_late_version_asks_no_erased_customer_and_nobody_twice(feedback: Feedback, rebuilt: Feedback) -> None:
    """FBK-007: what was asked stays asked. SEC-006."""
    await save(feedback, usage_question_days=2)
    erased: Event[Any] = Event("x1", "/shops/s/orders-ingest", "s", "bob", MARCH, CustomerErased())
    history = [completed("o1", 1), completed("b1", 1, "bob"), completed("o3", 30, "cleo"), erased]
    rebuilt.clock.set(MARCH + 9 * DAY)
    await rebuilt.handle(*history)
    assert await rebuilt.sweep() == 1
    confirmed, asked = await rebuilt.announced()
    assert (confirmed.type, confirmed.subject) == ("feedback.customer_erased", "bob")
    await rebuilt.handle(*await versions_announced(feedback))
    await operators_sweep(rebuilt)
    assert await rebuilt.rows("select customer, due_at, survey_id from usage_questions order by 1") == [
        ("ann", None, asked.data.survey_id),
        ("bob", None, None),
        ("cleo", MARCH + 32 * DAY, None),
    ]
    assert types(await rebuilt.announced()) == ["feedback.customer_erased", "survey.requested"]


async def test_bites_of_any_size_move_everybody(feedback: Feedback, rebuilt: Feedback) -> None:
    await save_versions(feedback)
    await rebuilt.handle(*orders(), *await versions_announced(feedback))
    for _ in range(100):
        async with rebuilt.database.transaction() as tx:
            if await work(tx, MOVING, rebuilt.clock.now(), 3) is None:
                break
    await feedback.handle(*orders())
    assert await rebuilt.rows(QUESTIONS) == await feedback.rows(QUESTIONS)


async def test_a_version_waits_for_who_notes_orders_without_it(feedback: Feedback, rebuilt: Feedback) -> None:
    """Two processes of a rebuild: what was noted without the version is there when the sweep looks for it."""
    await save(feedback, usage_question_days=2)
    versions = await versions_announced(feedback)
    async with rebuilt.database.transaction() as noting:
        await noting.lock_customers([("s", "ann")])
        await on_orders(noting, Batch([completed("o1", 1)]))
        adding = asyncio.create_task(rebuilt.handle(*versions))
        while not adding.done() and not await waits_for_a_lock(noting):
            await asyncio.sleep(0)
        assert not adding.done()
    await adding
    await operators_sweep(rebuilt)
    assert await rebuilt.rows("select due_at from usage_questions") == [(MARCH + 3 * DAY,)]


async def waits_for_a_lock(tx: Transaction) -> bool:
    found = await tx.value(
        "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
        " where d.datname = current_database() and l.locktype = 'advisory' and not l.granted"
    )
    return bool(found)


async def test_r5_its_own_topic_read_again_into_the_live_database_changes_nothing(feedback: Feedback) -> None:
    await save_versions(feedback)
    await feedback.handle(*orders())
    before = [await feedback.rows(f"select * from {table}") for table in ("policies", "usage_questions", "outbox")]
    await feedback.handle(*await versions_announced(feedback))
    after = [await feedback.rows(f"select * from {table}") for table in ("policies", "usage_questions", "outbox")]
    assert after == before


async def test_a_customer_named_like_the_key_of_the_versions_is_verified_like_any_other(feedback: Feedback) -> None:
    await save(feedback, usage_question_days=2)
    await feedback.handle(completed("o1", customer="policy"))
    assert await feedback.verify() == []
