"""SQL of refunds: one row each, by the refund's own id, whichever event brings it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.events import Event, decode
from common.events.orders import OrderRefunded
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.orders.state import KnownOrder
from orders_ingest.orders.state import Named as OrderNamed
from orders_ingest.refunds.state import KnownRefund, Named, paid_back, place_of, said_of


class RefundRow(NamedTuple):
    """A refund as it stands; `body` is sealed, None of one that is counted; `said` is of that one alone."""

    shop: str
    refund_id: str
    state: str
    customer: str
    order_id: str | None
    amount: int
    freight: int
    currency: str
    at: datetime
    slug: str | None
    source: str
    event_id: str
    body: bytes | None
    said: str | None


NAMES = Columns("w", shop="text", refund_id="text")
ORDERS = Columns("o", shop="text", order_id="text")
OWNERS = Columns("w", shop="text", order_id="text", customer="text")
REFUNDS = Columns(
    "n",
    shop="text",
    refund_id="text",
    state="text",
    customer="text",
    order_id="text",
    amount="bigint",
    freight="bigint",
    currency="text",
    at="timestamptz",
    slug="text",
    source="text",
    event_id="text",
    body="bytea",
    said="text",
)
_REFUND = ", ".join(f"r.{name}" for name in RefundRow._fields)


async def lock_refunds(tx: Transaction, refunds: Iterable[Named]) -> set[OrderNamed]:
    """Lock the names of refunds, known or not, before any order; returns the orders that known ones belong to."""
    keys = sorted(set(refunds))
    if not keys:
        return set()
    # One of 256 locks each, sorted: one refund sent for two orders at once is decided one after the other.
    await tx.fetch(
        f"""
        select pg_advisory_xact_lock(7301, bucket) from (
            select distinct abs(hashtext(w.shop || '/' || w.refund_id) % 256) as bucket from {NAMES} order by 1
        ) as b
        """,
        **NAMES.of(keys),
    )
    # Read after the locks, so that what another process did before is seen.
    rows = await tx.fetch(
        f"""
        select distinct r.shop, r.order_id
        from {NAMES} join refunds r on r.shop = w.shop and r.refund_id = w.refund_id
        where r.order_id is not null
        """,
        **NAMES.of(keys),
    )
    return {(r.shop, r.order_id) for r in rows}


async def get_refunds(
    tx: Transaction,
    vault: Vault,
    refunds: Iterable[Named],
    wanted: Iterable[OrderNamed],
    orders: Mapping[OrderNamed, KnownOrder],
) -> dict[Named, KnownRefund]:
    """The refunds of these names and all of the `wanted` orders; what counts is added to what each of `orders` paid
    back."""
    names, of = sorted(set(refunds)), sorted(set(wanted))
    if not names and not of:
        return {}
    # By two indexes, each refund once.
    rows = await tx.fetch(
        f"""
        select {_REFUND} from {ORDERS} join refunds r on r.shop = o.shop and r.order_id = o.order_id
        union
        select {_REFUND} from {NAMES} join refunds r on r.shop = w.shop and r.refund_id = w.refund_id
        order by shop, refund_id
        """,
        **ORDERS.of(of),
        **NAMES.of(names),
    )
    found: dict[Named, KnownRefund] = {}
    for row in rows:
        known = found[row.shop, row.refund_id] = KnownRefund(row.state, row.order_id)
        if row.state != "counted":
            known.body = vault.open(place_of(row.shop, row.refund_id), bytes(row.body))
            known.event = decode(known.body)
        elif row.order_id is not None and (order := orders.get((row.shop, row.order_id))) is not None:
            order.pay_back(row.amount, row.freight, paid_back(row.at, row.amount + row.freight, row.said))
    return found


async def save_refunds(
    tx: Transaction, vault: Vault, counted: Iterable[Event[OrderRefunded]], waiting: Iterable[KnownRefund]
) -> None:
    """Keep refunds that count, as published, and those that wait or were set aside, as they came.

    The caller holds the locks of their names and orders.
    """
    rows = [*map(_counted, counted), *(_waiting(vault, refund) for refund in waiting)]
    by_key = {(row.shop, row.refund_id): row for row in rows}
    if not by_key:
        return
    columns = REFUNDS.of(by_key[key] for key in sorted(by_key))
    # What waited, or was set aside, and comes anew by another event: that it was claimed stays known.
    await tx.execute(
        f"""
        insert into replaced_refunds (shop, source, event_id)
        select r.shop, r.source, r.event_id
        from {REFUNDS} join refunds r on r.shop = n.shop and r.refund_id = n.refund_id
        where (r.source, r.event_id) <> (n.source, n.event_id)
        on conflict do nothing
        """,
        **columns,
    )
    # The primary key closes the race of one refund brought by two events.
    await tx.execute(
        f"""
        insert into refunds (shop, refund_id, state, customer, order_id, amount, freight, currency, at, slug, source,
                             event_id, body, said)
        select * from {REFUNDS}
        on conflict (shop, refund_id) do update set
            state = excluded.state, customer = excluded.customer, order_id = excluded.order_id,
            amount = excluded.amount, freight = excluded.freight, currency = excluded.currency, at = excluded.at,
            slug = excluded.slug, source = excluded.source, event_id = excluded.event_id, body = excluded.body,
            said = excluded.said
        """,
        **columns,
    )


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
        said=said_of(event),
    )


def _waiting(vault: Vault, refund: KnownRefund) -> RefundRow:
    """As it came; sealed with the installation's key, since nobody's fits before its order is known."""
    assert refund.event is not None, "a refund that is not counted is known as it came"
    row = _counted(refund.event)
    body = vault.seal(place_of(row.shop, row.refund_id), refund.body)
    return row._replace(state=refund.state, slug=refund.slug, body=body, said=None)


async def claim_refunds(tx: Transaction, owners: Mapping[OrderNamed, str]) -> None:
    """Give the counted refunds of orders without a customer the customer who turned out to be theirs."""
    if owners:
        await tx.execute(
            f"""
            update refunds r set customer = w.customer from {OWNERS}
            where r.shop = w.shop and r.order_id = w.order_id and r.state = 'counted'
            """,
            **OWNERS.of((*key, owners[key]) for key in sorted(owners)),
        )


async def list_refunds(tx: Transaction, shop: str, state: str | None, after: str, limit: int) -> Sequence[Any]:
    """The shop's refunds after an id, in order of id; of one state alone where it is given."""
    # By primary key; the few that count nothing by their own index, which their condition must name.
    chosen = {None: "true", "counted": "state = 'counted'"}.get(state, "state = :state and state <> 'counted'")
    return await tx.fetch(
        f"""
        select refund_id, order_id, customer, amount, freight, currency, at, state, slug from refunds
        where shop = :shop and refund_id > :after and {chosen}
        order by refund_id limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
        **({"state": state} if state in ("held", "set_aside") else {}),
    )


async def count_refunds(tx: Transaction, shop: str) -> Sequence[Any]:
    """Refunds that count, by currency (minor units); those of no known order apart."""
    # All of the shop's refunds are counted.
    return await tx.fetch(
        """
        select currency, count(*) as refunds, count(*) filter (where order_id is null) as unmatched,
               sum(amount) as amount, sum(freight) as freight
        from refunds where shop = :shop and state = 'counted' group by currency order by currency
        """,
        shop=shop,
    )
