"""Orders that are closed or refunded whole are not asked about (FBK-007)."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.orders import OrderLine, OrderPaid
from feedback.handlers import on_orders
from feedback.orders.rules import completed_orders, first_of, order_inputs
from feedback.policy.state import DEFAULT_VERSION

from ..conftest import MARCH, Feedback, closed, completed, refunded

DAY = timedelta(days=1)
QUESTIONS = "select customer, order_id, due_at, survey_id is not null from usage_questions order by customer"
TABLES = ("usage_questions", "completed_orders", "surveys")


async def tables(feedback: Feedback) -> list[list[tuple[Any, ...]]]:
    """All that was made of the orders, in an order of its own."""
    return [sorted(await feedback.rows(f"select * from {table}"), key=str) for table in TABLES]


@pytest.mark.parametrize(
    ("after", "asked"),
    [
        pytest.param([refunded("o1", 3)], False, id="refunded whole"),
        pytest.param([refunded("o1", 3, 40), refunded("o1", 4, 60)], False, id="refunded whole by two refunds"),
        pytest.param([refunded("o1", 3, 0, whole=True)], False, id="taken back whole, says the shop"),
        pytest.param([closed("o1", 3)], False, id="closed"),
        pytest.param([refunded("o1", 7)], False, id="refunded at the instant at which the question falls due"),
        pytest.param([refunded("o1", 3, 99)], True, id="refunded in part"),
        pytest.param([refunded("o1", 7.01)], True, id="refunded after the question fell due"),
        pytest.param([closed("o1", 8)], True, id="closed after the question fell due"),
        pytest.param([closed("o1", 3, revision=0)], False, id="closed by a version of the same revision, later"),
        pytest.param([refunded("o2", 3)], True, id="another order refunded"),
        pytest.param([refunded("o1", 3, customer="bob")], True, id="a refund of another customer"),
    ],
)
async def test_an_order_taken_back_in_time_is_not_asked_about(
    feedback: Feedback, after: list[Event[Any]], asked: bool
) -> None:
    """FBK-007: seven days after the first completed order, unless it was refunded whole or closed meanwhile."""
    await feedback.handle(completed("o1"), *after)
    feedback.clock.set(MARCH + 9 * DAY)
    assert await feedback.sweep() == asked
    assert len(await feedback.announced()) == asked
    assert await feedback.verify() == []


async def test_lines_say_what_came_back(feedback: Feedback) -> None:
    """A gift may be kept; goods that came back in two refunds are whole."""
    goods = (OrderLine(sku="tea", quantity=2, paid=100), OrderLine(sku="cup", kind="gift", quantity=1))
    order = completed("o1")
    order = order.with_data(order.data.model_copy(update={"lines": goods}))
    half = refunded("o1", 1, 10, lines=(OrderLine(sku="tea", quantity=1),))
    await feedback.handle(order, half)
    assert await feedback.rows(QUESTIONS) == [("ann", "o1", MARCH + 7 * DAY, False)]
    await feedback.handle(refunded("o1", 2, 20, lines=(OrderLine(sku="tea", quantity=1),)))
    assert await feedback.rows(QUESTIONS) == [("ann", None, None, False)]


async def test_the_next_order_that_stands_is_the_first(feedback: Feedback) -> None:
    """An order that is void counts for nothing: the question is about the next, after its own seven days."""
    await feedback.handle(completed("o1"), completed("o2", 3), refunded("o1", 5))
    assert await feedback.rows(QUESTIONS) == [("ann", "o2", MARCH + 10 * DAY, False)]
    feedback.clock.set(MARCH + 9 * DAY)
    assert await feedback.sweep() == 0
    feedback.clock.set(MARCH + 10 * DAY)
    assert await feedback.sweep() == 1
    assert await feedback.rows("select order_id from surveys") == [("o2",)]


async def test_a_refund_announced_after_the_question_leaves_it_asked(feedback: Feedback) -> None:
    """What was asked stays asked, and nothing is asked in its place; messaging does not send it any more."""
    await feedback.handle(completed("o1"), completed("o2", 3))
    feedback.clock.set(MARCH + 8 * DAY)
    assert await feedback.sweep() == 1
    await feedback.handle(refunded("o1", 2))
    feedback.clock.set(MARCH + 20 * DAY)
    assert await feedback.sweep() == 0
    assert await feedback.rows(QUESTIONS) == [("ann", "o2", None, True)]
    assert await feedback.verify() == []


async def test_a_refund_announced_before_its_order_counts(feedback: Feedback) -> None:
    await feedback.handle(refunded("o1", 2))
    assert await feedback.rows(QUESTIONS) == []
    await feedback.handle(completed("o1"))
    assert await feedback.rows(QUESTIONS) == [("ann", None, None, False)]


async def test_an_order_closed_and_completed_anew_is_asked_about(feedback: Feedback) -> None:
    again = completed("o1", 2)
    again = Event("e-again", again.source, "s", "ann", again.time, again.data.model_copy(update={"revision": 2}))
    await feedback.handle(again, closed("o1", 1), completed("o1"))
    assert await feedback.rows(QUESTIONS) == [("ann", "o1", MARCH + 7 * DAY, False)]


ROWS_READ = (
    "select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0) from pg_stat_xact_user_tables"
    " where relname in ('order_inputs', 'completed_orders', 'usage_questions')"
)


async def test_the_cost_follows_what_is_new_and_not_what_the_customer_has(feedback: Feedback) -> None:
    """Of a customer with 1,000 orders, one more and a refund that makes the first one void read a few rows."""
    await feedback.handle(*[completed(f"o{n:03}", n / 100) for n in range(1_000)])
    async with feedback.database.transaction() as tx:
        # Among the orders of thirty others.
        await tx.execute(
            "insert into order_inputs select shop, 'c' || n, order_id, cause, at, rank, correlation_id, refund, body"
            " from order_inputs, generate_series(1, 30) n"
        )
        await tx.execute(
            "insert into completed_orders select shop, 'c' || n, order_id, completed_at, cause, correlation_id, due_at,"
            " counts from completed_orders, generate_series(1, 30) n"
        )
        await tx.execute("analyze order_inputs, completed_orders, usage_questions")
    async with feedback.database.transaction() as tx:
        await tx.lock_customers([("s", "ann")])
        before = await tx.value(ROWS_READ)  # of transactions before this one, too, until the server adds them up
        await on_orders(tx, Batch([completed("late", 20), refunded("o000", 1)]))
        assert 0 < await tx.value(ROWS_READ) - before < 30
    assert await feedback.rows(QUESTIONS) == [("ann", "o001", MARCH + 7.01 * DAY, False)]


async def test_a_further_order_leaves_the_question_as_it_stands(feedback: Feedback) -> None:
    """Nearly every order is of somebody whose question is noted: no row is written for it."""
    written = "select cast(xmin as text) from usage_questions"
    await feedback.handle(completed("o1"))
    before = await feedback.rows(written)
    await feedback.handle(completed("o2", 1))
    assert await feedback.rows(written) == before
    await feedback.handle(refunded("o1", 2))
    assert await feedback.rows(written) != before


async def test_a_shops_first_orders_are_not_read_through_for_each_batch(feedback: Feedback) -> None:
    """A plan that was made while the table was empty, and not analysed since, reads what the batch concerns alone."""
    made, size = 20, 50
    for batch in range(made):
        await feedback.handle(*[completed(f"o{batch}-{n}", customer=f"c{batch}-{n}") for n in range(size)])
    async with feedback.database.transaction() as tx:
        new = [completed(f"new-{n}", customer=f"new-{n}") for n in range(size)]
        await tx.lock_customers([event.customer for event in new])
        before = await tx.value(ROWS_READ)
        await on_orders(tx, Batch(new))
        assert 0 < await tx.value(ROWS_READ) - before <= 5 * size


async def test_no_personal_text_of_an_order_is_kept(feedback: Feedback) -> None:
    """SEC-006."""
    order = completed("o1")
    await feedback.handle(order.with_data(order.data.model_copy(update={"remark": "ring twice", "recipient": "Ann"})))
    [(body,)] = await feedback.rows("select cast(body as text) from order_inputs")
    assert "ring" not in body
    assert "Ann" not in body


def history() -> list[Event[Any]]:
    """Orders of three customers: closed, refunded in time and too late, in part, again completed."""
    paid = OrderPaid(order_id="b1", state="paid", currency="CNY", goods_paid=100, revision=3)
    return [
        completed("o1"),
        completed("o2", 2),
        refunded("o1", 6),
        closed("o2", 4),
        completed("o3", 5),
        completed("b1", customer="bob"),
        refunded("b1", 1, 40, customer="bob"),
        refunded("b1", 8, 60, customer="bob"),
        Event("p", "/shops/s/shop", "s", "bob", MARCH + 2 * DAY, paid),
        completed("b2", 1, customer="bob"),
        completed("c1", customer="cleo"),
        refunded("c1", 7, customer="cleo"),
        completed("c2", 30, customer="cleo"),
    ]


@given(st.permutations(history()))
def test_the_first_order_that_counts_does_not_depend_on_the_order_of_arrival(events: list[Event[Any]]) -> None:
    """FBK-007; XCT-003."""
    orders = completed_orders(order_inputs(events), [DEFAULT_VERSION])
    firsts = {c: first_of(o for o in orders if o.customer == c) for c in ("ann", "bob", "cleo")}
    found = {c: first and (first.order_id, first.due_at) for c, first in firsts.items()}
    assert found == {"ann": ("o3", MARCH + 12 * DAY), "bob": ("b1", MARCH + 7 * DAY), "cleo": ("c2", MARCH + 37 * DAY)}


@pytest.mark.parametrize("seed", range(6))
async def test_any_arrival_in_any_batches_gives_the_same_tables(
    feedback: Feedback, rebuilt: Feedback, seed: int
) -> None:
    chance = random.Random(seed)
    await feedback.handle(*history())
    events = chance.sample(history(), len(history()))
    while events:
        size = chance.randint(1, 4)
        await rebuilt.handle(*events[:size], *events[:1])
        events = events[size:]
        assert await rebuilt.verify() == []
    assert await tables(rebuilt) == await tables(feedback)


async def test_steps_of_an_hour_and_one_step_ask_the_same(feedback: Feedback, rebuilt: Feedback) -> None:
    """What falls due at an instant is asked by what had happened by then, however long the step."""
    events = sorted(history(), key=lambda e: e.order_key)
    for hours in range(0, 40 * 24, 7):
        now = MARCH + timedelta(hours=hours)
        happened = [e for e in events if e.time <= now]
        if happened:
            await feedback.handle(*happened)
        events = events[len(happened) :]
        feedback.clock.set(now)
        await feedback.sweep()
    rebuilt.clock.set(MARCH + 40 * DAY)
    await rebuilt.handle(*history())
    await rebuilt.sweep()
    assert await tables(feedback) == await tables(rebuilt)
    asked = [sorted(e.id for e in await service.announced()) for service in (feedback, rebuilt)]
    assert asked[0] == asked[1]
    assert len(asked[0]) == 3
