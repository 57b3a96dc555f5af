"""A file of the generic layout: previewed, corrected, remembered, and taken (ORD-005)."""

from __future__ import annotations

from typing import Any

import httpx

from orders_ingest.imports.layouts.orders.columns import NAMES

CORRECTED = "Name,Date,Total\n1,2025-03-01,12.00\n2,2025-03-01,x\n3,2099-01-01,1.00\n"


async def test_a_preview_shows_events_and_errors_and_keeps_nothing_but_the_corrected_columns(
    importing: Any, api: httpx.AsyncClient
) -> None:
    url, query = "/v1/shops/demo/imports", {"layout": "orders", "name": "till"}
    wrong = await api.post(f"{url}/preview", params=query, content=CORRECTED)
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/wrong_layout")
    columns = "order_id:Name;goods_paid:Total"
    shown = await api.post(f"{url}/preview", params={**query, "columns": columns}, content=CORRECTED)
    assert shown.status_code == 200, shown.text
    preview = shown.json()
    assert preview["columns"] == {"order_id": "Name", "goods_paid": "Total", "time": "Date"}
    assert preview["fields"] == list(NAMES)
    assert [(row["line"], row["event"]["data"]["goods_paid"]) for row in preview["rows"]] == [(2, 1200)]
    assert [(bad["line"], bad["slug"]) for bad in preview["errors"]] == [(3, "invalid_row"), (4, "time_in_future")]
    assert await importing.get("/imports") == []
    # Remembered for the next file of that name.
    answer = await api.post(url, params=query, content=CORRECTED)
    assert answer.status_code == 202, answer.text
    await importing.run()
    report = await importing.get(f"/imports/{answer.json()['id']}")
    assert (report["state"], report["accepted"], report["refused"]) == ("done", 1, 2)
    assert report["findings"]["columns"] == preview["columns"]
    bad = await api.post(f"{url}/preview", params={**query, "columns": "order_id"}, content=CORRECTED)
    assert (bad.status_code, bad.json()["type"]) == (422, "/problems/invalid_columns")


async def test_the_same_file_read_otherwise_is_refused_and_not_passed_over(importing: Any) -> None:
    text = "order_id,time,paid,total\n1,2025-03-01,5.00,7.00\n"
    for columns, status in (
        ("goods_paid:total", "accepted"),
        ("goods_paid:total", "duplicates"),
        ("goods_paid:-", "refused"),
    ):
        id_ = await importing.upload(text, layout="orders", columns=columns)
        await importing.run()
        assert (await importing.get(f"/imports/{id_}"))[status] == 1, columns
