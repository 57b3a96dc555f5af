"""An empty database fed our own topics is like the live one, and answers a shop that sends old events again alike."""

from __future__ import annotations

import base64
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from common.bus.inbox import claim, key_of
from common.bus.subscriptions import Batch
from common.crypto.keys import KeyRing
from common.crypto.sealing import without_personal
from common.events import Event, decode
from common.http.app import build_app
from common.http.health import Readiness
from common.process.runtime import Runtime
from common.process.settings import Settings
from common.shops.following import save
from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.archive.vault import Vault
from orders_ingest.jobs.imports import step
from orders_ingest.main import SERVICE
from regulars.testing import MigratedDatabase

MASTER = bytes(range(32))
KEY = "an-administrators-key-of-tests"
CDNOW = "00001 19970101 01 0011.77\n00002 19970112 01 0012.00\n00002 19970112 05 0077.00\n"
TABLES = {
    "orders": "select shop, order_id, customer, revision, state_number, source, event_id, numbered, state, currency,"
    " goods_paid, freight, at, cast(body as text), reached from orders where revision is not null",
    "completed_orders": "select * from completed_orders",
    "merges": "select shop, absorbed, sequence, survivor, undone, at from merges",
    "people": "select shop, customer, merged_into, merge_revision, merged_at from customers",
    "refunds": "select * from refunds where state = 'counted'",
    "profiles": "select * from profiles",
    "consents": "select * from consents",
    "recognised_by": "select * from recognised_by",
    "order_details": "select * from order_details",
    "products": "select * from products",
    "visits": "select * from visits",
    "behaviour_days": "select * from behaviour_days",
    "journeys": "select shop, order_id, customer, placed_at, revision, silent, decision_seconds, chats from journeys"
    " where revision > 0",
    "archive": "select shop, order_id, source, id, at from archive",
    "customer_keys": "select * from customer_keys",
    "customers": "select shop, customer from customers",
    "shop_settings": "select shop, version, valid_from, body from shop_settings",
    "api_keys": "select prefix, hash, shop, scopes, name, expires_at, revoked_at from api_keys",
}
WAITING = """
select source, event_id from refunds where state <> 'counted' union select source, event_id from replaced_refunds
"""
"""What was claimed and is on no topic."""


@pytest_asyncio.fixture
async def rebuilt(database_from: MigratedDatabase, clock: FixedClock) -> AsyncIterator[Database]:
    database = Database(await database_from(SERVICE.migrations), clock=clock, service=SERVICE.name)
    async with database.transaction() as tx:
        await tx.execute("delete from shop_settings")
    yield database
    await database.close()


def client(db: Database, clock: FixedClock) -> httpx.AsyncClient:
    settings = Settings(
        database_url="postgresql://unused@localhost/unused",
        kafka_bootstrap_servers="localhost:1",
        master_key=SecretStr(base64.b64encode(MASTER).decode()),
        bootstrap_api_key=SecretStr(KEY),
    )
    app = build_app(Runtime(SERVICE, settings, clock, db, KeyRing(MASTER), MASTER), Readiness())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers={"authorization": f"Bearer {KEY}"})


async def kept(db: Database) -> dict[str, list[Any]]:
    async with db.transaction() as tx:
        return {t: sorted(repr(tuple(r)) for r in await tx.fetch(sql)) for t, sql in TABLES.items()}


async def claims(db: Database) -> set[tuple[Any, Any]]:
    async with db.transaction() as tx:
        return {(r.key, r.hash) for r in await tx.fetch("select key, hash from inbox")}


async def log_of(db: Database) -> list[Event[Any]]:
    async with db.transaction() as tx:
        return [decode(r.payload) for r in await tx.fetch("select payload from outbox order by seq")]


async def rebuild(db: Database, log: Sequence[Event[Any]], seed: int) -> None:
    """Feed the log in an order and in batches of the seed's, some of it twice, as the consumer does.

    `shops` is one partition, which every process reads by itself.
    """
    order = random.Random(seed)
    mixed = [event for event in log if event.data.TOPIC != "shops"]
    left = order.sample([*mixed, *mixed[::3]], len(mixed) + len(mixed[::3]))
    db.rebuilding = True
    async with db.transaction() as tx:
        await save(tx, [event for event in log if event.data.TOPIC == "shops"], folds=False)
    while left:
        size = order.choice((1, 2, 5, 40))
        batch, left = left[:size], left[size:]
        async with db.transaction() as tx:
            fresh = await claim(tx, [(event, event.encode()) for event in batch])
            await tx.lock_customers(event.customer for event in fresh if event.subject is not None)
            for each in SERVICE.subscribed(KeyRing(MASTER), rebuilding=True):
                mine = [event for event in fresh if isinstance(event.data, each.types)]
                if mine:
                    await each.handler(tx, Batch(mine))
    db.rebuilding = False


