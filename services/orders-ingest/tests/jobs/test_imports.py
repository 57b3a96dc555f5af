"""History comes in once, whatever is repeated, killed or held back by the clock (ORD-005)."""

import asyncio
import gzip
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.bus.broker import BrokerUnavailable
from common.events import Event
from common.process.runtime import Runtime
from common.process.settling import due
from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.archive.vault import Vault
from orders_ingest.commands import take_events as ingest
from orders_ingest.imports import store
from orders_ingest.jobs import imports as job
from orders_ingest.main import counters

Published = Callable[[], Awaitable[list[Event[Any]]]]

SHARED = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[5] / "shared")) / "data"
CDNOW = """customer_id,date,number_of_cds,dollar_value
00001,1997-01-01,1,11.77
00002,1997-01-12,1,12.00
00002,1997-01-12,5,77.00
00002,1997-01-12,5,77.00
00003,1997-01-02,0,0.00
00003,1997-13-02,1,4.00
00003,1997-07-02,1,-4.00
"""
RETAIL = '''InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,A,Red cup,10,2010-12-01 08:26,2.50,17850,United Kingdom
1,POST,POSTAGE,1,2010-12-01 08:27,18.00,17850,United Kingdom
2,A,Red cup,4,2010-12-02 09:00,2.00,17850,United Kingdom
C3,A,Red cup,-6,2010-12-03 09:00,2.10,17850,United Kingdom
C4,A,Red cup,-9,2010-12-04 09:00,2.50,17850,United Kingdom
C4,POST,POSTAGE,-1,2010-12-04 09:00,18.00,17850,United Kingdom
5,B,"Cup, ""blue""",3,2010-12-05 09:00,0.125,,France
6,C,,-5,2010-12-05 10:00,0,,United Kingdom
A7,B,Adjust bad debt,1,2010-12-06 09:00,-11.00,,United Kingdom
C8,D,Discount,-1,2010-12-07 09:00,5.00,17850,United Kingdom
'''


async def upload(api: httpx.AsyncClient, text: str | bytes, **query: str) -> str:
    query.setdefault("layout", "cdnow_master")
    content = text.encode() if isinstance(text, str) else text
    answer = await api.post("/v1/shops/demo/imports", params=query, content=content)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def run(db: Database, vault: Vault) -> int:
    """Take chunk after chunk until nothing is due; the relay's part is played by marking what it would publish."""
    total = 0
    while done := await job.step(db, vault):
        total += done
        async with db.transaction() as tx:
            await tx.execute("update outbox set published_at = now() where published_at is null")
    return total


