"""Everything is taken once, ranked by the shop, sealed and filed, whatever order it comes in."""

import random
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from common.bus.broker import Record
from common.bus.dead import bury
from common.events import Event
from common.process.runtime import Runtime
from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.handlers.intake_topics import on_intake
from orders_ingest.intake.checks import check
from orders_ingest.intake.state import Offered

Published = Callable[[], Awaitable[list[Event[Any]]]]

CANARY = "canary-7f3a"


async def tell_all(db: Database, vault: Vault, bodies: list[dict[str, Any]], batch: int = 500) -> list[str | None]:
    """Take the events in batches; returns their slugs, None where accepted or duplicate."""
    slugs = []
    for start in range(0, len(bodies), batch):
        checked = [check(body, "demo", db.clock.now()) for body in bodies[start : start + batch]]
        assert all(isinstance(c, Offered) for c in checked), checked
        async with db.transaction() as tx:
            slugs += [o.slug for o in await take_events(tx, vault, [c for c in checked if isinstance(c, Offered)])]
    return slugs


async def stand(db: Database) -> list[Any]:
    """The projections, without what is random in ciphertext."""
    async with db.transaction() as tx:
        rows = [
            *await tx.fetch(
                "select shop, customer, order_id, revision, event_id, state, goods_paid from orders order by 3"
            ),
            *await tx.fetch("select shop, customer, revision, registered_at, body - 'email' from profiles order by 2"),
            *await tx.fetch("select shop, customer, channel, purpose, granted, at, source from consents order by 2, 3"),
        ]
    return [tuple(row) for row in rows]


def history(tell: Any, numbered: bool) -> list[dict[str, Any]]:
    bodies = []
    for order in ("o-1", "o-2"):
        for n, state in enumerate(("placed", "paid", "shipped", "completed")):
            data = {"order_id": order, "goods_paid": 100 + n, **({"version": n} if numbered else {})}
            bodies.append(tell.order(state, data, time=f"2026-03-0{4 - n if numbered else n + 1}T10:00:00Z"))
    # Two at one instant: the state decides; and two states sent twice, where the source and id decide.
    bodies += [tell.order("closed", {"order_id": "o-3"}), tell.order("paid", {"order_id": "o-3"})]
    bodies += [tell.order("paid", {"order_id": "o-4", "goods_paid": n}) for n in (5, 9)]
    for n, type_ in enumerate(("customer.registered", "customer.updated", "customer.updated")):
        bodies.append(tell.event(type_, {"email": f"a{n}@example.test"}, time=f"2026-03-0{n + 1}T10:00:00Z"))
    consent = {"channel": "email", "purpose": "marketing"}
    for n, granted in enumerate((True, False, True, False)):
        time = f"2026-03-0{min(n, 2) + 1}T11:00:00Z"  # the last two at one instant: the one that withdraws counts
        bodies.append(tell.event("customer.consent_changed", {**consent, "granted": granted}, time=time))
    return bodies


@pytest.mark.parametrize("numbered", [False, True])
@pytest.mark.parametrize("batch", [1, 2, 500])
async def test_versions_in_any_order_and_batch_size_leave_the_same_projection(
    numbered: Any, batch: Any, tell: Any, db: Database, vault: Vault
) -> None:
    bodies = history(tell, numbered)
    assert set(await tell_all(db, vault, bodies)) == {None}
    expected = await stand(db)
    order = next(row for row in expected if row[2] == "o-1")
    assert order[5:] == ("completed", 103)
    assert next(row for row in expected if row[2] == "o-3")[5] == "closed"
    assert expected[-1][4] is False
    for seed in range(3):
        async with db.transaction() as tx:
            await tx.execute("truncate orders, profiles, consents, inbox, archive, outbox")
        shuffled = bodies * 2
        random.Random(seed).shuffle(shuffled)
        assert set(await tell_all(db, vault, shuffled, batch)) == {None}
        assert await stand(db) == expected


async def test_personal_text_is_nowhere_in_the_clear_and_opens_with_the_customers_key(
    tell: Any, db: Database, vault: Vault, published: Published
) -> None:
    """SEC-001: encrypted in the tables and in what is published."""
    bodies = [
        tell.order(data={"remark": CANARY, "recipient": CANARY}),
        tell.event("customer.registered", {"name": CANARY, "email": f"{CANARY}@example.test", "address": CANARY}),
    ]
    await tell_all(db, vault, bodies)
    async with db.transaction() as tx:
        for table in ("archive", "orders", "profiles", "outbox", "inbox", "customers"):
            text = await tx.value(f"select coalesce(string_agg(cast(t as text), ' '), '') from {table} t")
            assert CANARY not in text
            assert CANARY.encode().hex() not in text
        keys = await vault.ring.keys_for(tx, [("demo", "c-1")])
    key = keys["demo", "c-1"]
    assert key is not None
    assert [vault.ring.open_event(e, key).data.model_dump().get("remark") for e in await published()] == [CANARY, None]


