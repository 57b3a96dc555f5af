"""Offers and coupons over HTTP, on a real PostgreSQL: issue, races, limits, orders, refusals (MEM-054 to 086)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.events import Event, decode
from common.events.customers import CustomerErased, CustomerMerged
from common.events.messages import CouponRequested
from common.events.orders import OrderClosed, OrderCompleted, OrderPaid, PromotionUse
from common.events.shops import ShopSettingsChanged
from common.shops.following import save
from membership.jobs.verifying import verify
from membership.programme.programme import Programme
from membership.programme.promotions import PromotionGuard

from ..conftest import NOW, V1, Client, Shop, deliver, rich

TERMS = {"name": "Spring", "percent": 1_000, "starts": "2025-03-01T00:00:00Z", "ends": "2025-05-01T00:00:00Z"}


async def offered(client: Client, offer_id: str = "spring", **terms: Any) -> None:
    answer = await client.put(f"{V1}/offers/{offer_id}", json={**TERMS, **terms})
    assert answer.status_code == 200, answer.text


async def issued(client: Client, customers: list[str], offer_id: str = "spring", batch: str = "b") -> list[str]:
    answer = await client.post(f"{V1}/offers/{offer_id}/coupons", json={"batch": batch, "customers": customers})
    assert answer.status_code == 200, answer.text
    rows = (await client.get(f"{V1}/offers/{offer_id}/coupons", params={"batch": batch})).json()["coupons"]
    return [row["code"] for row in rows]


async def use(client: Client, code: str, order_id: str, customer: str | None = "c1", amount: int = 500) -> Any:
    body = {"order_id": order_id, "customer": customer, "amount": amount}
    return await client.post(f"{V1}/coupons/{code}/uses", json=body)


def order(shop: Shop, kind: type[Any], state: str, order_id: str, at: timedelta, **more: Any) -> Any:
    data = kind(order_id=order_id, state=state, currency="CNY", goods_paid=9_500, **more)
    return shop.event("c1", NOW + at, data)


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


async def insisting(client: Client, code: str, order_id: str) -> Any:
    """As a client does that is told to come again: many at once are more than there are connections."""
    while (answer := await use(client, code, order_id, None)).status_code == 503:
        await asyncio.sleep(0.1)
    return answer


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
    answers = await asyncio.gather(*(insisting(client, "word", f"o{n}") for n in range(60)))
    assert sorted(answer.status_code for answer in answers) == [200] * fits + [409] * (60 - fits)
    assert {answer.json()["reason"] for answer in answers if answer.status_code == 409} == {reason}
    assert await verify(client.database) == []


async def test_a_batch_is_issued_once_however_often_it_is_asked_for(client: Client) -> None:
    await offered(client)
    customers = [f"c{n}" for n in range(1_200)]
    bodies = [{"batch": "b", "customers": customers[start : start + 800]} for start in (0, 0, 400, 800)]
    answers = [await client.post(f"{V1}/offers/spring/coupons", json=body) for body in bodies]
    assert [answer.json()["issued"] for answer in answers] == [800, 0, 400, 0]
    async with client.database.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where type = 'coupon.issued'")
        assert await tx.value("select count(distinct code) from coupons") == 1_200
    assert sorted(len(decode(row.payload).data.coupons) for row in rows) == [300, 400, 500]


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


async def test_an_offer_is_set_once_stopped_and_its_end_is_true(client: Client) -> None:
    await offered(client, use_limit=5)
    await offered(client, use_limit=5)
    differs = await client.put(f"{V1}/offers/spring", json={**TERMS, "use_limit": 6})
    assert (differs.status_code, differs.json()["type"]) == (409, "/problems/offer_differs")
    await client.post(f"{V1}/offers/spring/coupons", json={"code": "word"})
    await use(client, "word", "o1", None)
    listed = (await client.get(f"{V1}/offers")).json()["offers"][0]
    assert (listed["status"], listed["left"], listed["spent"]) == ("running", 4, 500)
    assert (await client.post(f"{V1}/offers/spring/stop")).json()["status"] == "stopped"
    assert (await use(client, "word", "o2", None)).json()["reason"] == "stopped"
    assert (await client.post(f"{V1}/coupons/word/uses/o1/commit")).json()["status"] == "committed"
    more = await client.post(f"{V1}/offers/spring/coupons", json={"batch": "b", "count": 1})
    assert (more.status_code, more.json()["type"]) == (409, "/problems/offer_over")


async def test_the_calendar_shows_member_days_and_overlaps(client: Client) -> None:
    """MEM-067, MEM-084: the 31st of April is its last day."""
    await offered(client, "member-day", automatic=True, day_of_month=31)
    await offered(client, "all-month", automatic=True, starts="2025-03-31T16:00:00Z", ends="2025-04-30T16:00:00Z")
    found = (await client.get(f"{V1}/offers/calendar", params={"first": "2025-03-30", "days": 32})).json()
    both = [day["day"] for day in found["days"] if len(day["offers"]) == 2]
    assert (both, found["most"]) == (["2025-04-30"], 2)
    assert found["days"][1] == {"day": "2025-03-31", "offers": ["member-day"]}


@pytest.mark.parametrize(
    ("terms", "status"),
    [
        ({"percent": None}, 422),
        ({"amount": 100}, 422),
        ({"percent": 10_001}, 422),
        ({"ends": "2025-02-01T00:00:00Z"}, 422),
        ({"percent": None, "steps": [{"spend": 200, "save": 20}, {"spend": 300, "save": 20}]}, 422),
        ({"percent": None, "rates": [{"orders": 1, "percent": 500}, {"orders": 5, "percent": 400}]}, 422),
        ({"percent": None, "gifts": [{"sku": "mask", "kind": "full-size"}]}, 422),
        ({"tier_from": "nobody"}, 422),
        ({"automatic": True, "orders_to": 0}, 422),
        ({"starts": "2024-01-01T00:00:00Z", "ends": "2024-02-01T00:00:00Z"}, 409),
        ({"surprise": 1}, 422),
    ],
)
async def test_an_offer_that_makes_no_sense_is_refused(client: Client, terms: dict[str, Any], status: int) -> None:
    """MEM-057, MEM-058, MEM-061 (T-4.19), SEC-015."""
    answer = await client.put(f"{V1}/offers/spring", json={**TERMS, **terms})
    assert answer.status_code == status
    assert (await client.get(f"{V1}/offers/spring")).json()["type"] == "/problems/unknown_offer"


@pytest.mark.parametrize(
    ("path", "body", "status", "slug"),
    [
        ("offers/none/coupons", {"batch": "b", "count": 1}, 404, "unknown_offer"),
        ("offers/spring/coupons", {"batch": "b"}, 422, "invalid_request"),
        ("offers/spring/coupons", {"count": 1}, 422, "invalid_request"),
        ("offers/spring/coupons", {"batch": "b", "count": 10_001}, 422, "invalid_request"),
        ("offers/auto/coupons", {"batch": "b", "count": 1}, 409, "offer_automatic"),
        ("offers/spring/coupons", {"code": "auto"}, 409, "code_taken"),
        ("coupons/none/uses", {"order_id": "o", "amount": 1}, 404, "unknown_coupon"),
        ("coupons/auto/uses", {"order_id": "o", "amount": -1}, 422, "invalid_request"),
        ("coupons/auto/uses/o/release", None, 404, "unknown_use"),
    ],
)
async def test_what_is_refused_changes_nothing(client: Client, path: str, body: Any, status: int, slug: str) -> None:
    await offered(client)
    await offered(client, "auto", automatic=True)
    answer = await client.post(f"{V1}/{path}", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from coupons") == 1
        assert await tx.value("select count(*) from coupon_uses") == 0


@pytest.mark.parametrize("first", ["9999-12-31", "0001-01-01", "2300-01-01"])
async def test_the_calendar_has_ends_and_its_address_is_no_offers(client: Client, first: str) -> None:
    assert (await client.get(f"{V1}/offers/calendar", params={"first": first})).status_code == 422
    refused = await client.put(f"{V1}/offers/calendar", json={})
    assert refused.status_code == 422


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


async def test_a_flow_asks_for_coupons_and_is_answered_once(client: Client, shop: Shop) -> None:
    """One a customer and batch, whatever is repeated; what cannot be issued is declined (MEM-054)."""
    await offered(client)

    def asks(customer: str, offer_id: str = "spring") -> Any:
        data = CouponRequested(offer_id=offer_id, batch="flow:win-back")
        return shop.event(customer, NOW, data)

    await deliver(client.database, [asks("a"), asks("b"), asks("a"), asks("c", "none")])
    await deliver(client.database, [asks("b")])
    async with client.database.transaction() as tx:
        rows = await tx.fetch("select payload from outbox order by seq")
    told = [decode(row.payload) for row in rows]
    issued_to = [c.customer for event in told if event.type == "coupon.issued" for c in event.data.coupons]
    declined = [(e.subject, e.data.reason) for e in told if e.type == "coupon.declined"]
    assert (sorted(issued_to), declined) == (["a", "b"], [("c", "unknown_offer")])


async def test_of_an_offer_in_a_former_currency_no_coupon_is_issued(client: Client, shop: Shop) -> None:
    """MEM-054, decision 0070: it would apply to nothing; a flow is told, so that nobody is written to about it."""
    await offered(client, minimum=5_000)
    await offered(client, "plain")
    later = NOW + timedelta(hours=1)
    yen = ShopSettingsChanged(version=2, valid_from=later, zone="Asia/Shanghai", currency="JPY")
    async with client.database.transaction() as tx:
        await save(tx, [Event("s2", "/shops/tea/orders-ingest", "tea", None, NOW, yen, "settings")], folds=True)
    client.clock.set(later)
    assert len(await issued(client, ["d"], "plain")) == 1, "it names no amount"
    for how in ({"customers": ["d"], "batch": "x"}, {"count": 1, "batch": "y"}, {"code": "WORD"}):
        refused = await client.post(f"{V1}/offers/spring/coupons", json=how)
        assert (refused.status_code, refused.json()["type"].endswith("other_currency")) == (409, True), refused.text
    await deliver(client.database, [shop.event("d", NOW, CouponRequested(offer_id="spring", batch="flow:win-back"))])
    async with client.database.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where type = 'coupon.declined'")
    assert [decode(row.payload).data.reason for row in rows] == ["other_currency"]


async def test_msg_026_of_four_orders_at_once_the_customer_gets_one_coupon(client: Client, shop: Shop) -> None:
    """Each order's run asks by a name of its own, before any hears of the coupon; who used it is given another."""
    await offered(client)

    def asks(order: int) -> Any:
        return shop.event("ann", NOW, CouponRequested(offer_id="spring", batch=f"flow:thanks:{order}"))

    async def given() -> list[str]:
        return [c["code"] for c in (await client.get(f"{V1}/members/ann/coupons")).json()["coupons"]]

    await deliver(client.database, [asks(order) for order in range(4)], size=2)
    [code] = await given()
    await deliver(client.database, [asks(0)])
    assert await given() == [code], "asked for again it is the same"
    assert (await use(client, code, "o1", "ann")).status_code == 200
    await deliver(client.database, [asks(4), asks(5)])
    assert len([each for each in await given() if each != code]) == 1
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from outbox where type = 'coupon.declined'") == 0


