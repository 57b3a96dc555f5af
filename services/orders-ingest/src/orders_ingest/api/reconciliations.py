"""Reconciliation over HTTP: a run is begun, the shop's list sent or asked for page by page, the run ended (L5)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from common.events.fields import Cursor, Identifier, Instant, ShopName
from common.http.api import Body, Router, Tx, require, runtime_of
from common.refusals import Conflict, NotFound
from orders_ingest.api.orders import OrderIn
from orders_ingest.api.parts import said_by, vault_of
from orders_ingest.commands.reconcile import UnknownRun, compare_page
from orders_ingest.reconciliation import store, store_lists, store_polling
from orders_ingest.reconciliation.lists.registry import ListName
from orders_ingest.reconciliation.state import Kind, Run

router = Router(prefix="/v1/shops/{shop}/reconciliations", tags=["orders"])
MOST = 500


class RunTaken(Conflict):
    """A comparison of another period or system has this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            "reconciliation_differs", f"{run_id!r} compares another period or system: give this one another id."
        )


class UnknownList(NotFound):
    """No list of that system is connected."""

    def __init__(self, vendor: str) -> None:
        super().__init__("unknown_order_list", f"No list of {vendor} is connected: PUT …/order-lists/{vendor} first.")


class ReconciliationIn(Body):
    """A comparison to begin: the list that follows holds every order that reached its state within [since, until).

    `polled`: the system whose list is asked for page by page, from here (`PUT …/order-lists/<vendor>` first): all that
    changed there since `since` is compared.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"run_id": "march", "since": "2025-03-01T00:00:00Z", "until": "2025-04-01T00:00:00Z"}]
        }
    )
    run_id: Identifier
    since: Instant
    until: Instant
    polled: ListName | None = None

    @model_validator(mode="after")
    def _in_order(self) -> ReconciliationIn:
        if self.until <= self.since:
            raise ValueError("`until` must be after `since`")
        return self


class ReconciledOrderIn(OrderIn):
    """An order of the list, as it stands at the shop."""

    model_config = ConfigDict(json_schema_extra={"examples": []})
    order_id: Identifier


class ReconciledPageIn(Body):
    """A page of the list, of 500 orders at most."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "orders": [
                        {
                            "order_id": "1001",
                            "customer": "ann",
                            "state": "completed",
                            "time": "2025-03-04T09:50:00+01:00",
                            "currency": "EUR",
                            "goods_paid": 12900,
                        }
                    ]
                }
            ]
        }
    )
    orders: Annotated[list[ReconciledOrderIn], Field(min_length=1, max_length=MOST)]

    @field_validator("orders")
    @classmethod
    def _once(cls, orders: list[ReconciledOrderIn]) -> list[ReconciledOrderIn]:
        if len({order.order_id for order in orders}) < len(orders):
            raise ValueError("each order at most once")
        return orders


class ReconciliationOut(BaseModel):
    """`same`: orders that were here as the list says; `missed` were not known and `behind` were older here: both are
    applied now. `ahead` are newer here than in the list, `refused` could not be applied, `absent` are of the period
    here and not in the list (found when the run ends). `…/findings` names them all. `polled`: the system that is asked;
    `pages` of its list came; `trouble`: why the next one is waited for or, where the run has ended, why before the list
    did."""

    run_id: str
    since: datetime
    until: datetime
    began_at: datetime
    ended_at: datetime | None
    polled: str | None = None
    pages: int = 0
    trouble: str | None = None
    same: int
    missed: int = 0
    behind: int = 0
    ahead: int = 0
    refused: int = 0
    absent: int = 0


class ReconciliationsOut(BaseModel):
    """Ids of comparisons, in order; `after` of the next page, null on the last one."""

    items: list[str]
    after: str | None


class FindingOut(BaseModel):
    order_id: str
    kind: Kind
    detail: str


