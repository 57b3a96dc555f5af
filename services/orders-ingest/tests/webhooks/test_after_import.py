"""Webhooks of orders that an export of the same shop system told before (ORD-005, ORD-035, ORD-040)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.identity.by_mail import named_by_mail
from orders_ingest.intake.checks import check
from orders_ingest.intake.state import Offered

AT = "/v1/shops/demo"


@pytest.mark.parametrize("email", ["John@example.com", "other@example.com"])
async def test_an_open_order_of_an_export_goes_on_by_webhook_and_its_refund_counts_once(
    email: str, delivering: Any, shopify_order: Any, tell: Any, db: Database, vault: Vault, api: httpx.AsyncClient
) -> None:
    by_mail = named_by_mail("demo", email, vault.identifiers)
    order = str(shopify_order["id"])
    paid = {"order_id": order, "currency": "USD", "goods_paid": 6000, "freight": 1040, "lines": []}
    back = {"refund_id": f"{order}-exported-400", "order_id": order, "amount": 400, "currency": "USD"}
    source = {"source": "/shops/demo/import/old", "subject": by_mail, "time": "2026-03-01T15:01:00Z"}
    bodies = [
        tell.order("paid", paid, **source),
        tell.event("order.refunded", back | {"in_all_at": "2026-03-05T12:00:00Z"}, **source),
    ]
    offered = [one for body in bodies if isinstance(one := check(body, "demo", db.clock.now()), Offered)]
    assert [one.status for one in await db.run(lambda tx: take_events(tx, vault, offered))] == ["accepted", "accepted"]
    refund = {
        "id": 901,
        "order_id": shopify_order["id"],
        "created_at": "2026-03-02T10:00:00-05:00",
        "transactions": [{"kind": "refund", "status": "success", "amount": "4.00", "currency": "USD"}],
    }
    archived = {"updated_at": "2026-03-04T10:00:00-05:00", "closed_at": "2026-03-04T10:00:00-05:00"}
    later = shopify_order | archived | {"fulfillment_status": "fulfilled", "refunds": [refund]}
    answer = await delivering.shopify("orders/updated", later)
    assert {one["status"] for one in answer.json()["results"]} == {"accepted"}, answer.text
    shown = (await api.get(f"{AT}/orders/{order}")).json()
    assert (shown["state"], shown["refunded"]) == ("completed", 400)
    again = await delivering.shopify("orders/updated", later | {"note": "again"}, "w-2")
    assert "refused" not in {one["status"] for one in again.json()["results"]}
    assert (await api.get(f"{AT}/orders/{order}")).json()["refunded"] == 400
    merges = (await api.get(f"{AT}/merges")).json()["items"]
    made = [(one["survivor"], one["absorbed"]) for one in merges]
    assert made == ([("115310627314723954", by_mail)] if email == "John@example.com" else [])
