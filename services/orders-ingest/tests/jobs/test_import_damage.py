"""Files that a spreadsheet, a wrong clock or a hostile hand has damaged (ORD-039, faults.md doors)."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from starlette.requests import ClientDisconnect

from common.http.leaving import while_connected
from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.imports import staging
from orders_ingest.imports.layouts.layout import History
from orders_ingest.imports.layouts.registry import LAYOUTS

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


async def test_a_row_of_a_time_that_never_comes_is_refused_and_the_job_ends(importing: Any) -> None:
    id_ = await importing.upload("00001 19970101 1 11.77\n00002 99980101 1 12.00\n00003 20260306 1 1.00")
    await importing.run()
    report = await importing.get(f"/imports/{id_}")
    assert (report["state"], report["accepted"], report["refused_by"]) == ("done", 1, {"time_in_future": 2})
    first, second = await importing.get(f"/imports/{id_}/refusals")
    assert (first["line"], second["line"]) == (2, 3)
    assert first["detail"] == "line 2: its time, 9998-01-01 04:00 UTC, lies after 2026-03-05 12:05 UTC"
    assert '"subject":"00002"' in first["text"]


async def test_a_row_that_is_too_old_is_told_the_bound_that_holds(importing: Any) -> None:
    id_ = await importing.upload("00001 19690101 1 11.77\n00001 19850101 1 11.77")
    await importing.run()
    refusals = await importing.get(f"/imports/{id_}/refusals")
    assert [(one["line"], one["slug"], one["detail"]) for one in refusals] == [
        (line, "time_too_old", "`time` must be 1990-01-01 or later") for line in (1, 2)
    ]


DAMAGED = {
    "1.23E+12": "a number that a spreadsheet has rounded",
    '"1,2e5"': "rounded",
    "nan": "which programs write for a missing value",
    "NULL": "which programs write for a missing value",
    "17850.0": "",
    "e5": "",
}
"""Cells of customers, and why each is refused; empty: it is not."""


async def test_a_customer_that_a_spreadsheet_has_damaged_is_refused_with_the_reason(importing: Any) -> None:
    rows = "".join(f"{number},A,Cup,1,2010-12-01 08:26,2.50,{cell},France\n" for number, cell in enumerate(DAMAGED, 2))
    id_ = await importing.upload(HEADER + rows, layout="online_retail")
    await importing.run()
    refusals = {one["line"]: one for one in await importing.get(f"/imports/{id_}/refusals")}
    wrong = {line: words for line, words in enumerate(DAMAGED.values(), 2) if words}
    assert refusals.keys() == wrong.keys()
    for line, words in wrong.items():
        assert refusals[line]["slug"] == "invalid_row"
        assert refusals[line]["detail"].startswith(f"line {line}: CustomerID is ")
        assert words in refusals[line]["detail"]
    cdnow = await importing.upload("nan 19970101 1 11.77\n1.23E+12 19970101 1 11.77", name="other")
    assert [one["slug"] for one in await importing.get(f"/imports/{cdnow}/refusals")] == ["invalid_row"] * 2


async def test_a_bomb_is_read_no_further_once_its_caller_has_left(
    db: Database, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E5: its process ends, nothing is staged, and no file of it is left."""
    started: list[asyncio.subprocess.Process] = []
    real = asyncio.create_subprocess_exec

    async def noted(*args: Any, **more: Any) -> asyncio.subprocess.Process:
        process = await real(*args, **more)
        started.append(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(b"00001 19970101 1 11.77\n" * 45_000, 1) * 300)  # 300 MB, unpacked
    left = asyncio.Event()

    class Leaving:
        async def receive(self) -> dict[str, str]:
            await left.wait()
            return {"type": "http.disconnect"}

    history = History("demo", "bomb", "USD", ZoneInfo("UTC"))
    work = staging.stage(db, vault, path, LAYOUTS["cdnow_master"], "utf-8", history)
    asking = asyncio.create_task(while_connected(Leaving(), work))  # type: ignore[arg-type]  # all that it asks of one
    while not started:
        await asyncio.sleep(0.01)
    left.set()
    with pytest.raises(ClientDisconnect):
        await asyncio.wait_for(asking, 60)
    assert started[0].returncode is not None
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from import_jobs") == 0


async def test_the_example_of_each_events_route_runs_with_the_first_key_of_all(api: httpx.AsyncClient) -> None:
    """F2: as /docs sends them; the key is one of every shop."""
    document = (await api.get("/openapi.json")).json()
    settings = {"zone": "Europe/Berlin", "currency": "EUR"}
    assert (await api.put("/v1/shops/teahouse/settings", json=settings)).status_code == 200
    for path in ("/v1/events", "/v1/shops/{shop}/events"):
        for kind, of_kind in document["paths"][path]["post"]["requestBody"]["content"].items():
            answer = await api.post(
                path.format(shop="teahouse"), json=of_kind["example"], headers={"content-type": kind}
            )
            assert answer.status_code == 202, answer.text
            assert "refused" not in answer.text, answer.text


async def test_a_shop_that_cannot_be_is_told_so_and_not_to_be_set_up(api: httpx.AsyncClient) -> None:
    for path in ("/settings", "/orders/o-1", "/report", "/imports"):
        answer = await api.get(f"/v1/shops/茶叶店{path}")
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid_request"), answer.text
        assert answer.json()["errors"][0]["pointer"] == "path shop"
    event = await api.post("/v1/shops/茶叶店/events", json={"id": "1"})
    assert event.json()["errors"][0]["pointer"] == "path shop"


async def test_a_time_that_makes_no_sense_is_named_as_it_was_sent(api: httpx.AsyncClient) -> None:
    bad = "1969-01-01T00:00:00Z"
    customers = [
        {"id": "a", "registered_at": bad},
        {
            "id": "b",
            "consents": [{"channel": "email", "granted": True}, {"channel": "sms", "granted": True, "at": bad}],
        },
    ]
    results = (await api.post("/v1/shops/demo/customers", json={"customers": customers})).json()["results"]
    assert [one["detail"] for one in results] == [
        "`registered_at` must be 1990-01-01 or later",
        "`consents/1/at` must be 1990-01-01 or later",
    ]
    order = {"state": "paid", "currency": "EUR", "goods_paid": 1, "time": "2026-03-05T10:00:00Z", "placed_at": bad}
    answer = await api.put("/v1/shops/demo/orders/o-9", json=order)
    assert answer.json()["detail"] == "`placed_at` must be 1990-01-01 or later"
