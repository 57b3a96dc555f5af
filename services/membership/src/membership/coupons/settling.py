"""Uses of coupons follow their orders: committed when paid, given back when void; the newest version decides."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

from common.events import CustomerKey, Event
from common.events.orders import OrderClosed, OrderEvent, OrderRefunded
from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.coupons.offer import offer_of
from membership.coupons.own_gifts import note_gifts
from membership.coupons.store_offers import shops_with_offers
from membership.coupons.store_uses import uses_of_orders
from membership.coupons.users import Users, read_users
from membership.coupons.using import COUNTED, UseStatus, currency_of, refused_of_order
from membership.orders.state import Order

_CODES = Columns("w", shop="text", code="text")
_OFFERS = Columns("w", shop="text", offer_id="text", uses="bigint", spent="bigint", spent_by="text")
_COUPONS = Columns("w", shop="text", code="text", uses="bigint")
_USES = Columns(
    "w",
    shop="text",
    order_id="text",
    code="text",
    offer_id="text",
    customer="text",
    amount="bigint",
    currency="text",
    status="text",
    paid="bigint",
    order_revision="bigint",
    moved_at="timestamptz",
    promised="boolean",
    refused="text",
)
Standings = Mapping[tuple[str, str], Order]
"""Orders as they stand after the batch, by shop and id; without those of nobody."""


@dataclass(slots=True)
class Use:
    """A use of a coupon on an order, as the table keeps it. `promised`: it was reserved, not merely named.

    `refused`: why it is `over_limit`.
    """

    shop: str
    order_id: str
    code: str
    offer_id: str
    customer: str | None
    amount: int
    currency: str
    status: UseStatus
    paid: int | None = None
    order_revision: int = -1
    moved_at: datetime | None = None
    promised: bool = False
    refused: str | None = None

    @property
    def counted(self) -> bool:
        return self.status in COUNTED


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What uses are settled by besides the events: the shop's currency at an instant, and orders as they stand."""

    currency_at: Callable[[str, datetime], str]
    standings: Callable[[Sequence[tuple[CustomerKey, str]]], Awaitable[Standings]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Locked rows of coupons by (shop, code) and of offers by (shop, id), and who uses the offers."""

    coupons: Mapping[tuple[str, str], Any]
    offers: Mapping[tuple[str, str], Any]
    users: Users


async def settle(tx: Transaction, events: Sequence[Event[Any]], around: Surroundings) -> list[Use]:
    """Move the uses of these orders on, set-wise; an order may name a code by itself.

    Returns those that have another status, amount or customer now: an order that is paid and then
    completed says so once.
    """
    orders = [e for e in events if isinstance(e.data, OrderEvent | OrderRefunded) and e.data.order_id is not None]
    shops = await shops_with_offers(tx, (event.shop for event in orders)) if orders else set[str]()
    orders = [event for event in orders if event.shop in shops]
    if not orders:
        return []
    stored = await uses_of_orders(tx, ((event.shop, event.data.order_id) for event in orders))
    codes = {(row.shop, row.code) for row in stored} | {
        (event.shop, used.code)
        for event in orders
        if isinstance(event.data, OrderEvent)
        for used in event.data.promotions
        if used.code
    }
    if not codes:
        return []
    offers, coupons = await _lock(tx, codes)
    for (shop, _), row in offers.items():
        row.currency = currency_of(offer_of(row.terms), row.recorded_at, partial(around.currency_at, shop))
    # Again, now that no checkout can be moving them.
    uses: dict[tuple[str, str], dict[str, Use]] = {}
    for row in await uses_of_orders(tx, ((event.shop, event.data.order_id) for event in orders)):
        use = Use(*(getattr(row, name) for name in Use.__dataclass_fields__))
        uses.setdefault((use.shop, use.order_id), {})[use.code] = use
        if (use.shop, use.code) not in coupons:
            return await settle(tx, events, around)  # it was reserved between the two looks
    before = {(*order, code): _shown(use) for order, by in uses.items() for code, use in by.items()}
    users = await read_users(tx, [event.customer for event in orders if event.subject is not None], offers, coupons)
    standings = await around.standings([(e.customer, e.data.order_id) for e in orders if e.subject is not None])
    moved: dict[tuple[str, str, str], Use] = {}
    for event in orders:
        name = (event.shop, event.data.order_id)
        of_order, standing = uses.setdefault(name, {}), standings.get(name)
        if isinstance(event.data, OrderRefunded):
            found = _refunded(event, of_order, Rows(coupons, offers, users), standing)
        else:
            currency = around.currency_at(event.shop, event.time)
            found = _moved_by(event, of_order, Rows(coupons, offers, users), standing, currency)
        moved |= {(use.shop, use.order_id, use.code): use for use in found}
    await _save(tx, list(moved.values()), offers, coupons)
    await note_gifts(tx, moved.values(), orders, offers, users.people)
    return [use for key, use in moved.items() if before.get(key) != _shown(use)]


def _shown(use: Use) -> tuple[UseStatus, int, str | None]:
    return use.status, use.amount, use.customer


def _said(event: Event[Any], coupons: Mapping[Any, Any], currency: str) -> dict[str, int]:
    """What the order says that each known code took off in all; amounts in another currency count for nothing."""
    said = Counter[str]()
    for used in event.data.promotions:
        if used.code and (event.shop, used.code) in coupons:
            said[used.code] += used.amount if event.data.currency == currency else 0
    return dict(said)


def _moved_by(
    event: Event[Any], uses: dict[str, Use], rows: Rows, standing: Order | None = None, currency: str = ""
) -> list[Use]:
    """What one version of an order makes of its uses, by code. `currency`: the shop's then."""
    data: OrderEvent = event.data
    if standing is not None and data.revision < standing.revision:
        return []  # a newer version has come before, and may have named no code
    void = isinstance(data, OrderClosed) or (standing is not None and standing.void)
    said, domestic = _said(event, rows.coupons, currency or data.currency), data.currency == (currency or data.currency)
    for code in said.keys() - uses.keys():
        offer_id = rows.coupons[event.shop, code].offer_id
        uses[code] = Use(
            event.shop, data.order_id, code, offer_id, event.subject, said[code], data.currency, "released"
        )
    moved = []
    for code, use in sorted(uses.items()):
        given_back = use.status == "released" and use.order_revision < 0 and code not in said
        if given_back or data.revision < use.order_revision:
            continue
        stands = use.counted
        # What was reserved stays promised; what the order alone has named goes when it does not name it any more.
        gone = void or (code not in said and not use.promised)
        amount = use.amount if gone or (use.promised and not domestic) else said.get(code, use.amount)
        _count(use, rows, "released", use.amount)
        if event.subject is not None and (use.customer is None or not use.promised):
            use.customer = event.subject  # whose the order is now: a guest's may have been claimed
        if not gone:
            refused = _refused(use, rows, amount, data.placed_at or event.time, currency)
            # What was reserved stays promised at its amount, should the order say one that the budget does not bear.
            if stands and refused is not None:
                amount = use.amount
            _count(use, rows, "committed" if stands or refused is None else "over_limit", amount, refused)
            use.paid = _paid(data.goods_paid, standing) if domestic else None
        use.order_revision, use.moved_at = data.revision, event.time
        moved.append(use)
    return moved


def _refused(use: Use, rows: Rows, amount: int, placed: datetime, currency: str) -> str | None:
    coupon, offer = rows.coupons[use.shop, use.code], rows.offers[use.shop, use.offer_id]
    people, by_customer = rows.users.people(use.shop, use.customer), rows.users.count(use)
    return refused_of_order(coupon, offer, amount, people, by_customer, placed, currency)


def _refunded(event: Event[Any], uses: dict[str, Use], rows: Rows, standing: Order | None) -> list[Use]:
    """An order that is refunded whole counts for nothing; a partial refund lessens what was paid."""
    if standing is None or not standing.known:
        return []
    moved = []
    for _, use in sorted(uses.items()):
        if standing.void:
            _count(use, rows, "released", use.amount)
        elif use.paid is not None:
            use.paid = _paid(standing.goods, standing)
        use.moved_at = event.time
        moved.append(use)
    return moved


def _paid(goods: int, standing: Order | None) -> int:
    return goods if standing is None else max(0, goods - standing.refunded)


def _count(use: Use, rows: Rows, status: UseStatus, amount: int, refused: str | None = None) -> None:
    """Give the use another status and amount, and count it in the rows of its coupon and offer, and by its user."""
    coupon, offer = rows.coupons[use.shop, use.code], rows.offers[use.shop, use.offer_id]
    before, counted = use.counted, status in COUNTED
    coupon.uses += counted - before
    offer.uses += counted - before
    more = (amount if counted else 0) - (use.amount if before else 0)
    offer.spent += more
    offer.spent_by[use.currency] = offer.spent_by.get(use.currency, 0) + more
    rows.users.add(use, counted - before)
    use.status, use.amount, use.refused = status, amount, refused if status == "over_limit" else None


async def _lock(tx: Transaction, codes: set[tuple[str, str]]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The offers and the coupons of these codes, locked: offers first, both in order, as every writer does."""
    found = _CODES.of(sorted(codes))
    # The offers of the codes.
    offers = await tx.fetch(
        f"""
        select shop, offer_id, uses, spent, cast(spent_by as text) as spent_by, use_limit, budget, starts,
               stopped_at, recorded_at,
               cast(terms as text) as terms, cast(terms ->> 'per_customer' as integer) as per_customer,
               coalesce(cast(terms ->> 'gift_series' as boolean), false) as gift_series,
               cast(jsonb_path_query_array(terms, '$.gifts[*].sku') as text) as gifts
        from offers where (shop, offer_id) in (
            select c.shop, c.offer_id from {_CODES} join coupons c on c.shop = w.shop and c.code = w.code
        ) order by shop, offer_id for update
        """,
        **found,
    )
    # The coupons themselves, by the primary key.
    coupons = await tx.fetch(
        f"""
        select c.shop, c.code, c.offer_id, c.uses, c.use_limit, c.customer, c.voided_at, c.valid_until
        from {_CODES} join coupons c on c.shop = w.shop and c.code = w.code
        order by c.shop, c.code for update of c
        """,
        **found,
    )
    return (
        {
            (row.shop, row.offer_id): SimpleNamespace(**{**row._mapping, "spent_by": json.loads(row.spent_by)})
            for row in offers
        },
        {(row.shop, row.code): SimpleNamespace(**row._mapping) for row in coupons},
    )


def _sums(by_currency: Mapping[str, int]) -> str:
    return json.dumps({currency: amount for currency, amount in by_currency.items() if amount})


async def _save(tx: Transaction, moved: list[Use], offers: dict[Any, Any], coupons: dict[Any, Any]) -> None:
    if not moved:
        return
    # Counts as they come to; all rows are locked.
    await tx.execute(
        f"""
        update offers o set uses = w.uses, spent = w.spent, spent_by = cast(w.spent_by as jsonb) from {_OFFERS}
        where o.shop = w.shop and o.offer_id = w.offer_id
        """,
        **_OFFERS.of((*key, row.uses, row.spent, _sums(row.spent_by)) for key, row in offers.items()),
    )
    # The same of the coupons.
    await tx.execute(
        f"update coupons c set uses = w.uses from {_COUPONS} where c.shop = w.shop and c.code = w.code",
        **_COUPONS.of((*key, row.uses) for key, row in coupons.items()),
    )
    # The uses; a new one is of a code that the order named by itself.
    await tx.execute(
        f"""
        insert into coupon_uses (shop, order_id, code, offer_id, customer, amount, currency, status, paid,
                                 order_revision, at, moved_at, promised, refused)
        select shop, order_id, code, offer_id, customer, amount, currency, status, paid, order_revision,
               moved_at, moved_at, promised, refused
        from {_USES}
        on conflict (shop, order_id, code) do update set customer = excluded.customer, amount = excluded.amount,
            status = excluded.status, paid = excluded.paid, order_revision = excluded.order_revision,
            moved_at = excluded.moved_at, refused = excluded.refused
        """,
        **_USES.of(tuple(getattr(use, name) for name in Use.__dataclass_fields__) for use in moved),
    )
