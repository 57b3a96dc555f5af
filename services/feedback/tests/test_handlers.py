"""What becomes of completed orders, of feedback's own topic, and of erased customers."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from common.crypto.sealing import is_sealed
from common.events import Event
from common.events.customers import CustomerErased
from common.events.feedback import QuestionAnswer, ReviewSubmitted, SurveyAnswered, SurveyRequested
from common.events.messages import TaskWanted
from feedback.surveys.rules import usage_id
from regulars.circles import nothing_in_circles

from .conftest import MARCH, Feedback, completed

WEEK = timedelta(days=7)
ASKED = usage_id("s", "ann", MARCH + WEEK)


def own(data: Any, event_id: str, customer: str = "ann") -> Event[Any]:
    return Event(event_id, "/shops/s/feedback", "s", customer, MARCH + WEEK, data)


def requested(order_id: str = "o1") -> Event[SurveyRequested]:
    return own(
        SurveyRequested(survey_id=ASKED, order_id=order_id, answer_url="https://x.test/s/t", cause_at=MARCH + WEEK),
        ASKED,
    )


async def questions(feedback: Feedback) -> list[tuple[Any, ...]]:
    return await feedback.rows("select customer, order_id, due_at from usage_questions order by customer")


async def test_a_shops_own_form_of_that_kind_is_not_the_usage_question(feedback: Feedback) -> None:
    """FBK-007: who was asked such a form by request is asked the question of the first order all the same."""
    own_form = SurveyRequested(
        survey_id="mine", kind="usage", form_id="words", answer_url="https://x.test/s/t", cause_at=MARCH
    )
    await feedback.handle(own(own_form, "mine"), completed("o1"))
    await feedback.handle(completed("b1", customer="bob"), own(own_form, "mine", "bob"))
    assert await questions(feedback) == [("ann", "o1", MARCH + WEEK), ("bob", "b1", MARCH + WEEK)]


async def test_the_first_completed_order_is_noted_and_falls_due_a_week_later(feedback: Feedback) -> None:
    """FBK-007."""
    await feedback.handle(completed("o2", days=2), completed("o1"), completed("b1", customer="bob"))
    assert await questions(feedback) == [("ann", "o1", MARCH + WEEK), ("bob", "b1", MARCH + WEEK)]


async def test_an_order_without_a_customer_is_nobodys_first(feedback: Feedback) -> None:
    await feedback.handle(completed("o1", customer=None))
    assert await questions(feedback) == []


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
@pytest.mark.parametrize("size", [1, 2, 3])
async def test_any_order_of_arrival_and_any_batch_size_give_the_same_row(
    feedback: Feedback, order: tuple[int, ...], size: int
) -> None:
    """FBK-007: two of the three orders bear the same time."""
    events = [completed("o3", 1), completed("o2", 1), completed("o9", 5)]
    arriving = [events[n] for n in order] * 2
    for start in range(0, len(arriving), size):
        await feedback.handle(*arriving[start : start + size])
    assert await questions(feedback) == [("ann", "o2", MARCH + timedelta(days=8))]


async def test_an_earlier_order_found_after_the_question_does_not_ask_again(feedback: Feedback) -> None:
    """FBK-007: what was promised stays promised, once per customer."""
    feedback.clock.set(MARCH + timedelta(days=30))
    await feedback.handle(completed("o5", days=5))
    assert await feedback.sweep() == 1
    await feedback.handle(completed("o1"), completed("o5", days=5))
    assert await feedback.sweep() == 0
    assert await questions(feedback) == [("ann", "o1", None)]
    assert await feedback.rows("select order_id from surveys") == [("o5",)]


async def test_the_own_topic_fills_an_empty_store(feedback: Feedback) -> None:
    """A rebuild reads what was accepted and promised, in any order of topics."""
    answer = own(
        SurveyAnswered(survey_id=ASKED, order_id="o1", answers=(QuestionAnswer(question="stars", score=4),)), "a1"
    )
    review = own(ReviewSubmitted(review_id="r1", stars=5), "r1")
    await feedback.handle(answer, requested(), review)
    await feedback.handle(completed("o1"))
    assert await feedback.sweep() == 0
    assert await feedback.rows("select order_id, cause_at from surveys") == [("o1", MARCH + WEEK)]
    assert await feedback.rows("select question, score from survey_answers") == [("stars", 4)]
    assert await feedback.rows("select review_id, stars from reviews") == [("r1", 5)]


async def test_reading_the_own_topic_again_changes_nothing(feedback: Feedback) -> None:
    feedback.clock.set(MARCH + timedelta(days=8))
    await feedback.handle(completed("o1"))
    await feedback.sweep()
    tables = ("usage_questions", "surveys", "reviews", "outbox")
    before = [await feedback.rows(f"select * from {table}") for table in tables]
    await feedback.handle(*await feedback.announced())
    assert [await feedback.rows(f"select * from {table}") for table in tables] == before


async def test_two_surveys_of_one_customer_in_a_batch_are_both_kept(feedback: Feedback) -> None:
    other = requested("o2")
    await feedback.handle(requested(), own(other.data.model_copy(update={"survey_id": "q2"}), "q2"))
    assert await feedback.rows("select survey_id from surveys order by 1") == sorted([(ASKED,), ("q2",)])


SURVEYS: dict[str, tuple[QuestionAnswer, ...]] = {
    "csat": tuple(
        QuestionAnswer(question=part, score=n) for n, part in enumerate(("goods", "service", "experience"), 3)
    ),
    "nps": (QuestionAnswer(question="recommend", score=0), QuestionAnswer(question="why", text="太慢")),
    "leave_reason": (QuestionAnswer(question="reason", choices=("cheaper_price", "other"), text="隔壁更便宜"),),
    "latent_need": (QuestionAnswer(question="looking_for", text="无糖"),),
    "poll": (QuestionAnswer(question="next_flavour", choices=("osmanthus",)),),
}


@pytest.mark.parametrize("kind", SURVEYS)
async def test_a_survey_of_any_kind_is_kept_shown_verified_and_erased(feedback: Feedback, kind: str) -> None:
    """FBK-003, 005, 015, 016, ANA-035, SEC-006: scores, choices and texts, about no order."""
    await feedback.issue_key()
    async with feedback.database.transaction() as tx:
        [key] = (await feedback.keys.keys_for(tx, [("s", "ann")])).values()
    about = SurveyRequested.model_validate(
        {"survey_id": "q1", "kind": kind, "answer_url": "https://x.test/s/t", "cause_at": MARCH + WEEK}
    )
    answers = SurveyAnswered.model_validate({"survey_id": "q1", "kind": kind, "answers": SURVEYS[kind]})
    await feedback.handle(feedback.keys.seal_event(own(answers, "a1"), key), own(about, "q1"))
    assert await feedback.verify() == []
    [shown] = (await feedback.client.get("/v1/shops/s/surveys")).json()["items"]
    assert (shown["kind"], shown["order_id"], shown["stars"]) == (kind, None, None)
    assert shown["answers"] == [answer.model_dump(mode="json") for answer in SURVEYS[kind]]
    texts = [text for (text,) in await feedback.rows("select text from survey_answers where text is not null")]
    assert all(is_sealed(text) for text in texts)
    assert len(texts) == sum(answer.text is not None for answer in SURVEYS[kind])
    assert (await feedback.client.get("/v1/shops/s/report")).json()["survey_stars"]["count"] == 0
    async with feedback.database.transaction() as tx:
        await tx.lock_customers([("s", "ann")])
        await feedback.keys.erase(tx, [("s", "ann")])
    await feedback.handle(Event("x1", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased()))
    assert await feedback.rows("select 1 from survey_answers where text is not null") == []
    [shown] = (await feedback.client.get("/v1/shops/s/surveys")).json()["items"]
    assert [a["score"] for a in shown["answers"]] == [a.score for a in SURVEYS[kind]]
    assert await feedback.verify() == []


async def test_an_erased_customer_is_forgotten_and_not_asked(feedback: Feedback) -> None:
    """SEC-006: texts go, and an order that comes later asks nobody."""
    await feedback.issue_key()
    body = {"review_id": "r1", "customer": "ann", "stars": 1, "text": "我叫安", "photos": ["me.jpg"]}
    assert (await feedback.client.post("/v1/shops/s/reviews", json=body)).status_code == 202
    await feedback.handle(completed("o5", days=5))
    erased: Event[Any] = Event("x1", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased())
    await feedback.handle(erased)
    await feedback.handle(completed("o1"))
    feedback.clock.set(MARCH + timedelta(days=30))
    assert await feedback.sweep() == 0
    assert await feedback.rows("select review_id, stars, text, photos from reviews") == [("r1", 1, None, [])]


async def test_what_was_read_out_of_an_erased_customers_texts_goes_with_them(feedback: Feedback) -> None:
    """SEC-006: sentiment, topics and signals of reviews, answers and tickets; another's stay."""
    async with feedback.database.transaction() as tx:
        await tx.execute(
            """
            insert into readings (shop, customer, source, name, part, at, reader, sentiment, liked)
            select 's', customer, source, 'n', '', :at, 'rules', 1, array['price']
            from unnest(array['ann', 'bob']) customer, unnest(array['review', 'answer', 'ticket']) source
            """,
            at=MARCH,
        )
    await feedback.handle(Event("x1", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased()))
    assert await feedback.rows("select customer, count(*) from readings group by 1") == [("bob", 3)]


