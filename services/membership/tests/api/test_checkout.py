"""Checkout over HTTP, on a real PostgreSQL: one price, reserved whole or not at all, voided whole (issue 13)."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import timedelta
from typing import Any

import pytest

from membership.jobs.verifying import verify

from ..conftest import V1, Client, Shop, rich
from .carts import ORDERS, QUOTE, cart, left, quoted
from .offering import issued, offered, use


async def test_one_question_answers_tier_quota_coupons_points_and_gifts(client: Client, shop: Shop) -> None:
    """A Senior with 600 points: 2 % off, free shipping, the better of two coupons of a group, a sample."""
    await rich(client, shop)
    await offered(client, group="g")
    await offered(client, "five", percent=500, group="g")
    await offered(client, "mask", percent=None, automatic=True, gifts=[{"sku": "mask", "kind": "sample"}])
    (ten,), (five,) = await issued(client, ["c1"]), await issued(client, ["c1"], "five")
    found = await quoted(client, 10_000, 5_000, points=300, codes=["wrong"])
    assert (found["tier"], found["listed"], found["tier_discount"]) == ("Senior", 15_000, 300)
    assert found["coupons"] == [{"code": ten, "offer_id": "spring", "name": "Spring", "goods": 1_470, "freight": 0}]
    assert (found["goods"], found["freight"], found["shipping_by_quota"], found["total"]) == (13_230, 0, True, 13_230)
    assert sum(line["total"] for line in found["lines"]) == 13_230
    assert found["not_used"] == [five]
    assert found["refused"] == [{"code": "wrong", "reason": "unknown"}]
    assert found["gifts"] == [{"code": "mask", "sku": "mask", "kind": "sample", "quantity": 1}]
    # floor((132.30 - 3.00) x 1.2) points, to be earned by what is paid.
    assert found["points"] == {"available": 600, "most": 600, "used": 300, "worth": 300, "earned": 155}
    assert found["to_pay"] == 12_930


async def test_each_order_brings_the_next_gift_of_a_series(client: Client, shop: Shop) -> None:
    """MEM-064: what was voided comes again, what was given does not; whoever buys must be known."""
    await rich(client, shop)
    gifts = [{"sku": sku, "kind": "small_gift"} for sku in ("cup", "pot")]
    await offered(client, "set", percent=None, automatic=True, gifts=gifts, gift_series=True)
    assert (await quoted(client, 10_000, customer=None))["gifts"] == []
    found = []
    for order in ("g1", "g2", "g3", "g4"):
        answer = await client.post(f"{ORDERS}/{order}/reserve", json=cart(10_000))
        assert answer.status_code == 200, answer.text
        found.append([gift["sku"] for gift in answer.json()["gifts"]])
        if order == "g2":
            await client.post(f"{ORDERS}/{order}/void")
    assert found == [["cup"], ["pot"], ["pot"], []]
    given = (await client.get(f"{V1}/members/c1/gifts")).json()["items"]
    assert sorted((each["order_id"], each["gifts"][0], each["status"]) for each in given) == [
        ("g1", "cup", "reserved"), ("g3", "pot", "reserved"),
    ]  # fmt: skip


async def test_somebody_unknown_gets_the_shops_price_and_automatic_offers(client: Client) -> None:
    await offered(client, "all", percent=None, amount=200, automatic=True)
    found = await quoted(client, 10_000, customer=None)
    assert (found["tier"], found["total"], found["points"]["earned"]) == (None, 10_600, 98)
    assert found["shipping_by_quota"] is False


async def test_a_checkout_is_reserved_whole_repeated_and_voided_whole(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client)
    (code,) = await issued(client, ["c1"])
    body = cart(10_000, points=300, expected_total=8_820)
    first, again = [await client.post(f"{ORDERS}/o2/reserve", json=body) for _ in range(2)]
    assert first.status_code == 200, first.text
    assert first.json() == again.json()
    assert await left(client) == (0, 300)
    assert (await client.get(f"{V1}/coupons/{code}")).json()["status"] == "used"
    differs = await client.post(f"{ORDERS}/o2/reserve", json=cart(9_000))
    assert (differs.status_code, differs.json()["type"]) == (409, "/problems/checkout_differs")
    for _ in range(2):
        assert (await client.post(f"{ORDERS}/o2/void")).json()["status"] == "voided"
    assert await left(client) == (1, 600)
    assert (await client.get(f"{V1}/coupons/{code}")).json()["status"] == "open"
    assert (await client.post(f"{ORDERS}/o2/reserve", json=body)).status_code == 200
    assert (await client.post(f"{ORDERS}/o2/commit")).json()["status"] == "committed"
    late = await client.post(f"{ORDERS}/o2/void")
    assert (late.status_code, late.json()["type"]) == (409, "/problems/checkout_ended")
    assert await verify(client.database) == []


async def test_of_two_carts_at_one_moment_each_thing_is_given_once(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client)
    await issued(client, ["c1"])
    body = cart(10_000, points=600, expected_total=8_820)
    answers = await asyncio.gather(*(client.post(f"{ORDERS}/n{n}/reserve", json=body) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert await left(client) == (0, 0)
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from coupon_uses") == 1
        assert await tx.value("select count(*) from checkouts") == 1
    assert await verify(client.database) == []


@pytest.mark.parametrize(
    ("more", "status", "slug"),
    [
        ({"codes": ["wrong"]}, 409, "code_refused"),
        ({"points": 601}, 409, "insufficient_points"),
        ({"points": 300, "lines": [{"sku": "a", "quantity": 1, "price": 500}]}, 422, "too_large_share"),
        ({"points": 5, "customer": None}, 422, "customer_needed"),
        ({"expected_total": 1}, 409, "price_changed"),
        ({"currency": "USD"}, 422, "wrong_currency"),
        ({"lines": []}, 422, "invalid_request"),
        ({"lines": [{"sku": "a", "quantity": 100_000, "price": 10**10}]}, 422, "invalid_request"),
        ({"lines": [{"sku": "a", "quantity": 1, "price": -1}]}, 422, "invalid_request"),
        ({"surprise": 1}, 422, "invalid_request"),
    ],
)
async def test_what_is_refused_reserves_nothing(
    client: Client, shop: Shop, more: dict[str, Any], status: int, slug: str
) -> None:
    await rich(client, shop)
    await offered(client)
    await issued(client, ["c1"])
    answer = await client.post(f"{ORDERS}/o2/reserve", json=cart(10_000) | more)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert await left(client) == (1, 600)
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from coupon_uses") == 0
    assert (await client.post(f"{ORDERS}/o2/void")).status_code == 404


async def test_budgets_are_kept_and_the_next_best_price_is_quoted(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client, budget=900, automatic=True)
    await offered(client, "five", percent=500, automatic=True)
    found = await quoted(client, 10_000, codes=["spring"])
    assert [each["code"] for each in found["coupons"]] == ["five"]
    assert found["refused"] == [{"code": "spring", "reason": "budget"}]


async def test_a_quote_with_twenty_coupons_says_how_long_it_took(client: Client, shop: Shop) -> None:
    """P9 is measured on a stack; here the time is printed and not judged."""
    await rich(client, shop)
    for n in range(20):
        await offered(client, f"of{n}", percent=None, amount=300 + 7 * n, group=f"g{n % 7}", categories=["tea"])
        await issued(client, ["c1"], f"of{n}")
    took = []
    for _ in range(20):
        started = time.perf_counter()
        found = await quoted(client, 2_000, 1_500, 900)
        took.append((time.perf_counter() - started) * 1_000)
    print(f"median {statistics.median(took):.1f} ms, most {max(took):.1f} ms")
    assert len(found["coupons"]) == 5
    assert len({each["offer_id"] for each in found["coupons"]}) == 5


@pytest.mark.parametrize("terms", [{"per_customer": 1}, {"amount": 1_000, "percent": None, "budget": 1_500}])
async def test_what_is_quoted_of_two_coupons_of_one_offer_can_be_reserved(
    client: Client, shop: Shop, terms: dict[str, Any]
) -> None:
    await rich(client, shop)
    await offered(client, **terms)
    for batch in ("b1", "b2"):
        body = {"batch": batch, "customers": ["c1"]}
        assert (await client.post(f"{V1}/offers/spring/coupons", json=body)).status_code == 200
    found = await quoted(client, 10_000)
    assert len(found["coupons"]) == 1
    reserved = await client.post(f"{ORDERS}/o2/reserve", json=cart(10_000, expected_total=found["total"]))
    assert reserved.status_code == 200, reserved.text


@pytest.mark.parametrize(
    ("more", "status", "slug"),
    [
        ({"points": 601}, 409, "insufficient_points"),
        ({"points": 10**9}, 422, "too_large_share"),
        ({"points": 5, "customer": None}, 422, "customer_needed"),
        ({"points": 5, "customer": "nobody"}, 404, "unknown_member"),
    ],
)
async def test_points_are_refused_by_a_quote_as_by_its_reservation(
    client: Client, shop: Shop, more: dict[str, Any], status: int, slug: str
) -> None:
    """MEM-052: nothing is quoted that is not there, nor below zero."""
    await rich(client, shop)
    for path in (QUOTE, f"{ORDERS}/o2/reserve"):
        refused = await client.post(path, json=cart(200_000, **more))
        assert (refused.status_code, refused.json()["type"]) == (status, f"/problems/{slug}"), refused.text


async def test_a_word_for_the_new_alone_is_out_while_the_programme_forbids_it(client: Client) -> None:
    """SEC-015: a code that anybody may say is an offer to all. Coupons of one's own may be a welcome."""
    programme = (await client.get(f"{V1}/programme")).json()["programme"]
    await offered(client, "new", percent=5_000, orders_to=0)
    word = f"{V1}/offers/new/coupons"
    refused = await client.post(word, json={"code": "HELLO"})
    assert (refused.status_code, "SEC-015" in refused.text) == (422, True)
    assert (await client.post(word, json={"batch": "welcome", "customers": ["nia"]})).status_code == 200
    for equal, total in ((False, 5_800), (True, 10_800)):
        changed = await client.put(f"{V1}/programme", json={"programme": programme | {"equal_offers": equal}})
        assert changed.status_code == 200, changed.text
        client.clock.set(client.clock.now() + timedelta(hours=1))
        assert (await client.post(word, json={"code": "HELLO"})).status_code == (422 if equal else 200)
        answer = await quoted(client, 10_000, customer=None, codes=["HELLO"])
        assert (answer["total"], [each["reason"] for each in answer["refused"]]) == (
            (total, ["not_eligible"] if equal else [])
        )
        used = await use(client, "HELLO", f"o-{equal}", None)
        assert (used.status_code, used.json().get("reason")) == ((409, "not_eligible") if equal else (200, None))


async def test_an_offer_for_the_new_alone_is_out_while_the_programme_forbids_it(
    client: Client,
) -> None:
    """SEC-015: however early it was set."""
    programme = (await client.get(f"{V1}/programme")).json()["programme"]
    for equal, total in ((False, 5_800), (True, 10_800)):
        changed = await client.put(f"{V1}/programme", json={"programme": programme | {"equal_offers": equal}})
        assert changed.status_code == 200, changed.text
        client.clock.set(client.clock.now() + timedelta(hours=1))
        await offered(client, "new", percent=5_000, automatic=True, orders_to=0)
        assert (await quoted(client, 10_000, customer=None))["total"] == total
