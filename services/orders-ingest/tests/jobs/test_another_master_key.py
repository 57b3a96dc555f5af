"""The master key is replaced while requests come in: none fails, and in the end the old one opens nothing (S6)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import orjson
import pytest
from pydantic import SecretStr

from common.bus.broker import Record
from common.bus.dead import DeadRecord, bury
from common.crypto.keys import KeyRing, get_keys
from common.crypto.master import MasterKeys
from common.crypto.sealed import ROWS, SealedColumn
from common.http.app import build_app
from common.http.health import Readiness
from common.process.resealing import resealing
from common.process.runtime import Runtime
from common.process.settings import Settings
from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.archive.vault import Vault
from orders_ingest.imports.staging import refused_row
from orders_ingest.imports.store import Job, StagedRow, insert_rows
from orders_ingest.imports.store_refusals import insert_refusals
from orders_ingest.imports.uploads import seal_part
from orders_ingest.jobs.keys import rewrapping
from orders_ingest.main import SERVICE
from orders_ingest.reconciliation.store_lists import get_source
from orders_ingest.webhooks.store import get_secrets

MASTER = bytes(range(32))
KEY = "an-administrators-key-of-tests"
NEW, NEWEST = [base64.b64encode(bytes(range(n, n + 32))).decode() for n in (1, 2)]
STEPS: tuple[dict[str, str], ...] = (
    {},
    {"master_keys": f"2026-11 {NEW}"},
    {"master_keys": f"2026-11 {NEW}", "master_key_id": "2026-11"},
)
"""The settings of a process before, with the new key to read with, and with it to write with."""
NEXT: dict[str, str] = {"master_keys": f"2026-11 {NEW}\n2026-12 {NEWEST}", "master_key_id": "2026-12"}
AFTERWARDS: dict[str, str] = {"master_keys": f"2026-12 {NEWEST}", "master_key_id": "2026-12"}
"""When a further key was replaced in its turn, and when it was thrown away."""
GONE_BEFORE_LONG = {"import_rows.body", "import_parts.body"}


def process(db: Database, clock: FixedClock, step: dict[str, str]) -> Runtime:
    settings = Settings(
        database_url="postgresql://unused@localhost/unused",
        kafka_bootstrap_servers="localhost:1",
        master_key=SecretStr(base64.b64encode(MASTER).decode()),
        bootstrap_api_key=SecretStr(KEY),
        master_keys=SecretStr(step["master_keys"]) if "master_keys" in step else None,
        master_key_id=step.get("master_key_id"),
    )
    masters = settings.all_master_keys()
    return Runtime(SERVICE, settings, clock, db, KeyRing(masters), masters.founding)


@asynccontextmanager
async def served(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(runtime, Readiness())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client
    if hasattr(app.state, "collector"):
        await app.state.collector.close()


async def test_the_master_key_is_replaced_without_a_failed_request(db: Database, clock: FixedClock) -> None:
    numbers, names = count(1), dict[str, str]()

    async def ask(*processes: httpx.AsyncClient) -> None:
        """A new customer by each process, and all customers read by each."""
        for one in processes:
            await add(one)
        await read(*processes)

    async def add(one: httpx.AsyncClient) -> None:
        number = next(numbers)
        customer, name = f"c-{number}", f"Ann {number}"
        registered = (clock.now() - timedelta(days=1)).isoformat()
        body = {"customers": [{"id": customer, "name": name, "registered_at": registered}]}
        told = await one.post("/v1/shops/demo/customers", json=body)
        assert (told.status_code, told.json()["results"][0]["status"]) == (202, "accepted"), told.text
        names[customer] = name

    async def read(*processes: httpx.AsyncClient) -> None:
        for one in processes:
            for customer, name in names.items():
                found = await one.get(f"/v1/shops/demo/customers/{customer}/personal", params={"fields": "name"})
                assert (found.status_code, found.json()["fields"]) == (200, {"name": name}), found.text

    runtimes = [process(db, clock, step) for step in STEPS]
    async with AsyncExitStack() as stack:
        before, reading, writing = [await stack.enter_async_context(served(each)) for each in runtimes]
        # A rolling restart has processes of two steps side by side, never of three.
        for side_by_side in ((before,), (before, reading), (reading,), (reading, writing), (writing,)):
            await ask(*side_by_side)
        # What the sweep wraps anew, every process still opens.
        job, done = rewrapping(runtimes[2].keys), 0
        while True:
            async with db.transaction() as tx:
                rows = await job.batch(tx, clock.now(), 2)
            if not rows:
                break
            done += rows
            assert done < 50, "it does not come to an end"
            await add(writing)
            await read(reading, writing)
    assert done >= 4
    async with db.transaction() as tx:
        kept = await get_keys(tx, [("demo", customer) for customer in names])
        told = await tx.fetch("select payload from outbox where type = 'customer.key_issued' order by seq")
    assert all((row.wrapped or "").startswith("2026-11.") for row in kept.values()), "the old key opens one of them"
    # The topic tells every service the same: of each customer the last record, which compaction keeps.
    last = {body["subject"]: body["data"]["wrapped"] for body in (orjson.loads(row.payload) for row in told)}
    assert {customer: row.wrapped for (_, customer), row in kept.items()} == last
    assert len({orjson.loads(row.payload)["id"] for row in told}) == len(told)


async def fill(runtime: Runtime, tell: Any, turn: int) -> None:
    """A row of each kind that the process's key seals."""
    shop, vault = "/v1/shops/demo", Vault(runtime.keys)
    async with served(runtime) as api:

        async def told(method: str, path: str, body: Any) -> None:
            answer = await api.request(method, f"{shop}{path}", json=body)
            assert answer.is_success, answer.text

        await told("PUT", "/settings", {"zone": "Asia/Shanghai", "currency": "CNY"})
        for vendor in ("shopify", "woocommerce"):
            await told("PUT", f"/webhooks/{vendor}", {"secrets": ["whsec-of-tests-1", f"whsec-of-tests-{turn}"]})
        address = {"address": "https://shop.example", "secret": f"ck_of-tests-{turn}:cs_of-tests-{turn}"}
        await told("PUT", "/order-lists/woocommerce", address)
        terms = {"name": "Pots", "purpose": "spring", "basis": "pseudonyms", "customer_fields": ["orders"], "by": "li"}
        await told("PUT", f"/sharing/partners/pots-{turn}", terms)
        await told(
            "POST", "/customers", {"customers": [{"id": f"{name}-{turn}", "name": name} for name in ("ann", "ben")]}
        )
        await told("POST", f"/customers/ann-{turn}/erasure", None)
        order = tell.order(data={"order_id": f"o-{turn}"}, subject=None)
        refund = {"order_id": f"unknown-{turn}", "refund_id": f"r-{turn}", "amount": 100, "currency": "CNY"}
        await told("POST", "/events", [order, tell.event("order.refunded", refund)])
    job = Job("demo", f"file-{turn}")
    async with runtime.database.transaction() as tx:
        await insert_refusals(tx, [refused_row(vault, job, n, "bad", "why", b"line") for n in range(ROWS + 1)])
        row = StagedRow(*job, tx.clock.now(), 1, 0, b"", b"")
        await insert_rows(tx, [row._replace(body=vault.seal_line(row.place, b"{}"))])
        await tx.execute(
            "insert into import_parts (shop, upload_id, number, hash, body) values ('demo', :upload, 1, '', :body)",
            upload=job.job_id,
            body=seal_part(vault, "demo", job.job_id, 1, b"part"),
        )
        dead = Record("deliveries", 0, turn, None, b"body", {}, 0)
        await bury(tx, [DeadRecord(dead, "bad", "why", shop="demo")], runtime.seal_dead, "cluster")


