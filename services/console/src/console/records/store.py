"""SQL of records: each version is a row that is added and never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from common.storage.database import Transaction
from console.access.store import Person
from console.records.state import Record

MOST = 500


_COLUMNS = "kind, name, version, state, fields, person, asked_by, at"


def _record(row: Any) -> Record:
    fields = json.loads(row.fields) if isinstance(row.fields, str) else row.fields
    return Record(row.kind, row.name, row.version, row.state, fields, row.person, row.asked_by, row.at)


async def list_records(tx: Transaction, shop: str, kinds: Sequence[str], *, ended: bool = False) -> list[Record]:
    """The newest version of each, the newest record first; those that ended only when asked for."""
    # By the primary key; a shop has some hundreds.
    rows = await tx.fetch(
        f"""
        select * from (
            select distinct on (kind, name) {_COLUMNS} from records
            where shop = :shop and kind = any(:kinds) order by kind, name, version desc
        ) newest where :ended or state <> 'ended' order by at desc, name limit :most
        """,
        shop=shop,
        kinds=list(kinds),
        ended=ended,
        most=MOST,
    )
    return [_record(row) for row in rows]


async def get_record(tx: Transaction, shop: str, kind: str, name: str) -> Record | None:
    versions = await list_versions(tx, shop, kind, name, 1)
    return versions[0] if versions else None


async def list_versions(tx: Transaction, shop: str, kind: str, name: str, most: int = 50) -> list[Record]:
    """All versions, the newest first."""
    # By the primary key.
    rows = await tx.fetch(
        f"""
        select {_COLUMNS} from records where shop = :shop and kind = :kind and name = :name
        order by version desc limit :most
        """,
        shop=shop,
        kind=kind,
        name=name,
        most=most,
    )
    return [_record(row) for row in rows]


async def lock_kind(tx: Transaction, shop: str, kind: str) -> None:
    """Until the transaction ends nobody else adds to the kind: sums over it hold."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended(:what, 7))", what=f"{shop}/{kind}")


async def insert_version(
    tx: Transaction,
    shop: str,
    record: tuple[str, str, int],
    state: str,
    fields: Mapping[str, Any],
    person: Person,
    asked_by: int | None,
) -> bool:
    """One more version of (kind, name, version); False where there is such a version already."""
    kind, name, version = record
    added = await tx.execute(
        """
        insert into records (shop, kind, name, version, state, fields, person_id, person, asked_by)
        values (:shop, :kind, :name, :version, :state, cast(:fields as jsonb), :person_id, :person, :asked_by)
        on conflict do nothing
        """,
        shop=shop,
        kind=kind,
        name=name,
        version=version,
        state=state,
        fields=json.dumps(dict(fields), ensure_ascii=False),
        person_id=person.person_id,
        person=person.name,
        asked_by=asked_by,
    )
    return added == 1
