"""A shop erases customers of whom it has heard nothing for so many months, each person whole (SEC-006)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.bus.broker import Record
from common.events import Event
from common.events.feedback import RewardClaimed
from common.events.messages import ContactReplied
from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.archive.vault import Vault
from orders_ingest.handlers.erasures import take_confirmations
from orders_ingest.jobs import retaining
from orders_ingest.retention.rules import DELAY, changed, silent_since, walk_of
from orders_ingest.retention.state import Retention, Walk

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
BASE = "/v1/shops/demo"


async def walked(db: Database, vault: Vault) -> list[int]:
    """The customers looked at, turn by turn, until nothing is due."""
    turns = list[int]()
    while True:
        async with db.transaction() as tx:
            if not (looked := await retaining.forget(tx, vault, tx.clock.now())):
                return turns
        turns.append(looked)


async def erased(db: Database) -> set[str]:
    async with db.transaction() as tx:
        rows = await tx.fetch("select customer, because from erasures")
    assert {row.because for row in rows} <= {"retention"}
    return {row.customer for row in rows}


@pytest.fixture
async def shop(api: httpx.AsyncClient, tell: Any) -> None:
    """The last sign is of 2023 of ann, dora and till; till is one person with ben, who bought in 2026."""
    await api.put(f"{BASE}/settings", json={"zone": "Europe/Berlin", "currency": "CNY"})
    old = "2023-01-02T10:00:00Z"
    profiles = [{"id": name, "name": f"{name} x", "registered_at": old} for name in ("ann", "ben", "till", "dora")]
    answer = await api.post(f"{BASE}/customers", json={"customers": profiles})
    assert answer.status_code == 202, answer.text
    orders = [
        tell.order(data={"order_id": f"o-{name}"}, subject=name, time=at)
        for name, at in (("ann", old), ("ben", "2026-02-01T10:00:00Z"), ("till", old))
    ]
    answer = await api.post(f"{BASE}/events", json=orders)
    assert answer.status_code == 202, answer.text
    answer = await api.post(f"{BASE}/customers/ben/merge", json={"absorbed": "till"})
    assert answer.status_code in {200, 202}, answer.text


@pytest.mark.usefixtures("shop")
async def test_silent_customers_are_erased_a_week_after_a_period_is_set_and_nobody_else(
    api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock
) -> None:
    """SEC-006: not before the week is over; a person with one identifier that gives signs stays whole."""
    nothing = {"months": None, "set_by": None, "set_at": None, "begins_at": None, "version": 0, "last_walk": None}
    assert (await api.get(f"{BASE}/retention")).json() == nothing
    preview = (await api.get(f"{BASE}/retention/preview?months=24")).json()
    assert preview == {"months": 24, "since": "2024-03-04T23:00:00Z", "held": 4, "silent": 2}
    answer = await api.put(f"{BASE}/retention", json={"months": 24, "by": "mara"})
    assert answer.json()["begins_at"] == "2026-03-12T12:00:00Z"
    assert await walked(db, vault) == []
    clock.set(NOW + DELAY)
    assert sum(await walked(db, vault)) >= 4
    assert await erased(db) == {"ann", "dora"}
    last = (await api.get(f"{BASE}/retention")).json()["last_walk"]
    assert (last["day"], last["examined"], last["erased"]) == ("2026-03-12", 4, 2)
    report = (await api.get(f"{BASE}/customers/ann/erasure")).json()
    assert report["because"] == "retention"
    assert (await api.put(f"{BASE}/customers/ann", json={"name": "again"})).status_code == 409
    assert await walked(db, vault) == [], "one walk a day"
    clock.set(NOW + timedelta(days=24 * 31))
    await walked(db, vault)
    assert await erased(db) == {"ann", "dora", "ben", "till"}, "two years later the others are silent too"


@pytest.mark.usefixtures("shop")
async def test_whoever_was_heard_from_in_any_way_stays(
    api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, tell: Any
) -> None:
    """SEC-006: a refund of an old order, a return that waits, an open order, a reply, a merge; dora did nothing, and
    that the shop's first of two people approved her claim is no sign of hers."""
    old = "2023-01-02T10:00:00Z"
    names = ("refunded", "waits", "open", "replied", "survivor", "absorbed")
    await api.post(f"{BASE}/customers", json={"customers": [{"id": n, "name": n, "registered_at": old} for n in names]})
    orders = [tell.order(data={"order_id": f"o-{n}"}, subject=n, time=old) for n in ("refunded", "waits")]
    orders.append(tell.order("paid", {"order_id": "o-open"}, subject="open", time="2024-01-02T10:00:00Z"))
    back = {"order_id": "o-refunded", "refund_id": "r-1", "amount": 100, "currency": "CNY"}
    orders.append(tell.event("order.refunded", back, subject="refunded", time="2026-02-01T10:00:00Z"))
    returned = {"order_id": "o-waits", "return_id": "x-1", "state": "open"}
    orders.append(tell.event("order.returned", returned, subject="waits", time=old))
    answer = await api.post(f"{BASE}/events", json=orders)
    assert {result["status"] for result in answer.json()["results"]} == {"accepted"}, answer.text
    replied = Event("m-1", "/shops/demo/messaging", "demo", "replied", NOW, ContactReplied(channel="email", text="yes"))
    sign = Record("messages", 0, 0, b"", replied.encode(), {"type": b"contact.replied"}, 0)
    claim = RewardClaimed(
        claim_id="k", review_id="r", order_id="o", state="claimed", amount=9, currency="CNY", proposed_by="li"
    )
    proposed = Event("k-2", "/shops/demo/feedback", "demo", "dora", NOW, claim)
    no_sign = Record("feedback", 0, 0, b"", proposed.encode(), {"type": b"reward.claimed"}, 0)
    async with db.transaction() as tx:
        assert (await take_confirmations(tx, [sign, sign, no_sign])).fresh == 3
    answer = await api.post(f"{BASE}/customers/survivor/merge", json={"absorbed": "absorbed"})
    assert answer.status_code in {200, 202}, answer.text
    await api.put(f"{BASE}/retention", json={"months": 24, "by": "mara"})
    clock.set(NOW + DELAY)
    await walked(db, vault)
    assert await erased(db) == {"ann", "dora"}


