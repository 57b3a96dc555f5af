"""`verify` finds whatever is changed or missing in the tables, or in the log. On a real PostgreSQL and Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from common.bus.dead import publish_mended
from common.bus.subscriptions import Batch
from common.events import Event
from common.events.membership import MemberEnrolled
from common.events.orders import OrderClaimed
from common.storage.database import Database
from common.time.clock import FixedClock
from common.verification import Verification
from regulars.testing import LivedDatabase, OwnTopics, TopicsOfOwn
from segmentation.commands.thresholds import save_thresholds
from segmentation.handlers import on_inputs, on_members
from segmentation.jobs.verifying import TOPICS, verify
from segmentation.thresholds.state import Thresholds

from ..conftest import MIGRATIONS
from ..shop_life import START, announced, differences_into, live, shop_life

ROWS: dict[str, tuple[str, str]] = {
    "a customer is gone": ("delete from customers where customer = :c", "has rows in history and is no customer"),
    "a state is gone": ("update customers set state = null where customer = :c", "tea/c003: has inputs that were"),
    "an order's amount": (
        "update items set body = cast(jsonb_set(cast(body as jsonb), '{goods}', '1') as text)"
        " where customer = :c and name = 'order/c003-0'",
        "tea/c003: order/c003-0 differ when folded anew",
    ),
    "an order": ("delete from items where customer = :c and name = 'order/c003-0'", "tea/c003: order/c003-0 differ"),
    "a sum": (
        "update customers set state = jsonb_set(cast(state as jsonb), '{purchases,completed}', '9')"
        " where customer = :c",
        "tea/c003: purchases differ when folded anew",
    ),
    "a sale": (
        "update sales set paid = paid + 1 where customer = :c and name = 'order/c003-0'",
        "tea/c003: sales of order/c003-0 are not those of the items",
    ),
    "a sale is gone": ("delete from sales where customer = :c", "are not those of the items"),
    "an item of nobody": (
        "insert into items (shop, customer, name, body) values ('tea', :c || '-x', 'order/1', '{}')",
        "has rows in items and is no customer",
    ),
    "a lapse": (
        """update customers set state = cast(state as jsonb) || '{"lapse": {"episode": "2025-01-09"}}'
        where customer = :c""",
        "tea/c003: lapse differ",
    ),
    "a lapse that folding anew finds as well": (
        "update customers set state = cast(state as jsonb) - 'lapse' where customer = :c",
        "tea/c003: segmentation keeps something else than was announced",
    ),
    "an input is gone": ("delete from history where customer = :c and type = 'order.completed'", "differ when folded"),
    "a revision": (
        "update customers set revision = revision + 1 where customer = :c",
        "tea/c003: segmentation keeps something else than was announced",
    ),
    "a fact that no revision covers": (
        "update customers set revision = revision - 1 where customer = :c", "no customer's revision covers it",
    ),
    "a member's tier is gone": (
        "delete from member_tiers where customer = :c",
        "a member's tier was announced, and no row keeps it",
    ),
    "a member's tier is another": (
        "update member_tiers set tier_id = 'gold' where customer = :c",
        "tea/c003: member_tiers keeps something else than was announced",
    ),
    "a member is gone": ("delete from members where customer = :c", "a member was enrolled, and no row keeps it"),
    "a member's date": (
        "update members set enrolled_at = enrolled_at + interval '1 second' where customer = :c",
        "tea/c003: members keeps something else than was announced",
    ),
    "thresholds are gone": ("delete from thresholds where :c <> ''", "thresholds were announced, and no row keeps"),
    "thresholds were changed": (
        "update thresholds set body = jsonb_set(body, '{lapse_months}', '9') where :c <> ''",
        "tea/1: thresholds keeps something else than was announced",
    ),
    "a month's statistics were changed": (
        "update shop_statistics set body = jsonb_set(body, '{buyers}', '9') where version = 2430200 or :c = ''",
        "tea/2430200: shop_statistics keeps something else than was announced",
    ),
    "a month's fit was changed": (
        "update value_fits set body = jsonb_set(body, '{buyers}', '9') where version = 2430200 or :c = ''",
        "tea/2430200: value_fits keeps something else than was announced",
    ),
    "a month's fit is gone": (
        "delete from value_fits where version = 2430200 or :c = ''", "a month's fit of lifetime value was announced",
    ),
    "a month's fit of churn was changed": (
        "update churn_fits set body = jsonb_set(body, '{buyers}', '9') where version = 2430200 or :c = ''",
        "tea/2430200: churn_fits keeps something else than was announced",
    ),
    "a month is gone": (
        "delete from shop_statistics where version = 2430100 or :c = ''", "tea: statistics between 2025-01-01 and",
    ),
    "the last month is gone": (
        "delete from shop_statistics where version = 2430400 or :c = ''", "a month's statistics were announced, and no",
    ),
    "an anonymous order is gone": (
        "delete from anonymous_orders where order_id = 'n1' or :c = ''", "an order without a customer was completed",
    ),
    "an anonymous order's amount": (
        "update anonymous_orders set paid = paid + 1 where order_id = 'n1' or :c = ''",
        "tea/n1: anonymous_orders keeps something else than was announced",
    ),
    "an anonymous order that was closed counts": (
        "update anonymous_orders set completed = true where order_id = 'n2' or :c = ''",
        "tea/n2: anonymous_orders keeps something else than was announced",
    ),
    "an order that was claimed counts as nobody's": (
        "update anonymous_orders set completed = true where order_id = 'n3' or :c = ''",
        "tea/n3: anonymous_orders keeps something else than was announced",
    ),
    "an anonymous order that nobody sent": (
        "insert into anonymous_orders select shop, 'n9' || left(:c, 0), at, completed, paid, currency, revision"
        " from anonymous_orders where order_id = 'n1'",
        "tea/n9: anonymous_orders keeps something else than was announced",
    ),
    "an anonymous refund is gone": (
        "delete from anonymous_refunds where order_id = 'n1' or :c = ''", "an order without a customer was refunded",
    ),
    "an anonymous refund's amount": (
        "update anonymous_refunds set amount = amount + 1 where order_id = 'n1' or :c = ''",
        "anonymous_refunds keeps something else than was announced",
    ),
}  # fmt: skip
LOG: dict[str, tuple[str, str]] = {
    "a fact is not in the log": (
        "delete from outbox where seq = (select min(seq) + 1 from outbox where aggregateid = 'tea/' || :c)",
        "tea/c003: segmentation keeps something else than was announced",
    ),
    "the newest fact is not in the log": (
        "delete from outbox where seq = (select max(seq) from outbox"
        " where aggregateid = 'tea/' || :c and aggregatetype = 'segments')",
        "tea/c003: segmentation keeps something else than was announced",
    ),
    "the log has another life cycle": (
        """
        update outbox set payload = replace(payload, '"new":"', '"new":"active","x":"')
        where seq = (select max(seq) from outbox where aggregateid = 'tea/' || :c and type = 'lifecycle.changed')
        """,
        "tea/c003: segmentation keeps something else than was announced",
    ),
    "a change begins with another value": (
        """
        update outbox set payload = regexp_replace(payload, '"old":"[a-z_]*"', '"old":"churned"')
        where seq = (select max(seq) from outbox where aggregateid = 'tea/' || :c and type = 'lifecycle.changed')
        """,
        "a change begins with something else than was announced before",
    ),
    "the first change begins with a value": (
        """
        update outbox set payload = replace(payload, '"new":"', '"old":"prospect","new":"')
        where seq = (select min(seq) from outbox where aggregateid = 'tea/' || :c and type = 'stage.changed')
        """,
        "a change begins with something else than was announced before",
    ),
    "a lapse ends that had not begun": (
        """
        update outbox set payload = regexp_replace(payload, '"episode":"[0-9-]*"', '"episode":"2001-01-01"')
        where seq = (select min(seq) from outbox where type = 'segment.left' and :c <> '')
        """,
        "a change begins with something else than was announced before",
    ),
}


UNTIL = START + timedelta(days=120)


@pytest.fixture(scope="session")
def logs() -> dict[str, OwnTopics]:
    """The topics that hold what was announced in the shared story."""
    return {}


@dataclass(frozen=True, slots=True)
class World:
    """A service's database after four months, and the log of what it announced; the log is shared, so left as it is."""

    db: Database
    topics: OwnTopics


