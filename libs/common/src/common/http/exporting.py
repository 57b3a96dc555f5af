"""All that a service keeps of a customer, table by table, personal texts opened, as a person may ask for (SEC-006)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel

from common.crypto.erasing import count_rows, tables_of_customers
from common.crypto.keys import DataKey
from common.crypto.sealing import SealBroken, is_sealed, open_sealed
from common.events import CustomerKey
from common.events.fields import Identifier, Position, ShopName
from common.http.api import Router, Tx, require, runtime_of
from common.people.store import get_people
from common.refusals import NotFound

router = Router(prefix="/v1/shops/{shop}/customers/{customer}/export", tags=["customers"])
UNREADABLE = "(encrypted with a key that is gone)"
EXACT = 2**53
"""Whole numbers beyond are rounded or refused by many programs that read JSON (RFC 8259, section 6)."""


class UnknownTable(NotFound):
    """No table of that name holds rows of customers."""

    def __init__(self, table: str) -> None:
        super().__init__("unknown_table", f"There is no table {table!r} here: GET …/export lists them.")


class ExportOut(BaseModel):
    """`people`: the identifiers that are this person; `tables`: by table, how many rows are kept of them."""

    people: list[str]
    tables: dict[str, int]


class RowsOut(BaseModel):
    """Rows as they are kept, personal texts opened; `next`: the offset of the next page, null on the last one."""

    rows: list[dict[str, Any]]
    next: int | None


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
    offset: Annotated[Position, Query(description="where the page before ended")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> RowsOut:
    """A page of one table's rows of the customer. Who asks on behalf of people records who looked."""
    if table not in await tables_of_customers(tx):
        raise UnknownTable(table)
    people = (await get_people(tx, [(shop, customer)]))[shop, customer]
    # The name is one of the catalogue's own. By the index that leads with shop and customer, where there is one.
    rows = await tx.fetch(
        f"""
        select to_jsonb(t) as row from {table} t where shop = :shop and customer = any(:people)
        order by t.customer, t.ctid offset :offset limit :limit
        """,
        shop=shop,
        people=[name for _, name in people],
        offset=offset,
        limit=limit + 1,
    )
    keys = await runtime_of(request).keys.keys_for(tx, people)
    found = [_opened_row(row.row, (shop, row.row["customer"]), keys) for row in rows[:limit]]
    return RowsOut(rows=found, next=offset + limit if len(rows) > limit else None)


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