@pytest.mark.usefixtures("shop")
async def test_a_walk_goes_on_where_it_was_and_a_shop_that_takes_it_back_loses_nobody(
    api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining, "PAGE", 2)
    monkeypatch.setattr(retaining, "ERASED_AT_ONCE", 1)
    await api.put(f"{BASE}/retention", json={"months": 24, "by": "mara", "replaces": 0})
    refused = await api.put(f"{BASE}/retention", json={"months": 12, "by": "mara", "replaces": 0})
    assert (refused.status_code, "kept for 24 months" in refused.json()["detail"]) == (409, True), "it was read before"
    assert (await api.put(f"{BASE}/retention", json={"months": None, "by": "mara", "replaces": 1})).json()[
        "version"
    ] == 2
    clock.set(NOW + DELAY)
    assert await walked(db, vault) == []
    await api.put(f"{BASE}/retention", json={"months": 24, "by": "mara"})
    clock.set(NOW + 2 * DELAY)
    await walked(db, vault)
    assert await erased(db) == {"ann", "dora"}
    last = (await api.get(f"{BASE}/retention")).json()["last_walk"]
    assert (last["examined"], last["erased"], last["ended_at"]) == (4, 2, "2026-03-19T12:00:00Z")


async def test_a_period_is_set_by_who_may_erase_and_says_by_whom(api: httpx.AsyncClient, clock: FixedClock) -> None:
    """SEC-004, SEC-006: a key for the shop's name and currency has nobody erased."""
    await api.put(f"{BASE}/settings", json={"zone": "Europe/Berlin", "currency": "CNY"})

    async def keyed(*scopes: str) -> dict[str, str]:
        made = await api.post("/v1/keys", json={"name": "backend", "shop": "demo", "scopes": scopes})
        return {"authorization": f"Bearer {made.json()['key']}"}

    wanted = {"months": 1, "by": "mara"}
    refused = await api.put(f"{BASE}/retention", json=wanted, headers=await keyed("settings:write", "customers:write"))
    assert (refused.status_code, refused.json()["scope"]) == (403, "customers:erase")
    eraser = await keyed("customers:erase", "settings:read")
    said = (await api.put(f"{BASE}/retention", json=wanted, headers=eraser)).json()
    assert re.fullmatch(r"mara \(key [0-9a-z]+\)", said["set_by"])
    assert said["set_at"] == "2026-03-05T12:00:00Z"
    clock.set(NOW + timedelta(hours=1))
    again = await api.put(f"{BASE}/retention", json=wanted | {"by": "till"}, headers=eraser)
    assert again.json() == said, "nothing was changed"
    assert (await api.put(f"{BASE}/retention", json={"months": 1}, headers=eraser)).status_code == 422


@pytest.mark.parametrize("months", [0, -1, 241, "two"])
async def test_periods_that_make_no_sense_are_refused(api: httpx.AsyncClient, months: Any) -> None:
    await api.put(f"{BASE}/settings", json={"zone": "Europe/Berlin", "currency": "CNY"})
    assert (await api.put(f"{BASE}/retention", json={"months": months, "by": "mara"})).status_code == 422
    assert (await api.get(f"{BASE}/retention/preview", params={"months": months})).status_code == 422


@given(st.lists(st.none() | st.integers(1, 240), max_size=6), st.integers(0, 20))
def test_nobody_is_erased_within_a_week_of_a_period_that_erases_more(periods: list[int | None], days: int) -> None:
    """Whatever was set before, and however often."""
    standing, now, shorter_at = Retention(months=None), NOW, NOW - timedelta(days=30)
    for months in periods:
        if months is not None and (standing.months is None or months < standing.months):
            shorter_at = now
        standing = changed(standing, months, "mara", now)
        now += timedelta(days=days)
        walk = walk_of(standing, now, BERLIN)
        assert (walk is not None) == (standing.months is not None and now >= shorter_at + DELAY)


def test_the_last_day_of_a_month_is_months_before_clamped() -> None:
    assert silent_since(date(2026, 3, 31), 1, BERLIN) == datetime(2026, 2, 27, 23, tzinfo=UTC)
    standing = Retention(months=1, begins_at=NOW, walk=Walk(day=date(2026, 3, 5), ended_at=NOW))
    assert walk_of(standing, NOW + timedelta(hours=11), BERLIN) == Walk(day=date(2026, 3, 6)), "midnight of the shop"
    assert walk_of(standing, NOW + timedelta(hours=10), BERLIN) is None
