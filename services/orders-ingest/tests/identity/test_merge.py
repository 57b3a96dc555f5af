"""Merges of customers: an alias for ever, inputs for the survivor, refusals, and erasure of all identifiers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from common.events import Event
from common.events.customers import CustomerMerged
from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.erase_customer import erase_customer

Published = Callable[[], Awaitable[list[Event[Any]]]]
CUSTOMERS = "/v1/shops/demo/customers"


@pytest.fixture
async def people(api: httpx.AsyncClient) -> None:
    """Three customers with a profile: ann, bob and cleo."""
    sent = [{"id": name, "name": name, "email": f"{name}@example.test"} for name in ("ann", "bob", "cleo")]
    assert (await api.post(CUSTOMERS, json={"customers": sent})).status_code == 202


async def merge(api: httpx.AsyncClient, survivor: str, absorbed: str) -> httpx.Response:
    return await api.post(f"{CUSTOMERS}/{survivor}/merge", json={"absorbed": absorbed})


def slug(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def test_a_merge_is_announced_once_for_the_survivor(
    api: httpx.AsyncClient, people: None, published: Published
) -> None:
    first, again = await merge(api, "ann", "bob"), await merge(api, "ann", "bob")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    merged = [e for e in await published() if e.type == "customer.merged"]
    assert [(e.subject, e.data) for e in merged] == [("ann", CustomerMerged(survivor="ann", absorbed="bob"))]
    assert (await api.get(f"{CUSTOMERS}/bob")).json()["merged_into"] == "ann"
    assert (await api.get(f"{CUSTOMERS}/ann")).json()["aliases"] == ["bob"]


async def test_what_names_the_absorbed_one_is_published_for_the_survivor(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published
) -> None:
    """Order, refund, consent, profile and visit; what came before is not rewritten."""
    await api.post("/v1/events", json=tell.order("paid", {"order_id": "o-0"}, subject="bob"))
    await merge(api, "ann", "bob")
    before = len(await published())
    for body in (
        tell.order("completed", {"order_id": "o-1"}, subject="bob"),
        tell.event("order.refunded", {"refund_id": "r", "order_id": "o-1", "amount": 1, "currency": "CNY"}),
        tell.event("product.viewed", {"sku": "s-1"}, subject="bob"),
        tell.event("customer.consent_changed", {"channel": "email", "granted": True}, subject="bob"),
    ):
        answer = await api.post("/v1/events", json=body)
        assert answer.status_code == 202, answer.text
    assert (await api.put(f"{CUSTOMERS}/bob", json={"name": "Bob"})).status_code == 202
    found = (await published())[before:]
    assert {(e.subject, e.key) for e in found} == {("ann", "demo/ann")}
    # The refund is its order's customer's, whoever it names, so it came under no alias.
    assert [e.alias for e in found] == ["bob", None, "bob", "bob", "bob"]
    paid = next(e for e in await published() if e.type == "order.paid")
    assert (paid.subject, paid.alias) == ("bob", None)


NEWS: dict[str, tuple[str, dict[str, Any]]] = {
    "a refund of the whole": ("order.refunded", {"refund_id": "r", "amount": 9990, "currency": "CNY"}),
    "a refund of a part": ("order.refunded", {"refund_id": "r", "amount": 1, "currency": "CNY"}),
    "its completion": ("order.completed", {}),
    "that it was closed": ("order.closed", {}),
    "a version that came late": ("order.placed", {}),
}


@pytest.mark.parametrize("named", ["bob", "ann", "cleo"])
@pytest.mark.parametrize("news", NEWS)
async def test_news_of_an_earlier_order_go_on_under_the_customer_where_it_is_known(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published, news: str, named: str
) -> None:
    """By whichever of the person's names it comes, and after a second merge as well."""
    await api.post("/v1/events", json=tell.order("paid", subject="bob"))
    await merge(api, "ann", "bob")
    await merge(api, "cleo", "ann")
    kind, data = NEWS[news]
    body = (
        tell.event(kind, {"order_id": "o-1", **data}, subject=named)
        if kind == "order.refunded"
        else tell.order(kind.removeprefix("order."), data, subject=named)
    )
    answer = await api.post("/v1/events", json=body)
    assert answer.status_code == 202, answer.text
    last = (await published())[-1]
    assert (last.type, last.subject, last.alias, last.key) == (kind, "bob", None, "demo/bob")
    assert (await api.get("/v1/shops/demo/orders/o-1")).json()["customer"] == "bob"


async def test_an_order_of_which_no_version_came_before_the_merge_is_the_survivors(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published
) -> None:
    """Also where a refund of it waited: it names the absorbed customer, and is published with its order."""
    waits = tell.event("order.refunded", {"refund_id": "r", "order_id": "o-1", "amount": 1, "currency": "CNY"})
    await api.post("/v1/events", json={**waits, "subject": "bob"})
    await merge(api, "ann", "bob")
    again = tell.event("order.refunded", {"refund_id": "q", "order_id": "o-1", "amount": 1, "currency": "CNY"})
    await api.post("/v1/events", json={**again, "subject": "bob"})
    held = (await api.get("/v1/shops/demo/refunds")).json()
    assert [(one["state"], one["customer"]) for one in held] == [("held", "bob")] * 2
    await api.post("/v1/events", json=tell.order("completed", subject="bob"))
    last = (await published())[-3:]
    assert [(e.type, e.subject) for e in last] == [("order.completed", "ann"), *[("order.refunded", "ann")] * 2]


async def test_an_earlier_order_of_nobody_that_the_absorbed_one_claims_is_the_survivors(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published
) -> None:
    await api.post("/v1/events", json=tell.order("paid", subject=None))
    await merge(api, "ann", "bob")
    await api.post("/v1/events", json=tell.order("completed", subject="bob"))
    assert {e.subject for e in (await published())[-2:]} == {"ann"}


