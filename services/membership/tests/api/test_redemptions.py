"""Redemptions over HTTP, on a real PostgreSQL: once, whole, and given back (MEM-049 to 052)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.events import decode
from common.events.orders import OrderClosed
from membership.jobs.verifying import verify
from regulars.testing import scaled

from ..conftest import NOW, V1, Client, Shop, deliver, rich
from .redeeming import redemption


async def test_a_redemption_counts_once_whatever_is_repeated(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    answers = [await client.post(f"{V1}/redemptions", json=redemption(order_id="o9")) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 200]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert (answers[0].json()["worth"], answers[0].json()["status"]) == (200, "reserved")
    assert (await client.get(f"{V1}/members/c1")).json()["available"] == 400
    other = await client.post(f"{V1}/redemptions", json=redemption(points=199, order_id="o9"))
    assert (other.status_code, other.json()["type"]) == (409, "/problems/redemption_differs")


async def test_a_command_that_comes_back_from_the_bus_is_a_repetition(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.post(f"{V1}/redemptions", json=redemption())
    await client.put(f"{V1}/programme", json={"programme": {"grace_days": 3}})
    async with client.database.transaction() as tx:
        rows = await tx.fetch(
            "select payload from outbox where type in ('points.redeemed', 'programme.changed') order by seq"
        )
    assert len(rows) == 2
    assert await deliver(client.database, [decode(row.payload) for row in rows]) == 0


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"points": 601, "order_total": 500_000}, 409, "insufficient_points"),
        ({"points": 600, "order_total": 1_199}, 422, "too_large_share"),
        ({"currency": "USD"}, 422, "wrong_currency"),
        ({"currency": "ZZZ"}, 422, "invalid_request"),
        ({"points": 0}, 422, "invalid_request"),
        ({"points": -5}, 422, "invalid_request"),
        ({"points": 1.5}, 422, "invalid_request"),
        ({"customer": "stranger"}, 404, "unknown_member"),
        ({"order_id": "o1"}, 409, "order_not_open"),
        ({"surprise": 1}, 422, "invalid_request"),
    ],
)
async def test_what_is_refused_changes_nothing(
    client: Client, shop: Shop, body: dict[str, Any], status: int, slug: str
) -> None:
    """MEM-052: at most half of an order; never more than there is."""
    await rich(client, shop)
    answer = await client.post(f"{V1}/redemptions", json=redemption(**body))
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert (await client.get(f"{V1}/members/c1")).json()["available"] == 600


async def test_concurrent_redemptions_of_one_balance_succeed_exactly_as_far_as_it_goes(
    client: Client, shop: Shop
) -> None:
    """L4: of 600 points, many redemptions of 50 points each at one moment: 12 fit."""
    await rich(client, shop)
    many = scaled(50, 1_000)

    async def redeem(number: int) -> int:
        """As a checkout does: where the service is too busy, the same once more."""
        while True:
            body = redemption(redemption_id=f"r{number}", points=50)
            status = (await client.post(f"{V1}/redemptions", json=body)).status_code
            if status != 503:
                return int(status)

    codes = await asyncio.gather(*(redeem(number) for number in range(many)))
    assert (codes.count(200), codes.count(409)) == (12, many - 12)
    assert (await client.get(f"{V1}/members/c1")).json()["available"] == 0
    assert await verify(client.database) == []
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from redemptions") == 12


async def test_two_customers_cannot_take_one_redemption_id_at_the_same_moment(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await rich(client, shop, "c2", "o2")
    for number in range(6):
        asked = [redemption(redemption_id=f"r{number}", customer=customer, points=10) for customer in ("c1", "c2")]
        answers = await asyncio.gather(*(client.post(f"{V1}/redemptions", json=body) for body in asked))
        assert sorted(a.status_code for a in answers) == [200, 409]
        assert [a.json()["type"] for a in answers if a.status_code == 409] == ["/problems/redemption_differs"]
    assert await verify(client.database) == []


async def test_a_returned_redemption_gives_the_points_back_once(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.post(f"{V1}/redemptions", json=redemption(order_id="o2"))
    answers = [await client.post(f"{V1}/redemptions/r1/return") for _ in range(2)]
    assert [a.json()["status"] for a in answers] == ["returned", "returned"]
    assert (await client.get(f"{V1}/members/c1")).json()["available"] == 600
    assert (await client.post(f"{V1}/redemptions/none/return")).status_code == 404


async def test_a_redemption_of_a_paid_order_comes_back_by_refund_only(client: Client, shop: Shop) -> None:
    """MEM-053."""
    await rich(client, shop)
    await client.post(f"{V1}/redemptions", json=redemption(order_id="o2"))
    await deliver(client.database, [shop.paid("c1", NOW + timedelta(minutes=1), "o2", 30_000, redemption_id="r1")])
    refused = await client.post(f"{V1}/redemptions/r1/return")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/order_paid")
    await deliver(client.database, [shop.refunded("c1", NOW + timedelta(minutes=2), "o2", 15_000)])
    client.clock.set(NOW + timedelta(minutes=3))
    assert (await client.get(f"{V1}/members/c1")).json()["available"] == 500


async def test_the_share_of_an_order_holds_over_all_its_redemptions(client: Client, shop: Shop) -> None:
    """MEM-052: half of an order of 4.00 are 200 points, however many redemptions ask; returned ones make room."""
    await rich(client, shop)
    answers = [
        await client.post(
            f"{V1}/redemptions", json=redemption(redemption_id=name, points=points, order_total=400, order_id="o2")
        )
        for name, points in (("r1", 120), ("r2", 81), ("r3", 80), ("r4", 1))
    ]
    assert [a.status_code for a in answers] == [200, 422, 200, 422]
    assert answers[1].json()["most"] == 80
    await client.post(f"{V1}/redemptions/r1/return")
    again = await client.post(
        f"{V1}/redemptions", json=redemption(redemption_id="r5", points=120, order_total=400, order_id="o2")
    )
    assert (again.status_code, again.json()["status"]) == (200, "reserved")


@pytest.mark.parametrize(
    ("name", "state"), [("paid", "paid"), ("o1", "completed"), ("closed", "closed"), ("refunded", "refunded")]
)
async def test_points_are_not_redeemed_on_an_order_that_is_not_open(
    client: Client, shop: Shop, name: str, state: str
) -> None:
    await rich(client, shop)
    ago = NOW - timedelta(days=1)
    closed = OrderClosed(order_id="closed", state="closed", currency="CNY", goods_paid=10_000)
    await deliver(
        client.database,
        [
            shop.paid("c1", ago, "paid", 10_000),
            shop.event("c1", ago, closed),
            shop.completed("c1", ago, "refunded", 10_000),
            shop.refunded("c1", ago, "refunded", 10_000),
        ],
    )
    answer = await client.post(f"{V1}/redemptions", json=redemption(order_id=name))
    assert (answer.status_code, answer.json()["type"], answer.json()["state"]) == (
        409,
        "/problems/order_not_open",
        state,
    )


async def test_a_redemption_is_reserved_then_committed_then_returned_with_its_order(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.post(f"{V1}/redemptions", json=redemption(order_id="o2"))
    found = []
    for event in (
        shop.paid("c1", NOW + timedelta(minutes=1), "o2", 30_000),
        shop.refunded("c1", NOW + timedelta(minutes=2), "o2", 15_000),
        shop.refunded("c1", NOW + timedelta(minutes=3), "o2", 15_000),
    ):
        await deliver(client.database, [event])
        answer = (await client.get(f"{V1}/redemptions/r1")).json()
        found.append((answer["status"], answer["returned"], answer["returned_at"]))
    assert found == [("committed", 0, None), ("committed", 100, None), ("returned", 200, "2025-03-20T04:03:00Z")]
    assert await verify(client.database) == []


async def test_a_redemption_that_came_back_is_not_made_again_by_repeating_it(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.post(f"{V1}/redemptions", json=redemption(order_id="o2"))
    await client.post(f"{V1}/redemptions/r1/return")
    answer = await client.post(f"{V1}/redemptions", json=redemption(order_id="o2"))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/redemption_returned")
    assert answer.json()["state"] == "returned"
    assert (await client.get(f"{V1}/members/c1")).json()["available"] == 600
