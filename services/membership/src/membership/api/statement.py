"""A member's points as a statement: one line a cause, newest first, with running balances and how it was earned."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import Query
from pydantic import BaseModel

from common.events import CustomerKey
from common.events.fields import ShopName
from common.fold.store_customers import read_customer
from common.fold.working import load_items
from common.http.api import Router, Tx, require
from common.http.people import Person
from common.storage.database import Transaction
from membership.fold import MemberFolding, load
from membership.ledger import store_statement as store
from membership.member import Member
from membership.members.refusals import UnknownMember
from membership.orders.state import ORDER
from membership.points.lots import order_of
from membership.points.state import ORDER_POINTS
from membership.programme import store as programmes

router = Router(prefix="/v1/shops/{shop}/members/{customer}", tags=["members"])


class EarnedBy(BaseModel):
    """How an order earns: floor(`paid` / `unit` x `factor` / 10,000), by the tier held before it when it was paid.

    `paid`: for goods, less refunds so far, in minor units, of which `unit` are 1.00; `unit` 0: another currency than
    the shop's, which earns nothing. `held`: what that comes to now; earlier lines of the order are parts of it.
    """

    paid: int
    unit: int
    factor: int
    held: int


class StatementLineOut(BaseModel):
    """What one cause moved. `kind`: the type of the input (`order.completed`), or what fell due (`expiry`,
    `anniversary`), or `merge`: two customers turned out to be one, or not to be. `origin`: of points that were paid out
    or taken back, such as `reward/<claim>` or `content/<id>`.

    `points`: what may be spent, less debt; `balance`: after the line. `pending` and `pending_balance` alike, of what is
    promised until its order completes. `expired`: of `points`. `correction`: late news, the cause, changed what was
    known. `lots`: what earned the points that moved: an order, `check-in/<day>`. `earned`: of a line of one
    order; not of points that were spent on it, or came back.
    """

    entry: int
    kind: str
    cause: str
    occurred_at: datetime
    recorded_at: datetime
    correction: bool
    points: int
    balance: int
    pending: int
    pending_balance: int
    expired: int
    order_id: str | None
    redemption_id: str | None
    refund_id: str | None
    origin: str | None
    lots: list[str]
    earned: EarnedBy | None


class StatementOut(BaseModel):
    """Newest line first; give the last `before` for the next page; None on the last one."""

    lines: list[StatementLineOut]
    before: int | None


@router.get("/statement", dependencies=[require("members:read")])
async def get_statement(
    shop: ShopName,
    customer: Person,
    tx: Tx,
    before: Annotated[int | None, Query(ge=1, le=2**53 - 1, description="`before` of the page before")] = None,
    order: Annotated[store.Order, Query(description="by when we learnt of it, or by when it happened")] = "learnt",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> StatementOut:
    """Every movement of a member's points explained: what caused it, what it came to, what was left (MEM-036).

    Balances are those after the line when we learnt of it, in either order.
    """
    key = (shop, customer)
    row = await read_customer(tx, key)
    if row is None:
        raise UnknownMember(customer)
    rows = await store.list_statement(tx, key, before, limit, order)
    lines = [_line(row) for row in rows]
    await _explain(tx, key, load(row.state), lines)
    return StatementOut(lines=lines, before=lines[-1].entry if len(lines) == limit else None)


def _line(row: Any) -> StatementLineOut:
    fields = orjson.loads(row.fields) if row.fields else {}
    orders = {order for lot in row.lots if (order := order_of(lot))}
    # Of what fell due, and of late news about another order, the lots say whose points they are; those of a redemption
    # say where its points came from, not what they were spent on.
    by_lots = next(iter(orders)) if len(orders) == 1 and "redemption_id" not in fields else None
    order_id = fields.get("order_id") or by_lots
    return StatementLineOut(
        **{name: getattr(row, name) for name in _COLUMNS},
        kind=row.type or ("merge" if "#" in row.cause else row.cause.partition("@")[0]),
        order_id=order_id,
        redemption_id=fields.get("redemption_id"),
        refund_id=fields.get("refund_id"),
        origin=fields.get("origin"),
        earned=None,
    )


_COLUMNS = (
    "entry",
    "cause",
    "occurred_at",
    "recorded_at",
    "correction",
    "points",
    "balance",
    "pending",
    "pending_balance",
    "expired",
    "lots",
)


async def _explain(tx: Transaction, key: CustomerKey, state: Member, lines: list[StatementLineOut]) -> None:
    """Add to lines of an order how it earns; the page's orders are read at once."""
    of_orders = [(line, line.order_id) for line in lines if line.order_id and line.redemption_id is None]
    if not of_orders:
        return
    rules = await programmes.get_rules(tx, [key[0]])
    await load_items(tx, MemberFolding(rules), state, key, sorted({ORDER.name(name) for _, name in of_orders}))
    for line, order_id in of_orders:
        order, points = ORDER.get(state, order_id), ORDER_POINTS.get(state, order_id)
        if order is not None and points is not None and points.factor:
            line.earned = EarnedBy(paid=order.net, unit=order.unit, factor=points.factor, held=points.held)
