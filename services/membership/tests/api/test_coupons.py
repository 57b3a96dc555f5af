"""Uses of coupons over HTTP, on a real PostgreSQL: races, limits, orders (MEM-054 to 086)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.events import decode
from common.events.orders import OrderClosed, OrderCompleted, OrderPaid, PromotionUse
from membership.jobs.verifying import verify
from regulars.testing import scaled

from ..conftest import NOW, V1, Client, Shop, deliver, rich
from .offering import insisting, issued, offered, order, use


async def test_a_coupon_is_issued_used_paid_and_attributed(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client)
    (code,) = await issued(client, ["c1"])
    assert (await client.get(f"{V1}/members/c1/coupons")).json()["coupons"][0]["code"] == code
    first, again = await use(client, code, "o2"), await use(client, code, "o2")
    assert first.json() == again.json()
    assert first.json()["status"] == "reserved"
    other = await use(client, code, "o3")
    assert (other.status_code, other.json()["reason"]) == (409, "used")
    paid = order(shop, OrderPaid, "paid", "o2", timedelta(minutes=1), revision=1)
    done = order(shop, OrderCompleted, "completed", "o2", timedelta(minutes=2), revision=2)
    await deliver(client.database, [paid, done], size=1)
    found = (await client.get(f"{V1}/offers/spring")).json()
    assert (found["committed"], found["taken_off"], found["revenue"], found["customers"]) == (1, 500, 9_500, 1)
    ended = await client.post(f"{V1}/coupons/{code}/uses/o2/release")
    assert (ended.status_code, ended.json()["state"]) == (409, "committed")
    async with client.database.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where type like 'coupon.%' order by seq")
    events = [decode(row.payload) for row in rows]
    assert [event.type for event in events] == ["coupon.issued", "coupon.redeemed", "coupon.redeemed"]
    assert [event.data.status for event in events[1:]] == ["reserved", "committed"]
    assert await verify(client.database) == []


async def test_a_closed_order_gives_its_coupon_back_and_the_newest_version_decides(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client)
    (code,) = await issued(client, ["c1"])
    await use(client, code, "o2")
    closed = order(shop, OrderClosed, "closed", "o2", timedelta(hours=2), revision=5)
    late = order(shop, OrderCompleted, "completed", "o2", timedelta(hours=1), revision=4)
    await deliver(client.database, [closed, late], size=1)
    assert (await client.get(f"{V1}/coupons/{code}")).json()["status"] == "open"
    assert (await use(client, code, "o3")).status_code == 200
    assert await verify(client.database) == []


async def test_orders_name_codes_that_nobody_reserved(client: Client, shop: Shop) -> None:
    """Attribution by the order's promotions: within the limits it counts, beyond them it is shown."""
    await rich(client, shop)
    await offered(client)
    (code,) = await issued(client, ["c1"])
    used = (PromotionUse(kind="coupon", code=code, amount=700), PromotionUse(kind="coupon", code="stranger", amount=9))
    await deliver(
        client.database,
        [
            order(shop, OrderCompleted, "completed", f"o{n}", timedelta(minutes=n), promotions=used, revision=n)
            for n in (2, 3)
        ],
    )
    found = (await client.get(f"{V1}/offers/spring")).json()
    assert (found["committed"], found["over_limit"], found["taken_off"], found["spent"]) == (1, 1, 1_400, 700)
    assert await verify(client.database) == []


