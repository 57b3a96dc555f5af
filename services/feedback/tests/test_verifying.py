"""`verify` finds nothing where all is well, and every planted difference. On a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.events import Event
from common.events.customers import CustomerErased
from feedback.jobs.verifying import find_differences

from .conftest import MARCH, Feedback, completed


async def verify(feedback: Feedback) -> list[str]:
    async with feedback.database.transaction() as tx:
        return await find_differences(tx)


async def asked_and_answered(feedback: Feedback) -> None:
    """ann was asked and answered and wrote a review, bob is due."""
    await feedback.issue_key()
    await feedback.handle(completed("o1"), completed("o2", days=3), completed("b1", days=30, customer="bob"))
    feedback.clock.set(MARCH + timedelta(days=8))
    await feedback.sweep()
    [question] = [e for e in await feedback.announced() if e.type == "survey.requested"]
    path = question.data.answer_url.removeprefix("https://say.example.test")
    assert (await feedback.client.post(path, data={"stars": "5", "text": "很好"})).status_code == 200
    review = {"review_id": "r1", "customer": "ann", "stars": 4, "text": "fine", "at": "2025-03-02T10:00:00Z"}
    assert (await feedback.client.post("/v1/shops/s/reviews", json=review)).status_code == 202


async def test_what_the_service_writes_follows_from_what_it_was_told(feedback: Feedback) -> None:
    await asked_and_answered(feedback)
    assert await verify(feedback) == []
    await feedback.handle(completed("o0", days=-9), completed("b0", days=2, customer="bob"))
    assert await verify(feedback) == []
    await feedback.handle(*await feedback.announced())
    assert await verify(feedback) == []


async def test_orders_completed_at_one_moment_make_one_question_about_one_of_them(feedback: Feedback) -> None:
    """A history may know the day alone, as CDNOW's does."""
    await feedback.issue_key()
    await feedback.handle(completed("o1"), completed("o2"), completed("o3"))
    feedback.clock.set(MARCH + timedelta(days=8))
    await feedback.sweep()
    assert len([e for e in await feedback.announced() if e.type == "survey.requested"]) == 1
    assert await verify(feedback) == []


async def test_an_erased_customer_has_no_texts_and_is_not_asked(feedback: Feedback) -> None:
    await asked_and_answered(feedback)
    for customer in ("ann", "bob"):
        erased: Event[Any] = Event(f"x-{customer}", "/shops/s/orders-ingest", "s", customer, MARCH, CustomerErased())
        await feedback.handle(erased)
    await feedback.handle(completed("b0", days=2, customer="bob"))
    assert await verify(feedback) == []


async def test_an_empty_store_that_was_filled_from_the_topics_is_in_order(feedback: Feedback) -> None:
    await asked_and_answered(feedback)
    announced = await feedback.announced()
    async with feedback.database.transaction() as tx:
        await tx.execute("truncate usage_questions, surveys, reviews, order_inputs, completed_orders, outbox, inbox")
    await feedback.handle(*announced)
    assert await verify(feedback) == [], "its own topic alone has been read yet"
    await feedback.handle(completed("o2", days=3))
    await feedback.handle(completed("b1", days=30, customer="bob"), completed("o1"))
    assert await verify(feedback) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("update usage_questions set due_at = completed_at where customer = 'ann'", "ann of s is due and was asked"),
        ("update usage_questions set due_at = due_at + interval '1 second'", "bob of s is due at 2025-04-07T12:00:01"),
        ("update usage_questions set due_at = null where customer = 'bob'", "bob of s is due at None, not at 2025-04"),
        ("delete from usage_questions where customer = 'bob'", "bob of s completed an order, and no question is noted"),
        ("update usage_questions set order_id = 'o7'", "ann of s has a question about order o7, but order o1 is the"),
        ("update usage_questions set order_id = 'o7' where customer = 'bob'", "but order b1 is the first that counts"),
        ("delete from order_inputs where customer = 'bob'", "bob of s has a question about order b1, which does not"),
        ("delete from order_inputs where customer = 'ann'", "ann of s has completed order o1, which nobody told"),
        ("delete from completed_orders where order_id = 'o2'", "ann of s completed order o2, which is not noted"),
        ("update completed_orders set counts = false where order_id = 'o2'", "due at another time or as void"),
        ("update completed_orders set due_at = null where order_id = 'b1'", "due at another time or as void"),
        ("update completed_orders set completed_at = completed_at - interval '1 day'", "which is noted otherwise"),
        (
            """update order_inputs set body = jsonb_set(body, '{state}', '"closed"') where order_id = 'o1'""",
            "ann of s has completed order o1, which nobody told",
        ),
        ("delete from surveys", "which is not stored"),
        ("update usage_questions set survey_id = null", "ann of s was asked, but the question does not know it"),
        ("update surveys set stars = null", "ann of s has an answer without stars"),
        ("update surveys set stars = 1", "which is not stored as it was announced"),
        ("update surveys set text = 'bad'", "whose text is not what was announced"),
        ("update surveys set order_id = 'o2'", "due at 2025-03-08T12:00:00+00:00: not so"),
        ("update order_inputs set at = at - interval '1 day' where customer = 'ann'", "which follows from no order"),
        ("delete from surveys where customer = 'ann'", "ann of s was asked survey"),
        ("update surveys set cause_at = cause_at - interval '1 day'", "which is not stored as it was announced"),
        ("update outbox set payload = replace(payload, '\"o1\"', '\"o2\"')", "which is not stored as it was announced"),
        ("delete from reviews", "handed in review r1, which is not stored"),
        ("update reviews set stars = 5", "handed in review r1, which is not stored as it was announced"),
        ("update reviews set text = null", "handed in review r1, whose text is not what was announced"),
        (
            "insert into outbox (id, aggregatetype, aggregateid, type, shop, payload) select id, aggregatetype,"
            " aggregateid, type, shop, payload from outbox where type = 'survey.requested'",
            "told of by survey.requested",
        ),
    ],
)
async def test_a_planted_difference_is_found(feedback: Feedback, planted: str, found: str) -> None:
    await asked_and_answered(feedback)
    async with feedback.database.transaction() as tx:
        assert await tx.execute(planted) > 0
        lines = await find_differences(tx)
    assert any(found in line for line in lines), lines