async def test_a_customers_key_is_published_before_what_is_sealed_with_it(
    tell: Any, db: Database, vault: Vault
) -> None:
    await tell_all(db, vault, [tell.order(), tell.order(data={"order_id": "o-2"})])
    async with db.transaction() as tx:
        rows = await tx.fetch("select aggregatetype, aggregateid from outbox order by seq")
    assert [tuple(r) for r in rows] == [("customer-keys", "demo/c-1"), ("orders", "demo/c-1"), ("orders", "demo/c-1")]


async def test_of_an_erased_customer_orders_are_taken_without_personal_fields_and_profiles_not(
    tell: Any, db: Database, vault: Vault, published: Published
) -> None:
    """SEC-006: what is deleted does not come back."""
    async with db.transaction() as tx:
        await tx.lock_customers([("demo", "c-1")])
        await vault.ring.erase(tx, [("demo", "c-1")])
    profile = tell.event("customer.updated", {"name": CANARY})
    consent = tell.event("customer.consent_changed", {"channel": "email", "granted": True})
    slugs = await tell_all(db, vault, [tell.order(data={"remark": CANARY}), profile, consent])
    assert slugs == [None, "customer_erased", "customer_erased"]
    (event,) = await published()
    assert event.data.remark is None


def record(body: Any, offset: int = 0, topic: str = "intake.demo") -> Record:
    return Record(topic, 0, offset, None, body if isinstance(body, bytes) else orjson.dumps(body), {}, 0)


async def test_a_shops_topic_is_read_as_http_is_and_speaks_for_that_shop_alone(
    tell: Any, db: Database, vault: Vault, published: Published
) -> None:
    """ORD-039: bad records become dead letters with their reason."""
    good = tell.order()
    records = [
        record(b"{", 0),
        record(good, 1),
        record(good, 2),
        record(tell.order(shop="other", source="/shops/other/backend"), 3),
        record(tell.order(source="/shops/other/backend"), 4),
        record({**good, "time": "2026-03-05T10:00:00Z"}, 5),
        record(b"", 6),
    ]
    async with db.transaction() as tx:
        taken = await on_intake(vault, tx, records)
    assert taken.fresh == 1, "the second delivery counts no more"
    assert [(d.record.offset, d.slug, d.shop) for d in taken.dead] == [
        (0, "malformed_json", "demo"),
        (3, "wrong_shop", "demo"),
        (4, "wrong_shop", "demo"),
        (5, "same_id_other_body", "demo"),
        (6, "malformed_json", "demo"),
    ]
    assert [e.id for e in await published()] == [good["id"]]
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from inbox") == 1


async def test_a_record_that_is_nested_too_deeply_is_told_so(tell: Any, db: Database, vault: Vault) -> None:
    """ORD-039: the words of a dead letter say what to mend; over HTTP it is the same word."""
    text = orjson.dumps(tell.order(data={"remark": "HERE"})).decode()
    half = text.replace("HERE", "\\ud800").encode()
    deep = [text.replace('"HERE"', "[" * n + "]" * n).encode() for n in (300, 2_000)]
    bare = {name: value for name, value in tell.order().items() if name != "data"}
    packed = [bare | {"data_base64": b64encode(b"[" * n + b"]" * n).decode()} for n in (300, 2_000)]
    records = [record(body, offset) for offset, body in enumerate([half, *deep, *packed])]
    binary = {"ce_id": b"e-1", "ce_type": b"order.completed", "ce_subject": b"ann", "content-type": b"application/json"}
    records += [replace(record(b"[" * n + b"]" * n, n), headers=binary) for n in (300, 2_000)]
    async with db.transaction() as tx:
        taken = await on_intake(vault, tx, records)
    assert [dead.slug for dead in taken.dead] == ["invalid_data", *["nested_too_deeply"] * 6]
    assert "surrogate" in taken.dead[0].detail
    assert all("flatten it" in dead.detail for dead in taken.dead[1:])


async def test_a_shops_people_mend_what_its_topic_told_wrong(
    tell: Any, db: Database, vault: Vault, runtime: Runtime, api: httpx.AsyncClient
) -> None:
    """ORD-038: it speaks for the topic's shop alone, whatever it says; the operator's dead are not theirs."""
    bad = tell.order(data={"currency": "XYZ"}, id="bad")
    async with db.transaction() as tx:
        taken = await on_intake(vault, tx, [record(bad)])
        ours = replace(taken.dead[0], record=record(bad, 9, "orders"))
        await bury(tx, [*taken.dead, ours], runtime.seal_dead, "cluster")
    [shown] = (await api.get("/v1/shops/demo/dead", params={"slug": "invalid_data"})).json()
    assert (shown["way"], shown["vendor"], shown["event_id"]) == ("kafka", None, "bad")
    at = f"/v1/shops/demo/dead/{shown['dead_id']}"
    assert orjson.loads((await api.get(at)).json()["body"]) == bad
    foreign = orjson.dumps({**tell.order(id="bad"), "shop": "other", "source": "/shops/other/backend"}).decode()
    answer = await api.post(f"{at}/resend", json={"body": foreign})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/wrong_shop")
    mended = orjson.dumps(tell.order(id="bad")).decode()
    outcomes = [(await api.post(f"{at}/resend", json={"body": mended})).json()["outcome"] for _ in range(2)]
    assert outcomes == ["new", "duplicate"]