async def get(api: httpx.AsyncClient, path: str) -> Any:
    answer = await api.get(f"/v1/shops/demo{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def everything(db: Database) -> list[Any]:
    """All that an import changes, but for insertion times, sequence numbers, keys and nonces."""
    async with db.transaction() as tx:
        found = [
            await tx.fetch("select shop, source, id, hash from inbox order by 1, 2, 3"),
            await tx.fetch(
                "select shop, customer, order_id, revision, cast(body as text) from orders order by 1, 2, 3"
            ),
            await tx.fetch("select * from refunds order by shop, customer, refund_id"),
            await tx.fetch("select shop, customer, source, id, type, at from archive order by source, id"),
            await tx.fetch("select payload from outbox where aggregatetype <> 'customer-keys' order by seq"),
        ]
    return [[tuple(row) for row in rows] for rows in found]


async def test_each_row_of_cdnow_is_an_order_at_noon_of_the_shop_and_equal_rows_are_two(
    api: httpx.AsyncClient, db: Database, vault: Vault, published: Published
) -> None:
    """ORD-005: time, amount and number of each; ORD-039: bad rows are kept aside and counted."""
    id_ = await upload(api, CDNOW, currency="USD", zone="America/New_York")
    assert await run(db, vault) == 5
    events = await published()
    assert [(e.id, e.subject, e.data.goods_paid, e.data.lines[0].quantity) for e in events] == [
        ("line-000000001", "00001", 1177, 1),
        ("line-000000005", "00003", 0, 0),
        ("line-000000002", "00002", 1200, 1),
        ("line-000000003", "00002", 7700, 5),
        ("line-000000004", "00002", 7700, 5),
    ]
    assert events[0].time == events[0].data.completed_at == datetime(1997, 1, 1, 17, tzinfo=UTC)
    report = await get(api, f"/imports/{id_}")
    assert "taken" not in report, "accepted, duplicates and refused are the counts, and none counts another's"
    counted = {name: report[name] for name in ("state", "staged", "accepted", "duplicates", "refused", "refused_by")}
    assert counted == {
        "state": "done",
        "staged": 5,
        "accepted": 5,
        "duplicates": 0,
        "refused": 2,
        "refused_by": {"invalid_row": 2},
    }
    refusals = await get(api, f"/imports/{id_}/refusals")
    assert [(r["line"], r["text"]) for r in refusals] == [
        (7, "00003,1997-13-02,1,4.00"),
        (8, "00003,1997-07-02,1,-4.00"),
    ]


async def test_the_same_file_twice_changes_nothing_and_a_longer_one_adds_its_new_rows(
    api: httpx.AsyncClient, db: Database, vault: Vault
) -> None:
    """ORD-005: importing the same file twice gives the same totals, be it packed or in white space columns."""
    text = "\n".join(CDNOW.splitlines()[:6])
    await upload(api, text)
    await run(db, vault)
    before, totals = await everything(db), await get(api, "/report")
    white = "\r\n".join(" " + line.replace("-", "").replace(",", "  ") for line in text.splitlines())
    for again in (text, gzip.compress(text.encode()), white.replace("number_of_cds", "number_of_cds ")):
        id_ = await upload(api, again)
        await run(db, vault)
        report = await get(api, f"/imports/{id_}")
        assert (report["state"], report["accepted"], report["duplicates"]) == ("done", 0, 5)
    assert (await everything(db), await get(api, "/report")) == (before, totals)
    id_ = await upload(api, text + "\n00009,1997-02-01,1,10.00")
    await run(db, vault)
    report = await get(api, f"/imports/{id_}")
    assert (report["accepted"], report["duplicates"]) == (1, 5)


async def test_another_file_under_the_same_name_is_refused_line_by_line_and_reported_so(
    api: httpx.AsyncClient, db: Database, vault: Vault
) -> None:
    await upload(api, "00001 19970101 1 11.77")
    other = await upload(api, "00001 19970102 1 11.77")
    assert other == "cdnow_master-2"
    await run(db, vault)
    report = await get(api, f"/imports/{other}")
    assert (report["accepted"], report["refused_by"]) == (0, {"same_id_other_body": 1})
    named = await upload(api, "00001 19970102 1 11.77", name="second")
    await run(db, vault)
    assert (await get(api, f"/imports/{named}"))["accepted"] == 1


async def test_rows_wait_until_the_clock_has_passed_them(
    api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, published: Published, runtime: Runtime
) -> None:
    clock.set(datetime(1997, 1, 5, tzinfo=UTC))
    id_ = await upload(api, "\n".join(CDNOW.splitlines()[:6]), zone="UTC")
    async with db.transaction() as tx:
        assert await counters(tx) == {"leases": 2}
    assert await run(db, vault) == 2
    assert (await get(api, f"/imports/{id_}"))["state"] == "running"
    async with db.transaction() as tx:
        assert await due(runtime, tx) == 0
    clock.set(datetime(1997, 1, 12, 12, tzinfo=UTC))
    assert await run(db, vault) == 3
    assert [e.id for e in await published()] == [
        "line-000000001",
        "line-000000005",
        "line-000000002",
        "line-000000003",
        "line-000000004",
    ]
    assert (await get(api, f"/imports/{id_}"))["state"] == "done"


@pytest.mark.parametrize("chunk", [1, 2, 500])
async def test_killed_in_the_middle_it_goes_on_where_it_stood(
    chunk: Any,
    api: httpx.AsyncClient,
    db: Database,
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
    published: Published,
) -> None:
    """A runner cancelled inside its transaction, again and again, ends with what an undisturbed one ends with."""
    monkeypatch.setattr(job, "CHUNK", chunk)
    await upload(api, RETAIL, layout="online_retail")
    save, kills = store.save_progress, iter([True, False, True, False, False, True])

    async def save_or_die(*args: Any) -> None:
        await save(*args)
        if next(kills, False):
            raise asyncio.CancelledError

    monkeypatch.setattr(store, "save_progress", save_or_die)
    died = 0
    while True:
        try:
            async with db.transaction() as tx:
                if not await job.take_chunk(tx, vault, chunk):
                    break
        except asyncio.CancelledError:
            died += 1
    assert died
    report = await get(api, "/imports/online_retail-1")
    assert (report["state"], report["accepted"], report["staged"]) == ("done", 9, 9)
    assert len(await published()) == 9


async def test_online_retail_groups_invoices_and_takes_cancellations_back_from_the_newest_sale(
    api: httpx.AsyncClient, db: Database, vault: Vault, published: Published
) -> None:
    """Cancelled at C3: 4 of invoice 2 and 2 of invoice 1; at C4: the 8 left of invoice 1, and one that finds none."""
    id_ = await upload(api, RETAIL, layout="online_retail")
    await run(db, vault)
    events = await published()
    orders = [e.data for e in events if e.type == "order.completed"]
    assert [(o.order_id, o.goods_paid, o.freight, o.currency) for o in orders] == [
        ("1", 2500, 1800, "GBP"),
        ("2", 800, 0, "GBP"),
        ("5", 38, 0, "GBP"),
    ]
    refunds = [e.data for e in events if e.type == "order.refunded"]
    assert [(r.refund_id, r.order_id, r.amount, r.freight) for r in refunds] == [
        ("C3-4-0", "2", 800, 0),  # 4 x 2.10 is 8.40: never more than remains of the line
        ("C3-4-1", "1", 420, 0),
        ("C4-5-0", "1", 2000, 0),
        ("C4-5-1", None, 250, 0),
        ("C4-6-0", "1", 0, 1800),
        ("C8-10-0", None, 500, 0),
    ]
    nobody = next(e for e in events if e.type == "order.completed" and e.data.order_id == "5")
    assert (nobody.subject, nobody.key) == (None, "demo/5")
    counts = (await get(api, f"/imports/{id_}"))["findings"]["counts"]
    assert counts == {
        "rows": 10,
        "orders": 3,
        "orders_without_customer": 1,
        "cancellations": 4,
        "refunds": 6,
        "cancellations_matched": 2,
        "cancellations_matched_in_part": 1,
        "cancellations_unmatched": 1,
        "cancellations_cost_more": 1,
        "cancellations_capped": 1,
        "stock_adjustments": 1,
        "bad_debt_adjustments": 1,
        "cancellations_of_no_goods": 1,
    }


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
    text: Any, query: Any, slug: Any, api: httpx.AsyncClient
) -> None:
    content = text.encode() if isinstance(text, str) else text
    answer = await api.post("/v1/shops/demo/imports", params={"layout": "cdnow_master", **query}, content=content)
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}"), answer.text
    assert await get(api, "/imports") == []


