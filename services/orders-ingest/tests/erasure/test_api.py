"""Erasure of a person here: what names nobody is looked through, services confirm, the report is kept (SEC-006)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from common.bus.broker import Record
from common.bus.dead import DeadRecord, bury
from common.bus.subscriptions import Batch
from common.events import Event
from common.events.feedback import FeedbackErased
from common.events.membership import MembershipErased
from common.events.messages import MessagesErased
from common.events.segments import SegmentsErased
from common.process.runtime import Runtime
from common.storage.database import Database
from common.values.paths import part
from orders_ingest import metrics
from orders_ingest.archive.vault import Vault
from orders_ingest.handlers.erasures import on_confirmed
from orders_ingest.imports.staging import refused_row
from orders_ingest.imports.store import Job, insert_job
from orders_ingest.imports.store_refusals import insert_refusals
from orders_ingest.imports.store_uploads import prune
from orders_ingest.jobs.erasing import erase_texts
from orders_ingest.jobs.open_erasures import count_open
from regulars.client import Services
from regulars.privacy.requests import erase
from regulars.stack.errors import Refused

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
"""What the clock of these tests says."""
CUSTOMERS, UPLOADS = "/v1/shops/demo/customers", "/v1/shops/demo/uploads"
WHOLE = {
    "name": "Ann Kanarie", "gender": "female", "region": "Kanarie", "city": "Kanarie", "education": "Kanarie",
    "credit_level": "Kanarie", "language": "de", "zone": "Europe/Berlin", "source": "Kanarie", "birthday": "1990-02-28",
    "address": "Kanarie Office Tower", "social": [{"platform": "weibo", "account": "kanarie"}],
    "interests": [{"kind": "book", "value": "Kanarie", "consented": True}],
}  # fmt: skip
OTHERS = (
    ("membership", MembershipErased),
    ("segmentation", SegmentsErased),
    ("messaging", MessagesErased),
    ("feedback", FeedbackErased),
)


def slug(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def swept(db: Database, vault: Vault, runtime: Runtime) -> int:
    async with db.transaction() as tx:
        return await erase_texts(tx, vault, runtime.open_dead, NOW)


async def open_erasures(db: Database, now: datetime) -> tuple[float, float]:
    """The metrics that the alert ErasureOpen looks at."""
    async with db.transaction() as tx:
        await count_open(tx, now)
    return metrics.ERASURES_OPEN._value.get(), metrics.ERASURES_OLDEST._value.get()


async def confirm(db: Database, service: str, kind: type[Any], customer: str) -> None:
    source = f"/shops/demo/{service}"
    event = Event(f"{service}-{customer}", source, "demo", customer, NOW, kind(kept={"rows": 1}))
    async with db.transaction() as tx:
        await tx.lock_customers([event.customer])
        await on_confirmed(tx, Batch([event]))


async def test_an_erasure_reaches_what_names_nobody_and_is_complete_when_all_have_confirmed(
    api: httpx.AsyncClient, db: Database, vault: Vault, runtime: Runtime, tell: Any
) -> None:
    await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann Kanarie", "email": "kanarie@example.com"})
    await api.put(f"{CUSTOMERS}/till", json={"name": "Ann at the counter"})
    await api.put(f"{CUSTOMERS}/cleo", json={"name": "Cleo"})
    await api.post(f"{CUSTOMERS}/ann/merge", json={"absorbed": "till"})
    waits = {"refund_id": "r-1", "order_id": "later", "amount": 1, "currency": "CNY", "reason": "kanarie was late"}
    await api.post("/v1/events", json=tell.event("order.refunded", waits, subject="till"))
    async with db.transaction() as tx:
        job = Job("demo", await insert_job(tx, "demo", "orders", "till", "{}", "{}", None))
        lines = (b"1;Ann KANARIE;x", b"2;Cleo;x", b"3;kanarie@example.com;y")
        await insert_refusals(tx, [refused_row(vault, job, n, "bad", "bad", line) for n, line in enumerate(lines, 1)])
        dead = [
            DeadRecord(Record("webhooks.x", 0, n, None, body, {}, 0), "bad", "bad", "demo")
            for n, body in enumerate((b'{"email": "Kanarie@example.com"}', b'{"email": "cleo@example.com"}'))
        ]
        await bury(tx, dead, runtime.seal_dead, "cluster")
    asked = await api.post(f"{CUSTOMERS}/till/erasure")
    assert (asked.status_code, asked.json()["people"]) == (202, ["ann", "till"])
    assert asked.json()["waiting_for"][0] == "orders-ingest"
    assert (await api.post(f"{CUSTOMERS}/till/erasure")).json() == asked.json()
    while await swept(db, vault, runtime):
        pass
    async with db.transaction() as tx:
        texts = await tx.fetch("select line, job_id, text from import_refusals order by line")
        opened = [vault.open_line(f"import-refusal:demo:{r.job_id}:{r.line}", bytes(r.text)) for r in texts]
        kept = [row.body is not None for row in await tx.fetch("select body from dead_events order by dead_id")]
        waiting = await tx.fetch_one("select body from refunds where refund_id = 'r-1'")
        left = await tx.value("select count(*) from erasures where looked_for is not null")
    assert opened == [b"", b"2;Cleo;x", b""]
    assert (kept, left) == ([False, True], 0)
    assert waiting is not None
    assert b"kanarie" not in vault.open("refund:demo:r-1", bytes(waiting.body)).lower()
    report = (await api.get(f"{CUSTOMERS}/ann/erasure")).json()
    assert report["waiting_for"] == [name for name, _ in OTHERS]
    assert await open_erasures(db, NOW + timedelta(hours=2)) == (2, 7200)
    assert report["removed"] == {"dead_events": 1, "import_refusals": 2, "refunds": 1}
    for service, kind in OTHERS:
        await confirm(db, service, kind, "ann")
        # A service counts when it has confirmed for every identifier of the person.
        assert service in (await api.get(f"{CUSTOMERS}/ann/erasure")).json()["waiting_for"]
        await confirm(db, service, kind, "till")
    report = (await api.get(f"{CUSTOMERS}/ann/erasure")).json()
    assert (report["waiting_for"], report["completed_at"]) == ([], "2026-03-05T12:00:00Z")
    assert await open_erasures(db, NOW + timedelta(hours=2)) == (0, 0)
    assert [each["kept"] for each in report["confirmed"] if each["service"] == "membership"] == [{"rows": 2}]


async def test_the_refused_lines_of_a_file_are_whose_its_layout_says(
    api: httpx.AsyncClient, db: Database, vault: Vault, runtime: Runtime
) -> None:
    """An invoice stands in the first cell of Online Retail, and is nobody's name."""
    await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann"})
    lines = ["7,A,LAMP,1,no date,5.00,ann,UK", "ann,A,LAMP,1,no date,5.00,bob,UK"]
    head = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
    asked = {"layout": "online_retail", "name": "till"}
    content = "\n".join([head, *lines]).encode()
    answer = await api.post("/v1/shops/demo/imports", params=asked, content=content)
    assert answer.status_code == 202, answer.text
    await api.post(f"{CUSTOMERS}/ann/erasure")
    while await swept(db, vault, runtime):
        pass
    async with db.transaction() as tx:
        texts = await tx.fetch("select line, job_id, text from import_refusals order by line")
    opened = [vault.open_line(f"import-refusal:demo:{r.job_id}:{r.line}", bytes(r.text)) for r in texts]
    assert opened == [b"", lines[1].encode()]


