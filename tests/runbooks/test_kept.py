"""What is kept and what goes: facts that Kafka refuses, due work that fails, retention, a rebuild, an erasure."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen

import httpx
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from .pages import printed, query
from .watched import APART, ON_REQUEST, Watched

pytestmark = ON_REQUEST
AT_WORK = "What a database is at"


def test_facts_refused(stack: Watched) -> None:
    """Somebody set a limit of the topic that our facts exceed: it is raised, and what was refused is sent again."""
    before = stack.orders()
    asyncio.run(_limit(stack.state.kafka, "orders", "100"))
    stack.order(21)
    stack.until_it_fires("FactsRefused", "orders-ingest")
    refused = stack.sql("orders_ingest", query("FactsRefused"))
    assert {row["aggregatetype"] for row in refused} == {"orders"}
    printed("FactsRefused", "python -m common.bus.broker limits")
    said = stack.module("common.bus.broker", "limits", env=stack.settings(0, ""))
    assert said == "the limits of 1 topics were raised: orders\n"
    printed("FactsRefused", "regulars republish --service orders-ingest")
    stack.regulars("republish", "--service", "orders-ingest")
    stack.until_it_is_quiet("FactsRefused", "orders-ingest")
    stack.until_orders(before + 1)


async def _limit(servers: str, topic: str, most: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": most})])
    finally:
        await admin.close()


def test_work_set_aside(stack: Watched) -> None:
    """A member's stored state was damaged: what falls due for this one fails each time, until it is mended."""
    data = {"order_id": "carls", "state": "completed", "currency": "EUR", "goods_paid": 10_000}
    body = {"id": "carls", "type": "order.completed", "subject": "carl", "data": data}
    assert stack.call("orders-ingest", "POST", "/v1/shops/tea/events", body).status_code == 202
    member = "/v1/shops/tea/members/carl"
    stack.until(lambda: stack.call("membership", "GET", member).status_code == 200, "carl was to be a member")
    ((whole,),) = stack.sql("membership", "select state::text from customers where customer = 'carl'")
    stack.sql("membership", """update customers set state = '"damaged"', due_at = now() where customer = 'carl'""")
    stack.until_it_fires("WorkSetAside", "membership")
    printed("WorkSetAside", "GET /ops/set-aside")
    ((job, customer),) = [(t["job"], t["customer"]) for t in stack.call("membership", "GET", "/ops/set-aside").json()]
    assert (job, customer) == ("members", "carl")
    stack.sql("membership", "update customers set state = $1::text::jsonb where customer = 'carl'", whole)
    printed("WorkSetAside", "POST /ops/set-aside/retry")
    assert stack.call("membership", "POST", "/ops/set-aside/retry").json() == {"tasks": 1}
    stack.until_it_is_quiet("WorkSetAside", "membership")
    assert stack.call("membership", "GET", "/ops/set-aside").json() == []
    assert stack.call("membership", "GET", member).json()["orders"] == 1


def test_nothing_is_removed(stack: Watched) -> None:
    """Somebody's session holds a table that retention empties, from the start of the process on."""
    url = stack.empty_database("feedback_full")
    with stack.started("--migrate", "--only", "api", database_url=url):
        stack.until(lambda: _ready(stack.apart[0]), "the database was to be made")

    async def hold() -> None:
        holder, other = await stack.connect("feedback_full"), await stack.connect("feedback_full")
        await holder.execute("begin; lock table traces in access exclusive mode")
        log = stack.folder / "beside.log"
        with stack.started(database_url=url):
            await asyncio.to_thread(stack.until_it_fires, "NothingIsRemoved", APART)
            await asyncio.to_thread(stack.until, lambda: "pruning_failed" in log.read_text(), "the log was to say it")
            waiting: list[int] = []
            while not waiting:  # it tries again each minute
                waiting = [pid for row in await other.fetch(query(AT_WORK)) for pid in row["waits_for"] or ()]
                await asyncio.sleep(0.2)
            assert set(waiting) == {holder.get_server_pid()}
            await other.execute("select pg_terminate_backend($1)", waiting[0])
            await asyncio.to_thread(stack.until_it_is_quiet, "NothingIsRemoved", APART)
        await other.close()
        holder.terminate()

    asyncio.run(hold())


