"""`verify` finds nothing where all is well, and every planted difference. On a real PostgreSQL and Kafka."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from common.bus.dead import publish_mended
from common.events import Event
from common.events.customers import CustomerErased
from common.verification import Verification
from feedback.jobs.verifying import TOPICS, verify
from regulars.testing import OwnTopics, TopicsOfOwn

from ..conftest import MARCH, MASTER, Feedback, completed, differences_into, refunded


async def asked_and_answered(feedback: Feedback) -> None:
    """ann was asked and answered, wrote a review and opened a ticket; bob is due."""
    await feedback.issue_key()
    await feedback.handle(completed("o1"), completed("o2", days=3), completed("b1", days=30, customer="bob"))
    feedback.clock.set(MARCH + timedelta(days=8))
    await feedback.sweep()
    [question] = [e for e in await feedback.announced() if e.type == "survey.requested"]
    path = question.data.answer_url.removeprefix("https://say.example.test")
    assert (await feedback.client.post(path, data={"stars": "5", "text": "很好"})).status_code == 200
    review = {"review_id": "r1", "customer": "ann", "stars": 4, "dsr_goods": 3, "text": "fine", "photos": ["p1"]}
    assert (
        await feedback.client.post("/v1/shops/s/reviews", json=review | {"at": "2025-03-02T10:00:00Z"})
    ).status_code == 202
    ticket = {"ticket_id": "t1", "customer": "ann", "text": "it leaks"}
    assert (await feedback.client.post("/v1/shops/s/tickets", json=ticket)).status_code == 201


async def test_what_the_service_writes_follows_from_its_inputs(feedback: Feedback) -> None:
    await asked_and_answered(feedback)
    assert await feedback.verify() == []
    await feedback.handle(completed("o0", days=-9), completed("b0", days=2, customer="bob"))
    assert await feedback.verify() == []
    await feedback.handle(*await feedback.announced())
    assert await feedback.verify() == []


async def test_orders_completed_at_one_moment_make_one_question_about_one_of_them(feedback: Feedback) -> None:
    """A history may know the day alone, as CDNOW's does."""
    await feedback.issue_key()
    await feedback.handle(completed("o1"), completed("o2"), completed("o3"))
    feedback.clock.set(MARCH + timedelta(days=8))
    await feedback.sweep()
    assert len([e for e in await feedback.announced() if e.type == "survey.requested"]) == 1
    assert await feedback.verify() == []


async def test_an_erased_customer_has_no_texts_and_is_not_asked(feedback: Feedback) -> None:
    await asked_and_answered(feedback)
    for customer in ("ann", "bob"):
        erased: Event[Any] = Event(f"x-{customer}", "/shops/s/orders-ingest", "s", customer, MARCH, CustomerErased())
        await feedback.handle(erased)
    await feedback.handle(completed("b0", days=2, customer="bob"))
    assert await feedback.verify() == []


async def test_an_empty_store_that_was_filled_from_the_topics_is_in_order(feedback: Feedback) -> None:
    await asked_and_answered(feedback)
    announced = await feedback.announced()
    async with feedback.database.transaction() as tx:
        await tx.execute(
            "truncate usage_questions, surveys, survey_answers, reviews, order_inputs, completed_orders, outbox, inbox"
        )
    await feedback.handle(*announced)
    assert await feedback.verify() == [], "its own topic alone has been read yet"
    await feedback.handle(completed("o2", days=3))
    await feedback.handle(completed("b1", days=30, customer="bob"), completed("o1"))
    assert await feedback.verify() == []


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
        (
            "delete from order_inputs where customer = 'ann'",
            "has completed order o1, which follows from no",
        ),
        ("delete from completed_orders where order_id = 'o2'", "ann of s completed order o2, which is not noted"),
        ("update completed_orders set counts = false where order_id = 'o2'", "due at another time or as void"),
        ("update completed_orders set due_at = null where order_id = 'b1'", "due at another time or as void"),
        ("update completed_orders set completed_at = completed_at - interval '1 day'", "which is noted otherwise"),
        (
            """update order_inputs set body = jsonb_set(body, '{state}', '"closed"') where order_id = 'o1'""",
            "has completed order o1, which follows from no",
        ),
        ("delete from surveys", "which is not stored"),
        ("update usage_questions set survey_id = null", "ann of s was asked, but the question does not know it"),
        ("delete from survey_answers", "ann of s has answers without their time, or a time without answers"),
        ("update surveys set order_id = 'o2'", "due at 2025-03-08T12:00:00+00:00: not so"),
        ("update order_inputs set at = at - interval '1 day' where customer = 'ann'", "which follows from no order"),
        ("delete from surveys where customer = 'ann'", "ann of s was asked survey"),
    ],
)
async def test_a_planted_difference_is_found(feedback: Feedback, planted: str, found: str) -> None:
    await asked_and_answered(feedback)
    async with feedback.database.transaction() as tx:
        assert await tx.execute(planted) > 0
    lines = await feedback.verify()
    assert any(found in line for line in lines), lines


@pytest_asyncio.fixture
async def topics(topics_of_own: TopicsOfOwn) -> OwnTopics:
    return await topics_of_own(*TOPICS)


ORDERS: list[Event[Any]] = [
    completed("o1"), refunded("o1", 2, 10), completed("o2", days=3), completed("b1", days=30, customer="bob"),
]  # fmt: skip
"""What `asked_and_answered` hears of, and a refund in part."""


