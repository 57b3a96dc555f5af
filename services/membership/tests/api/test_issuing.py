"""Coupons that are issued, on a real PostgreSQL: batches, flows, a guard and who is left out (MEM-054, 083)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from common.events import Event, decode
from common.events.customers import CustomerErased, CustomerMerged
from common.events.messages import CouponRequested
from common.events.shops import ShopSettingsChanged
from common.shops.following import save
from membership.commands.offers import issue_requested, issue_to
from membership.programme.programme import Programme
from membership.programme.promotions import PromotionGuard

from ..conftest import NOW, V1, Client, Shop, at_once, deliver
from .offering import issued, offered, use


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


async def test_of_two_identifiers_at_once_the_person_gets_one_coupon(client: Client, shop: Shop) -> None:
    """MEM-054, MSG-026, ORD-040: of two lists, and of two orders whose runs ask, each under another identifier."""
    await offered(client)
    merged = CustomerMerged(survivor="bob", absorbed="ann", sequence=1)
    await deliver(client.database, [shop.event("bob", NOW, merged)])
    second = await at_once(
        client.database,
        lambda tx: issue_to(tx, "tea", "spring", "list", ["ann"], 0, promotes=True),
        client.post(f"{V1}/offers/spring/coupons", json={"batch": "list", "customers": ["bob"]}),
    )
    assert second.json()["issued"] == 0
    await offered(client, "thanks")
    asks = [shop.event(name, NOW, CouponRequested(offer_id="thanks", batch=f"flow:{name}")) for name in ("ann", "bob")]
    await at_once(client.database, lambda tx: issue_requested(tx, asks[:1]), deliver(client.database, asks[1:]))
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from coupons where offer_id = 'thanks'") == 1


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