def test_rebuild_takes_long(stack: Watched) -> None:
    """A rebuild was begun and left; the service that waits for it starts by itself once it is finished."""
    url = stack.empty_database("feedback_rebuilt")
    env = stack.settings(0, url)
    stack.module(f"{APART}.main", "rebuild", env=env)
    with stack.started(database_url=url):
        stack.until_it_fires("RebuildTakesLong", APART)
        assert not _ready(stack.apart[0])
        printed("RebuildTakesLong", "python -m <service>.main rebuild")
        assert "all is read" in stack.module(f"{APART}.main", "rebuild", env=env)
        printed("RebuildTakesLong", "python -m <service>.main rebuild --finish")
        assert "rebuilt" in stack.module(f"{APART}.main", "rebuild", "--finish", env=env)
        stack.until_it_is_quiet("RebuildTakesLong", APART)
        stack.until(lambda: _ready(stack.apart[0]), "it was to be served")


def _ready(port: int) -> bool:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False, timeout=5)
    except httpx.TransportError:
        return False
    return answer.status_code == 200


def test_erasure_open(stack: Watched) -> None:
    """One service does not run: it is named, started, and confirms."""
    people = [{"id": "dora", "name": "Dora", "email": "dora@example.test", "language": "en"}]
    told = stack.call("orders-ingest", "POST", "/v1/shops/tea/customers", {"customers": people})
    assert told.status_code == 202, told.text
    report = "/v1/shops/tea/customers/dora/erasure"
    assert stack.call("orders-ingest", "POST", report).status_code == 202
    stack.until_it_fires("ErasureOpen", "orders-ingest")
    waiting = "waiting_for"
    stack.until(
        lambda: stack.call("orders-ingest", "GET", report).json()[waiting] == [APART], "only one was to be left"
    )
    rows = stack.sql("orders_ingest", query("ErasureOpen"))
    assert [(row["shop"], row["customer"]) for row in rows] == [("tea", "dora")]
    with stack.started("--migrate", database_url=stack.empty_database("feedback_of_dora")):
        stack.until_it_is_quiet("ErasureOpen", "orders-ingest")
        done = stack.call("orders-ingest", "GET", report).json()
    assert done[waiting] == [], json.dumps(done)
    assert done["completed_at"] is not None


def test_backup_behind(stack: Watched, tmp_path: Path) -> None:
    """A continuous backup is killed: it is started again in its folder; a topic's copy is damaged, and put back; then
    it is given up, with its slot."""
    archive, slots = tmp_path / "archive", query("BackupBehind")
    status = archive / "status.json"
    with archiving(stack, archive) as process:
        stack.until(status.exists, "the archive was to be complete up to some instant")
        assert [(row["active"], row["wal_status"]) for row in stack.sql("orders_ingest", slots)] == [(True, "reserved")]
        stack.until(
            lambda: stack.measured('backups_incomplete{job="orders-ingest"} == 0'), "it was to be seen complete"
        )
        stack.until_it_is_quiet("BackupBehind", "orders-ingest")  # it may fire while the first base backup is made
        process.kill()
        process.wait(20)
        stack.until_it_fires("BackupBehind", "orders-ingest")
    with archiving(stack, archive):
        stack.until_it_is_quiet("BackupBehind", "orders-ingest")
        before = status.read_text("utf-8")
        stack.until(lambda: status.read_text("utf-8") > before, "the archive was to go on")
    places = archive / "topics" / "customers" / "all" / "places.json"
    whole = places.read_bytes()
    places.write_bytes(whole[:1])
    with archiving(stack, archive):
        stack.until_it_fires("BackupBehind", "orders-ingest")
        assert [row["active"] for row in stack.sql("orders_ingest", slots)] == [True], (
            "it is a topic that is not copied"
        )
    places.write_bytes(whole)
    with archiving(stack, archive):
        stack.until_it_is_quiet("BackupBehind", "orders-ingest")
    stack.until_it_fires("BackupBehind", "orders-ingest")
    ((slot,),) = [(row["slot_name"],) for row in stack.sql("orders_ingest", slots)]
    assert slot == json.loads((archive / "archive.json").read_text("utf-8"))["slot"]
    printed("BackupBehind", "select pg_drop_replication_slot('…')")
    stack.sql("orders_ingest", f"select pg_drop_replication_slot('{slot}')")
    stack.until_it_is_quiet("BackupBehind", "orders-ingest")


def archiving(stack: Watched, archive: Path) -> AbstractContextManager[Popen[bytes]]:
    argv = [str(Path(sys.executable).parent / "regulars"), "backup", str(archive), "--continuous"]
    return stack.program([*argv, "--folder", str(stack.folder)], dict(os.environ))