async def test_a_late_order_of_a_customer_erased_before_any_order_asks_nobody(feedback: Feedback) -> None:
    erased: Event[Any] = Event("x1", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased())
    await feedback.handle(erased)
    await feedback.handle(completed("o1"))
    feedback.clock.set(MARCH + timedelta(days=30))
    assert await feedback.sweep() == 0


async def test_what_flows_want_people_to_do_comes_into_the_one_queue(feedback: Feedback) -> None:
    """XCT-003: once, however often it is read."""
    due = MARCH + WEEK
    wish = TaskWanted(task_id="t1", kind="letter", title="Thank by hand", due_at=due, requested_by="flow letter")
    await feedback.handle(own(wish, "w1"))
    await feedback.handle(own(wish, "w2"))
    queue = "select customer, task_id, kind, state, due_at from staff_tasks where newest"
    assert await feedback.rows(queue) == [("ann", "t1", "letter", "open", due)]
    assert await feedback.rows("select type from outbox") == [("task.requested",)]


async def test_what_was_handled_is_freed_at_once(feedback: Feedback) -> None:
    """O4: what referred to itself would wait for the collector until the end."""
    with nothing_in_circles():
        await feedback.handle(*(completed(f"o{n}", n, f"c{n % 20}") for n in range(60)))
        await feedback.handle(*(completed(f"late{n}", -n, f"c{n % 20}") for n in range(60)))
