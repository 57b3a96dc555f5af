"""Merges of customers: announced for every service, undone, refused, and erasure of all identifiers (ORD-040)."""

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
    assert [(e.subject, e.data) for e in merged] == [
        ("ann", CustomerMerged(survivor="ann", absorbed="bob", sequence=1))
    ]
    assert (await api.get(f"{CUSTOMERS}/bob")).json()["merged_into"] == "ann"
    assert (await api.get(f"{CUSTOMERS}/ann")).json()["aliases"] == ["bob"]


async def test_what_names_the_absorbed_one_stays_under_the_identifier_that_it_came_under(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published
) -> None:
    """Order, refund, consent, profile and visit: who is one with whom is for every service to follow, or to undo."""
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
    assert {(e.subject, e.key) for e in found} == {("bob", "demo/bob")}
    assert len(found) == 5


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
    assert (last.type, last.subject, last.key) == (kind, "bob", "demo/bob")
    assert (await api.get("/v1/shops/demo/orders/o-1")).json()["customer"] == "bob"


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


async def test_numbers_are_those_of_the_identifier_whatever_was_merged(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published
) -> None:
    """So that an undone merge leaves no trace in them (ORD-002)."""
    for order, customer in (("a1", "ann"), ("a2", "ann"), ("b1", "bob")):
        await api.post("/v1/events", json=tell.order(data={"order_id": order}, subject=customer))
    await merge(api, "ann", "bob")
    for order, customer in (("b2", "bob"), ("a3", "ann")):
        await api.post("/v1/events", json=tell.order(data={"order_id": order}, subject=customer))
    found = [(e.data.order_id, e.data.sequence) for e in await published() if e.type == "order.completed"]
    assert found == [("a1", 1), ("a2", 2), ("b1", 1), ("b2", 2), ("a3", 3)]


async def unmerge(api: httpx.AsyncClient, survivor: str, absorbed: str) -> httpx.Response:
    return await api.post(f"{CUSTOMERS}/{survivor}/unmerge", json={"absorbed": absorbed})


async def test_a_merge_is_undone_and_may_be_made_again_and_all_of_it_is_listed(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published
) -> None:
    await merge(api, "bob", "cleo")
    await merge(api, "ann", "bob")
    assert (await api.get(f"{CUSTOMERS}/ann")).json()["aliases"] == ["bob", "cleo"]
    first, again = await unmerge(api, "ann", "bob"), await unmerge(api, "ann", "bob")
    assert (first.status_code, first.json()) == (200, again.json())
    # Whom the absorbed one had absorbed stays there.
    assert (await api.get(f"{CUSTOMERS}/bob")).json()["aliases"] == ["cleo"]
    assert (await api.get(f"{CUSTOMERS}/ann")).json()["aliases"] == []
    assert (await api.post("/v1/events", json=tell.order("paid", subject="bob"))).status_code == 202
    assert slug(await api.post("/v1/events", json=tell.order("completed", subject="ann"))) == (409, "other_customer")
    assert (await merge(api, "ann", "bob")).status_code == 200
    said = [(e.type, e.subject, e.data.absorbed, e.data.sequence) for e in await published() if "merged" in e.type]
    assert said == [
        ("customer.merged", "bob", "cleo", 1),
        ("customer.merged", "ann", "bob", 1),
        ("customer.unmerged", "ann", "bob", 2),
        ("customer.merged", "ann", "bob", 3),
    ]
    page = (await api.get("/v1/shops/demo/merges", params={"limit": 3})).json()
    listed = page["items"] + (await api.get("/v1/shops/demo/merges", params={"before": page["before"]})).json()["items"]
    assert [(m["survivor"], m["absorbed"], m["undone"]) for m in listed] == [
        ("ann", "bob", False),
        ("ann", "bob", True),
        ("ann", "bob", False),
        ("bob", "cleo", False),
    ]


async def test_what_is_not_merged_is_not_undone(api: httpx.AsyncClient, people: None) -> None:
    assert slug(await unmerge(api, "ann", "nobody")) == (404, "unknown_customer")
    assert slug(await unmerge(api, "ann", "bob")) == (409, "not_merged")
    await merge(api, "ann", "bob")
    assert slug(await unmerge(api, "cleo", "bob")) == (409, "not_merged")
    await unmerge(api, "ann", "bob")
    assert slug(await unmerge(api, "cleo", "bob")) == (409, "not_merged")


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


async def test_orders_and_opposite_merges_at_once_wait_for_each_other(
    api: httpx.AsyncClient, people: None, tell: Any, published: Published
) -> None:
    """One of two opposite merges wins, and every input is published once, under its own identifier."""
    orders = [
        api.post("/v1/events", json=tell.order(data={"order_id": f"o-{n}"}, subject=("ann", "bob")[n % 2]))
        for n in range(12)
    ]
    answers = await asyncio.gather(*orders[:6], merge(api, "ann", "bob"), merge(api, "bob", "ann"), *orders[6:])
    assert sorted(a.status_code for a in answers) == [200, *[202] * 12, 409]
    events = await published()
    assert len([e for e in events if e.type == "customer.merged"]) == 1
    completed = {e.data.order_id: e.subject for e in events if e.type == "order.completed"}
    assert completed == {f"o-{n}": ("ann", "bob")[n % 2] for n in range(12)}


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