async def published(feedback: Feedback, topics: OwnTopics, *inputs: Event[Any]) -> None:
    """The log holds what the service announced and these, and the service has read it all."""
    async with feedback.database.transaction() as tx:
        await tx.announce(inputs)
    await topics.publish(feedback.database)
    async with feedback.database.transaction() as tx:
        await tx.execute(
            "insert into offsets (topic, partition, next, cluster)"
            " select topic, 0, 1000, '' from unnest(cast(:topics as text[])) as t(topic)",
            topics=list(TOPICS),
        )


async def compared(feedback: Feedback, topics: OwnTopics) -> tuple[list[str], dict[str, int]]:
    """The differences, the log's among them, and what was compared."""
    lines: list[str] = []
    run = Verification("feedback", feedback.database, topics.reader, MASTER, differences_into(lines))
    await verify(run)
    assert run.differences == len(lines)
    return lines, dict(run.compared)


async def with_a_policy_and_a_refund(feedback: Feedback) -> None:
    saved = await feedback.client.put("/v1/shops/s/policy", json={"policy": {"usage_question_days": 14}})
    assert saved.status_code == 200
    await asked_and_answered(feedback)
    await feedback.handle(ORDERS[1])


ANN = "s/ann: feedback keeps something else than was announced"
LOG: dict[str, tuple[str, str]] = {
    "all that was heard of bob is gone": (
        "with i as (delete from order_inputs where customer = 'bob'),"
        " c as (delete from completed_orders where customer = 'bob')"
        " delete from usage_questions where customer = 'bob'",
        "a version or a refund of an order was announced, and no row keeps it",
    ),
    "a refund that changes nothing is gone": (
        "delete from order_inputs where refund", "a version or a refund of an order was announced, and no row keeps it",
    ),
    "a refund's amount": (
        "update order_inputs set body = jsonb_set(body, '{amount}', '20') where refund",
        ANN,
    ),
    "an order's amount": (
        "update order_inputs set body = jsonb_set(body, '{goods_paid}', '20') where order_id = 'b1'",
        "s/bob: feedback keeps something else than was announced",
    ),
    "a refund that nobody reported": (
        "insert into order_inputs select shop, customer, order_id, cause || 'x', at, rank, correlation_id, refund,"
        " jsonb_set(body, '{refund_id}', '\"x\"') from order_inputs where refund",
        ANN,
    ),
    "a review is gone": ("delete from reviews", "a review was announced, and no row keeps it"),
    "a review's stars": ("update reviews set stars = 5", ANN),
    "a review's time": (
        "update reviews set submitted_at = submitted_at + interval '1 second'",
        ANN,
    ),
    "a DSR score": ("update reviews set dsr_goods = 5", ANN),
    "a photo": ("update reviews set photos = '{x}'", ANN),
    "a survey's due time": (
        "update surveys set cause_at = cause_at - interval '1 day'",
        ANN,
    ),
    "a review's text": ("update reviews set text = 'x'", ANN),
    "a survey is gone, and that it was asked": (
        "with s as (delete from surveys), a as (delete from survey_answers)"
        " update usage_questions set survey_id = null",
        "a survey was requested, and no row keeps it",
    ),
    "an answer is gone": (
        "with a as (delete from survey_answers) update surveys set answered_at = null",
        "a survey was answered, and no row keeps it",
    ),
    "an answer's stars": ("update survey_answers set score = 1 where question = 'stars'", ANN),
    "a choice": ("update survey_answers set choices = '{a}'", ANN),
    "an answer's text": ("update survey_answers set text = null", ANN),
    "a policy is gone": ("delete from policies", "a policy was announced, and no row keeps it"),
    "a policy's rules": (
        "update policies set policy = jsonb_set(policy, '{usage_question_days}', '15')",
        "s/1: policies keeps something else than was announced",
    ),
    "a customer is gone": (
        "delete from customers where customer = 'ann'", "customer ann of s has rows in usage_questions and is no",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("planted", "found"), LOG.values(), ids=LOG)
async def test_what_the_log_says_otherwise_is_found(
    feedback: Feedback, topics: OwnTopics, planted: str, found: str
) -> None:
    """Also where the outbox knows of nothing, as after a rebuild."""
    await with_a_policy_and_a_refund(feedback)
    await published(feedback, topics, *ORDERS)
    async with feedback.database.transaction() as tx:
        await tx.execute("delete from outbox")
        assert await tx.execute(planted) > 0
    lines, _ = await compared(feedback, topics)
    assert any(found in line for line in lines), lines


async def test_what_was_announced_and_read_is_in_the_log_and_counted(feedback: Feedback, topics: OwnTopics) -> None:
    """What was announced and not published yet, and what an erased customer wrote, too."""
    await with_a_policy_and_a_refund(feedback)
    await published(feedback, topics, *ORDERS)
    counts = {"customers": 2, "policies": 1, "versions and refunds": 4, "surveys": 1, "reviews": 1, "tickets": 1}
    counts["claims of rewards"] = 0
    assert await compared(feedback, topics) == ([], counts)
    review = {"review_id": "r2", "customer": "ann", "stars": 1, "at": "2025-03-03T10:00:00Z"}
    assert (await feedback.client.post("/v1/shops/s/reviews", json=review)).status_code == 202
    await feedback.handle(Event("x", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased()))
    assert await compared(feedback, topics) == ([], counts | {"reviews": 2, "tickets": 2})


async def test_an_order_that_was_dead_and_mended_is_in_the_log(feedback: Feedback, topics: OwnTopics) -> None:
    """A mended event stands on the service's own topic."""
    await feedback.handle(completed("o1"))
    async with feedback.database.transaction() as tx:
        await publish_mended(tx, completed("o1"), completed("o1").encode())
    await published(feedback, topics)
    lines, _ = await compared(feedback, topics)
    assert lines == []
