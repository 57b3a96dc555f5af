"""Orders, their refunds and their customers, in every order of arrival, over batches and concurrent transactions."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import pytest

from common.events import Event
from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.checks import check
from orders_ingest.intake.state import Offered

Published = Callable[[], Awaitable[list[Event[Any]]]]
CANARY = "canary-51c9"
TABLES = "orders, refunds, inbox, archive, outbox, customers, customer_keys, completed_orders, order_details, journeys"


def refund(tell: Any, number: int = 1, subject: str | None = None, **data: Any) -> dict[str, Any]:
    fields = {"refund_id": f"r-{number}", "order_id": "o-1", "amount": 1000, "currency": "CNY", **data}
    body: dict[str, Any] = tell.event("order.refunded", fields, subject=subject)
    return body


async def offer(db: Database, vault: Vault, bodies: Sequence[dict[str, Any]]) -> list[str | None]:
    """One transaction; the slugs of refusals."""
    checked = [check(body, "demo", db.clock.now()) for body in bodies]
    fit = [c for c in checked if isinstance(c, Offered)]
    assert len(fit) == len(checked), checked
    return [o.slug for o in await db.run(lambda tx: take_events(tx, vault, fit))]


async def empty(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(f"truncate {TABLES}")


def facts(events: list[Event[Any]]) -> set[Any]:
    """What was announced for the customers' own keys, whatever the ids and the order."""
    return {
        (e.subject, e.type, e.time, getattr(e.data, "refund_id", None), getattr(e.data, "revision", None))
        for e in events
        if e.subject is not None
    }


@pytest.mark.parametrize("size", [1, 2, 9])
@pytest.mark.parametrize("names", [None, "c-2"])
async def test_a_refund_finds_its_orders_customer_in_every_order_of_arrival(
    names: str | None, size: int, tell: Any, db: Database, vault: Vault, published: Published
) -> None:
    """Without a customer, or naming another than the order's; held until the order comes."""
    bodies = [tell.order("paid"), refund(tell, 1, names, reason=CANARY), refund(tell, 2, names)]
    found = []
    for arrival in itertools.permutations(bodies):
        await empty(db)
        for start in range(0, len(arrival), size):
            assert set(await offer(db, vault, arrival[start : start + size])) == {None}
        events = await published()
        assert Counter((e.type, e.subject) for e in events) == {("order.paid", "c-1"): 1, ("order.refunded", "c-1"): 2}
        assert events[0].type == "order.paid", "nobody reads a refund before its order"
        assert await offer(db, vault, bodies) == [None] * 3
        assert len(await published()) == 3, "a repeat counts nothing"
        async with db.transaction() as tx:
            rows = await tx.fetch("select refund_id, state, customer, body from refunds order by 1")
            keys = await tx.fetch("select customer from customer_keys")
        assert [tuple(r) for r in rows] == [("r-1", "counted", "c-1", None), ("r-2", "counted", "c-1", None)]
        assert [k.customer for k in keys] == ["c-1"], "who is only named by a refund becomes nobody's customer"
        found.append(facts(events))
    assert all(f == found[0] for f in found)


