"""`verify` finds nothing where all is well, and every planted difference. Against PostgreSQL and Kafka."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
import pytest_asyncio

from common.storage.database import Database
from common.time.clock import FixedClock
from common.verification import Verification
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.measure_journeys import measure_journeys
from orders_ingest.commands.settle_due import settle_due
from orders_ingest.jobs.imports import step
from orders_ingest.verification.run import TOPICS, verify
from regulars.stack.databases import create_database, in_database
from regulars.testing import MigratedDatabase, OwnTopics, SharedPostgres, TopicsOfOwn

MIGRATIONS = Path(__file__).parents[2] / "migrations"

CDNOW = "00001 19970101 01 0011.77\n00002 19970112 01 0012.00\n00002 19970112 05 0077.00\nno line of it\n"


@pytest_asyncio.fixture
async def topics(topics_of_own: TopicsOfOwn) -> OwnTopics:
    return await topics_of_own(*TOPICS)


async def verified(db: Database, topics: OwnTopics) -> tuple[list[str], Counter[str]]:
    """The differences, and what was compared."""
    lines: list[str] = []
    run = Verification("orders-ingest", db, topics.reader, bytes(range(32)), lines.append)
    await verify(run)
    found = [line for line in lines if not line.endswith("so far")]
    assert run.differences == len(found)
    return found, run.compared


async def some_days(db: Database, api: httpx.AsyncClient, vault: Vault, tell: Any) -> None:
    """Of everything one: versions, an order that is claimed, refunds, profiles, a file, keys, settings."""
    async with db.transaction() as tx:
        await tx.execute("delete from shop_settings")  # nobody announced those of the tests

    async def post(*bodies: dict[str, Any]) -> None:
        answer = await api.post("/v1/events", json=list(bodies))
        assert answer.status_code in (200, 202, 207), answer.text

    def refund(number: int, **data: Any) -> dict[str, Any]:
        fields = {"refund_id": f"r-{number}", "order_id": "o-1", "amount": 1000, "currency": "CNY", **data}
        body: dict[str, Any] = tell.event("order.refunded", fields, subject="c-1")
        return body

    await api.put("/v1/shops/demo/settings", json={"zone": "Asia/Shanghai", "currency": "CNY"})
    await api.put("/v1/shops/demo/settings", json={"zone": "Asia/Tokyo", "currency": "CNY", "name": "Tea"})
    walk_in = {"order_id": "o-2", "remark": "ring twice"}
    await post(tell.order("paid"), tell.order("completed"), tell.order("paid", walk_in, subject=None))
    await post(refund(1), refund(2, order_id="o-2", amount=1), refund(3, order_id=None), refund(4, order_id="o-9"))
    await post(refund(5, order_id="o-8"), tell.event("product.viewed", {"sku": "s-1"}))
    await post(refund(5, order_id="o-7"))  # sent anew of another order: the first one is replaced
    await post(tell.order("completed", walk_in, subject="c-2"))
    person = {"name": "Ann", "email": "a@example.test", "birthday": "1990-01-02"}
    for name in ("Ann", "Anne"):
        answer = await api.put("/v1/shops/demo/customers/c-1", json=person | {"name": name})
        assert answer.is_success, answer.text
    await post(tell.event("customer.consent_changed", {"channel": "email", "granted": True}))
    keys = [(await api.post("/v1/keys", json={"name": n, "shop": "demo", "scopes": ["*"]})).json() for n in "ab"]
    assert (await api.delete(f"/v1/keys/{keys[0]['prefix']}")).status_code == 204
    answer = await api.post(
        "/v1/shops/demo/imports",
        params={"layout": "cdnow_master", "currency": "CNY"},
        content=CDNOW,
        headers={"Content-Type": "text/plain"},
    )
    assert answer.is_success, answer.text
    while await step(db, vault):
        pass
    await api.put("/v1/shops/demo/products/s-1", json={"name": "Oolong", "price": 500})
    visits = {"hour": "2026-03-05T10:00:00Z", "source": "search", "visits": 7}
    await post(tell.event("visits.counted", visits, subject=None), tell.event("chat.ended", {"seconds": 60}))
    back = {"order_id": "o-1", "return_id": "b-1", "state": "open", "reason": "too small"}
    await post(tell.event("order.returned", back), tell.event("order.returned", {**back, "state": "received"}))
    delivered = {"order_id": "o-60", "promised_by": "2026-02-20T10:00:00Z", "delivered_at": "2026-02-21T10:00:00Z"}
    await post(tell.order("delivered", delivered, time="2026-02-21T10:00:00Z"))
    async with db.transaction() as tx:
        assert await settle_due(tx, vault, tx.clock.now(), [("demo", "o-60")]) == 3
        assert await measure_journeys(tx, [("demo", "o-1"), ("demo", "o-60")]) == 1
    assert (await api.post("/v1/shops/demo/customers/c-1/merge", json={"absorbed": "c-2"})).status_code == 200


async def test_nothing_is_found_in_the_outbox_nor_in_the_log_and_all_is_counted(
    db: Database, api: httpx.AsyncClient, vault: Vault, tell: Any, topics: OwnTopics
) -> None:
    await some_days(db, api, vault, tell)
    found, compared = await verified(db, topics)
    assert found == []
    await topics.publish(db)
    assert await verified(db, topics) == ([], compared)
    async with db.transaction() as tx:
        await tx.execute("update outbox set published_at = null")  # as `republish` does: everything stands twice
    await topics.publish(db)
    assert await verified(db, topics) == ([], compared)
    assert compared == {
        "orders": 6,
        "details of orders": 3,
        "numbers of completed orders": 6,
        "products": 1,
        "counts of visits": 1,
        "ways to orders": 1,
        "merges": 1,
        "refunds": 3,
        "profiles": 1,
        "consents": 1,
        "archived events": 2,
        "claims": 24,
        "customer keys": 4,
        "settings": 2,
        "API keys": 2,
        "refunds that wait": 2,
        "imports": 1,
        "signs of customers": 2,
    }


async def test_an_erased_customers_profile_is_not_missed_and_one_that_stays_is_found(
    db: Database, api: httpx.AsyncClient, vault: Vault, tell: Any, topics: OwnTopics
) -> None:
    """SEC-006: the topic holds the profile for ever, the table does not."""
    await some_days(db, api, vault, tell)
    async with db.transaction() as tx:
        kept = await tx.fetch_one("select cast(body as text) as body, revision, changed_at from profiles")
    assert kept is not None
    assert (await api.post("/v1/shops/demo/customers/c-1/erasure")).status_code == 202
    found, compared = await verified(db, topics)
    assert (found, compared["profiles"]) == ([], 0)
    async with db.transaction() as tx:
        await tx.execute(
            "insert into profiles (shop, customer, revision, numbered, registered_at, changed_at, body)"
            " values ('demo', 'c-1', :revision, false, :at, :at, cast(:body as jsonb))",
            revision=kept.revision,
            at=kept.changed_at,
            body=kept.body,
        )
    found, _ = await verified(db, topics)
    assert found == ["orders-ingest: demo/c-1: profiles keeps something else than was announced"]


async def test_an_empty_database_is_said_to_be_empty(db: Database, topics: OwnTopics) -> None:
    async with db.transaction() as tx:
        await tx.execute("delete from shop_settings")
    run = Verification("orders-ingest", db, topics.reader, bytes(range(32)), print)
    await verify(run)
    assert run.summary() == "orders-ingest: 0 differences; compared: nothing, for there is nothing"


ONE = "where shop = 'demo' and order_id = 'o-1'"
PLANTED = {
    "an amount": (f"update orders set goods_paid = goods_paid + 1 {ONE}", "demo/o-1: orders keeps"),
    "the body": (f"update orders set body = '{{}}' {ONE}", "demo/o-1: orders keeps"),
    "an older version": (f"update orders set revision = revision - 1 {ONE}", "demo/o-1: orders keeps"),
    "another owner": (f"update orders set customer = 'c-9' {ONE}", "demo/o-1: orders keeps"),
    "no owner": ("update orders set customer = '' where order_id = 'o-2'", "demo/o-2: orders keeps"),
    "an order is gone": (f"delete from orders {ONE}", "an order was announced, and no row keeps it"),
    "an order nobody announced": (
        "insert into orders (shop, order_id, customer, revision, state_number, source, event_id, numbered, state,"
        " currency, goods_paid, freight, at, body) select shop, 'x', customer, revision, state_number, source,"
        f" event_id, numbered, state, currency, goods_paid, freight, at, body from orders {ONE}",
        "demo/x: orders keeps",
    ),
    "a number": ("update completed_orders set sequence = 9 where order_id = 'o-1'", "demo/o-1: completed_orders keeps"),
    "a number is gone": (f"delete from completed_orders {ONE}", "a completed order was numbered, and no row keeps its"),
    "a state that was told": (f"update orders set reached = 0 {ONE}", "an order was told in a state, and its row"),
    "when it was told": (f"update orders set paid_told_at = null {ONE}", "and its row does not say when"),
    "a promise": ("update orders set promised_by = null where order_id = 'o-60'", "and its row does not say for when"),
    "a return": (
        "update order_details set stage = 0 where type = 'order.returned'", "order_details keeps",
    ),
    "a return is gone": (
        "delete from order_details where type = 'order.returned'", "a detail of an order was announced, and no row",
    ),
    "a stage that was told": (
        "update order_details set told = 4 where type = 'order.returned'", "a detail was told in a stage, and its row",
    ),
    "a promise is gone": (
        "delete from order_details where type = 'delivery.promise_broken'", "a detail of an order was announced",
    ),
    "a product": ("update products set revision = revision - 1", "products keeps"),
    "a product is gone": ("delete from products", "a product was announced, and no row keeps it"),
    "a count": ("update visits set visits = 1", "visits keeps"),
    "a count is gone": ("delete from visits", "visits were counted, and no row keeps the count"),
    "a way to an order": ("update journeys set silent = not silent", "demo/o-60: journeys keeps"),
    "a way is gone": ("delete from journeys", "the way to an order was measured, and no row keeps it"),
    "a merge with another": ("update merges set survivor = 'c-9'", "demo/c-2/1: merges keeps"),
    "a merge is gone": ("delete from merges", "two customers were merged or parted, and no row says so"),
    "a refund's amount": ("update refunds set amount = 1 where refund_id = 'r-1'", "demo/r-1: refunds keeps"),
    "a refund's order": ("update refunds set order_id = 'o-2' where refund_id = 'r-1'", "demo/r-1: refunds keeps"),
    "a refund's owner": ("update refunds set customer = 'c-1' where refund_id = 'r-2'", "demo/r-2: refunds keeps"),
    "a refund is gone": ("delete from refunds where refund_id = 'r-1'", "a refund was announced, and no row counts it"),
    "a refund is held again": (
        "update refunds set state = 'held' where refund_id = 'r-1'", "a refund was announced, and no row counts it",
    ),
    "a held refund's amount": (
        "update refunds set amount = 1 where refund_id = 'r-4'", "demo/r-4: its row in refunds (held) is not as",
    ),
    "a held refund is gone": ("delete from refunds where refund_id = 'r-4'", "inbox keeps something else"),
    "a profile": (
        """update profiles set body = body || '{"language": "de"}'""", "demo/c-1: profiles keeps",
    ),
    "a first day": (
        "update profiles set registered_at = registered_at - interval '1 day'", "demo/c-1: profiles keeps",
    ),
    "a profile is gone": ("delete from profiles", "a profile was announced, and no row keeps it"),
    "a sign of a customer": ("update recognised_by set kind = 'phone'", "recognised_by keeps something else"),
    "a consent": ("update consents set granted = false", "consents keeps"),
    "a consent is gone": ("delete from consents", "a consent was announced, and no row keeps it"),
    "an archived event is gone": (
        "delete from archive", "an event of nobody's order was announced, and is not in the archive",
    ),
    "an archived event of another": (
        "update archive set order_id = 'o-99'", "archive keeps",
    ),
    "a claim is gone": (
        "delete from inbox where recorded_at = (select min(recorded_at) from inbox)",
        "an event was announced or waits, and its claim is gone",
    ),
    "a claim of nothing": (
        "insert into inbox (key, hash) values ('00000000-0000-0000-0000-000000000001', gen_random_uuid())",
        "00000000-0000-0000-0000-000000000001: inbox keeps",
    ),
    "a key": ("update customer_keys set wrapped = 'x' where customer = 'c-1'", "demo/c-1: customer_keys keeps"),
    "a key is gone": (
        "delete from customer_keys where customer = 'c-1'", "a customer's key was issued or erased, and no row says so",
    ),
    "settings": (
        """update shop_settings set body = body || '{"zone": "UTC"}' where version = 1""",
        "demo/1: shop_settings keeps",
    ),
    "settings are gone": (
        "delete from shop_settings where version = 2", "a shop's settings were announced, and no row keeps them",
    ),
    "an API key": ("update api_keys set scopes = '{x}' where name = 'b'", "api_keys keeps"),
    "an API key counts again": (
        "update api_keys set revoked_at = null", "an API key was revoked, and its row says nothing of it",
    ),
    "a row of a file": ("update import_jobs set staged = staged + 9", "events 0 are left over"),
    "a refused line is gone": ("delete from import_refusals", "1 lines of the import were refused, 0 are kept"),
}  # fmt: skip


_PUBLISHED: dict[str, tuple[str, OwnTopics]] = {}
"""By server, the database that holds some days, and the topics where they stand: told once a run, copied for each."""


@pytest_asyncio.fixture
async def published_days(
    postgres: SharedPostgres,
    database_from: MigratedDatabase,
    topics_of_own: TopicsOfOwn,
    serving: Any,
    clock: FixedClock,
    vault: Vault,
    tell: Any,
) -> AsyncIterator[tuple[Database, OwnTopics]]:
    """A database of the test's own in which some days were told, and topics on which they stand; not to be written."""
    if postgres.url not in _PUBLISHED:
        topics, url = await topics_of_own(*TOPICS), await database_from(MIGRATIONS)
        told = Database(url, clock=clock, service="orders-ingest")
        async with serving(told) as api:
            await some_days(told, api, vault, tell)
        await topics.publish(told)
        await told.close()
        name = f"template_{uuid4().hex}"
        await create_database(postgres.url, name, template=url.rpartition("/")[2])
        _PUBLISHED[postgres.url] = name, topics
    template, topics = _PUBLISHED[postgres.url]
    name = await postgres.spare.take(template, f"test_{uuid4().hex}")
    database = Database(in_database(postgres.url, name), clock=clock, service="orders-ingest")
    yield database, topics
    await database.close()
    await postgres.spare.give_back(name)


