"""The machinery of `verify`: what was read is claimed, and what changes while it runs is no difference."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from common.bus.inbox import claim, key_of
from common.bus.subscriptions import Batch, Subscription
from common.events import Event
from common.events.orders import OrderCompleted, OrderPlaced
from common.storage.database import Database, Transaction
from common.verification import Expectation, Table, Verification, compare, compare_claims, digest, rank
from common.verification.expected import Expectations
from regulars.testing import OwnTopics, TopicsOfOwn

MAY = datetime(2025, 5, 1, tzinfo=UTC)


async def on_orders(tx: Transaction, batch: Batch) -> None:
    raise AssertionError("verify looks at what was taken, and takes nothing")


SUBSCRIPTIONS = (Subscription(on_orders, (OrderCompleted,)),)


def completed(number: int) -> Event[OrderCompleted]:
    data = OrderCompleted(order_id=f"o{number}", state="completed", currency="CNY", goods_paid=number)
    return Event(f"e{number}", "/shops/s/backend", "s", "ann", MAY, data)


def placed(number: int) -> Event[OrderPlaced]:
    data = OrderPlaced(order_id=f"o{number}", state="placed", currency="CNY", goods_paid=number)
    return Event(f"p{number}", "/shops/s/backend", "s", "ann", MAY, data)


@pytest_asyncio.fixture
async def topics(db: Database, topics_of_own: TopicsOfOwn) -> OwnTopics:
    """Three orders that completed and one that was placed; two are read and claimed, the others come later."""
    own = await topics_of_own("orders")
    events: list[Event[Any]] = [completed(1), placed(2), completed(3), completed(4)]
    async with db.transaction() as tx:
        await tx.announce(events)
        await claim(tx, [(e, e.encode()) for e in events[:3] if e.type == "order.completed"])
        await tx.execute("insert into offsets (topic, partition, next, cluster) values ('orders', 0, 3, 'c')")
    await own.publish(db)
    return own


async def claims(db: Database, topics: OwnTopics) -> list[str]:
    lines: list[str] = []
    await compare_claims(Verification("toy", db, topics.reader, b"", lines.append), SUBSCRIPTIONS)
    return lines


async def test_totals_of_a_topic_are_those_of_its_claims_up_to_where_it_was_read(
    db: Database, topics: OwnTopics
) -> None:
    assert await claims(db, topics) == ["toy: orders: 2 events to take (types: 1, shops: 1), 2 counted"]


async def test_a_claim_that_is_gone_is_seen_by_type_and_shop(db: Database, topics: OwnTopics) -> None:
    async with db.transaction() as tx:
        await tx.execute("delete from inbox where key = :key", key=key_of(("s", "/shops/s/backend", "e3")))
    assert await claims(db, topics) == [
        "toy: orders: 2 events to take (types: 1, shops: 1), 1 counted",
        "toy: orders holds 2 order.completed of s up to where it was read, 1 of them counted",
    ]


async def test_a_dead_event_is_not_missed(db: Database, topics: OwnTopics) -> None:
    async with db.transaction() as tx:
        await tx.execute("delete from inbox where key = :key", key=key_of(("s", "/shops/s/backend", "e3")))
        await tx.execute(
            """
            insert into dead_events (topic, partition, "offset", cluster, slug, detail)
            values ('orders', 0, 2, 'c', 'handler_failed', '')
            """
        )
    assert await claims(db, topics) == ["toy: orders: 2 events to take (types: 1, shops: 1), 2 counted"]


async def test_what_is_older_than_the_claims_is_said_to_be_so_and_is_no_difference(
    db: Database, topics: OwnTopics
) -> None:
    async with db.transaction() as tx:
        await tx.execute("delete from inbox where key = :key", key=key_of(("s", "/shops/s/backend", "e3")))
        await tx.execute("insert into forgotten (before) values (now() - interval '1 hour')")
    assert "toy: orders holds 2 order.completed of s up to where it was read, 1 of them counted" in await claims(
        db, topics
    ), "it was written since"
    async with db.transaction() as tx:
        await tx.execute("update forgotten set before = now() + interval '1 hour'")
    assert await claims(db, topics) == [
        "toy: orders: 1 events to take (types: 1, shops: 1), 1 counted",
        "toy: orders: 1 events more are older than the claims that are kept (INBOX_DAYS)",
    ]


async def test_a_row_that_changes_while_it_is_compared_is_looked_at_again(db: Database, topics: OwnTopics) -> None:
    """A row and its fact are committed after the log was read, and before the table is."""
    async with db.transaction() as tx:
        await tx.execute("create table kept (id text primary key, paid bigint)")
        await tx.execute("insert into kept values ('o1', 1), ('o2', 2), ('o3', 3), ('o4', 4)")
    news = [5]

    def says(row: object) -> list[tuple[tuple[str, ...], bytes]]:
        return [(("order", row.id), digest(row.paid))]  # type: ignore[attr-defined]

    async def also() -> object:
        if news:
            number = news.pop()
            async with db.transaction() as tx:
                await tx.execute("update kept set paid = :paid where id = 'o1'", paid=number)
                data = completed(1).data.model_copy(update={"goods_paid": number, "revision": 1})
                await tx.announce([completed(9).with_data(data)])
        return
        yield

    lines: list[str] = []
    run = Verification("toy", db, topics.reader, b"", lines.append)

    def expectations(event: dict[str, object]) -> list[Expectation]:
        data = event["data"]
        assert isinstance(data, dict)
        return [Expectation(("order", data["order_id"]), digest(data["goods_paid"]), rank(data["revision"]))]

    kept = Table("orders", "kept", "t.id, t.paid", ("id",), says)
    await compare(run, ("orders",), expectations, (kept,), {"order": "an order is gone"}, also)  # type: ignore[arg-type]
    assert (lines, news, run.compared) == ([], [], {"orders": 4})
    async with db.transaction() as tx:
        await tx.execute("update kept set paid = 1 where id = 'o1'")
    await compare(run, ("orders",), expectations, (kept,), {"order": "an order is gone"})
    assert lines == ["toy: o1: kept keeps something else than was announced"]


async def test_who_is_erased_while_it_runs_has_no_row_to_be_missed(db: Database, topics: OwnTopics) -> None:
    """SEC-007: the erasure is committed after the log was read, and before the table is."""
    async with db.transaction() as tx:
        await tx.execute("create table kept (id text primary key, customer text)")
        await tx.execute("insert into kept values ('o1', 'ann'), ('o2', 'bea'), ('o3', 'bea'), ('o4', 'bea')")

    async def also() -> object:
        async with db.transaction() as tx:
            await tx.execute("delete from kept where id in ('o1', 'o3')")
            await tx.execute("insert into customer_keys (shop, customer, erased_at) values ('s', 'ann', now())")
        return
        yield

    def expectations(event: dict[str, object]) -> list[Expectation]:
        order = event["data"]["order_id"]  # type: ignore[index]
        return [Expectation(("order", "s", "ann" if order == "o1" else "bea", order), digest(order))]

    lines: list[str] = []
    run = Verification("toy", db, topics.reader, b"", lines.append)
    kept = Table(
        "orders", "kept", "t.id, t.customer", ("id",), lambda r: [(("order", "s", r.customer, r.id), digest(r.id))]
    )
    missing = {"order": "an order is gone"}
    await compare(run, ("orders",), expectations, (kept,), missing, also, personal=("order",))  # type: ignore[arg-type]
    assert lines == ["toy: an order is gone (announced at orders-0@2)"], "nobody erased that one"


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_of_a_name_the_highest_rank_counts_and_of_one_rank_either(order: list[int]) -> None:
    said = [
        Expectation(("a", "x"), digest(1), rank(-1)),
        Expectation(("a", "x"), digest(2), rank(7)),
        Expectation(("a", "x"), digest(3), rank(7)),
    ]
    with Expectations() as expected:
        expected.add((said[number], f"t-0@{number}") for number in order)
        assert expected.look([(("a", "x"), digest(n)) for n in (1, 2, 3)]) == [0]
        assert list(expected.unseen("a")) == []


STEPS = [("1", None, "new"), ("2", "new", "active"), ("5", "active", None), ("6", None, "active")]


def said_in_steps(steps: list[tuple[str, Any, Any]]) -> list[str]:
    """Places of what does not go on from before, when these are read in this order."""
    with Expectations() as expected:
        for place, was, now in steps:
            said = Expectation(("stage", "s", "ann"), digest(now), rank(int(place)), digest(was))
            expected.add([(said, place), (Expectation(("stage", "s", "bob"), digest(now)), "unranked")])
        return list(expected.broken())


@pytest.mark.parametrize("steps", [STEPS, STEPS[::-1], [*STEPS, *STEPS[1:3]]], ids=["read", "backwards", "repeated"])
def test_changes_that_go_on_from_each_other_are_whole_in_whatever_order_they_are_read(steps: Any) -> None:
    assert said_in_steps(steps) == []


@pytest.mark.parametrize("missing", ["1", "2", "5"])
def test_a_change_that_begins_elsewhere_is_found(missing: str) -> None:
    left = [step for step in STEPS if step[0] != missing]
    following = next(place for place, _, _ in left if place > missing)
    assert said_in_steps(left) == [following]