class Shop:
    """What a shop sends, kept so that it can be sent again."""

    def __init__(self, api: httpx.AsyncClient, tell: Any) -> None:
        self.api, self.tell = api, tell
        self.sent: list[list[dict[str, Any]]] = []

    async def post(self, *bodies: dict[str, Any]) -> list[tuple[str, str | None]]:
        self.sent.append(list(bodies))
        return await self.answers(self.api, list(bodies))

    async def answers(self, api: httpx.AsyncClient, bodies: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
        answer = await api.post("/v1/events", json=bodies)
        assert answer.status_code in (200, 202, 207, 409), answer.text
        return [(one["status"], one.get("slug")) for one in answer.json()["results"]]

    def refund(self, number: int, order: str | None, customer: str | None = "c-1", amount: int = 10) -> dict[str, Any]:
        data = {"refund_id": f"r-{number}", "order_id": order, "amount": amount, "currency": "CNY", "reason": "late"}
        made: dict[str, Any] = self.tell.event("order.refunded", data, subject=customer)
        return made


async def upload(db: Database, api: httpx.AsyncClient) -> dict[str, Any]:
    """The file of history, taken to its end; returns its job."""
    answer = await api.post(
        "/v1/shops/demo/imports",
        params={"layout": "cdnow_master", "currency": "CNY"},
        content=CDNOW,
        headers={"Content-Type": "text/plain"},
    )
    assert answer.is_success, answer.text
    while await step(db, Vault(KeyRing(MASTER))):
        pass
    found: dict[str, Any] = (await api.get(f"/v1/shops/demo/imports/{answer.json()['id']}")).json()
    return found


async def lived(db: Database, runtime: Runtime, api: httpx.AsyncClient, shop: Shop) -> None:
    """Orders in all states, claimed ones, refunds before and after, profiles, merges in a chain, a file."""
    async with db.transaction() as tx:
        await tx.execute("delete from shop_settings")
    tell = shop.tell
    await api.put("/v1/shops/demo/settings", json={"zone": "Asia/Shanghai", "currency": "CNY"})
    await api.put("/v1/shops/demo/settings", json={"zone": "Asia/Tokyo", "currency": "CNY", "name": "Tea"})
    for n, who in enumerate(["c-1", "c-2", "c-3", "c-1", "c-2", None, None]):
        order = {"order_id": f"o-{n}", "remark": "ring twice", "recipient": f"R {n}"}
        await shop.post(tell.order("paid", order, subject=who))
        await shop.post(tell.order("completed", order, subject=who, time="2026-03-05T11:30:00Z"))
    await shop.post(shop.refund(1, "o-0"), shop.refund(2, "o-5", None), shop.refund(3, None))
    await shop.post(shop.refund(4, "o-20"), shop.refund(5, "o-21"))  # wait: the first one's order comes
    await shop.post(tell.order("paid", {"order_id": "o-20"}))
    # A version of nobody's that outranks the one that names the customer.
    await shop.post(tell.order("closed", {"order_id": "o-5"}, subject=None, time="2026-03-05T11:59:00Z"))
    await shop.post(tell.order("completed", {"order_id": "o-5"}, subject="c-2", time="2026-03-05T11:40:00Z"))
    assert await shop.post(tell.order("paid", {"order_id": "o-0"}, subject="c-3")) == [("refused", "other_customer")]
    await api.put("/v1/shops/demo/products/s-1", json={"name": "Oolong", "price": 500})
    await api.put("/v1/shops/demo/products/s-1", json={"name": "Oolong", "price": 600})
    visits = {"hour": "2026-03-05T10:00:00Z", "source": "search", "visits": 7}
    await shop.post(tell.event("visits.counted", visits, subject=None))
    for state in ("received", "open"):
        back = {"order_id": "o-0", "return_id": "b-1", "state": state, "reason": "too small"}
        await shop.post(tell.event("order.returned", back))
    asked = {"order_id": "o-6", "request_id": "wrap", "text": "red paper"}
    await shop.post(tell.event("order.special_request", asked, subject=None))
    await shop.post(tell.event("chat.ended", {"seconds": 60}), tell.event("product.viewed", {"sku": "s-2"}))
    delivered = {"order_id": "o-60", "promised_by": "2026-02-20T10:00:00Z", "delivered_at": "2026-02-21T10:00:00Z"}
    await shop.post(tell.order("delivered", delivered, time="2026-02-21T10:00:00Z"))
    assert await runtime.sweeper.sweep() > 0
    await shop.post(tell.event("product.viewed", {"sku": "s-1"}), tell.event("product.searched", {"terms": "oolong"}))
    for name in ("Ann", "Anne"):
        await api.put("/v1/shops/demo/customers/c-1", json={"name": name, "email": "a@example.test"})
    await shop.post(tell.event("customer.consent_changed", {"channel": "email", "granted": True}))
    await api.put("/v1/shops/demo/customers/gone", json={"name": "Gone", "city": "Berlin"})
    assert (await api.post("/v1/shops/demo/customers/gone/erasure")).status_code == 202
    await api.put("/v1/shops/demo/orders/o-30", json=PUT)
    key = (await api.post("/v1/keys", json={"name": "till", "shop": "demo", "scopes": ["*"]})).json()
    assert (await api.delete(f"/v1/keys/{key['prefix']}")).status_code == 204
    await upload(db, api)
    merge = "/v1/shops/demo/customers/{}/merge"
    assert (await api.post(merge.format("c-2"), json={"absorbed": "c-1"})).status_code == 200
    await shop.post(tell.order("completed", {"order_id": "o-20"}, subject="c-1"))
    await shop.post(tell.order("completed", {"order_id": "o-40"}, subject="c-1"))
    assert (await api.post(merge.format("c-3"), json={"absorbed": "c-2"})).status_code == 200
    unmerge = "/v1/shops/demo/customers/c-2/unmerge"
    assert (await api.post(unmerge, json={"absorbed": "c-1"})).status_code == 200
    await shop.post(tell.order("paid", {"order_id": "o-41"}, subject="c-2"), shop.refund(6, "o-40", "c-1"))
    await shop.post(tell.order("completed", {"order_id": "o-30"}, subject="c-1", time="2026-03-05T11:58:00Z"))


PUT = {
    "state": "paid", "time": "2026-03-05T11:00:00Z", "placed_at": "2026-03-05T10:00:00Z", "customer": "c-1",
    "currency": "CNY", "goods_paid": 500,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
async def test_r5a_our_own_topics_in_any_order_make_the_same_tables_and_a_shop_gets_the_same_answers(
    db: Database,
    rebuilt: Database,
    runtime: Runtime,
    api: httpx.AsyncClient,
    clock: FixedClock,
    tell: Any,
    seed: int,
) -> None:
    shop = Shop(api, tell)
    await lived(db, runtime, api, shop)
    await rebuild(rebuilt, await log_of(db), seed)
    before, after = await kept(db), await kept(rebuilt)
    for table in TABLES:
        assert after[table] == before[table], table
    async with db.transaction() as tx:
        waiting = {key_of(("demo", r.source, r.event_id)) for r in await tx.fetch(WAITING)}
    assert waiting
    assert await claims(rebuilt) == {c for c in await claims(db) if c[0] not in waiting}
    async with rebuilt.transaction() as tx:
        assert await tx.fetch("select 1 from outbox union all select 1 from rebuilt_facts") == []

    async with client(rebuilt, clock) as again:
        for bodies in shop.sent:
            known = [body for body in bodies if body["data"].get("refund_id") != "r-5"]  # which waited
            if known:
                assert await shop.answers(again, known) == await shop.answers(api, known)
                assert {status for status, _ in await shop.answers(again, known)} <= {"duplicate", "refused"}
        other = {**shop.sent[0][0], "time": "2026-03-05T11:31:00Z"}
        assert await shop.answers(again, [other]) == [("refused", "same_id_other_body")]
        for each, database in ((api, db), (again, rebuilt)):
            assert (await each.put("/v1/shops/demo/orders/o-30", json=PUT)).is_success
            anew = await upload(database, each)
            assert (anew["accepted"], anew["duplicates"]) == (0, 3), anew
        # Traffic goes on: numbers, owners and what comes again for a customer are the same.
        news = [
            tell.order("completed", {"order_id": "o-50"}, subject="c-1"),
            tell.order("completed", {"order_id": "o-41"}, subject="c-3"),
            tell.order("completed", {"order_id": "o-6"}, subject="c-4"),  # nobody's until now
            shop.refund(7, "o-6", None),
        ]
        found = []
        for each, database in ((api, db), (again, rebuilt)):
            since = len(await log_of(database))
            assert {status for status, _ in await shop.answers(each, news)} == {"accepted"}
            found.append([_said(event) for event in (await log_of(database))[since:]])
        assert found[0] == found[1]
        # A key, the order's claim, two of its versions and a request again, and what was sent.
        assert len(found[0]) == 9
    after = await kept(rebuilt)
    assert after["completed_orders"] == (await kept(db))["completed_orders"]


def _said(event: Event[Any]) -> Any:
    """All of an event but what is drawn: keys, and what is sealed with them."""
    if event.data.TOPIC == "customer-keys":
        return event.type, event.customer
    return event.id, event.source, event.subject, event.time, event.claimed, without_personal(event).data
