"""Files sent in parts: sending, reading and taking go on where they were, whatever is killed (ORD-005)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.imports import store_uploads
from orders_ingest.imports.temporary import DiskFull
from orders_ingest.jobs import reading
from regulars import importing, uploading
from regulars.client import Services

SMALL = 64
AT = "/v1/shops/demo/uploads/old"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("imports.uploads", "api.uploads"):
        monkeypatch.setattr(f"orders_ingest.{module}.PART", SMALL)
    monkeypatch.setattr(reading, "CHUNK", 3)


async def put(api: httpx.AsyncClient, text: bytes, *leave_out: int, at: str = AT) -> int:
    """Send the parts but some; how many there are."""
    parts = [text[at : at + SMALL] for at in range(0, len(text), SMALL)]
    begun = await api.put(at, json={"size": len(text)})
    assert begun.status_code == 200, begun.text
    for number, part in enumerate(parts, 1):
        if number not in leave_out:
            answer = await api.put(f"{at}/parts/{number}", content=part)
            assert answer.status_code == 200, answer.text
    return len(parts)


async def kept(db: Database) -> list[Any]:
    async with db.transaction() as tx:
        rows = await tx.fetch("select job_id, at, line, part, original from import_rows order by 1, 2, 3, 4")
        bad = await tx.fetch("select job_id, line, slug, detail from import_refusals order by 1, 2")
        return [tuple(row) for row in (*rows, *bad)]


@pytest.mark.usefixtures("small_parts")
async def test_a_file_in_parts_is_previewed_by_its_first_one(api: httpx.AsyncClient) -> None:
    """ORD-005: half a line is shown to nobody; Parquet, which is read from its end, needs all."""
    asked, other = {"layout": "cdnow_master", "name": "parted"}, f"{AT}er"
    assert (await api.post(f"{AT}/preview", params=asked)).json()["type"].endswith("unknown_upload")
    text = b"00001 19970101 1 11.77\n00002 19970112 1 12.00\n00003 19971301 5 77.00\n"
    await put(api, text, 1)
    assert (await api.post(f"{AT}/preview", params=asked)).json()["type"].endswith("parts_missing")
    await put(api, text, 2)
    shown = (await api.post(f"{AT}/preview", params=asked)).json()
    assert ([row["line"] for row in shown["rows"]], shown["errors"]) == ([1, 2], [])
    await put(api, b"PAR1" + text, 2, at=other)
    missing = (await api.post(f"{other}/preview", params=asked)).json()
    assert (missing["type"], missing["detail"][:6]) == ("/problems/parts_missing", "Part 2")
    await put(api, b"PAR1" + text, at=other)
    assert (await api.post(f"{other}/preview", params=asked)).json()["type"].endswith("broken_parquet")


@pytest.mark.usefixtures("small_parts")
async def test_a_file_in_parts_is_what_it_is_whole_whatever_is_killed_on_the_way(
    api: httpx.AsyncClient, db: Database, vault: Vault, importing: Any
) -> None:
    text = importing.cdnow.encode()
    whole = await importing.upload(importing.cdnow, name="whole")
    parts = await put(api, text, 2)
    shown = (await api.get(AT)).json()
    assert (shown["received"], shown["parts"], shown["missing"]) == (parts - 1, parts, [2])
    answer = await api.post(f"{AT}/import", params={"layout": "cdnow_master"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/parts_missing")
    bad = {
        (422, "wrong_length"): api.put(f"{AT}/parts/2", content=text[:3]),
        (409, "part_known"): api.put(f"{AT}/parts/1", content=text[1 : SMALL + 1]),
        (409, "upload_known"): api.put(AT, json={"size": 7}),
        (404, "unknown_upload"): api.get(AT + "er"),
        (413, "too_many_uploads"): api.put(AT + "er", json={"size": 16 << 30}),
    }
    async with db.transaction() as tx:
        await store_uploads.insert_upload(tx, "demo", "vast", 20 << 30)
    for (status, slug), asking in bad.items():
        answer = await asking
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), answer.text
    await put(api, text)  # what is there changes nothing
    job = (await api.post(f"{AT}/import", params={"layout": "cdnow_master", "name": "parted"})).json()["id"]
    assert (await api.post(f"{AT}/import", params={"layout": "cdnow_master"})).json()["id"] == job

    # Stopped after each chunk: the next one goes on behind it; another process's turn is respected.
    for round_ in range(1, 20):
        calls = iter(range(10))
        async with db.engine.connect() as session:
            name = f"reading:demo:{job}"
            await session.exec_driver_sql(f"select pg_advisory_lock(hashtextextended('{name}', 0))")
            assert not await reading.read_next(db, vault)
            await session.invalidate()
        if not await reading.read_next(db, vault, lambda: next(calls) > 0):  # noqa: B023 # called at once
            break
        report = await importing.get(f"/imports/{job}")
        if report["state"] == "reading":
            assert 0 < report["staged"] + report["refused"] <= 3 * round_
            assert report["size"] == len(text)
    assert round_ == 4
    rows = await kept(db)
    assert [row[1:] for row in rows if row[0] == job and len(row) == 4] == [
        row[1:] for row in rows if row[0] == whole and len(row) == 4
    ]
    assert [row[1:4] for row in rows if row[0] == job] == [row[1:4] for row in rows if row[0] == whole]
    await importing.run()
    report = await importing.get(f"/imports/{job}")
    assert (report["state"], report["accepted"], report["refused"], report["read"]) == ("done", 5, 2, len(text))
    async with db.transaction() as tx:
        while await store_uploads.prune(tx, tx.clock.now(), 100):
            pass
        assert await tx.value("select count(*) from import_parts") == 0
    assert (await api.get(AT)).json()["missing"] == []
    assert (await api.delete(AT)).status_code == 204


@pytest.mark.usefixtures("small_parts")
async def test_what_cannot_be_read_leaves_nothing_and_is_read_in_another_way(
    api: httpx.AsyncClient, db: Database, vault: Vault, importing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(api, importing.cdnow.encode() + b"\xff\xff,1997-01-01,1,2.00\n")

    async def read(**how: str) -> dict[str, Any]:
        job = (await api.post(f"{AT}/import", params={"layout": "cdnow_master", **how})).json()["id"]
        assert await reading.read_next(db, vault)
        return dict(await importing.get(f"/imports/{job}"))

    report = await read()
    assert (report["state"], report["staged"], report["refused"]) == ("failed", 0, 0)
    assert report["detail"].startswith("wrong_encoding: The file") or "try encoding=gbk" in report["detail"]
    assert await kept(db) == []

    # A full disk keeps the file waiting and says so; another version of the reader begins anew.
    class Full:
        def __enter__(self) -> None:
            raise DiskFull

        def __exit__(self, *_: object) -> None: ...

    with monkeypatch.context() as patched:
        patched.setattr(reading, "nameless_file", Full)
        job = (await api.post(f"{AT}/import", params={"layout": "cdnow_master", "encoding": "latin-1"})).json()["id"]
        with pytest.raises(DiskFull):
            await reading.read_next(db, vault)
    waiting = await importing.get(f"/imports/{job}")
    assert (waiting["state"], "has no room" in waiting["detail"]) == ("reading", True)
    calls = iter(range(10))
    assert await reading.read_next(db, vault, lambda: next(calls) > 1)
    async with db.transaction() as tx:
        await tx.execute("update import_jobs set copied_hash = '' where state = 'reading'")
    assert await reading.read_next(db, vault)
    done = await importing.get(f"/imports/{job}")
    assert (done["state"], done["staged"], done["refused"], done["detail"]) == ("staged", 6, 2, None)


async def test_the_command_sends_a_large_file_in_parts_and_goes_on_where_it_was(
    api: httpx.AsyncClient, db: Database, vault: Vault, importing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ORD-005: broken off in the middle of sending, by the network and by hand; progress in the terminal."""
    for module in ("imports.uploads", "api.uploads"):
        monkeypatch.setattr(f"orders_ingest.{module}.PART", SMALL)
    monkeypatch.setattr(uploading, "FROM", 10)
    monkeypatch.setattr("regulars.client.FIRST_WAIT_S", 0.001)
    monkeypatch.setattr("regulars.importing.LOOKS_EVERY_S", 0.01)
    file, said, sent, looked = tmp_path / "old.csv", list[str](), list[str](), list[str]()
    file.write_text(importing.cdnow)

    class Flaky(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "/parts/" in request.url.path:
                sent.append(request.url.path.rpartition("/")[2])
                if len(sent) == 2:
                    raise httpx.ConnectError("cut")
                if len(sent) == 4:
                    raise ZeroDivisionError
            if "/imports/" in request.url.path and not looked:
                looked.append(request.url.path)
                raise httpx.ReadError("started anew")
            return await api._transport.handle_async_request(request)

    async with httpx.AsyncClient(transport=Flaky(), base_url="http://test", headers=api.headers) as flaky:
        services = Services.of({"orders-ingest": flaky})
        params: dict[str, str | None] = {"layout": "cdnow_master", "zone": None}
        with pytest.raises(ExceptionGroup):
            await uploading.send_parts(services, "demo", file, params, said.append)
        there = len(sent)

        async def run() -> dict[str, Any]:
            sending = asyncio.create_task(importing_send(services, file, params, said))
            while not sending.done():
                await reading.read_next(db, vault)
                await importing.run()
                await asyncio.sleep(0.01)
            return await sending

        report = await run()
        assert (report["state"], report["accepted"]) == ("done", 5)
        assert len(sent) - there < 5, "what was there is not sent again"
        before = len(sent)
        assert (await run())["id"] == report["id"]
        assert len(sent) == before
    waited = [line for line in said if line.startswith("waiting: orders-ingest")]
    assert any("cut" in line for line in waited)
    assert any("started anew" in line for line in waited)
    assert any("parts are there already" in line for line in said)


async def importing_send(
    services: Services, file: Path, params: dict[str, str | None], said: list[str]
) -> dict[str, Any]:
    return await importing.send(services, "demo", file, params, None, None, said.append)