async def test_imports_wait_while_live_events_queue_up(
    api: httpx.AsyncClient, db: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upload(api, CDNOW)
    monkeypatch.setattr(job, "FULL", 0)
    async with db.transaction() as tx:
        await tx.execute(
            "insert into outbox (id, aggregatetype, aggregateid, type, shop, payload) "
            "values ('x', 'orders', 'k', 't', 'demo', '{}')"
        )
    assert await job.step(db, vault) == 0
    async with db.transaction() as tx:
        await tx.execute("update outbox set published_at = now()")
    assert await job.step(db, vault) == 5


async def test_a_lost_database_is_not_a_bad_row(
    api: httpx.AsyncClient, db: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upload(api, CDNOW)

    async def fail(*_: Any) -> None:
        raise BrokerUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(job, "take_events", fail)
        with pytest.raises(BrokerUnavailable):
            await job.step(db, vault)
    assert await job.step(db, vault) == 5


async def test_a_row_that_nobody_can_handle_is_set_aside_and_the_rest_goes_on(
    api: httpx.AsyncClient, db: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch, published: Published
) -> None:
    """ORD-039: and is counted."""
    await upload(api, CDNOW)

    async def fail_at_one(tx: Any, vault: Any, offered: Any) -> Any:
        if any(o.event.id == "line-000000003" for o in offered):
            raise RuntimeError("cannot")
        return await ingest.take_events(tx, vault, offered)

    monkeypatch.setattr(job, "take_events", fail_at_one)
    await run(db, vault)
    report = await get(api, "/imports/cdnow_master-1")
    assert (report["state"], report["accepted"]) == ("done", 4)
    assert report["refused_by"] == {"handler_failed": 1, "invalid_row": 2}
    assert "line-000000003" not in {e.id for e in await published()}


@pytest.mark.skipif(not SHARED.exists(), reason="the real histories are not here")
@pytest.mark.slow
async def test_the_published_sample_of_cdnow_comes_in_whole(api: httpx.AsyncClient, db: Database, vault: Vault) -> None:
    """ORD-005: 2,357 customers, 6,919 orders over $244,091.94."""
    await upload(api, (SHARED / "cdnow_sample.csv.gz").read_bytes(), layout="cdnow_sample", currency="USD")
    assert await run(db, vault) == 6919
    report = await get(api, "/report")
    (orders,) = report["orders"]
    assert (orders["orders"], orders["goods_paid"], report["buyers"]) == (6919, 24409194, 2357)


async def test_a_file_larger_than_an_ordinary_body_is_taken(api: httpx.AsyncClient) -> None:
    """P5: Online Retail is 45 MB; the limit of 10 MB is for JSON."""
    rows = CDNOW.splitlines()[:3]
    text = "\n".join([*rows, " " * (11 * 1024 * 1024)])
    report = await get(api, f"/imports/{await upload(api, text)}")
    assert report["staged"] == 2