async def test_a_person_gets_one_of_a_batch_whichever_identifiers_a_list_holds(client: Client, shop: Shop) -> None:
    """MEM-054, ORD-040: of two in one list, and of one asked for before the merge and another one after it."""
    await offered(client)
    assert len(await issued(client, ["ann", "eve"], batch="before")) == 2
    merged = [
        shop.event(survivor, NOW, CustomerMerged(survivor=survivor, absorbed=absorbed, sequence=1))
        for survivor, absorbed in (("bob", "ann"), ("eve", "fay"))
    ]
    await deliver(client.database, merged)
    assert len(await issued(client, ["bob", "ann", "eve", "fay", "gus"], batch="before")) == 3, "gus alone is new"
    assert len(await issued(client, ["ann", "bob", "fay"], batch="after")) == 2


async def test_nobody_is_given_more_promotions_than_the_programme_allows(client: Client, shop: Shop) -> None:
    """MEM-083: over all offers, in any 30 days; what is held back is said, and a flow is told why."""
    await offered(client)
    await offered(client, "tea")
    body = {"programme": Programme(promotions=PromotionGuard(coupons=1)).model_dump(mode="json")}
    assert (await client.put(f"{V1}/programme", json=body)).status_code == 200
    client.clock.set(NOW + timedelta(hours=1))
    answers = [
        (await client.post(f"{V1}/offers/{offer}/coupons", json={"batch": "b", "customers": names})).json()
        for offer, names in (("spring", ["a"]), ("spring", ["a", "b"]), ("tea", ["a", "c"]))
    ]
    assert [(answer["issued"], answer["held_back"]) for answer in answers] == [(1, 0), (1, 0), (1, 1)]
    asked = CouponRequested(offer_id="tea", batch="flow:round")
    await deliver(client.database, [shop.event(name, NOW + timedelta(hours=1), asked) for name in ("a", "d")])
    async with client.database.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where type = 'coupon.declined' order by seq")
    assert [(e.subject, e.data.reason) for e in (decode(r.payload) for r in rows)] == [("a", "enough_promotions")]
    client.clock.set(NOW + timedelta(days=31))
    later = await client.post(f"{V1}/offers/tea/coupons", json={"batch": "b", "customers": ["a"]})
    assert later.json()["issued"] == 1
    bodies = [{"batch": f"at-once-{n}", "customers": ["z"]} for n in range(4)]
    at_once = await asyncio.gather(*(client.post(f"{V1}/offers/tea/coupons", json=body) for body in bodies))
    assert sorted(answer.json()["issued"] for answer in at_once) == [0, 0, 0, 1], "each sees what another has issued"


