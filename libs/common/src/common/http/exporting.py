"""All that a service keeps of a customer, table by table, personal texts opened, as a person may ask for (SEC-006)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import Query, Request
from pydantic import BaseModel
from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError

from common.crypto.erasing import KeptTable, count_rows, tables_of_customers
from common.crypto.keys import DataKey
from common.crypto.sealing import SealBroken, is_sealed, open_sealed
from common.events import CustomerKey
from common.events.fields import Identifier, ShopName
from common.http.api import Router, Tx, require, runtime_of
from common.people.store import get_people
from common.refusals import Invalid, NotFound
from common.storage.database import Transaction
from common.storage.failures import is_data

router = Router(prefix="/v1/shops/{shop}/customers/{customer}/export", tags=["customers"])
UNREADABLE = "(encrypted with a key that is gone)"
EXACT = 2**53
"""Whole numbers beyond are rounded or refused by many programs that read JSON (RFC 8259, section 6)."""


class UnknownTable(NotFound):
    """No table of that name holds rows of customers."""

    def __init__(self, table: str) -> None:
        super().__init__("unknown_table", f"There is no table {table!r} here: GET …/export lists them.")


class InvalidPlace(Invalid):
    """`after` is no place in this table."""

    def __init__(self) -> None:
        super().__init__("invalid_cursor", "`after` must be the one that the page before named.")


class ExportOut(BaseModel):
    """`people`: the identifiers that are this person; `tables`: by table, how many rows are kept of them."""

    people: list[str]
    tables: dict[str, int]


class RowsOut(BaseModel):
    """Rows as they are kept, personal texts opened; `next`: where the next page begins, null on the last one."""

    rows: list[dict[str, Any]]
    next: str | None


@router.get("", dependencies=[require("customers:export")])
async def get_export(shop: ShopName, customer: Identifier, tx: Tx) -> ExportOut:
    """What this service keeps of a customer, under all identifiers: its tables, and how many rows each has of them."""
    people = (await get_people(tx, [(shop, customer)]))[shop, customer]
    tables: dict[str, int] = {}
    for one in people:
        for table, number in (await count_rows(tx, one)).items():
            tables[table] = tables.get(table, 0) + number
    return ExportOut(people=[name for _, name in people], tables=dict(sorted(tables.items())))


@router.get("/{table}", dependencies=[require("customers:export")])
async def list_export_rows(
    shop: ShopName,
    customer: Identifier,
    table: Identifier,
    request: Request,
    tx: Tx,
    after: Annotated[str, Query(max_length=4_000, description="`next` of the page before; empty: the first page")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> RowsOut:
    """A page of one table's rows of the customer, behind a row: whatever changes between two pages, none is lost and
    none comes twice. Who asks on behalf of people records who looked."""
    kept = next((each for each in await tables_of_customers(tx) if each.name == table), None)
    if kept is None:
        raise UnknownTable(table)
    people = (await get_people(tx, [(shop, customer)]))[shop, customer]
    rows = await _page(tx, kept, people, _place(after, kept), limit + 1)
    keys = await runtime_of(request).keys.keys_for(tx, people)
    found = [_opened_row(row.row, (shop, row.row["customer"]), keys) for row in rows[:limit]]
    return RowsOut(rows=found, next=_cursor(rows[limit - 1].place) if len(rows) > limit else None)


async def _page(
    tx: Transaction, table: KeptTable, people: Sequence[CustomerKey], place: Sequence[str], limit: int
) -> Sequence[Row[Any]]:
    """Rows behind a place, in order of customer and key, each with its own. Raises InvalidPlace."""
    columns = ["t.customer", *(f"t.{name}" for name, _ in table.key)]
    typed = [f"cast(cast(:k{at} as text) as {type_})" for at, type_ in enumerate(["text", *(t for _, t in table.key)])]
    behind = f"and ({', '.join(columns)}) > ({', '.join(typed)})" if place else ""
    try:
        # The names are the catalogue's own. By the index that leads with shop and customer, where there is one.
        return await tx.fetch(
            f"""
            select to_jsonb(t) as row, array[{", ".join(f"cast({column} as text)" for column in columns)}] as place
            from {table.name} t where t.shop = :shop and t.customer = any(:people) {behind}
            order by {", ".join(columns)} limit :limit
            """,
            shop=people[0][0],
            people=[name for _, name in people],
            limit=limit,
            **{f"k{at}": value for at, value in enumerate(place)},
        )
    except DBAPIError as error:
        if place and is_data(error.orig):
            raise InvalidPlace from None
        raise


def _cursor(place: list[str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


def _place(cursor: str, table: KeptTable) -> list[str]:
    """The customer and the key of the last row of a page; nothing before the first one. Raises InvalidPlace."""
    if not cursor:
        return []
    try:
        place = orjson.loads(base64.b64decode(cursor, b"-_", validate=True))
    except ValueError:
        raise InvalidPlace from None
    if not isinstance(place, list) or not all(isinstance(each, str) for each in place):
        raise InvalidPlace
    if len(place) != 1 + len(table.key):
        raise InvalidPlace
    return place


def _opened_row(row: dict[str, Any], customer: CustomerKey, keys: dict[CustomerKey, DataKey | None]) -> dict[str, Any]:
    """The row, its sealed texts opened and large numbers as texts, without hashes and bodies that are sealed whole."""
    key = keys.get(customer)
    fields = [row["field"]] if isinstance(row.get("field"), str) else []
    return {
        name: _opened(value, "", [name, *fields], customer, key)
        for name, value in row.items()
        if value is not None and not (isinstance(value, str) and value.startswith("\\x"))
    }


def _opened(value: Any, path: str, places: list[str], customer: CustomerKey, key: DataKey | None) -> Any:
    """A value with the sealed texts in it opened; `places`: the fields at which one may have been sealed."""
    if isinstance(value, dict):
        return {k: _opened(v, f"{path}.{k}" if path else k, places, customer, key) for k, v in value.items()}
    if isinstance(value, list):
        return [_opened(each, path, places, customer, key) for each in value]
    if isinstance(value, int) and abs(value) > EXACT:
        return str(value)  # a sum of hashes, such as the ledger's
    if not isinstance(value, str) or not is_sealed(value):
        return value
    if key is None:
        return UNREADABLE
    for place in [path, *places]:
        try:
            return open_sealed(value, key.key, *customer, place)
        except SealBroken:
            continue
    return UNREADABLE
