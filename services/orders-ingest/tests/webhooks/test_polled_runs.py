"""Whole runs over lists of orders, by a shop's system that misbehaves; each order is compared once (L5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.archive.vault import Vault
from orders_ingest.jobs.polling import LONGEST_WAIT, MOST_ASKED_FOR, begin_daily, poll_next
from orders_ingest.reconciliation.lists.protocol import (
    Answer,
    Page,
)
from orders_ingest.reconciliation.lists.shopify import ShopifyList

from .shop_system import KEYS, LISTS, RUNS, TOKEN, Reply, ShopSystem, begin, to_the_end, woo_order


@pytest.mark.parametrize(
    ("mood", "waits"),
    [
        ((429, {"retry-after": "99999999999999999999"}, b""), MOST_ASKED_FOR),
        ((429, {"retry-after": "1e300"}, b""), MOST_ASKED_FOR),
        ((429, {"retry-after": "-1e300"}, b""), timedelta(0)),
        ((429, {"retry-after": "inf"}, b""), LONGEST_WAIT),
    ],
)
async def test_whatever_a_system_says_holds_up_its_own_run_alone(
    api: httpx.AsyncClient,
    db: Database,
    vault: Vault,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
    mood: Reply,
    waits: timedelta,
) -> None:
    monkeypatch.setenv("ORDER_LISTS_PRIVATE_HOSTS", "true")
    async with ShopSystem([], [mood]).listening() as system:
        await api.put(f"{LISTS}/shopify", json={"address": system.address, "secret": TOKEN})
        await begin(api, "r", "shopify")
        assert await poll_next(db, vault, private=True)
        waiting = (await api.get(f"{RUNS}/r")).json()
        assert (waiting["pages"], waiting["ended_at"]) == (0, None)
        clock.set(clock.now() + waits)
        assert (await to_the_end(api, db, vault, clock, "r"))["trouble"] is None


async def test_an_order_that_is_nested_too_deep_is_refused_by_itself(
    api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDER_LISTS_PRIVATE_HOSTS", "true")
    good = orjson.dumps(woo_order(2)).decode()
    body = f'[{{"id": 1, "note": {"[" * 300}{"]" * 300}}}, {good}]'.encode()
    async with ShopSystem([], [(200, {}, body)]).listening() as system:
        await api.put(f"{LISTS}/woocommerce", json={"address": system.address, "secret": KEYS})
        await begin(api, "r", "woocommerce")
        report = await to_the_end(api, db, vault, clock, "r")
    assert (report["refused"], report["missed"], report["trouble"]) == (1, 1, None)


async def test_a_page_that_cannot_be_taken_is_asked_for_again(
    api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: ShopifyList, answer: Answer, place: object) -> Page:
        raise TypeError("of ours")

    monkeypatch.setenv("ORDER_LISTS_PRIVATE_HOSTS", "true")
    async with ShopSystem([]).listening() as system:
        await api.put(f"{LISTS}/shopify", json={"address": system.address, "secret": TOKEN})
        await begin(api, "r", "shopify")
        with monkeypatch.context() as patched:
            patched.setattr(ShopifyList, "read", fails)
            assert await poll_next(db, vault, private=True)
        assert (await api.get(f"{RUNS}/r")).json()["ended_at"] is None
        clock.set(clock.now() + LONGEST_WAIT)
        assert (await to_the_end(api, db, vault, clock, "r"))["trouble"] is None


async def test_what_shopifys_webhooks_did_not_bring_is_found_whatever_the_system_does(
    api: httpx.AsyncClient,
    db: Database,
    vault: Vault,
    clock: FixedClock,
    delivering: Any,
    shopify_order: Any,
    published: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """L5: patience asked for, failures, a page that is no JSON, a page that comes twice, a change while paging."""
    monkeypatch.setenv("ORDER_LISTS_PRIVATE_HOSTS", "true")
    listed = [{**shopify_order, "id": n, "updated_at": f"2026-03-01T10:0{n}:00-05:00"} for n in range(1, 9)]
    refund = {
        "id": 9,
        "order_id": 2,
        "created_at": "2026-03-01T10:02:00-05:00",
        "transactions": [{"kind": "refund", "status": "success", "amount": "5.00", "currency": "USD"}],
    }
    for order in listed[:3]:  # these came by webhook; the refund of the second did not
        await delivering.shopify("orders/updated", order)
    listed[1]["refunds"] = [refund]
    await delivering.shopify("orders/updated", {**shopify_order, "id": 99})  # ours alone
    told = len(await published())
    assert (await begin(api, "r", "shopify")).status_code == 404  # nothing is connected yet

    def first_ships() -> None:
        listed[0] |= {"fulfillment_status": "fulfilled", "updated_at": "2026-03-02T10:00:00-05:00"}

    again = ShopSystem(listed).answer(
        "/admin/api/2025-10/orders.json?limit=250&updated_at_min=2026-02-01T00:00:00Z",
        {"x-shopify-access-token": TOKEN},
    )
    moods: list[Any] = [
        None,
        (429, {"retry-after": "2.0"}, b""),
        (502, {}, b""),
        first_ships,
        again,
        (0, {}, b""),
        (200, {}, b"<!doctype html>"),
    ]
    async with ShopSystem(listed, moods).listening() as system:
        await api.put(f"{LISTS}/shopify", json={"address": system.address, "secret": TOKEN})
        assert (await begin(api, "r", "shopify")).status_code == 201
        assert await poll_next(db, vault, private=True)
        assert await poll_next(db, vault, private=True)
        waiting = (await api.get(f"{RUNS}/r")).json()
        assert (waiting["pages"], waiting["trouble"]) == (1, "the shop's system asked for patience (429)")
        assert not await poll_next(db, vault, private=True)  # not before it said
        clock.set(clock.now() + timedelta(seconds=2))
        report = await to_the_end(api, db, vault, clock, "r")
        events = await published()
        for event in events[told:]:
            assert event.source == "/shops/demo/shopify"
        counts = {name: report[name] for name in ("same", "missed", "behind", "ahead", "refused", "absent", "trouble")}
        # The first was the same when its page was read, and had shipped when it was read again.
        assert counts == {
            "same": 2, "missed": 5, "behind": 2, "ahead": 0, "refused": 0, "absent": 1, "trouble": None
        }  # fmt: skip
        found = (await api.get(f"{RUNS}/r/findings", params={"kind": "behind"})).json()["items"]
        assert [one["order_id"] for one in found] == ["1", "2"]
        assert found[1]["detail"] == "refund 9 not known here"
        assert (await api.get("/v1/shops/demo/orders/1")).json()["state"] == "shipped"
        assert [r["amount"] + r["freight"] for r in (await api.get("/v1/shops/demo/refunds")).json()] == [500]
        paid = [e.data.order_id for e in events if e.type == "order.paid" and not e.data.again]
        assert sorted(paid) == sorted([*map(str, range(1, 9)), "99"])  # each once
        await begin(api, "next", "shopify")
        report = await to_the_end(api, db, vault, clock, "next")
        assert (report["same"], report["absent"], len(await published())) == (8, 1, len(events))


async def test_a_list_that_cannot_be_read_ends_its_run_and_says_why(
    api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person must do something: the report says what, by WooCommerce's list as well."""
    wanted = {"address": "http://127.0.0.1:9", "secret": KEYS, "daily": True}
    refused = await api.put(f"{LISTS}/woocommerce", json=wanted)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid_order_list")
    monkeypatch.setenv("ORDER_LISTS_PRIVATE_HOSTS", "true")
    orders = [woo_order(n, f"2026-03-01T16:{n:02d}:00") for n in range(4)]
    orders[3] |= {"status": "checkout-draft"}
    moods: list[Any] = [(401, {}, b"{}"), (301, {"location": "http://169.254.169.254/"}, b"")]
    async with ShopSystem(orders, moods, per_page=2).listening() as system:
        answer = await api.put(f"{LISTS}/woocommerce", json={**wanted, "address": system.address})
        assert KEYS not in answer.text
        [connected] = (await api.get(LISTS)).json()
        assert (connected["address"], connected["daily"]) == (system.address, True)
        for run, why in (("key", "refuses the secret (401)"), ("moved", "answers with a redirect (301)")):
            await begin(api, run, "woocommerce")
            assert why in (await to_the_end(api, db, vault, clock, run))["trouble"]
        await begin(api, "by-hand", "woocommerce")
        sent = {"order_id": "1", "state": "paid", "time": "2026-03-01T10:00:00Z", "currency": "USD", "goods_paid": 1}
        assert (await api.post(f"{RUNS}/by-hand/orders", json={"orders": [sent]})).status_code == 409
        stopped = (await api.post(f"{RUNS}/by-hand/end")).json()
        assert (stopped["trouble"], stopped["absent"]) == ("stopped by request", 0)
        async with db.transaction() as tx:
            assert [await begin_daily(tx, tx.clock.now()) for _ in range(2)] == [1, 0]
        [daily] = [run for run in (await api.get(RUNS)).json()["items"] if run.startswith("woocommerce-2026-03-")]
        report = await to_the_end(api, db, vault, clock, daily)
        assert (report["missed"], report["trouble"]) == (0, None)  # of the last three days nothing changed
        await begin(api, "all", "woocommerce")
        report = await to_the_end(api, db, vault, clock, "all")
        # Each page begins with the last order of the one before; the draft is no order.
        assert (report["missed"], report["pages"], report["trouble"]) == (3, 3, None)
    await begin(api, "away", "woocommerce")
    report = await to_the_end(api, db, vault, clock, "away")
    assert "was not reached" in report["trouble"]
    assert report["trouble"].endswith("asked 30 times")
    assert (await api.delete(f"{LISTS}/woocommerce")).status_code == 204
    assert (await begin(api, "none", "woocommerce")).status_code == 404