async def test_a_batch_leaves_some_out_and_tells_what_the_others_coupons_brought(client: Client, shop: Shop) -> None:
    """ANA-032, ANA-036: everybody is in one of two groups for good; orders that stand, after the issue, count."""
    await offered(client)
    names = [f"c{n}" for n in range(40)]
    body = {"batch": "b", "customers": names, "hold_out": 50}
    first, again = [(await client.post(f"{V1}/offers/spring/coupons", json=body)).json() for _ in range(2)]
    assert (first["issued"] + first["held_out"], again["issued"], again["held_out"]) == (40, 0, first["held_out"])
    later = (await client.post(f"{V1}/offers/spring/coupons", json={**body, "hold_out": 0})).json()
    assert (later["issued"], later["held_out"]) == (0, first["held_out"])
    rows = (await client.get(f"{V1}/offers/spring/coupons", params={"batch": "b"})).json()["coupons"]
    got, at = [row["customer"] for row in rows], NOW + timedelta(hours=1)
    left_out = sorted(set(names) - set(got))
    orders = [
        shop.paid(got[0], NOW - timedelta(days=1), "before", 9_000),
        *(shop.paid(name, at, f"{name}-1", 10_000) for name in got[:4]),
        shop.paid(got[0], at, "second", 20_000),
        shop.paid(left_out[0], at, "without", 8_000),
        shop.paid(left_out[1], at, "back", 8_000),
        shop.refunded(left_out[1], at + timedelta(hours=1), "back", 8_000),
        shop.paid(left_out[2], NOW + timedelta(days=31), "late", 8_000),
    ]
    await deliver(client.database, orders)
    client.clock.set(NOW + timedelta(days=32))
    asked: dict[str, Any] = {"batch": "b", "days": 30}
    found = (await client.get(f"{V1}/offers/spring/effect", params=asked)).json()
    assert [found["issued"][name] for name in ("customers", "buyers", "orders", "spend", "order_value")] == [
        len(got), 4, 5, 60_000, 12_000,
    ]  # fmt: skip
    assert [found["held_out"][name] for name in ("customers", "buyers", "orders")] == [len(left_out), 1, 1]
    assert (found["complete"], found["order_value_change"], found["reason"]) == (True, "50.00", None)
    assert found["extra_orders"] == (5 * len(left_out) - len(got)) // len(left_out)
    wrong: list[dict[str, Any]] = [{"batch": "none"}, {"batch": "b", "days": 0}, {}]
    answers = [await client.get(f"{V1}/offers/spring/effect", params=params) for params in wrong]
    assert [answer.status_code for answer in answers] == [404, 422, 422]
    await deliver(client.database, [shop.event(left_out[0], NOW, CustomerErased())])
    found = (await client.get(f"{V1}/offers/spring/effect", params=asked)).json()
    assert found["held_out"]["customers"] == len(left_out) - 1
    yen = ShopSettingsChanged(version=2, valid_from=client.clock.now(), zone="Asia/Shanghai", currency="JPY")
    async with client.database.transaction() as tx:
        await save(tx, [Event("s2", "/shops/tea/orders-ingest", "tea", None, NOW, yen, "settings")], folds=True)
    found = (await client.get(f"{V1}/offers/spring/effect", params=asked)).json()
    told = (found["currency"], found["issued"]["orders"], found["issued"]["spend"], found["taken_off"])
    assert told == ("JPY", 5, 0, 0), "nothing of another currency is added (0070)"
