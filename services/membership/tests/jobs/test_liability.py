"""Liability by month of expiry, counted from the lots of all customers, on a real PostgreSQL (MEM-053)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from membership.jobs import liability

from ..conftest import NOW, V1, Client, Shop, deliver


async def test_points_are_counted_by_the_month_of_the_shop_in_which_they_expire(
    client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several pages of customers, one of whom redeemed; counted anew after an hour, and not before."""
    monkeypatch.setattr(liability, "PAGE", 2)
    path = f"{V1}/report/liability"
    assert (await client.get(path)).json()["as_of"] is None
    events = [shop.completed(f"c{n}", NOW - timedelta(days=30 * (n % 2) + 1), f"o{n}", 10_000) for n in range(5)]
    await deliver(client.database, events)
    redeemed = {"redemption_id": "r", "customer": "c0", "points": 40, "order_total": 9_000, "currency": "CNY"}
    assert (await client.post(f"{V1}/redemptions", json=redeemed)).status_code == 200
    walk = liability.Walk()

    async def sweep() -> None:
        for _ in range(4):
            async with client.database.transaction() as tx:
                await walk.batch(tx, tx.clock.now(), 200)

    await sweep()
    found = (await client.get(path)).json()
    assert [(m["month"], m["points"], m["lots"]) for m in found["months"]] == [
        ("2026-02-01", 200, 2),
        ("2026-03-01", 260, 3),
    ]
    assert (found["points"], found["worth"], found["breakage"]) == (460, 460, None)
    assert found["points"] == (await client.get(f"{V1}/report")).json()["available"]
    await deliver(client.database, [shop.completed("c9", NOW, "o9", 10_000)])
    await sweep()
    assert (await client.get(path)).json()["points"] == 460
    client.clock.set(NOW + timedelta(hours=1))
    await sweep()
    assert (await client.get(path)).json()["points"] == 560