class ReconciliationFindingsOut(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[FindingOut]
    after: str | None


@router.post("", status_code=201, dependencies=[require("events:write")])
async def post_reconciliation(shop: ShopName, body: ReconciliationIn, tx: Tx) -> ReconciliationOut:
    """Begin a comparison of the shop's list of orders with ours. The same again is the same one."""
    if body.polled is None:
        await store.insert_run(tx, shop, body.run_id, body.since, body.until)
    elif body.polled not in {each.vendor for each in await store_lists.list_lists(tx, shop)}:
        raise UnknownList(body.polled)
    else:
        await store_polling.insert_polled(tx, shop, body.run_id, body.polled, body.since, body.until)
    run = await store.get_run(tx, shop, body.run_id)
    assert run is not None
    if (run.since, run.until, run.polled) != (body.since, body.until, body.polled):
        raise RunTaken(body.run_id)
    return _out(run)


@router.post("/{run_id}/orders", dependencies=[require("events:write")])
async def post_reconciled_orders(
    shop: ShopName, run_id: Identifier, body: ReconciledPageIn, request: Request
) -> ReconciliationOut:
    """Compare a page of the list, and take what was missed or is older here, each once. A page again adds nothing."""
    vault, database = vault_of(request.app), runtime_of(request).database
    orders = {order.order_id: _order(order) for order in body.orders}
    originals = {order.order_id: _original(order) for order in body.orders}
    return _out(await database.run(lambda tx: compare_page(tx, vault, shop, run_id, orders, originals)))


@router.post("/{run_id}/end", dependencies=[require("events:write")])
async def end_reconciliation(shop: ShopName, run_id: Identifier, tx: Tx) -> ReconciliationOut:
    """The list is through: note the orders of the period that it lacks. Idempotent. A polled run ends by itself: this
    stops it before the end of its list, and what the list lacks is not looked for."""
    run = await store.get_run(tx, shop, run_id, lock=True)
    if run is None:
        raise UnknownRun(run_id)
    if run.ended_at is None and run.polled is not None:
        await store_polling.stop_run(tx, shop, run_id, "stopped by request")
    elif run.ended_at is None:
        await store.end_run(tx, shop, run)
    ended = await store.get_run(tx, shop, run_id)
    assert ended is not None
    return _out(ended)


@router.get("", dependencies=[require("orders:read")])
async def list_reconciliations(
    shop: ShopName, tx: Tx, after: Cursor = "", limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> ReconciliationsOut:
    """The shop's comparisons."""
    rows = await store.list_runs(tx, shop, after, limit + 1)
    items = [row.run_id for row in rows[:limit]]
    return ReconciliationsOut(items=items, after=items[-1] if len(rows) > limit else None)


@router.get("/{run_id}", dependencies=[require("orders:read")])
async def get_reconciliation(shop: ShopName, run_id: Identifier, tx: Tx) -> ReconciliationOut:
    """What a comparison has come to so far."""
    run = await store.get_run(tx, shop, run_id)
    if run is None:
        raise UnknownRun(run_id)
    return _out(run)


@router.get("/{run_id}/findings", dependencies=[require("orders:read")])
async def list_findings(
    shop: ShopName,
    run_id: Identifier,
    tx: Tx,
    kind: Annotated[Kind | None, Query(description="absent: all")] = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ReconciliationFindingsOut:
    """The orders that differed, by id: why, and what became of each."""
    if await store.get_run(tx, shop, run_id) is None:
        raise UnknownRun(run_id)
    found = await store.list_findings(tx, shop, run_id, kind, after, limit + 1)
    items = [FindingOut(**one._asdict()) for one in found[:limit]]
    return ReconciliationFindingsOut(items=items, after=items[-1].order_id if len(found) > limit else None)


def _order(order: ReconciledOrderIn) -> dict[str, Any]:
    return {name: value for name, value in order.model_dump(exclude_none=True).items() if name != "order_id"}


def _original(order: ReconciledOrderIn) -> bytes:
    """What the order says, as a PUT of it is recognised by."""
    return said_by(OrderIn.model_validate(order.model_dump(exclude={"order_id"}, exclude_defaults=True)))


def _out(run: Run) -> ReconciliationOut:
    return ReconciliationOut(
        run_id=run.run_id,
        since=run.since,
        until=run.until,
        began_at=run.began_at,
        ended_at=run.ended_at,
        polled=run.polled,
        pages=run.pages,
        trouble=run.trouble,
        same=run.same,
        **run.found,
    )