async def counted(runtime: Runtime) -> dict[str, dict[str, int]]:
    """What the operator is told: rows by kind and key."""
    async with served(runtime) as api:
        found = (await api.get("/ops/master-keys")).json()
    assert found["current"] == runtime.keys.master.current
    kinds: dict[str, dict[str, int]] = {}
    for each in found["sealed"]:
        kinds.setdefault(each["what"], {})[each["key"]] = each["rows"]
    return kinds


async def opened(db: Database, kind: SealedColumn, master: MasterKeys) -> int:
    """Opens all rows of a kind; how many."""
    async with db.transaction() as tx:
        rows = await tx.fetch(f"select * from {kind.table} where {kind.column} is not null")
    for row in rows:
        place = kind.place(*(getattr(row, name) for name in kind.row)).encode()
        master.open(kind.purpose, bytes(getattr(row, kind.column)), aad=place)
    return len(rows)


async def test_whatever_a_replaced_key_sealed_is_sealed_anew(db: Database, clock: FixedClock, tell: Any) -> None:
    """S6: a further key that was replaced is thrown away; webhooks, lists, partners' keys and all else open."""
    before, writing, following = [process(db, clock, step) for step in (STEPS[0], STEPS[2], NEXT)]
    await fill(before, tell, 0)
    await fill(writing, tell, 1)
    kinds = {kind.name for kind in following.sealed} | {"customer_keys.wrapped"}
    found = await counted(following)
    assert found.keys() == kinds, "fill() makes a row of each kind"
    assert all("2026-11" in keys and "2026-12" not in keys for keys in found.values()), found
    # Of two processes one does it, and neither waits.
    one, other = resealing(following.sealed, following.keys.master), resealing(following.sealed, following.keys.master)
    async with db.transaction() as tx:
        done = await one.batch(tx, clock.now(), 200)
        assert ROWS < done < 2 * ROWS + 20, "some of each at a time"
        async with db.transaction() as beside:
            assert await other.batch(beside, clock.now(), 200) <= ROWS + 20
    for job in (one, rewrapping(following.keys)):
        for _ in range(20):
            async with db.transaction() as tx:
                if not await job.batch(tx, clock.now(), 200):
                    break
        else:
            raise AssertionError("it does not come to an end")
    now = await counted(following)
    rest = {name: keys for name, keys in now.items() if keys.keys() != {"2026-12"}}
    assert rest.keys() == GONE_BEFORE_LONG
    assert {name: sum(keys.values()) for name, keys in now.items()} == {
        name: sum(keys.values()) for name, keys in found.items()
    }
    afterwards = process(db, clock, AFTERWARDS)
    for kind in afterwards.sealed:
        if isinstance(kind, SealedColumn) and kind.name not in GONE_BEFORE_LONG:
            assert await opened(db, kind, afterwards.keys.master) >= 2
    vault = Vault(afterwards.keys)
    async with db.transaction() as tx:
        assert await get_secrets(tx, vault, "demo", "shopify") == ["whsec-of-tests-1", "whsec-of-tests-1"]
        source = await get_source(tx, vault, "demo", "woocommerce")
        tables = [row.relname for row in await tx.fetch(TABLES)]
        # Nor is it named by any table that nobody thought of, as bytes or as hex within JSON.
        named = {
            table
            for table in tables
            if await tx.value(f"select exists (select from {table} t where cast(t as text) like '%{OLD.hex()}%')")
        }
    assert source is not None
    assert source.secret == "ck_of-tests-1:cs_of-tests-1"
    assert named <= {"import_rows", "import_parts", "outbox", *(t for t in tables if t.startswith("outbox_"))}