async def test_of_many_calls_for_one_coupon_one_wins(client: Client) -> None:
    """L4, by a thousand real transactions."""
    await offered(client)
    made = await client.post(f"{V1}/offers/spring/coupons", json={"batch": "bearer", "count": 1})
    assert made.json()["issued"] == 1
    code = (await client.get(f"{V1}/offers/spring/coupons", params={"batch": "bearer"})).json()["coupons"][0]["code"]
    answers = await asyncio.gather(*(insisting(client, code, f"o{n}") for n in range(1_000)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 999
    assert await verify(client.database) == []


@pytest.mark.parametrize(
    ("terms", "fits", "reason"), [({"use_limit": 7}, 7, "sold_out"), ({"budget": 2_400}, 4, "budget")]
)
async def test_exactly_what_fits_is_served(client: Client, terms: dict[str, Any], fits: int, reason: str) -> None:
    """MEM-066, L4: stock and budget are shared by all customers."""
    await offered(client, **terms)
    await client.post(f"{V1}/offers/spring/coupons", json={"code": "word"})
    many = scaled(60, 1_000)
    answers = await asyncio.gather(*(insisting(client, "word", f"o{n}") for n in range(many)))
    assert sorted(answer.status_code for answer in answers) == [200] * fits + [409] * (many - fits)
    assert {answer.json()["reason"] for answer in answers if answer.status_code == 409} == {reason}
    assert await verify(client.database) == []


async def test_a_customer_uses_an_offer_as_often_as_it_says(client: Client, shop: Shop) -> None:
    """MEM-072: once a customer."""
    await rich(client, shop)
    await offered(client, per_customer=1)
    first, second = await issued(client, ["c1"]), await issued(client, ["c1"], batch="again")
    answers = await asyncio.gather(use(client, first[0], "o2"), use(client, second[0], "o3"))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_second_purchase_coupon_is_for_customers_with_one_order(client: Client, shop: Shop) -> None:
    """MEM-073: valid only when the customer's completed orders are 1."""
    await rich(client, shop)
    await offered(client, orders_from=1, orders_to=1)
    codes = await issued(client, ["c1", "new"])
    by = {customer: code for code, customer in zip(codes, ["c1", "new"], strict=True)}
    assert (await use(client, by["new"], "o9", "new")).json()["reason"] == "not_eligible"
    assert (await use(client, by["c1"], "o2")).status_code == 200
    await client.post(f"{V1}/coupons/{by['c1']}/uses/o2/release")
    await deliver(client.database, [shop.completed("c1", NOW, "o5", 100)])
    assert (await use(client, by["c1"], "o2")).json()["reason"] == "not_eligible"


async def test_an_order_counts_where_a_checkout_could_have_used_the_coupon(client: Client, shop: Shop) -> None:
    """Who may use it, and how often a customer: beyond that the use is shown with the reason, and nothing is taken."""
    await rich(client, shop)
    await offered(client, "each", per_customer=1)
    assert (await client.post(f"{V1}/offers/each/coupons", json={"code": "EACH"})).status_code == 200
    await offered(client)
    (of_nia,) = await issued(client, ["nia"])

    def named(customer: str | None, order_id: str, code: str, revision: int, minute: int) -> Any:
        used = (PromotionUse(kind="coupon", code=code, amount=500),)
        data = OrderPaid(
            order_id=order_id, state="paid", currency="CNY", goods_paid=9_000, promotions=used, revision=revision
        )
        return shop.event(customer, NOW + timedelta(minutes=minute), data)

    told = [named("mia", f"m{n}", "EACH", 1, n) for n in range(3)]
    told += [named("cat", "n1", of_nia, 1, 4), named(None, "p1", "EACH", 1, 5), named("pia", "p1", "EACH", 2, 6)]
    await deliver(client.database, told, size=2)
    client.clock.set(NOW + timedelta(hours=1))
    each, bound = [(await client.get(f"{V1}/offers/{name}")).json() for name in ("each", "spring")]
    assert (each["committed"], each["over_limit"], bound["committed"], bound["over_limit"]) == (2, 2, 0, 1)
    assert [c["code"] for c in (await client.get(f"{V1}/members/nia/coupons")).json()["coupons"]] == [of_nia]
    again = await use(client, "EACH", "p2", "pia")
    assert (again.status_code, again.json()["reason"]) == (409, "customer_limit")
    async with client.database.transaction() as tx:
        rows = await tx.fetch("select order_id, refused from coupon_uses where refused is not null order by order_id")
    assert [tuple(row) for row in rows] == [("m1", "customer_limit"), ("m2", "customer_limit"), ("n1", "not_theirs")]
    assert await verify(client.database) == []
