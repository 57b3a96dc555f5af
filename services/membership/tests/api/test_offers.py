"""Offers over HTTP: set once, stopped, shown by the calendar, refused (MEM-054 to 086)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.events import Event
from common.events.orders import OrderPaid
from common.events.shops import ShopSettingsChanged
from common.shops.following import save
from membership.jobs.verifying import verify

from ..conftest import NOW, V1, Client, Shop, deliver
from .offering import TERMS, issued, offered, order, use


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


async def test_what_an_offer_took_off_is_told_by_currency(client: Client) -> None:
    """Decision 0070: of an offer that names no amount and is used on in the shop's next currency; listed or alone."""
    await offered(client)
    await offered(client, "five", amount=500, percent=None)
    for offer, amount in (("spring", 700), ("five", 500)):
        (code,) = await issued(client, ["c1"], offer)
        assert (await use(client, code, f"o-{offer}", amount=amount)).status_code == 200
    (next_one,) = await issued(client, ["c2"], batch="later")
    later = NOW + timedelta(hours=1)
    yen = ShopSettingsChanged(version=2, valid_from=later, zone="Asia/Shanghai", currency="JPY")
    async with client.database.transaction() as tx:
        await save(tx, [Event("s2", "/shops/tea/orders-ingest", "tea", None, NOW, yen, "settings")], folds=True)
    client.clock.set(later)
    assert (await use(client, next_one, "o3", "c2", amount=60)).status_code == 200
    found = {each["offer_id"]: each for each in (await client.get(f"{V1}/offers")).json()["offers"]}
    told = {name: (each["currency"], each["spent"], each["spent_elsewhere"]) for name, each in found.items()}
    assert told == {"spring": ("JPY", 60, {"CNY": 700}), "five": ("CNY", 500, {})}
    alone = (await client.get(f"{V1}/offers/spring")).json()
    assert (alone["uses"], alone["spent"], alone["spent_elsewhere"]) == (2, 60, {"CNY": 700})
    # What paid orders took off holds no reserved use, of whichever currency.
    assert (alone["reserved"], alone["taken_off"], alone["taken_off_elsewhere"]) == (2, 0, {})
    assert await verify(client.database) == []


async def test_what_paid_orders_took_off_and_paid_is_told_by_currency_alike(client: Client, shop: Shop) -> None:
    """Decision 0070: both sums of the same orders, those beyond the limits too, in each currency."""
    await offered(client, use_limit=1)
    codes = await issued(client, ["c1", "c2"])
    used = {"promotions": [{"kind": "coupon", "code": code, "amount": 700} for code in codes]}
    await deliver(client.database, [order(shop, OrderPaid, "paid", "o1", timedelta(minutes=1), **used)])
    yen = ShopSettingsChanged(version=2, valid_from=NOW + timedelta(hours=1), zone="Asia/Shanghai", currency="JPY")
    async with client.database.transaction() as tx:
        await save(tx, [Event("s2", "/shops/tea/orders-ingest", "tea", None, NOW, yen, "settings")], folds=True)
    for hours, currency in ((0, "CNY"), (2, "JPY")):
        client.clock.set(NOW + timedelta(hours=hours, minutes=2))
        found = (await client.get(f"{V1}/offers/spring")).json()
        assert [found[name] for name in ("currency", "committed", "over_limit", "customers")] == [currency, 1, 1, 1]
        sums = found["taken_off"], found["taken_off_elsewhere"], found["revenue"], found["revenue_elsewhere"]
        here = currency == "CNY"
        assert sums == ((1_400, {}, 19_000, {}) if here else (0, {"CNY": 1_400}, 0, {"CNY": 19_000}))
        assert (found["spent"], found["spent_elsewhere"]) == ((700, {}) if here else (0, {"CNY": 700}))
    assert await verify(client.database) == []


async def test_sums_by_currency_are_in_the_offers_own_row(client: Client) -> None:
    """The list of offers reads none of its uses; a use that is given back is taken out, and verify looks after both."""
    await offered(client)
    (code,) = await issued(client, ["c1"])
    assert (await use(client, code, "o1", amount=700)).status_code == 200
    assert (await client.get(f"{V1}/offers")).json()["offers"][0]["spent"] == 700
    assert (await client.post(f"{V1}/coupons/{code}/uses/o1/release")).status_code == 200
    async with client.database.transaction() as tx:
        assert await tx.value("select cast(spent_by as text) from offers") == "{}"
        await tx.execute("update offers set spent_by = cast(:sums as jsonb)", sums='{"CNY": 1}')
    assert (await client.get(f"{V1}/offers")).json()["offers"][0]["spent"] == 1
    assert await verify(client.database) == ["tea: spring counts 0 uses (0), of which 0 stand"]
