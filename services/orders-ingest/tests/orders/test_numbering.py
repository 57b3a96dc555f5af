"""ORD-002: each completed order of a customer has one number, given once, whatever comes in whichever order."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.events import Event
from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.checks import check
from orders_ingest.intake.state import Offered

EXAMPLES = itertools.count()
Published = Callable[[], Awaitable[list[Event[Any]]]]


def completed(tell: Any, order: str, day: int, customer: str | None = "c-1", **data: Any) -> dict[str, Any]:
    body: dict[str, Any] = tell.order(
        "completed",
        {"order_id": order, **data},
        id=f"{order}-{day}",
        subject=customer,
        time=f"2026-02-{day:02d}T10:00:00Z",
    )
    return body


def numbers(events: list[Event[Any]]) -> dict[str, set[int | None]]:
    """Every number under which each order was announced as completed."""
    found: dict[str, set[int | None]] = {}
    for event in events:
        if event.type == "order.completed" and event.subject is not None:
            found.setdefault(event.data.order_id, set()).add(event.data.sequence)
    return found


async def test_a_number_stands_in_the_event_and_in_the_order(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    for day, order in enumerate(("o-1", "o-2"), 1):
        assert (await api.post("/v1/events", json=completed(tell, order, day))).status_code == 202
    assert numbers(await published()) == {"o-1": {1}, "o-2": {2}}
    orders = [(await api.get(f"/v1/shops/demo/orders/{order}")).json() for order in ("o-1", "o-2")]
    assert [order["sequence"] for order in orders] == [1, 2]


async def test_an_order_that_did_not_complete_has_none(api: httpx.AsyncClient, tell: Any) -> None:
    await api.post("/v1/events", json=tell.order("paid"))
    assert (await api.get("/v1/shops/demo/orders/o-1")).json()["sequence"] is None


async def test_a_late_order_gets_the_next_number_and_changes_no_other(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    for order, day in (("o-2", 20), ("o-3", 25), ("o-1", 1)):
        await api.post("/v1/events", json=completed(tell, order, day))
    assert numbers(await published()) == {"o-2": {1}, "o-3": {2}, "o-1": {3}}


async def test_a_redelivery_and_another_version_keep_the_number(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    first = completed(tell, "o-1", 1)
    for body in (first, completed(tell, "o-2", 2), first, completed(tell, "o-1", 3, remark="corrected")):
        assert (await api.post("/v1/events", json=body)).status_code == 202
    closed = tell.order("closed", {"order_id": "o-2"}, time="2026-02-04T10:00:00Z")
    assert (await api.post("/v1/events", json=closed)).status_code == 202
    assert numbers(await published()) == {"o-1": {1}, "o-2": {2}}


async def test_what_comes_at_once_is_numbered_by_time(api: httpx.AsyncClient, tell: Any, published: Published) -> None:
    await api.post("/v1/events", json=[completed(tell, f"o-{day}", day) for day in (3, 1, 2)])
    assert numbers(await published()) == {"o-1": {1}, "o-2": {2}, "o-3": {3}}


async def test_an_order_of_nobody_is_numbered_when_it_is_claimed(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    await api.post("/v1/events", json=completed(tell, "o-1", 1, customer=None))
    await api.post("/v1/events", json=completed(tell, "o-2", 2))
    assert numbers(await published()) == {"o-2": {1}}
    await api.post("/v1/events", json=completed(tell, "o-1", 3))
    assert numbers(await published()) == {"o-1": {2}, "o-2": {1}}


async def test_a_number_is_not_taken_from_outside(api: httpx.AsyncClient, tell: Any) -> None:
    answer = await api.post("/v1/events", json=completed(tell, "o-1", 1, sequence=7))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid_data")


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.randoms(use_true_random=False))
async def test_whatever_comes_twice_out_of_order_and_at_once(
    db: Database, vault: Vault, tell: Any, published: Published, chosen: random.Random
) -> None:
    """Each completed order has one number, no two of a customer the same, none missing, and none ever changed."""
    # All examples share the database, so each has customers of its own.
    example = next(EXAMPLES)
    customers = [f"c{example}-1", f"c{example}-2"]
    bodies = [
        completed(tell, f"{customer}-o{n}", chosen.randint(1, 28), customer=chosen.choice((customer, customer, None)))
        for customer in customers
        for n in range(8)
    ]
    # Every order gets its customer at last, by another version.
    bodies += [
        completed(tell, order, 28, customer=order.partition("-o")[0]) | {"id": f"{body['id']}-x"}
        for body in bodies
        for order in (body["data"]["order_id"],)
    ]
    offered = [one for body in bodies if isinstance(one := check(body, "demo", db.clock.now()), Offered)]
    assert len(offered) == len(bodies)
    sent = offered * 2
    chosen.shuffle(sent)
    groups: list[list[Offered]] = []
    while sent:
        size = chosen.randint(1, 5)
        groups.append(sent[:size])
        sent = sent[size:]

    async def worker(part: list[list[Offered]]) -> None:
        for group in part:
            await db.run(lambda tx, group=group: take_events(tx, vault, group))  # type: ignore[misc]

    await asyncio.gather(*(worker(groups[start::4]) for start in range(4)))
    announced = numbers(await published())
    for customer in customers:
        mine = [found for order, found in announced.items() if order.startswith(f"{customer}-")]
        assert len(mine) == 8
        assert all(len(found) == 1 for found in mine), mine
        assert sorted(next(iter(found)) or 0 for found in mine) == list(range(1, 9))
    async with db.transaction() as tx:
        rows = await tx.fetch("select order_id, sequence from completed_orders")
    assert {row.order_id: {row.sequence} for row in rows} == announced