OLD = b"key:2026-11:"
TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"


async def test_a_body_that_does_not_open_is_said_and_keeps_nothing_waiting(
    db: Database, clock: FixedClock, tell: Any
) -> None:
    await fill(before := process(db, clock, STEPS[0]), tell, 0)
    async with db.transaction() as tx:
        broken = Vault(before.keys).seal_line("somewhere else", b"x")
        await tx.execute("update import_refusals set text = :broken", broken=broken)
        rows = [refused_row(Vault(before.keys), Job("demo", "late"), 1, "bad", "why", b"line")]
        await insert_refusals(tx, rows)
    writing = process(db, clock, STEPS[2])
    job = resealing(writing.sealed, writing.keys.master)
    for _ in range(4):
        async with db.transaction() as tx:
            done = await job.batch(tx, clock.now(), 200)
    assert done == 0
    assert (await counted(writing))["import_refusals.text"] == {"": ROWS + 1, "2026-11": 1}


async def test_what_is_sealed_is_counted_by_the_index_and_so_far_as_it_is_asked(
    db: Database, clock: FixedClock, tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6: whether a key may go is answered at once, of a table of any length, and whatever is known of its rows."""
    before, writing = process(db, clock, STEPS[0]), process(db, clock, STEPS[2])
    await fill(before, tell, 0)
    async with db.transaction() as tx:
        await tx.execute("analyze import_refusals")
    await fill(writing, tell, 1)
    monkeypatch.setattr("common.crypto.sealed.MOST", 3)
    assert (await counted(writing))["import_refusals.text"] == {"": 3, "2026-11": 3}
    (kind,) = [each for each in writing.sealed if each.name == "import_refusals.text"]
    asked: list[str] = []
    async with db.transaction() as tx:
        fetch = tx.fetch

        async def explained(sql: str, **params: Any) -> Any:
            asked.extend(row[0] for row in await fetch(f"explain {sql}", **params))
            return await fetch(sql, **params)

        monkeypatch.setattr(tx, "fetch", explained)
        await kind.count(tx)
    plan = "\n".join(asked)
    assert plan.count("using import_refusals_sealed") == 2, plan
    assert "Seq Scan" not in plan
    assert "Sort" not in plan
