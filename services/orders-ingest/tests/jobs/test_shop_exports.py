"""A shop system's export, imported: its customers are found beside those of its webhooks (ORD-005, ORD-040)."""

from __future__ import annotations

from typing import Any

import httpx

HEADING = "order_id,status,order_total,order_currency,order_date,paid_date,customer_id,billing_email,line_items"
GUEST = (
    "31,completed,50.00,EUR,2026-01-02 10:00:00,2026-01-02 10:01:00,0,ann@example.test,name:Cup|quantity:5|total:50.00"
)
KNOWN = (
    "32,refunded,20.00,EUR,2026-01-03 10:00:00,2026-01-03 10:01:00,7,ann@example.test,name:Cup|quantity:2|total:20.00"
)

EARLIER = GUEST.replace("31,", "30,", 1).replace("2026-01-02", "2026-01-01")
FILE = "\n".join([HEADING, GUEST, KNOWN, EARLIER])


async def test_a_guest_of_an_export_is_shown_as_who_may_be_the_customer_of_that_mail(
    importing: Any, api: httpx.AsyncClient
) -> None:
    job = await importing.upload(FILE, layout="woocommerce_orders")
    await importing.run()
    report = await importing.get(f"/imports/{job}")
    assert (report["accepted"], report["refused_by"]) == (6, {}), "two profiles, three orders, a refund"
    guest = (await importing.get("/orders/31"))["customer"]
    assert guest.startswith("mail-")
    assert (await importing.get("/orders/30"))["customer"] == guest
    known_since = (await importing.get(f"/customers/{guest}"))["registered_at"]
    assert known_since.startswith("2026-01-01"), "the earliest order says it, wherever it stands in the file"
    order = await importing.get("/orders/32")
    assert (order["customer"], order["goods_paid"], order["refunded"]) == ("7", 2000, 2000)
    candidates = await importing.get("/customers/7/candidates")
    assert guest in str(candidates), "one e-mail: a person decides whether they are one"
    again = await importing.upload(FILE, layout="woocommerce_orders")
    await importing.run()
    assert (await importing.get(f"/imports/{again}"))["duplicates"] == 7
