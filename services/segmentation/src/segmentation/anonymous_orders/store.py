"""Orders and refunds without a customer, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.events import Event
from common.events.orders import OrderClaimed, OrderClosed, OrderCompleted, OrderRefunded
from common.storage.columns import Columns
from common.storage.database import Transaction

CLAIMED = 2**63 - 1
"""The revision of an order that became somebody's: above all that may still come of it as nobody's."""
_ORDERS = Columns(
    "o",
    shop="text",
    order_id="text",
    at="timestamptz",
    completed="boolean",
    paid="bigint",
    currency="text",
    revision="bigint",
)
_REFUNDS = Columns("r", shop="text", refund_id="text", order_id="text", amount="bigint", currency="text")
_CLAIMED = Columns("w", shop="text", order_id="text", at="timestamptz")


async def save_anonymous(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Count orders and refunds that concern no customer; of an order the highest revision stays, then the latest."""
    orders: dict[tuple[str, str], Event[Any]] = {}
    refunds: dict[tuple[str, str], Event[Any]] = {}
    claimed: dict[tuple[str, str], Event[Any]] = {}
    for event in events:
        if isinstance(event.data, OrderCompleted | OrderClosed):
            key = event.shop, event.data.order_id
            known = orders.get(key)
            if known is None or (known.data.revision, known.order_key) <= (event.data.revision, event.order_key):
                orders[key] = event
        elif isinstance(event.data, OrderClaimed):
            claimed[event.shop, event.data.order_id] = event
        elif isinstance(event.data, OrderRefunded):
            refunds[event.shop, event.data.refund_id] = event
    # The orders as they stand, one row each.
    await tx.execute(
        _SAVE_ORDERS,
        **_ORDERS.of(
            (*key, e.time, isinstance(e.data, OrderCompleted), e.data.goods_paid, e.data.currency, e.data.revision)
            for key, e in sorted(orders.items(), key=lambda item: item[0])
        ),
    )
    # The refunds, each once.
    await tx.execute(
        f"""
        insert into anonymous_refunds (shop, refund_id, order_id, amount, currency) select * from {_REFUNDS}
        on conflict (shop, refund_id) do nothing
        """,
        **_REFUNDS.of(
            (*key, e.data.order_id, e.data.amount, e.data.currency)
            for key, e in sorted(refunds.items(), key=lambda item: item[0])
        ),
    )
    # Orders that turned out to be somebody's: counted with the customer, here no more, whatever still comes.
    await tx.execute(_CLAIM_ORDERS, **_CLAIMED.of((*key, claimed[key].time) for key in sorted(claimed)))


_SAVE_ORDERS = f"""
insert into anonymous_orders as kept (shop, order_id, at, completed, paid, currency, revision)
select * from {_ORDERS}
on conflict (shop, order_id) do update
    set at = excluded.at, completed = excluded.completed, paid = excluded.paid, currency = excluded.currency,
        revision = excluded.revision
    where (kept.revision, kept.at) <= (excluded.revision, excluded.at)
"""
_CLAIM_ORDERS = f"""
insert into anonymous_orders (shop, order_id, at, completed, paid, currency, revision)
select shop, order_id, at, false, 0, '', {CLAIMED} from {_CLAIMED}
on conflict (shop, order_id) do update
    set at = excluded.at, completed = false, paid = 0, currency = '', revision = excluded.revision
"""
