"""A stack is backed up under load, destroyed, restored, and everything in it agrees with everything else."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from regulars import operating
from regulars.backups.commands import backup, restore
from regulars.client import set_up_shop
from regulars.stack import postgres_binaries
from regulars.stack.errors import StackError
from regulars.stack.plan import Plan
from regulars.stack.services import SERVICES

from .loading import SHOP, expected, load, orders_of, photo, png, send, services_of, settled


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_backed_up_under_load_destroyed_restored_all_agrees(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    folder, target = root / "run", root / "backup"
    state = operating.up(Plan(folder), lambda _: None)
    sent: list[int] = []
    answered: set[int] = set()
    kept: list[bytes] = []

    async def under_load() -> set[int]:
        """Back up in the middle; gives what was answered before the backup began."""
        stop = asyncio.Event()
        async with services_of(state) as services:
            await set_up_shop(services, "tea", 120, zone="Europe/Berlin", currency="EUR")
            profile = {"id": "c0", "name": "Name 0", "email": "c0@example.test"}
            await services.call("orders-ingest", "POST", f"{SHOP}/customers", json={"customers": [profile]})
            await settled(services)
            kept.append(png())
            assert (await photo(state, "PUT", kept[0])).status_code == 201
            loads = [asyncio.create_task(load(services, sent, answered, stop)) for _ in range(3)]
            await asyncio.sleep(3)
            before, began = set(answered), len(sent)
            await asyncio.to_thread(backup, target, folder=folder)
            during = len(sent) - began
            await asyncio.sleep(1)
            stop.set()
            await asyncio.gather(*loads)
            print(f"\n{began} orders before the backup, {during} during it, {len(sent)} in all")
            assert during, "nothing was sent meanwhile: this was no load"
        return before

    before = asyncio.run(under_load())
    with pytest.raises(StackError, match="is there already"):
        backup(target, folder=folder)
    assert json.loads((folder / "secrets.json").read_text())["master_key"] not in "".join(
        file.read_text() for file in target.glob("*.json")
    )

    # Everything is lost but the backup, and the secrets that are kept apart from it.
    secrets = (folder / "secrets.json").read_text()
    operating.down(folder, purge=True)
    assert not folder.exists()
    with pytest.raises(StackError, match=r"put the secrets\.json"):
        restore(target, folder=folder)
    folder.mkdir(exist_ok=True)
    (folder / "secrets.json").write_text(secrets)
    restore(target, folder=folder)
    with pytest.raises(StackError, match="holds the data of a stack"):
        restore(target, folder=folder)

    state = operating.up(Plan(folder), lambda _: None)

    async def afterwards() -> None:
        async with services_of(state) as services:
            await settled(services)
            known, counted = await orders_of(state, services)
            assert before <= known, "what was answered before the backup is in it"
            assert counted == expected(known)
            for service in SERVICES:
                assert await services.get(service.name, "/ops/dead") == [], service.name
            assert (await photo(state, "GET")).content == kept[0]
            print(f"{len(known)} orders after the restore")

    asyncio.run(afterwards())

    async def sent_again() -> None:
        """The shop sends everything again, as docs/operating.md says: each order counts once."""
        async with services_of(state) as services:
            for start in range(0, len(sent), 500):
                await send(services, sent[start : start + 500])
            await settled(services)
            known, counted = await orders_of(state, services)
            assert known == set(sent)
            assert counted == expected(known)

    asyncio.run(sent_again())
    assert operating.run_in_services(folder, "verify", SERVICES) == 0


@pytest.mark.slow
def test_a_damaged_backup_leaves_no_half_data(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    folder, target = root / "run", root / "backup"
    plan = Plan(folder, operating.chosen(("orders-ingest",)))
    operating.up(plan, lambda _: None)
    backup(target, folder=folder)
    operating.down(folder)
    shutil.rmtree(folder / "kafka")
    place = postgres_binaries.shared_place("data", folder / "postgres")
    for data in (folder / "postgres", place):
        shutil.rmtree(data, ignore_errors=True)
    (target / "databases/orders_ingest.dump").write_bytes(b"PGDMP nothing")
    with pytest.raises(StackError, match="pg_restore failed"):
        restore(target, folder=folder)
    assert not (folder / "kafka").exists()
    assert not (folder / "postgres" / "data").exists()
