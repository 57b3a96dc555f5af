"""Everybody is asked once, on the day it falls due, with a link that works."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from common.events.feedback import SurveyRequested
from common.storage.database import Database
from common.work.sweeps import work
from feedback.questions.store import count_due_questions

from ..conftest import MARCH, Feedback, completed, types


async def test_the_question_is_asked_when_it_falls_due_and_not_before(feedback: Feedback) -> None:
    """FBK-007: seven days after the first completed order, to the microsecond."""
    await feedback.handle(completed("o1"))
    feedback.clock.set(MARCH + timedelta(days=7) - timedelta(microseconds=1))
    assert await feedback.sweep() == 0
    feedback.clock.set(MARCH + timedelta(days=7))
    assert await feedback.sweep() == 1
    assert await feedback.sweep() == 0
    [question] = await feedback.announced()
    assert isinstance(question.data, SurveyRequested)
    assert (question.time, question.data.cause_at) == (MARCH + timedelta(days=7), MARCH + timedelta(days=7))
    assert (question.key, question.data.order_id, question.correlationid) == ("s/ann", "o1", "c1")
    token = question.data.answer_url.removeprefix("https://say.example.test/s/")
    assert feedback.links.read(token) == ("s", question.data.survey_id)


async def test_a_question_due_long_ago_is_asked_all_the_same_and_bears_its_due_time(feedback: Feedback) -> None:
    """Messaging decides staleness by cause_at; feedback does not."""
    await feedback.handle(completed("o1"))
    feedback.clock.set(MARCH + timedelta(days=700))
    assert await feedback.sweep() == 1
    [question] = await feedback.announced()
    assert question.time == MARCH + timedelta(days=7)


async def test_a_replay_asks_the_same_with_the_same_ids_and_links(feedback: Feedback) -> None:
    """Two stacks with the same history announce equal bytes."""
    feedback.clock.set(MARCH + timedelta(days=60))
    await feedback.handle(*(completed(f"o{n}", days=n, customer=f"c{n}") for n in range(5)))
    assert await feedback.sweep(limit=2) == 5
    first = [event.encode() for event in await feedback.announced()]
    async with feedback.database.transaction() as tx:
        await tx.execute("truncate usage_questions, order_inputs, completed_orders, surveys, outbox, customers")
    await feedback.handle(*(completed(f"o{n}", days=n, customer=f"c{n}") for n in reversed(range(5))))
    await feedback.sweep()
    assert [event.encode() for event in await feedback.announced()] == first


async def test_two_sweeps_at_once_ask_nobody_twice(feedback: Feedback) -> None:
    feedback.clock.set(MARCH + timedelta(days=60))
    await feedback.handle(*(completed(f"o{n}", customer=f"c{n}") for n in range(40)))

    async def sweep(database: Database) -> int:
        done = 0
        for _ in range(20):
            async with database.transaction() as tx:
                done += await work(tx, feedback.asking, feedback.clock.now(), 3) or 0
        return done

    # A turn whose customers another sweep has just asked counts as one, so more than 40 may be told.
    assert sum(await asyncio.gather(*(sweep(feedback.database) for _ in range(3)))) >= 40
    announced = await feedback.announced()
    assert types(announced) == ["survey.requested"] * 40
    assert len({event.customer for event in announced}) == 40


async def test_due_questions_are_counted_for_the_settled_check(feedback: Feedback) -> None:
    await feedback.handle(completed("o1"), completed("b1", days=1, customer="bob"))
    async with feedback.database.transaction() as tx:
        assert await count_due_questions(tx, MARCH + timedelta(days=7)) == 1
        assert await count_due_questions(tx, MARCH + timedelta(days=8)) == 2


async def test_the_operators_sweep_asks_with_links_of_this_installation(feedback: Feedback) -> None:
    """As a replay does it: the job is wired with the runtime's key and address, not with the environment's."""
    await feedback.handle(completed("o1"))
    feedback.clock.set(MARCH + timedelta(days=8))
    answer = await feedback.client.post("/ops/sweep")
    assert (answer.status_code, answer.json()) == (200, {"done": 1})
    [question] = await feedback.announced()
    assert question.data.answer_url == feedback.links.url("s", question.data.survey_id)