@pytest_asyncio.fixture
async def world(
    lived_from: LivedDatabase,
    topics_of_own: TopicsOfOwn,
    logs: dict[str, OwnTopics],
    clock: FixedClock,
    events: Any,
) -> AsyncIterator[World]:
    """Lived through once, copied for each test."""

    async def live_through(url: str) -> None:
        db = Database(url, clock=clock, service="segmentation")
        await lived(db, clock, events)
        logs["lived"] = await topics_of_own(*TOPICS)
        await publish(db, logs["lived"])
        await db.close()

    url = await lived_from("eight customers over four months", live_through, MIGRATIONS)
    clock.set(UNTIL)
    db = Database(url, clock=clock, service="segmentation")
    yield World(db, logs["lived"])
    await db.close()


async def lived(db: Database, clock: FixedClock, events: Any) -> None:
    """Eight customers over four months, four of them members, by thresholds of the shop's own."""
    clock.set(START)
    async with db.transaction() as tx:
        await save_thresholds(tx, "tea", Thresholds(lapse_months=1), START + timedelta(days=50), None)
    await live(db, clock, shop_life(events, seed=5, customers=8, days=120), timedelta(days=9), UNTIL)
    enrolled = [events.make(f"c00{n}", START, MemberEnrolled(enrolled_at=START, tier="Regular")) for n in range(4)]
    anonymous = [
        events.completed(None, START, 500, order="n1"),
        events.completed(None, START, 700, order="n2"),
        events.closed(None, START + timedelta(days=1), "n2"),
        events.completed(None, START, 900, order="n3"),
        events.make(None, START + timedelta(days=1), OrderClaimed(order_id="n3", customer="c001")),
        events.refunded(None, START + timedelta(days=2), "n1", 100),
    ]
    async with db.transaction() as tx:
        await on_members(tx, Batch(enrolled))
        await tx.announce(enrolled)
        await on_inputs(tx, Batch(anonymous))
        await on_inputs(tx, Batch(anonymous[:2]))  # delivered again
        await tx.announce([*anonymous, *anonymous[:1]])
        await publish_mended(tx, enrolled[0], enrolled[0].encode())  # beside the facts, and none of them


