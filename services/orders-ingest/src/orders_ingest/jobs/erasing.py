"""What stands of erased customers in rows that name no customer: looked through, some at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson

from common.crypto.erasing import count_rows
from common.crypto.sealing import SealBroken
from common.process.runtime import Runtime
from common.storage.database import Transaction
from common.work.sweeps import Job
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.erase_customer import texts_place
from orders_ingest.erasure import store
from orders_ingest.erasure.reading import Said, said_by
from orders_ingest.erasure.rules import LookedFor, is_about
from orders_ingest.erasure.state import HERE
from orders_ingest.identity.by_mail import named_by_mail
from orders_ingest.imports.store import count_shop_rows
from orders_ingest.imports.store_refusals import refusal_place
from orders_ingest.imports.store_uploads import drop_idle, has_parts

PAGE = 1_000
IDLE = timedelta(hours=1)
"""Without a part of it coming, after which a file is not being sent any more; sent again it begins anew."""
Open = Callable[[bytes], bytes]


def erasing(runtime: Runtime) -> Job:
    """The job of the sweeper."""
    vault = Vault(runtime.keys)

    async def batch(tx: Transaction, now: datetime, limit: int) -> int:
        return await erase_texts(tx, vault, runtime.open_dead, now)

    return Job("erase_texts", batch)


async def erase_texts(tx: Transaction, vault: Vault, open_dead: Open, now: datetime) -> int:
    """One page of the erasure that waits longest and need not wait on; at its end this service confirms it.

    Returns the rows looked at.

    Files in parts cannot be looked into, packed and cut as they are: one that nobody reads, nor has sent a part of for
    an hour, is removed, any other one waited for, which holds up its own shop alone. Lines of files that are still
    being taken are looked at when they have been: an order of an erased customer is taken without personal texts, and
    of a profile that is refused nothing is kept.
    """
    taking = set[str]()
    while (row := await store.lock_open(tx, taking)) is not None:
        if dropped := await drop_idle(tx, row.shop, now - IDLE):
            key = row.shop, row.customer
            await store.save_progress(tx, key, row.rows_after, {"import_parts": dropped}, done=False)
        if not await has_parts(tx, row.shop) and not await count_shop_rows(tx, row.shop, now):
            return await _look_through(tx, vault, open_dead, row, now)
        taking.add(row.shop)
    return 0


async def _look_through(tx: Transaction, vault: Vault, open_dead: Open, row: Any, now: datetime) -> int:
    wanted = LookedFor(**orjson.loads(vault.open(texts_place(row.shop, row.person), bytes(row.looked_for))))

    def is_theirs(said: Said) -> bool:
        return is_about(said, wanted, lambda mail: named_by_mail(row.shop, mail, vault.identifiers))

    lines = await store.list_refused_lines(tx, row.shop, row.rows_after, PAGE)
    found = []
    for line in lines:
        place = refusal_place(line.shop, line.job_id, line.line)
        if is_theirs(said_by(vault.open_line(place, bytes(line.text)), line.heading, line.customers)):
            found.append((line.number, vault.seal_line(place, b"")))
    await store.blank_refused_lines(tx, found)
    removed = {"import_refusals": len(found)} if found else {}
    key, after = (row.shop, row.customer), lines[-1].number if lines else row.rows_after
    if len(lines) == PAGE:
        await store.save_progress(tx, key, after, removed, done=False)
        return len(lines)
    bodies = [(each.dead_id, _opened(each.body, open_dead)) for each in await store.list_dead_bodies(tx, row.shop)]
    dead = [dead_id for dead_id, body in bodies if body is not None and is_theirs(said_by(body))]
    await store.blank_dead(tx, dead)
    await store.save_progress(tx, key, after, removed | ({"dead_events": len(dead)} if dead else {}), done=True)
    report = await store.get_report(tx, *key)
    assert report is not None
    for name in report.people:
        kept = await count_rows(tx, (row.shop, name))
        await store.save_confirmation(tx, (row.shop, name), HERE, now, kept)
    return len(lines) + 1


def _opened(body: bytes, open_dead: Open) -> bytes | None:
    try:
        return open_dead(bytes(body))
    except SealBroken:
        return None
