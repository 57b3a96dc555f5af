"""Refunds that something taken concerns: locked and read before it is decided, saved after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.events import Event, decode
from common.events.orders import OrderRefunded
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.orders.state import KnownOrder
from orders_ingest.refunds import store
from orders_ingest.refunds.state import KnownRefund, Named
from orders_ingest.refunds.store import RefundRow


async def lock(tx: Transaction, refunds: Iterable[Named]) -> set[tuple[str, str]]:
    """Lock the names of refunds, known or not, before any order; the (shop, order) of those that are known."""
    return await store.lock_refunds(tx, refunds)


async def read(
    tx: Transaction,
    vault: Vault,
    refunds: Iterable[Named],
    orders: Mapping[tuple[str, str], KnownOrder],
    wanted: Iterable[tuple[str, str]],
) -> dict[Named, KnownRefund]:
    """The refunds of these names and all of the `wanted` orders; what counts is added to what each of `orders` paid
    back."""
    found: dict[Named, KnownRefund] = {}
    for row in await store.get_refunds(tx, refunds, wanted):
        known = found[row.shop, row.refund_id] = KnownRefund(row.state, row.order_id)
        if row.state != "counted":
            known.body = opened(vault, row)
            known.event = decode(known.body)
        elif row.order_id is not None and (order := orders.get((row.shop, row.order_id))) is not None:
            order.refunded += row.amount
            order.refunded_freight += row.freight
    return found


async def save(
    tx: Transaction, vault: Vault, counted: Iterable[Event[OrderRefunded]], waiting: Iterable[KnownRefund]
) -> None:
    """Keep refunds that count, as published, and those that wait or were set aside, as they came."""
    rows = [_counted(event) for event in counted]
    await store.save_refunds(tx, [*rows, *(_waiting(vault, refund) for refund in waiting)])


async def give_to(tx: Transaction, owners: Mapping[tuple[str, str], str]) -> None:
    """Give the refunds of orders that were nobody's the customers who turned out to be theirs."""
    await store.claim_refunds(tx, owners)


def opened(vault: Vault, row: Any) -> bytes:
    """The body of a refund that is not counted, as it came. Raises SealBroken."""
    return vault.open(_place(row.shop, row.refund_id), bytes(row.body))


def _place(shop: str, refund_id: str) -> str:
    return f"refund:{shop}:{refund_id}"


def _counted(event: Event[OrderRefunded]) -> RefundRow:
    data = event.data
    return RefundRow(
        shop=event.shop,
        refund_id=data.refund_id,
        state="counted",
        customer=event.subject or "",
        order_id=data.order_id,
        amount=data.amount,
        freight=data.freight,
        currency=data.currency,
        at=event.time,
        slug=None,
        source=event.source,
        event_id=event.id,
        body=None,
    )


def _waiting(vault: Vault, refund: KnownRefund) -> RefundRow:
    """As it came; sealed with the installation's key, since nobody's fits before its order is known."""
    assert refund.event is not None, "a refund that is not counted is known as it came"
    row = _counted(refund.event)
    body = vault.seal(_place(row.shop, row.refund_id), refund.body)
    return row._replace(state=refund.state, slug=refund.slug, body=body)
