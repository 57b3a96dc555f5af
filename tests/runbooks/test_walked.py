"""Processes, the bus and the books: their runbooks are walked, and what the pages say mends what is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from pathlib import Path

import asyncpg

from common.bus.broker import Outgoing, Producer, Record
from common.bus.broker.reader import Reader
from common.bus.relay import relay_lock

from .pages import query
from .watched import APART, ON_REQUEST, ROOT, Watched

pytestmark = ON_REQUEST


def test_service_down(stack: Watched) -> None:
    """The process hangs; it is ended, its supervisor starts it again, and nothing was lost."""
    before = stack.orders()
    pid = stack.state.processes["membership"].pid
    os.kill(pid, signal.SIGSTOP)
    stack.until_it_fires("ServiceDown", "membership")
    stack.order(2)
    os.kill(pid, signal.SIGKILL)
    stack.until_it_is_quiet("ServiceDown", "membership")
    stack.until_orders(before + 1)


def test_part_runs_nowhere(stack: Watched) -> None:
    """Processes with `--only`, none of which has relay and sweeps; a process with these is started beside."""
    url = stack.empty_database("feedback_in_parts")
    with stack.started("--migrate", "--only", "api,consumer", database_url=url):
        stack.until_it_fires("PartRunsNowhere", APART)
        with stack.started("--only", "relay,sweeps", database_url=url, port=stack.apart[1]):
            stack.until_it_is_quiet("PartRunsNowhere", APART)


def test_nobody_publishes(stack: Watched) -> None:
    """A session that does nothing holds the relay's lock; pg_locks shows it, and it is ended."""
    before = stack.orders()

    async def hold() -> None:
        holder = await stack.connect("membership")
        lock = asyncio.create_task(holder.execute("select pg_advisory_lock($1::bigint)", relay_lock("membership")))
        await asyncio.sleep(0.5)
        other = await stack.connect("membership")
        await other.execute(END_HOLDER)  # so that the lock comes to the one that waits for it
        await asyncio.wait_for(lock, 30)
        await asyncio.to_thread(stack.until_it_fires, "NobodyPublishes", "membership")
        stack.order(3)
        assert await other.fetchval("select count(*) from pg_locks where locktype = 'advisory' and granted") >= 1
        await other.execute(END_HOLDER)
        await asyncio.to_thread(stack.until_it_is_quiet, "NobodyPublishes", "membership")
        await other.close()
        holder.terminate()

    asyncio.run(hold())
    stack.until_orders(before + 1)


END_HOLDER = """
select pg_terminate_backend(pid) from pg_locks
where locktype = 'advisory' and granted and pid <> pg_backend_pid()
  and database = (select oid from pg_database where datname = current_database())
"""


def test_outbox_grows_old(stack: Watched) -> None:
    """Kafka does not answer; orders are taken meanwhile, and go when it does."""
    before = stack.orders()
    (name,) = [each for each in stack.state.processes if each.startswith("kafka")]
    pid = stack.state.processes[name].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        stack.order(4)
        stack.until_it_fires("OutboxGrowsOld", "orders-ingest")
    finally:
        os.kill(pid, signal.SIGCONT)
    stack.until_it_is_quiet("OutboxGrowsOld", "orders-ingest")
    stack.until_orders(before + 1)


def test_consumer_stands_still(stack: Watched) -> None:
    """Somebody holds a customer's lock; pg_stat_activity shows who waits for whom, and that session is ended."""
    before = stack.orders()

    async def hold() -> None:
        holder, other = await stack.connect("membership"), await stack.connect("membership")
        await holder.execute("begin; select 1 from customers where customer = 'ann' for update")
        stack.order(5)
        await asyncio.to_thread(stack.until_it_fires, "ConsumerStandsStill", "membership")
        deadline = time.monotonic() + 30
        while not (found := {pid for row in await other.fetch(query(AT_WORK)) for pid in row["waits_for"] or ()}):
            assert time.monotonic() < deadline, "nobody waits for it"
            await asyncio.sleep(0.1)
        for pid in found:
            await other.execute("select pg_terminate_backend($1)", pid)
        await asyncio.to_thread(stack.until_it_is_quiet, "ConsumerStandsStill", "membership")
        await other.close()
        holder.terminate()

    asyncio.run(hold())
    stack.until_orders(before + 1)


AT_WORK = "What a database is at"
"""The section to which the page leads."""


def test_dead_events(stack: Watched, tmp_path: Path) -> None:
    """A cut-off event on a topic: it is listed, mended, sent back, and counts once."""
    before = stack.orders()
    whole = published(stack, b"o1")
    body = json.loads(whole.value or b"")
    body |= {"id": "mended"}
    body["data"] |= {"order_id": "mended"}
    put(stack, whole, (whole.value or b"")[:-9])
    stack.until_it_fires("DeadEvents", "membership")
    (tmp_path / "event.json").write_text(json.dumps(body))
    listed = stack.regulars("dead", "list")
    for service, number in re.findall(r"^(membership|messaging) +(\d+) ", listed, re.M):
        stack.regulars("dead", "resend", service, number, "--body", tmp_path / "event.json")
    for service in ("membership", "messaging"):
        stack.until_it_is_quiet("DeadEvents", service)
    stack.until_orders(before + 1)


