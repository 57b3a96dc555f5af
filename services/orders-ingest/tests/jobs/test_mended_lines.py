"""Refused lines are downloaded, mended and sent again; what was taken is not taken twice (ORD-038, ORD-039)."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx

FILE = """order_id;time;customer;sku;paid
1;2026-01-02;ann;tea;10.00
;2026-01-02;ann;cup;5.00
2;soon;bob;tea;10.00
2;;bob;"a ""big"" cup; blue";7.00
3;2026-01-03;eve;tea;1,5
4;2096-01-03;eve;tea;2.00
"""
MENDED = {"soon": "2026-01-04", "1,5": "1.50", "2096-01-03T00:00:00+00:00": "2026-01-03T00:00:00+00:00"}


async def test_mended_lines_are_taken_once_and_what_was_taken_stays(importing: Any, api: httpx.AsyncClient) -> None:
    job = await importing.upload(FILE, layout="orders", name="till", zone="UTC")
    await importing.run()
    assert (await importing.get(f"/imports/{job}"))["refused_by"] == {
        "invalid_row": 3,
        "order_incomplete": 1,
        "time_in_future": 1,
    }
    answer = await api.get(f"/v1/shops/demo/imports/{job}/refusals.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["record"], row["kind"]) for row in rows] == [
        ("0", "heading"),
        ("2", "line"),
        *[(number, "line") for number in ("3", "4", "5")],
        ("0", "event"),
    ]
    assert "time is no time" in rows[2]["reason"]
    rows[1]["text"] = "1" + rows[1]["text"]  # that was the order's second line; it was taken without it
    for row in rows:
        for wrong, right in MENDED.items():
            row["text"] = row["text"].replace(wrong, right)
    text = io.StringIO()
    again = csv.DictWriter(text, rows[0].keys())
    again.writeheader()
    again.writerows(rows)

    half = text.getvalue().splitlines(keepends=True)
    parted = await api.post(f"/v1/shops/demo/imports/{job}/mended", content="".join(half[:3] + half[4:]).encode())
    assert (parted.status_code, parted.json()["type"]) == (422, "/problems/order_parted"), "an order is taken whole"
    assert "Lines 5 and 4" in parted.json()["detail"]
    (mended, twice) = [await _send(api, job, text.getvalue()) for _ in range(2)]
    await importing.run()
    report = await importing.get(f"/imports/{mended}")
    assert (report["mends"], report["accepted"], report["refused_by"]) == (job, 3, {"order_taken": 1})
    assert (await importing.get("/orders/1"))["goods_paid"] == 1000, "not replaced by its second line"
    two = await importing.get("/orders/2")
    assert (two["goods_paid"], two["lines"][1]["sku"]) == (1700, 'a "big" cup; blue')
    assert [(await importing.get(f"/orders/{number}"))["goods_paid"] for number in (3, 4)] == [150, 200]
    repeated = await importing.get(f"/imports/{twice}")
    assert (repeated["accepted"], repeated["duplicates"]) == (0, 3)
    left = await importing.get(f"/imports/{mended}/refusals")
    assert "PUT" in left[0]["detail"]


async def test_what_cannot_be_mended_line_by_line_is_said(importing: Any, api: httpx.AsyncClient) -> None:
    retail = await importing.upload(importing.retail, layout="online_retail")
    for answer in (
        await api.get(f"/v1/shops/demo/imports/{retail}/refusals.csv"),
        await api.post(f"/v1/shops/demo/imports/{retail}/mended", content=b"record,kind,reason,text"),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not_mendable")
    cdnow = await importing.upload(importing.cdnow)
    wrong = await api.post(f"/v1/shops/demo/imports/{cdnow}/mended", content=importing.cdnow.encode())
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/wrong_layout")
    assert (await api.get("/v1/shops/demo/imports/other-1/refusals.csv")).status_code == 404
    assert len(await importing.get("/imports")) == 2


async def _send(api: httpx.AsyncClient, job: str, text: str) -> str:
    answer = await api.post(f"/v1/shops/demo/imports/{job}/mended", content=text.encode())
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])