async def test_a_refund_that_its_order_does_not_fit_is_refused_and_a_held_one_set_aside_and_shown(
    tell: Any, db: Database, vault: Vault, published: Published, api: httpx.AsyncClient
) -> None:
    yen, much = refund(tell, 1, currency="JPY"), refund(tell, 2, amount=9991)
    assert await offer(db, vault, [yen, much]) == [None, None]
    held = (await api.get("/v1/shops/demo/refunds?state=held")).json()
    assert [(r["refund_id"], r["state"]) for r in held] == [("r-1", "held"), ("r-2", "held")]
    assert (await api.get("/v1/shops/demo/refunds")).json() == held, "without a state all are shown"
    assert await offer(db, vault, [tell.order("paid")]) == [None]
    aside = (await api.get("/v1/shops/demo/refunds")).json()
    assert [(r["refund_id"], r["slug"]) for r in aside] == [("r-1", "wrong_currency"), ("r-2", "refund_exceeds_paid")]
    assert (await api.get("/v1/shops/demo/refunds?after=r-1")).json() == aside[1:]
    assert [e.type for e in await published()] == ["order.paid"]
    assert (await api.get("/v1/shops/demo/report")).json()["refunds"] == []
    # Sent again and mended, it counts; the order known, what does not fit is refused at the door.
    again = [
        refund(tell, 1, amount=6000),
        refund(tell, 3, currency="JPY"),
        refund(tell, 4, amount=3991),
        refund(tell, 5),
    ]
    assert await offer(db, vault, again) == [None, "wrong_currency", "refund_exceeds_paid", None]
    shown = (await api.get("/v1/shops/demo/refunds")).json()
    assert [(r["refund_id"], r["state"]) for r in shown] == [
        ("r-1", "counted"),
        ("r-2", "set_aside"),
        ("r-5", "counted"),
    ]
    page = (await api.get("/v1/shops/demo/refunds?state=counted&after=r-1&limit=1")).json()
    assert [r["refund_id"] for r in page] == ["r-5"]
    assert [r["refund_id"] for r in (await api.get("/v1/shops/demo/refunds?state=set_aside")).json()] == ["r-2"]
    assert (await api.get("/v1/shops/demo/orders/o-1")).json()["refunded"] == 7000


async def test_a_refund_of_an_order_that_is_not_paid_yet_waits_for_the_payment(
    tell: Any, db: Database, vault: Vault, published: Published
) -> None:
    bodies = [tell.order("placed", {"goods_paid": 0}), refund(tell), tell.order("paid", time="2026-03-05T11:30:00Z")]
    for arrival in itertools.permutations(bodies):
        await empty(db)
        for body in arrival:
            assert await offer(db, vault, [body]) == [None]
        assert sorted(e.type for e in await published()) == ["order.paid", "order.placed", "order.refunded"]


@pytest.mark.parametrize("size", [1, 2, 9])
async def test_an_order_without_a_customer_becomes_its_customers_with_all_that_came_of_it(
    size: int, tell: Any, db: Database, vault: Vault, published: Published
) -> None:
    """Whichever version names the customer, every version and refund is announced for its key, each once."""
    bodies = [
        tell.order("placed", subject=None, time="2026-03-05T08:00:00Z"),
        tell.order("paid", {"remark": CANARY}, subject="c-1", time="2026-03-05T09:00:00Z"),
        refund(tell),
        tell.order("completed", subject=None, time="2026-03-05T10:00:00Z"),
    ]
    found = []
    for arrival in itertools.permutations(bodies):
        await empty(db)
        for start in range(0, len(arrival), size):
            assert set(await offer(db, vault, arrival[start : start + size])) == {None}
        assert await offer(db, vault, bodies) == [None] * 4
        events = await published()
        of_her = Counter(e.type for e in events if e.subject == "c-1")
        assert of_her == {"order.placed": 1, "order.paid": 1, "order.completed": 1, "order.refunded": 1}
        nobodys = [e for e in events if e.subject is None]
        # The order's own key ends with the claim, and has one only where anything was announced for it.
        assert [e.type for e in nobodys].count("order.claimed") == bool(nobodys)
        assert not nobodys or nobodys[-1].type == "order.claimed"
        assert len({(e.source, e.id) for e in events}) == len(events)
        async with db.transaction() as tx:
            assert await tx.value("select customer || state from orders") == "c-1completed"
            assert await tx.value("select customer from refunds") == "c-1"
        found.append(facts(events))
    assert all(f == found[0] for f in found)
    other = tell.order("closed", subject="c-2", time="2026-03-05T11:00:00Z")
    assert await offer(db, vault, [other]) == ["other_customer"]