def test_consumer_stopped(stack: Watched) -> None:
    """An event of a version that no release wrote is buried where readiness says, and the services read on."""
    before = stack.orders()
    whole = published(stack, b"o1")
    newer = (whole.value or b"").replace(b'"id":"o1"', b'"dataschema":"/schemas/order.completed/99","id":"o99"')
    assert newer != whole.value
    put(stack, whole, newer)
    for service in ("membership", "messaging"):
        stack.until_it_fires("ConsumerStopped", service)
        said = str(stack.ready(service)["consumer"])
        found = re.search(r"\((\S+)/(\d+)@(\d+)\)", said)
        assert found is not None, said
        stack.regulars("dead", "bury", service, *found.groups())
        os.kill(stack.state.processes[service].pid, signal.SIGTERM)
    stack.order(6)
    for service in ("membership", "messaging"):
        stack.until_it_is_quiet("ConsumerStopped", service)
    stack.until_orders(before + 1)


def test_provider_refuses(stack: Watched) -> None:
    """The mail server is away: messages wait and the channel is paused; it tries again by itself."""
    people = [{"id": "bob", "name": "Bob", "email": "bob@example.test", "language": "en"}]
    told = stack.call("orders-ingest", "POST", "/v1/shops/tea/customers", {"customers": people})
    assert told.status_code == 202, told.text
    data = {"order_id": "b1", "state": "paid", "currency": "EUR", "goods_paid": 10_000}
    body = {"id": "b1-paid", "type": "order.paid", "subject": "bob", "data": data}
    assert stack.call("orders-ingest", "POST", "/v1/shops/tea/events", body).status_code == 202
    stack.until_it_fires("ProviderRefuses", "messaging")
    with stack.mail_server() as taken:
        stack.until_it_is_quiet("ProviderRefuses", "messaging")
        deadline = time.monotonic() + 60
        while not taken.exists() or "bob@example.test" not in taken.read_text():
            assert time.monotonic() < deadline, "the mail that waited has not come"
            time.sleep(0.3)


def test_every_query_of_the_pages_is_one(stack: Watched) -> None:
    """In the database of one of the services at least."""
    pages = [(ROOT / "docs" / name).read_text() for name in ("runbooks.md", "operating.md")]
    queries = [each for page in pages for each in re.findall(r"`(select [^`]+)`", page) if "…" not in each]
    assert len(queries) >= 3
    for each in queries:
        refused = []
        for database in ("orders_ingest", "membership", "messaging"):
            try:
                stack.sql(database, each)
                break
            except asyncpg.PostgresError as error:
                refused.append(error)
        else:
            raise AssertionError(f"{each}: {refused}")


def test_ledger_out_of_balance(stack: Watched) -> None:
    """Somebody writes into the ledger past the service: `verify` names it, and a rebuild makes the books anew."""
    stack.sql("membership", ONE_SIDED)
    stack.until_it_fires("LedgerOutOfBalance", "membership")
    assert "differ" in stack.regulars("verify", "--service", "membership", code=1)
    said = stack.regulars("rebuild", "membership", "--keep", code=1)
    assert re.findall(r"(\S+): [\d,]+ rows? differ", said) == ["membership.ledger_entries"], (
        f"the damage and nothing else: {said}"
    )
    stack.regulars("rebuild", "membership", "--trust-topics")
    stack.until_it_is_quiet("LedgerOutOfBalance", "membership")
    stack.regulars("verify", "--service", "membership")


ONE_SIDED = """
insert into ledger_entries (occurred_at, cause, correction, shop, customer, named, legs)
select now(), gen_random_uuid(), false, shop, customer, 'by hand', '[["available","by hand",7]]'
from ledger_entries where customer = 'ann' order by entry limit 1
"""


def published(stack: Watched, event_id: bytes) -> Record:
    """The record of an event on `orders`."""

    async def read() -> Record:
        reader = Reader(stack.state.kafka, "orders", client="runbooks")
        try:
            while True:
                for record in await reader.read():
                    if record.headers.get("id") == event_id:
                        return record
        finally:
            await reader.close()

    return asyncio.run(asyncio.wait_for(read(), 30))


def put(stack: Watched, like: Record, value: bytes) -> None:
    """Another value on the same topic, with the same key and headers."""

    async def send() -> None:
        producer = Producer(stack.state.kafka, client="runbooks")
        await producer.start()
        try:
            assert await producer.send([Outgoing(like.topic, like.key, value, like.headers)]) == 1
        finally:
            await producer.stop()

    asyncio.run(send())
