"""Who is asked, when, about which order; which answers are valid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
from hypothesis import strategies as st

from common.events import Event
from common.events.feedback import QuestionAnswer, ReviewSubmitted
from common.events.orders import OrderCompleted
from feedback.forms.built_in import BUILT_IN
from feedback.orders.rules import CompletedOrder, completed_orders, first_of, order_inputs
from feedback.policy.state import DEFAULT_VERSION
from feedback.reviews.rules import ReviewUnfit, check_review
from feedback.surveys.rules import About, answered, ask, request
from feedback.surveys.state import Survey

MARCH = datetime(2025, 3, 1, 12, tzinfo=UTC)


def completed(order_id: str, days: int = 0, customer: str | None = "ann", shop: str = "s") -> Event[OrderCompleted]:
    return Event(
        id=f"e-{order_id}",
        source=f"/shops/{shop}/shop",
        shop=shop,
        subject=customer,
        time=MARCH + timedelta(days=days),
        data=OrderCompleted(order_id=order_id, state="completed", currency="CNY", goods_paid=100),
        correlationid="c1",
    )


def first_orders(events: list[Event[OrderCompleted]]) -> list[CompletedOrder]:
    """Of each customer, with the time at which the question falls due by the default rules."""
    orders = completed_orders(order_inputs(events), [DEFAULT_VERSION])
    customers = sorted({(o.shop, o.customer) for o in orders})
    firsts = [first_of(o for o in orders if (o.shop, o.customer) == customer) for customer in customers]
    return [first for first in firsts if first is not None]


def given(stars: int, text: str | None = None) -> tuple[QuestionAnswer, ...]:
    """The answers to a usage survey."""
    written = () if text is None else (QuestionAnswer(question="text", text=text),)
    return (QuestionAnswer(question="stars", score=stars), *written)


def survey() -> Survey:
    return Survey("s", "ann", "q1", "usage", "o1", MARCH, None)


def test_the_question_comes_seven_days_after_the_first_completed_order() -> None:
    """FBK-007."""
    [order] = first_orders([completed("o2", days=3), completed("o1")])
    question = ask(order, "https://shop.test/s/token")
    assert (order.order_id, question.data.order_id) == ("o1", "o1")
    assert question.time == question.data.cause_at == MARCH + timedelta(days=7)
    assert (question.customer, question.correlationid, question.causationid) == (("s", "ann"), "c1", "e-o1")


def test_an_order_without_a_customer_asks_nobody() -> None:
    assert first_orders([completed("o1", customer=None)]) == []


def test_each_customer_of_each_shop_has_a_first_order() -> None:
    orders = first_orders([completed("o1"), completed("o2", customer="bob"), completed("o3", shop="t")])
    assert [(o.shop, o.customer, o.order_id) for o in orders] == [
        ("s", "ann", "o1"),
        ("s", "bob", "o2"),
        ("t", "ann", "o3"),
    ]


@hypothesis.given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 5)), min_size=1, max_size=8).flatmap(
        lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))
    )
)
def test_order_and_repetition_of_arrival_do_not_matter(
    drawn: tuple[list[tuple[int, int]], list[tuple[int, int]]],
) -> None:
    """FBK-007: the state is the minimum of what was seen, whatever came first or twice."""
    one, other = ([completed(f"o{n}", days) for days, n in seen] for seen in drawn)
    first = first_orders(one)
    assert first == first_orders([*other, *one])
    assert ask(first[0], "u").id == ask(first_orders(other)[0], "u").id


def test_a_request_repeated_asks_the_same_survey_and_another_customer_another() -> None:
    """FBK-015."""
    version, about = 3, About(ticket_id="t1", agent="li")
    one, again = (request("s", "ann", "r1", BUILT_IN["nps"], version, about, "u", MARCH) for _ in range(2))
    other = request("s", "bob", "r1", BUILT_IN["nps"], version, about, "u", MARCH)
    assert (one.id == again.id, one.id == other.id) == (True, False)
    assert (one.data.kind, one.data.form_id, one.data.form_version) == ("nps", "nps", 3)
    assert (one.data.ticket_id, one.data.agent, one.data.cause_at) == ("t1", "li", MARCH)


def test_an_answer_has_one_id_per_survey_and_names_its_order() -> None:
    """FBK-007: the answer is stored with the order."""
    one, two = answered(survey(), given(5), MARCH), answered(survey(), given(1, "x"), MARCH + timedelta(days=1))
    assert one.id == two.id
    assert (one.data.order_id, one.data.survey_id, one.data.kind, one.data.answers) == ("o1", "q1", "usage", given(5))


@pytest.mark.parametrize(
    ("review", "time", "slug"),
    [
        pytest.param({}, MARCH, "review_empty", id="neither stars nor text"),
        pytest.param({"text": "  "}, MARCH, "review_empty", id="only white space"),
        pytest.param({"text": "x" * 2001}, MARCH, "text_too_long", id="a long text"),
        pytest.param({"photos": ["enc:/etc/passwd"]}, MARCH, "photo_invalid", id="a photo that passes for sealed"),
        pytest.param({"stars": 5}, datetime(1989, 12, 31, tzinfo=UTC), "time_too_old", id="before 1990"),
        pytest.param({"stars": 5}, MARCH + timedelta(minutes=6), "time_in_future", id="six minutes ahead"),
    ],
)
def test_a_review_that_is_refused(review: dict[str, object], time: datetime, slug: str) -> None:
    """FBK-011."""
    with pytest.raises(ReviewUnfit) as refused:
        check_review(ReviewSubmitted.model_validate({"review_id": "r1", **review}), time, MARCH)
    assert refused.value.slug == slug


def test_a_review_of_stars_scores_text_or_photos_is_taken() -> None:
    """FBK-011."""
    check_review(ReviewSubmitted(review_id="r1", stars=1), MARCH + timedelta(minutes=5), MARCH)
    check_review(ReviewSubmitted(review_id="r2", text="质量很好"), MARCH, MARCH)
    check_review(ReviewSubmitted(review_id="r3", dsr_shipping=1), MARCH, MARCH)
    check_review(ReviewSubmitted(review_id="r4", photos=("https://shop.test/a.jpg", "photo-7")), MARCH, MARCH)


def test_a_first_order_is_ranked_by_time_then_by_id() -> None:
    early = CompletedOrder("s", "ann", "o2", MARCH, "x#1", None, MARCH)
    assert early.rank < CompletedOrder("s", "ann", "o3", MARCH, "x#2", None, MARCH).rank
