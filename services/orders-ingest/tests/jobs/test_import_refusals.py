"""Files, rows and events that cannot be taken are refused, counted and shown (ORD-005, ORD-039)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from common.events import Event
from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.commands import take_events as ingest
from orders_ingest.jobs import imports as job

Published = Callable[[], Awaitable[list[Event[Any]]]]

CDNOW = "customer_id,date,number_of_cds,dollar_value\n00001,1997-01-01,1,11.77\n"


async def test_another_file_under_the_same_name_is_refused_line_by_line_and_reported_so(importing: Any) -> None:
    await importing.upload("00001 19970101 1 11.77")
    other = await importing.upload("00001 19970102 1 11.77")
    assert other == "cdnow_master-2"
    await importing.run()
    report = await importing.get(f"/imports/{other}")
    assert (report["accepted"], report["refused_by"]) == (0, {"same_id_other_body": 1})
    [refusal] = await importing.get(f"/imports/{other}/refusals")
    assert "give each file a name of its own" in refusal["detail"]
    named = await importing.upload("00001 19970102 1 11.77", name="second")
    await importing.run()
    assert (await importing.get(f"/imports/{named}"))["accepted"] == 1


@pytest.mark.parametrize(
    ("text", "query", "slug"),
    [
        ("", {}, "empty_file"),
        ("a,b\n1,2\n", {}, "wrong_layout"),
        (CDNOW, {"layout": "cdnow_sample"}, "wrong_layout"),
        (CDNOW, {"layout": "online_retail"}, "wrong_layout"),
        (b"\x1f\x8b\x08\x00broken", {}, "broken_gzip"),
        (CDNOW.encode() + b"\xff", {}, "wrong_encoding"),
        (CDNOW, {"currency": "XXX"}, "unknown_currency"),
        (CDNOW, {"zone": "Mars/Base"}, "invalid_zone"),
        (CDNOW, {"layout": "parquet"}, "invalid_request"),
    ],
)
async def test_a_file_that_cannot_be_read_stages_nothing(
    importing: Any, text: Any, query: Any, slug: Any, api: httpx.AsyncClient
) -> None:
    content = text.encode() if isinstance(text, str) else text
    answer = await api.post("/v1/shops/demo/imports", params={"layout": "cdnow_master", **query}, content=content)
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}"), answer.text
    assert await importing.get("/imports") == []


async def test_a_row_that_nobody_can_handle_is_set_aside_and_the_rest_goes_on(
    importing: Any, monkeypatch: pytest.MonkeyPatch, published: Published
) -> None:
    """ORD-039: and is counted."""
    await importing.upload(importing.cdnow)

    async def fail_at_one(tx: Any, vault: Any, offered: Any) -> Any:
        if any(o.event.id == "line-000000003" for o in offered):
            raise RuntimeError("cannot")
        return await ingest.take_events(tx, vault, offered)

    monkeypatch.setattr(job, "take_events", fail_at_one)
    await importing.run()
    report = await importing.get("/imports/cdnow_master-1")
    assert (report["state"], report["accepted"]) == ("done", 4)
    assert report["refused_by"] == {"handler_failed": 1, "invalid_row": 2}
    assert "line-000000003" not in {e.id for e in await published()}


async def test_another_process_does_not_come_between_a_row_that_fails_and_its_refusal(
    importing: Any, db: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would refuse the same row, and then the first process the good one behind it."""
    await importing.upload(importing.cdnow)
    other: list[asyncio.Task[int]] = []

    async def fail_at_one(tx: Any, vault_: Any, offered: Any) -> Any:
        if any(o.event.id == "line-000000003" for o in offered):
            if len(offered) == 1 and not other:
                other.append(asyncio.create_task(job.step(db, vault)))
            raise RuntimeError("cannot")
        return await ingest.take_events(tx, vault_, offered)

    refuse = job._save

    async def refuse_late(*given: Any) -> None:
        if other and not other[0].done():
            await asyncio.wait(other, timeout=20)
        await refuse(*given)

    monkeypatch.setattr(job, "take_events", fail_at_one)
    monkeypatch.setattr(job, "_save", refuse_late)
    await importing.run()
    report = await importing.get("/imports/cdnow_master-1")
    assert await other[0] == 0, "the job is held"
    assert (report["state"], report["accepted"]) == ("done", 4)
    assert report["refused_by"] == {"handler_failed": 1, "invalid_row": 2}