@pytest.mark.parametrize(("plant", "words"), PLANTED.values(), ids=PLANTED)
async def test_a_planted_difference_is_found(
    published_days: tuple[Database, OwnTopics], plant: str, words: str
) -> None:
    db, topics = published_days
    async with db.transaction() as tx:
        assert await tx.execute(plant) > 0
    found, _ = await verified(db, topics)
    assert any(words in sentence for sentence in found), found


async def test_a_fact_that_the_log_has_lost_is_missed(
    db: Database, api: httpx.AsyncClient, vault: Vault, tell: Any, topics: OwnTopics
) -> None:
    """Marked as published, and in no topic: nobody else will ever hear of it."""
    await some_days(db, api, vault, tell)
    async with db.transaction() as tx:
        await tx.execute("update outbox set published_at = now() where id = 'e-2'")
    found, _ = await verified(db, topics)
    assert any("demo/o-1: orders keeps" in sentence for sentence in found), found


async def test_what_somebody_else_wrote_on_our_topic_is_named_where_it_can_be_read(
    db: Database, api: httpx.AsyncClient, vault: Vault, tell: Any, topics: OwnTopics
) -> None:
    """Whatever it is, the comparison goes on to its end."""
    await some_days(db, api, vault, tell)
    await topics.publish(db)
    strange = tell.event(
        "order.completed", {"order_id": "z-1", "state": "completed", "currency": "CNY", "goods_paid": 1}
    )
    strange |= {"shop": "demo", "source": "/shops/demo/somebody"}
    newer, spoilt = strange | {"dataschema": "/schemas/order.completed/999"}, strange | {"data": {"state": "nowhere"}}
    await topics.send("orders", b"no json", b"[]", b"{}", orjson.dumps(newer), orjson.dumps(spoilt))
    found, compared = await verified(db, topics)
    assert (found, bool(compared)) == ([], True)
    await topics.send("orders", orjson.dumps(strange))
    found, _ = await verified(db, topics)
    assert found
    assert {sentence.rpartition("announced at ")[2][:9] for sentence in found} == {"orders-0@"}, found