async def test_of_a_line_that_names_an_erased_customer_nothing_is_kept(
    api: httpx.AsyncClient, db: Database, vault: Vault, runtime: Runtime
) -> None:
    """The order of a refused event: its text would be there again with the next import."""
    await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann Kanarie"})
    await api.post(f"{CUSTOMERS}/ann/erasure")
    assert slug(await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann"})) == (409, "customer_erased")
    while await swept(db, vault, runtime):
        pass
    assert (await api.get(f"{CUSTOMERS}/ann/export/profiles")).json()["rows"] == []


async def test_an_erasure_takes_the_whole_profile_and_what_comes_later_does_not_fill_it_again(
    api: httpx.AsyncClient, db: Database, vault: Vault, runtime: Runtime
) -> None:
    """SEC-006: what is sealed and what stands in plain, of all identifiers of the person and of nobody else."""
    for name in ("ann", "till", "bob"):
        assert (await api.put(f"{CUSTOMERS}/{name}", json=WHOLE)).status_code == 202
    await api.post(f"{CUSTOMERS}/ann/merge", json={"absorbed": "till"})
    assert (await api.post(f"{CUSTOMERS}/ann/erasure")).status_code == 202
    told = (f"{CUSTOMERS}/ann", f"{CUSTOMERS}/till", f"{CUSTOMERS}/ann/personal?fields=name")
    for path in told:
        assert slug(await api.get(path)) == (404, "erased_customer"), path
    assert slug(await api.put(f"{CUSTOMERS}/ann", json=WHOLE)) == (409, "customer_erased")
    event = {"id": "e-9", "type": "customer.updated", "subject": "till", "data": WHOLE}
    assert slug(await api.post("/v1/shops/demo/events", json=event)) == (409, "customer_erased")
    async with db.transaction() as tx:
        assert [row.customer for row in await tx.fetch("select customer from profiles")] == ["bob"]
    assert (await api.get(f"{CUSTOMERS}/bob")).json()["city"] == "Kanarie"
    while await swept(db, vault, runtime):
        pass
    assert "profiles" not in (await api.get(f"{CUSTOMERS}/ann/export")).json()["tables"]


async def test_an_erasure_waits_for_files_that_are_being_sent_and_removes_those_that_were_left(
    api: httpx.AsyncClient, db: Database, vault: Vault, runtime: Runtime
) -> None:
    """SEC-006: parts of a file cannot be looked into; they hold up no other shop's erasures."""
    await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann Kanarie"})
    for name in ("left", "coming"):
        assert (await api.put(f"{UPLOADS}/{name}", json={"size": 5})).status_code == 200
        assert (await api.put(f"{UPLOADS}/{name}/parts/1", content=b"1;Ann")).status_code == 200
    async with db.transaction() as tx:
        await tx.execute(
            "update import_uploads set used_at = :at where upload_id = 'left'", at=NOW - timedelta(hours=2)
        )
    await api.post(f"{CUSTOMERS}/ann/erasure")
    assert await swept(db, vault, runtime) == 0
    other = "/v1/shops/other/customers"
    await api.put(f"{other}/bob", json={"name": "Bob"})
    await api.post(f"{other}/bob/erasure")
    assert await swept(db, vault, runtime) == 1
    assert (await api.get(f"{other}/bob/erasure")).json()["waiting_for"] == [name for name, _ in OTHERS]
    assert [(await api.get(f"{UPLOADS}/{name}")).status_code for name in ("left", "coming")] == [404, 200]
    report = (await api.get(f"{CUSTOMERS}/ann/erasure")).json()
    assert (report["waiting_for"][0], report["removed"]) == ("orders-ingest", {"import_parts": 1})
    assert (await api.delete(f"{UPLOADS}/coming")).status_code == 204
    async with db.transaction() as tx:
        assert await prune(tx, NOW, 10) == 2
    while await swept(db, vault, runtime):
        pass
    report = (await api.get(f"{CUSTOMERS}/ann/erasure")).json()
    assert report["waiting_for"] == [name for name, _ in OTHERS]


async def test_an_erasure_leaves_what_others_sent_and_takes_all_that_is_the_persons(
    api: httpx.AsyncClient, db: Database, vault: Vault, runtime: Runtime
) -> None:
    """SEC-006, ORD-039: a refused line, or a dead delivery, is the only copy that can be mended."""
    for name in ("1000", "ann", "bob"):
        await api.put(f"{CUSTOMERS}/{name}", json={"name": "Ann"})
    heading = orjson.dumps({"heading": "order;who;paid;note", "columns": {"customer": "Who"}}).decode()
    lines = (b"1000;bob;1000;order 41000", b"1;ann;12;Lindenstrasse 77", b"2;1000;12;Hill 1", b"3;bob;12;ann is Ann")
    bodies = (
        (b'{"customer": "bob", "goods_paid": 1000}', "demo"),
        (b'{"customer": 1000, "note": "Hill 1"}', "demo"),
        (b'{"customer": "ann"}', "other"),
        (b'{"customer": "ann"}', None),
    )
    async with db.transaction() as tx:
        job = Job("demo", await insert_job(tx, "demo", "orders", "till", "{}", heading, None))
        await insert_refusals(tx, [refused_row(vault, job, n, "bad", "bad", line) for n, line in enumerate(lines, 1)])
        dead = [
            DeadRecord(Record("webhooks.x", 0, n, None, body, {}, 0), "bad", "bad", shop)
            for n, (body, shop) in enumerate(bodies)
        ]
        await bury(tx, dead, runtime.seal_dead, "cluster")
    for name in ("1000", "ann"):
        assert (await api.post(f"{CUSTOMERS}/{name}/erasure")).status_code == 202
    while await swept(db, vault, runtime):
        pass
    async with db.transaction() as tx:
        texts = await tx.fetch("select line, job_id, text from import_refusals order by line")
        opened = [vault.open_line(f"import-refusal:demo:{r.job_id}:{r.line}", bytes(r.text)) for r in texts]
        kept = [row.body is not None for row in await tx.fetch("select body from dead_events order by dead_id")]
    assert opened == [lines[0], b"", b"", lines[3]]
    assert kept == [True, False, True, True]


async def test_an_erasure_that_makes_no_sense_is_refused(api: httpx.AsyncClient) -> None:
    assert slug(await api.post(f"{CUSTOMERS}/nobody/erasure")) == (404, "unknown_customer")
    await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann"})
    assert slug(await api.get(f"{CUSTOMERS}/ann/erasure")) == (404, "no_erasure")
    asked = {"shop": "demo", "scopes": ["customers:write", "customers:read"], "name": "backend"}
    key = (await api.post("/v1/keys", json=asked)).json()["key"]
    headers = {"authorization": f"Bearer {key}"}
    assert slug(await api.post(f"{CUSTOMERS}/ann/erasure", headers=headers)) == (403, "missing_scope")
    assert slug(await api.get(f"{CUSTOMERS}/ann/export", headers=headers)) == (403, "missing_scope")


async def test_who_is_erased_before_anything_of_them_came_does_not_come_by_what_is_sent_later(
    api: httpx.AsyncClient, db: Database, vault: Vault, runtime: Runtime, tell: Any
) -> None:
    """SEC-006: registered and erased after the instant of a restore; `regulars redo`, then the shop sends all again."""
    wanted = {"unknown": True}
    assert (await api.post(f"{CUSTOMERS}/ann/erasure", params=wanted)).status_code == 202
    assert (await api.post(f"{CUSTOMERS}/ann/erasure", params=wanted)).json()["people"] == ["ann"]
    again = await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann Kanarie", "email": "kanarie@example.com"})
    assert slug(again) == (409, "customer_erased")
    consent = {"channel": "email", "granted": True}
    told = await api.put(f"{CUSTOMERS}/ann/consents", json={"consents": [consent]})
    assert slug(told) == (409, "customer_erased")
    order = tell.order("paid", {"remark": "left with Kanarie"}, subject="ann")
    assert (await api.post("/v1/events", json=order)).status_code == 202, "totals stay, under the bare identifier"
    assert slug(await api.get(f"{CUSTOMERS}/ann")) == (404, "erased_customer")
    orders = (await api.get(f"{CUSTOMERS}/ann/export/orders")).json()["rows"]
    assert len(orders) == 1
    assert "Kanarie" not in orjson.dumps(orders).decode()
    while await swept(db, vault, runtime):
        pass
    for service, kind in OTHERS:
        await confirm(db, service, kind, "ann")
    assert (await api.get(f"{CUSTOMERS}/ann/erasure")).json()["completed_at"] is not None
    async with db.transaction() as tx:
        told_of = await tx.fetch("select type from outbox where type in ('customer.erased', 'customer.key_issued')")
    assert [row.type for row in told_of] == ["customer.erased"], "once, and never a key"


@pytest.mark.parametrize("table", ["profiles", "consents", "orders"])
async def test_an_export_has_all_that_is_kept_with_its_texts_opened_page_by_page(
    api: httpx.AsyncClient, tell: Any, table: str
) -> None:
    await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann", "social": [{"platform": "wechat", "account": "ann_88"}]})
    consent = {"channel": "email", "granted": True}
    await api.put(f"{CUSTOMERS}/ann/consents", json={"consents": [consent]})
    await api.post("/v1/events", json=tell.order("paid", {"remark": "at the door"}, subject="ann"))
    listed = (await api.get(f"{CUSTOMERS}/ann/export")).json()
    assert listed["people"] == ["ann"]
    assert listed["tables"][table] == 1
    page = (await api.get(f"{CUSTOMERS}/ann/export/{table}", params={"limit": 1})).json()
    assert (len(page["rows"]), page["next"]) == (1, None)
    body = page["rows"][0].get("body", {})
    if table == "profiles":
        assert (body["name"], body["social"][0]["account"]) == ("Ann", "ann_88")
    if table == "orders":
        assert body["remark"] == "at the door"
    assert slug(await api.get(f"{CUSTOMERS}/ann/export/api_keys")) == (404, "unknown_table")


async def test_an_export_has_what_stands_under_an_order_and_under_an_identifier_that_was_absorbed(
    api: httpx.AsyncClient, tell: Any
) -> None:
    """SEC-006: what has no column of the customer's is exported by a view."""
    await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann"})
    await api.put(f"{CUSTOMERS}/till", json={"name": "Ann"})
    await api.post("/v1/events", json=tell.order("completed", {"order_id": "1"}, subject="ann"))
    for type_, said in (
        ("order.special_request", {"request_id": "r-1", "state": "open", "text": "wrap it for Bea"}),
        ("order.logistics_updated", {"status": "out_for_delivery", "place": "Hill 1", "detail": "left with Ann"}),
        ("order.returned", {"return_id": "t-1", "state": "open", "reason": "Ann dislikes it"}),
    ):
        taken = await api.post("/v1/events", json=tell.event(type_, {"order_id": "1", **said}, subject="ann"))
        assert taken.status_code == 202, taken.text
    await api.post(f"{CUSTOMERS}/ann/merge", json={"absorbed": "till"})
    listed = (await api.get(f"{CUSTOMERS}/ann/export")).json()["tables"]
    assert (listed["details_of_orders"], listed["merges_of_customers"]) == (3, 1)
    path = f"{CUSTOMERS}/ann/export/details_of_orders"
    first = (await api.get(path, params={"limit": 2})).json()
    rest = (await api.get(path, params={"limit": 2, "after": first["next"]})).json()
    assert (len(first["rows"]), rest["next"]) == (2, None)
    text = orjson.dumps([*first["rows"], *rest["rows"]]).decode()
    for words in ("wrap it for Bea", "Hill 1", "left with Ann", "Ann dislikes it"):
        assert words in text
    (merge,) = (await api.get(f"{CUSTOMERS}/till/export/merges_of_customers")).json()["rows"]
    assert (merge["customer"], merge["survivor"]) == ("till", "ann")


async def test_an_export_loses_and_doubles_no_row_that_changes_while_it_is_read(
    api: httpx.AsyncClient, tell: Any
) -> None:
    await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann"})
    orders = [f"o{number}" for number in range(9)]
    for name in orders:
        await api.post("/v1/events", json=tell.order("paid", {"order_id": name}, subject="ann"))
    found, after = list[str](), ""
    while after is not None:
        path = f"{CUSTOMERS}/ann/export/orders"
        page = (await api.get(path, params={"limit": 3, "after": after})).json()
        found += [row["order_id"] for row in page["rows"]]
        after = page["next"]
        later = tell.order("completed", {"order_id": found[0]}, subject="ann", time="2026-03-02T10:00:00Z")
        await api.post("/v1/events", json=later | {"id": f"later-{len(found)}"})
    assert found == orders


@pytest.mark.parametrize("after", ["nonsense", "IiI=", "WyJhbm4iXQ==", "WyJhbm4iLDFd", "WyJhbm4iLCJcdTAwMDAiXQ=="])
async def test_a_place_in_an_export_that_no_page_named_is_refused(api: httpx.AsyncClient, after: str) -> None:
    """Text without its form, no list, too few columns, a number, and a sign that no text of the database holds."""
    await api.put(f"{CUSTOMERS}/ann", json={"name": "Ann"})
    answer = await api.get(f"{CUSTOMERS}/ann/export/orders", params={"after": after})
    assert slug(answer) == (422, "invalid_cursor")


async def test_the_command_erases_who_asked_and_not_whose_id_it_is_read_as(api: httpx.AsyncClient) -> None:
    """SEC-006: an erasure cannot be taken back."""
    asked, other = "user%40example.com", "user@example.com"
    for name in (asked, other):
        assert (await api.put(f"{CUSTOMERS}/{part(name)}", json={"name": "Ann Kanarie"})).status_code == 202
    with pytest.raises(Refused, match="not confirmed yet"):
        await erase(Services.of({"orders-ingest": api}), "demo", asked, 0, unknown=True)
    assert (await api.get(f"{CUSTOMERS}/{part(asked)}/erasure")).json()["customer"] == asked
    assert slug(await api.get(f"{CUSTOMERS}/{other}/erasure")) == (404, "no_erasure")
