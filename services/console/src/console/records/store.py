"""SQL of records: each version is a row that is added and never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from common.storage.database import Transaction
from common.values.names import spelled_name
from console.access.store import Person
from console.records.state import Record

_COLUMNS = "kind, name, version, state, fields, person, asked_by, at"
_NEWEST = f"""
    select * from (
        select distinct on (name) {_COLUMNS} from records
        where shop = :shop and kind = :kind and (cast(:names as text[]) is null or name = any(:names))
        order by name, version desc
    ) newest where state <> 'ended'
"""
"""The newest version of each record that has not ended, by the primary key; people write some thousands by hand."""


def _record(row: Any) -> Record:
    fields = json.loads(row.fields) if isinstance(row.fields, str) else row.fields
    return Record(row.kind, row.name, row.version, row.state, fields, row.person, row.asked_by, row.at)


async def list_page(
    tx: Transaction, shop: str, kind: str, after: tuple[str, int] | None, limit: int, item: str | None = None
) -> list[Record]:
    """One page of a kind, the newest first; `after`: (name, version) of the last of the page before.

    `item`: payments for that budget item alone. A version is never changed, so the place of `after` stays.
    """
    name, version = after if after is not None else (None, None)
    rows = await tx.fetch(
        f"""
        {_NEWEST} and (cast(:item as text) is null or fields->>'item' = :item)
          and (cast(:after as text) is null or (at, name) < (
            select at, name from records
            where shop = :shop and kind = :kind and name = :after and version = :version))
        order by at desc, name desc limit :most
        """,
        shop=shop,
        kind=kind,
        names=None,
        item=item,
        after=name,
        version=version,
        most=limit,
    )
    return [_record(row) for row in rows]


async def has_version(tx: Transaction, shop: str, kind: str, place: tuple[str, int]) -> bool:
    """Whether there is a version of that (name, version)."""
    found = await tx.value(
        """
        select exists (
            select from records where shop = :shop and kind = :kind and name = :name and version = :version)
        """,
        shop=shop,
        kind=kind,
        name=place[0],
        version=place[1],
    )
    return bool(found)


async def list_all(tx: Transaction, shop: str, kind: str, names: Sequence[str] | None = None) -> list[Record]:
    """Every record of a kind, or those of these names; by name."""
    rows = await tx.fetch(f"{_NEWEST} order by name", shop=shop, kind=kind, names=_listed(names))
    return [_record(row) for row in rows]


async def list_of_period(tx: Transaction, shop: str, kind: str, since: str, until: str) -> list[Record]:
    """Every record whose day, or some day of whose time, is in [since, until), the newest first."""
    rows = await tx.fetch(
        f"""
        {_NEWEST} and coalesce(fields->>'since', fields->>'day') < :until
          and (fields->>'until' > :since or fields->>'day' >= :since)
        order by at desc, name desc
        """,
        shop=shop,
        kind=kind,
        names=None,
        since=since,
        until=until,
    )
    return [_record(row) for row in rows]


async def count_records(tx: Transaction, shop: str, kind: str) -> int:
    return int(await tx.value(f"select count(*) from ({_NEWEST}) standing", shop=shop, kind=kind, names=None))


async def sum_payments(
    tx: Transaction, shop: str, items: Sequence[str] | None = None, without: str = ""
) -> dict[str, dict[str, int]]:
    """What was paid for each budget item, by currency in minor units.

    Payments that were taken back, and `without`, are left out.
    """
    rows = await tx.fetch(
        f"""
        select fields->>'item' as item, fields->>'currency' as currency,
            sum(cast(fields->>'amount' as numeric)) as spent
        from ({_NEWEST}) payments
        where name <> :without and (cast(:items as text[]) is null or fields->>'item' = any(:items))
        group by fields->>'item', fields->>'currency'
        """,
        shop=shop,
        kind="spending",
        names=None,
        items=_listed(items),
        without=without,
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.item, {})[row.currency] = int(row.spent)
    return found


async def get_days_paid(tx: Transaction, shop: str, item: str) -> tuple[str, str] | None:
    """The first and the last day of a budget item's payments, those of campaigns left out; None where there is none."""
    row = await tx.fetch_one(
        f"""
        select min(fields->>'day') as first, max(fields->>'day') as last from ({_NEWEST}) payments
        where fields->>'item' = :item and fields->'starts' is null
        """,
        shop=shop,
        kind="spending",
        names=None,
        item=item,
    )
    return (row.first, row.last) if row is not None and row.first is not None else None


async def list_deciding(tx: Transaction, shop: str, kind: str, names: Sequence[str]) -> dict[str, Record]:
    """Of each record the newest version that is in force or ended: what waits or was refused decides nothing."""
    # By the primary key, however often it was changed since.
    rows = await tx.fetch(
        f"""
        select distinct on (name) {_COLUMNS} from records
        where shop = :shop and kind = :kind and name = any(:names) and state in ('in_force', 'ended')
        order by name, version desc
        """,
        shop=shop,
        kind=kind,
        names=list(names),
    )
    return {row.name: _record(row) for row in rows}


def _listed(names: Sequence[str] | None) -> list[str] | None:
    return list(names) if names is not None else None


async def get_record(tx: Transaction, shop: str, kind: str, name: str) -> Record | None:
    versions = await list_versions(tx, shop, kind, name, None, 1)
    return versions[0] if versions else None


async def find_alike(tx: Transaction, shop: str, kind: str, name: str) -> str | None:
    """The name of a record of the kind that stands and reads like this one: the same where there is one, else the
    first by name."""
    alike = [each.name for each in await list_all(tx, shop, kind) if spelled_name(each.name) == spelled_name(name)]
    return name if name in alike else next(iter(alike), None)


async def list_versions(
    tx: Transaction, shop: str, kind: str, name: str, before: int | None, limit: int
) -> list[Record]:
    """Versions below `before`, the newest first."""
    # By the primary key.
    rows = await tx.fetch(
        f"""
        select {_COLUMNS} from records where shop = :shop and kind = :kind and name = :name
          and (cast(:before as int) is null or version < :before)
        order by version desc limit :most
        """,
        shop=shop,
        kind=kind,
        name=name,
        before=before,
        most=limit,
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