async def test_of_concurrent_first_versions_one_gives_the_order_its_owner(
    tell: Any, db: Database, vault: Vault
) -> None:
    for number in range(10):
        bodies = [tell.order("placed", {"order_id": f"o-{number}"}, subject=f"c-{n}") for n in range(4)]
        slugs = await asyncio.gather(*(offer(db, vault, [body]) for body in bodies))
        assert Counter(slug for (slug,) in slugs) == {None: 1, "other_customer": 3}
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from orders") == 10


async def test_batches_that_share_new_orders_with_each_other_are_all_taken(
    tell: Any, db: Database, vault: Vault
) -> None:
    """A shop's backend that tells its history in several requests at a time: each two of them have versions of an order
    that nobody knows yet, and each may be the second one with all others, one after the other."""
    for number in range(4):
        batches: list[list[dict[str, Any]]] = [[] for _ in range(12)]
        for one, other in itertools.combinations(range(12), 2):
            order = {"order_id": f"o-{number}-{one}-{other}"}
            batches[one].append(tell.order("placed", order, time="2026-03-05T08:00:00Z"))
            batches[other].append(tell.order("paid", order, time="2026-03-05T09:00:00Z"))
        for slugs in await asyncio.gather(*(offer(db, vault, batch) for batch in batches)):
            assert set(slugs) == {None}
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from orders where state = 'paid'") == 4 * 66


async def test_orders_and_refunds_that_come_at_once_never_miss_each_other(
    tell: Any, db: Database, vault: Vault, published: Published
) -> None:
    """Eight transactions at a time with the guest versions, the claims and the refunds of forty orders, shuffled."""
    batches: list[list[dict[str, Any]]] = [[] for _ in range(24)]
    for n in range(40):
        sent = [
            tell.order("placed", {"order_id": f"o-{n}"}, subject=None, time="2026-03-05T08:00:00Z"),
            tell.order("paid", {"order_id": f"o-{n}"}, subject=f"c-{n % 13}", time="2026-03-05T09:00:00Z"),
            refund(tell, 2 * n, order_id=f"o-{n}"),
            refund(tell, 2 * n + 1, order_id=f"o-{n}"),
        ]
        for k, body in enumerate(sent):
            batches[(7 * n + 11 * k) % 24].append(body)
    for group in (batches[:8], batches[8:16], batches[16:]):
        for slugs in await asyncio.gather(*(offer(db, vault, batch) for batch in group)):
            assert set(slugs) == {None}
    events = await published()
    counted = Counter((e.type, e.data.order_id) for e in events if e.subject is not None)
    assert all(counted["order.refunded", f"o-{n}"] == 2 for n in range(40))
    assert all(counted["order.placed", f"o-{n}"] == counted["order.paid", f"o-{n}"] == 1 for n in range(40))
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from refunds where state <> 'counted' or customer = ''") == 0


async def test_free_text_is_nowhere_in_the_clear(tell: Any, db: Database, vault: Vault) -> None:
    """Reasons of refunds, held ones too, and what people searched for."""
    bodies = [
        refund(tell, 1, "c-1", reason=CANARY),
        tell.order("paid", {"order_id": "o-2"}),
        refund(tell, 2, order_id="o-2", reason=CANARY),
        refund(tell, 3, "c-1", order_id=None, reason=CANARY),
        tell.event("product.searched", {"terms": CANARY}),
    ]
    bodies[3]["data"].pop("order_id")
    assert await offer(db, vault, bodies) == [None] * 5
    async with db.transaction() as tx:
        for table in TABLES.split(", "):
            text = await tx.value(f"select coalesce(string_agg(cast(t as text), ' '), '') from {table} t")
            assert CANARY not in text
            assert CANARY.encode().hex() not in text


async def test_a_refused_refund_leaves_no_order_behind(tell: Any, db: Database, vault: Vault) -> None:
    await offer(db, vault, [tell.order(), refund(tell)])
    assert await offer(db, vault, [refund(tell, order_id="o-unknown")]) == ["refund_known"]
    async with db.transaction() as tx:
        assert [r.order_id for r in await tx.fetch("select order_id from orders")] == ["o-1"]