async def publish(db: Database, topics: OwnTopics) -> None:
    """The log holds what was announced, and the service has read it all."""
    await topics.publish(db)
    async with db.transaction() as tx:
        await tx.execute(
            "insert into offsets (topic, partition, next, cluster)"
            " select topic, 0, 10000, '' from unnest(cast(:topics as text[])) as t(topic)",
            topics=list(TOPICS),
        )


async def compared(db: Database, topics: OwnTopics) -> tuple[list[str], dict[str, int]]:
    """The differences, and what was compared."""
    lines: list[str] = []
    run = Verification("segmentation", db, topics.reader, b"", differences_into(lines))
    await verify(run)
    return lines, dict(run.compared)


async def test_what_was_lived_through_follows_from_inputs_and_log(world: World, clock: FixedClock, events: Any) -> None:
    """Also where the outbox knows nothing any more, and where a fact waits in it."""
    db = world.db
    facts: list[Event[Any]] = [e for e in await announced(db) if e.subject and e.data.TOPIC == "segments"]
    async with db.transaction() as tx:
        await tx.execute("delete from outbox")
    lines, counts = await compared(db, world.topics)
    assert lines == []
    assert counts["facts"] == len(facts) > 40
    assert (counts["orders without a customer"], counts["refunds without a customer"]) == (3, 1)
    assert (counts["customers"], counts["members"], counts["versions of thresholds"]) == (8, 4, 1)
    after = UNTIL + timedelta(days=1)
    await live(db, clock, [events.completed("c003", after)], timedelta(days=1), after, since=UNTIL)
    assert len(await announced(db)) > 0
    assert (await compared(db, world.topics))[0] == []


@pytest.mark.parametrize("planted", ROWS)
async def test_a_planted_row_is_found(world: World, planted: str) -> None:
    statement, expected = ROWS[planted]
    async with world.db.transaction() as tx:
        assert await tx.execute(statement, c="c003") >= 1
    lines, _ = await compared(world.db, world.topics)
    assert any(expected in line for line in lines), lines


@pytest.mark.parametrize("planted", LOG)
async def test_what_is_planted_in_the_log_is_found(world: World, topics_of_own: TopicsOfOwn, planted: str) -> None:
    """The log of each is another one, written from the outbox after the planting."""
    statement, expected = LOG[planted]
    topics = await topics_of_own(*TOPICS)
    async with world.db.transaction() as tx:
        assert await tx.execute(statement, c="c003") >= 1
        await tx.execute("update outbox set published_at = null")
    await topics.publish(world.db)
    lines, _ = await compared(world.db, topics)
    assert any(expected in line for line in lines), lines
