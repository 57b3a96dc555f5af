"""What becomes of a reserved checkout with its order, on a real PostgreSQL (issue 13)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.events.orders import (
    OrderClosed,
    OrderCompleted,
    OrderLine,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
    PromotionUse,
)
from membership.jobs.verifying import verify

from ..conftest import NOW, V1, Client, Shop, deliver, rich
from .carts import ORDERS, cart, left, quoted, version
from .offering import issued, offered


async def test_an_order_that_names_its_code_itself_brings_the_next_gift_too(client: Client, shop: Shop) -> None:
    """MEM-064: what its lines say came, else the next one; a repetition brings no other."""
    gifts = [{"sku": sku, "kind": "small_gift"} for sku in ("cup", "pot", "tray")]
    await offered(client, "own", percent=None, gifts=gifts, gift_series=True)
    await client.post(f"{V1}/offers/own/coupons", json={"code": "TEA"})
    used = (PromotionUse(kind="coupon", code="TEA", amount=0),)
    tray = (OrderLine(sku="tray", kind="gift", quantity=1),)
    told = [
        shop.paid("c1", NOW - timedelta(minutes=9 - n), name, 9_000, promotions=used, lines=lines, revision=n)
        for n, (name, lines) in enumerate((("a", ()), ("b", tray), ("b", ()), ("c", ())))
    ]
    await deliver(client.database, told)
    given = (await client.get(f"{V1}/members/c1/gifts")).json()["items"]
    assert {each["order_id"]: each["gifts"] for each in given} == {"a": ["cup"], "b": ["tray"], "c": ["pot"]}


async def test_a_coupon_that_was_given_back_is_not_used_by_the_order_without_it(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client)
    (code,) = await issued(client, ["c1"])
    await client.post(f"{ORDERS}/o2/reserve", json=cart(10_000))
    await client.post(f"{ORDERS}/o2/void")
    done = OrderCompleted(order_id="o2", state="completed", currency="CNY", goods_paid=9_800)
    await deliver(client.database, [shop.event("c1", NOW + timedelta(minutes=1), done)])
    assert (await client.get(f"{V1}/coupons/{code}")).json()["status"] == "open"
    assert await verify(client.database) == []


async def test_an_order_with_the_longest_id_is_reserved_like_any_other(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client)
    await issued(client, ["c1"])
    order_id = "o" * 200
    reserved = await client.post(f"{ORDERS}/{order_id}/reserve", json=cart(10_000, points=300))
    assert reserved.status_code == 200, reserved.text
    assert (await client.post(f"{ORDERS}/{order_id}/void")).status_code == 200
    assert await left(client) == (1, 600)


async def test_a_closed_order_gives_everything_back_and_a_completed_one_keeps_it(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client)
    await issued(client, ["c1"])
    await client.post(f"{ORDERS}/o2/reserve", json=cart(10_000, points=300))
    fields: dict[str, Any] = {"order_id": "o2", "currency": "CNY", "goods_paid": 8_520}
    closed = OrderClosed(state="closed", **fields)
    await deliver(client.database, [shop.event("c1", NOW + timedelta(minutes=1), closed)])
    client.clock.set(NOW + timedelta(minutes=2))
    assert await left(client) == (1, 600)
    assert (await quoted(client, 10_000))["coupons"] != []
    await client.post(f"{ORDERS}/o3/reserve", json=cart(10_000, points=300))
    done = OrderCompleted(state="completed", **{**fields, "order_id": "o3"})
    await deliver(client.database, [shop.event("c1", NOW + timedelta(minutes=3), done)])
    client.clock.set(NOW + timedelta(minutes=4))
    assert await left(client) == (0, 300 + 102)
    assert (await quoted(client, 10_000))["coupons"] == []
    assert await verify(client.database) == []


async def test_free_shipping_that_was_shipped_does_not_come_back_with_a_refund(client: Client, shop: Shop) -> None:
    """MEM-033: committed at shipment, however the parcel comes back; news of it may come after the refund."""
    await rich(client, shop)
    await client.post(f"{ORDERS}/o2/reserve", json=cart(10_000))
    later = [NOW + timedelta(minutes=n) for n in range(4)]
    whole = OrderRefunded(refund_id="f", order_id="o2", amount=9_500, currency="CNY", whole=True)
    paid, shipped = shop.event("c1", later[1], version(OrderPaid, 1)), version(OrderShipped, 2)
    await deliver(client.database, [paid, shop.event("c1", later[3], whole)])
    assert (await left(client))[0] == 1
    await deliver(client.database, [shop.event("c1", later[2], shipped)])
    client.clock.set(NOW + timedelta(minutes=5))
    assert (await left(client))[0] == 0
    assert await verify(client.database) == []


async def test_a_checkout_whose_order_was_closed_is_not_answered_as_reserved(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.post(f"{ORDERS}/o2/reserve", json=cart(10_000, points=100))
    await deliver(client.database, [shop.event("c1", NOW + timedelta(minutes=1), version(OrderClosed, 1))])
    client.clock.set(NOW + timedelta(minutes=2))
    for path, body in (("reserve", cart(10_000, points=100)), ("commit", None)):
        ended = await client.post(f"{ORDERS}/o2/{path}", json=body)
        assert (ended.status_code, ended.json()["type"]) == (409, "/problems/checkout_ended"), ended.text
    assert await left(client) == (1, 600)
    assert (await client.post(f"{ORDERS}/o2/void")).status_code == 200


@pytest.mark.parametrize("buyer", ["c2", None])
async def test_an_order_that_comes_under_another_customer_keeps_what_was_promised_for_it(
    client: Client, shop: Shop, buyer: str | None
) -> None:
    """A family's account, a guest with a member's card: the discount was had, so nothing comes back by a void."""
    await rich(client, shop)
    await client.post(f"{ORDERS}/o2/reserve", json=cart(10_000, points=100))
    done = [version(OrderPaid, 1), version(OrderCompleted, 2)]
    events = [shop.event(buyer, NOW + timedelta(minutes=n), each) for n, each in enumerate(done, 1)]
    await deliver(client.database, events)
    client.clock.set(NOW + timedelta(minutes=5))
    assert (await client.post(f"{ORDERS}/o2/void")).status_code == 409
    assert await left(client) == (0, 500)
    assert await verify(client.database) == []


async def test_an_order_of_another_customer_that_is_closed_gives_the_promise_back(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.post(f"{ORDERS}/o2/reserve", json=cart(10_000, points=100))
    await deliver(client.database, [shop.event("c2", NOW + timedelta(minutes=1), version(OrderClosed, 1))])
    client.clock.set(NOW + timedelta(minutes=2))
    assert await left(client) == (1, 600)
    assert await verify(client.database) == []


async def test_uses_that_orders_name_follow_the_newest_version_and_count_in_the_shops_currency(
    client: Client, shop: Shop
) -> None:
    """MEM-054: budget and figures, in whatever order the versions come."""
    await offered(client, amount=500, percent=None, budget=100_000)
    await client.post(f"{V1}/offers/spring/coupons", json={"code": "LUCK"})
    luck = (PromotionUse(kind="coupon", code="LUCK", amount=300), PromotionUse(kind="coupon", code="LUCK", amount=200))
    minute = timedelta(minutes=1)

    async def spent() -> tuple[int, int]:
        found = (await client.get(f"{V1}/offers/spring")).json()
        return found["uses"], found["spent"]

    await deliver(client.database, [shop.event("c1", NOW, version(OrderPaid, 1, promotions=luck))])
    assert await spent() == (1, 500)
    await deliver(client.database, [shop.event("c1", NOW + minute, version(OrderPaid, 3))])
    await deliver(client.database, [shop.event("c1", NOW + minute, version(OrderPaid, 2, promotions=luck))])
    assert await spent() == (0, 0)
    foreign = OrderPaid(order_id="o9", state="paid", currency="JPY", goods_paid=5_000, promotions=luck)
    await deliver(client.database, [shop.event("c1", NOW + 2 * minute, foreign)])
    assert await spent() == (1, 0)
    assert await verify(client.database) == []