async def test_a_redelivery_after_the_merge_is_a_duplicate(api: httpx.AsyncClient, people: None, tell: Any) -> None:
    body = tell.order(subject="bob")
    await api.post("/v1/events", json=body)
    await merge(api, "ann", "bob")
    assert (await api.post("/v1/events", json=body)).json()["status"] == "duplicate"


async def test_an_order_of_the_absorbed_one_may_name_the_survivor_and_nobody_else(
    api: httpx.AsyncClient, people: None, tell: Any
) -> None:
    await api.post("/v1/events", json=tell.order("paid", subject="bob"))
    await merge(api, "ann", "bob")
    assert (await api.post("/v1/events", json=tell.order("completed", subject="ann"))).status_code == 202
    assert slug(await api.post("/v1/events", json=tell.order("closed", subject="cleo"))) == (409, "other_customer")


async def test_numbers_go_on_after_the_orders_of_both(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published
) -> None:
    await api.post("/v1/events", json=tell.order("paid", {"order_id": "b0"}, subject="bob"))
    for order, customer in (("a1", "ann"), ("a2", "ann"), ("b1", "bob")):
        await api.post("/v1/events", json=tell.order(data={"order_id": order}, subject=customer))
    await merge(api, "ann", "bob")
    for order in ("b2", "b0"):
        await api.post("/v1/events", json=tell.order(data={"order_id": order}, subject="bob"))
    found = [(e.data.order_id, e.data.sequence) for e in await published() if e.type == "order.completed"]
    assert found == [("a1", 1), ("a2", 2), ("b1", 1), ("b2", 4), ("b0", 5)]


async def test_what_an_absorbed_one_absorbed_goes_to_the_last_survivor(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published
) -> None:
    await merge(api, "bob", "cleo")
    await merge(api, "ann", "bob")
    await api.post("/v1/events", json=tell.order(subject="cleo"))
    last = (await published())[-1]
    assert (last.subject, last.alias) == ("ann", "cleo")


async def test_merges_that_make_no_sense_are_refused(
    api: httpx.AsyncClient, people: None, published: Published
) -> None:
    assert slug(await merge(api, "ann", "ann")) == (422, "merged_with_itself")
    assert slug(await merge(api, "ann", "nobody")) == (404, "unknown_customer")
    assert slug(await merge(api, "nobody", "ann")) == (404, "unknown_customer")
    await merge(api, "ann", "bob")
    assert slug(await merge(api, "bob", "ann")) == (409, "merge_cycle")
    assert slug(await merge(api, "cleo", "bob")) == (409, "already_merged")
    assert slug(await merge(api, "bob", "cleo")) == (409, "survivor_absorbed")
    assert len([e for e in await published() if e.type == "customer.merged"]) == 1


async def test_a_key_without_the_scope_merges_nobody(api: httpx.AsyncClient, people: None) -> None:
    asked = {"shop": "demo", "scopes": ["customers:write"], "name": "backend"}
    key = (await api.post("/v1/keys", json=asked)).json()["key"]
    headers = {"authorization": f"Bearer {key}"}
    answer = await api.post(f"{CUSTOMERS}/ann/merge", json={"absorbed": "bob"}, headers=headers)
    assert slug(answer) == (403, "missing_scope")


async def test_an_alias_is_not_taken_from_outside(api: httpx.AsyncClient, tell: Any) -> None:
    assert slug(await api.post("/v1/events", json=tell.order(alias="bob"))) == (422, "invalid_alias")


async def test_orders_and_opposite_merges_at_once_wait_for_each_other(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published
) -> None:
    """One of two opposite merges wins, and every input is published for the one who was its customer then."""
    orders = [
        api.post("/v1/events", json=tell.order(data={"order_id": f"o-{n}"}, subject=("ann", "bob")[n % 2]))
        for n in range(12)
    ]
    answers = await asyncio.gather(*orders[:6], merge(api, "ann", "bob"), merge(api, "bob", "ann"), *orders[6:])
    assert sorted(a.status_code for a in answers) == [200, *[202] * 12, 409]
    events = await published()
    at = next(n for n, e in enumerate(events) if e.type == "customer.merged")
    survivor, absorbed = events[at].data.survivor, events[at].data.absorbed
    after = [e for e in events[at:] if e.type == "order.completed"]
    assert all((e.subject, e.alias) in ((survivor, None), (survivor, absorbed)) for e in after)
    assert all(e.alias is None for e in events[:at])


async def test_erasure_removes_the_keys_of_all_identifiers(
    api: httpx.AsyncClient, people: None, db: Database, vault: Vault, tell: Any
) -> None:
    """Asked for under the alias: nothing personal of either opens any more, and both erasures are announced."""
    await merge(api, "ann", "bob")
    async with db.transaction() as tx:
        assert await erase_customer(tx, vault, "demo", "bob") == ["ann", "bob"]
    async with db.transaction() as tx:
        keys = await vault.ring.keys_for(tx, [("demo", "ann"), ("demo", "bob"), ("demo", "cleo")])
        erased = await tx.fetch("select aggregateid from outbox where type = 'customer.erased' order by seq")
    assert {name: key is None for (_, name), key in keys.items()} == {"ann": True, "bob": True, "cleo": False}
    assert [row.aggregateid for row in erased] == ["demo/ann", "demo/bob"]
    for name in ("ann", "bob"):
        assert slug(await api.put(f"{CUSTOMERS}/{name}", json={"name": "x"})) == (409, "customer_erased")
    assert slug(await merge(api, "cleo", "ann")) == (409, "customer_erased")
