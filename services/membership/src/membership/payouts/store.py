"""The rows of payouts: what was granted, in which form it is paid, and what has become of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.payouts.rules import State, Why

_NEW = Columns(
    "n",
    shop="text",
    customer="text",
    payout_id="text",
    origin="text",
    kind="text",
    form="text",
    amount="bigint",
    currency="text",
    points="bigint",
    gift="text",
    order_id="text",
    review_id="text",
    state="text",
    why="text",
    approved_by="text",
    at="timestamptz",
)
_ORDERS = Columns("w", shop="text", order_id="text")
_REVIEWS = Columns("w", shop="text", customer="text", review_id="text")
_IDS = Columns("w", shop="text", payout_id="text")
_MOVED = Columns("m", shop="text", payout_id="text", state="text", why="text", reference="text", at="timestamptz")


async def insert_payouts(tx: Transaction, rows: Iterable[tuple[Any, ...]]) -> set[tuple[str, str]]:
    """Keep payouts as in `_NEW`; gives (shop, origin) of those that were not known yet."""
    # Waits for a transaction that inserts the same one, then finds it taken.
    made = await tx.fetch(
        f"""
        insert into payouts (shop, customer, payout_id, origin, kind, form, amount, currency, points, gift, order_id,
                             review_id, state, why, approved_by, at, moved_at)
        select n.*, n.at from {_NEW} on conflict do nothing returning shop, origin
        """,
        **_NEW.of(rows),
    )
    return {(row.shop, row.origin) for row in made}


async def move(tx: Transaction, moved: Iterable[tuple[str, str, State, Why | None, str | None, datetime]]) -> None:
    """Give payouts (shop, id) another state with its reason, and a reference where one is given."""
    # By the primary key.
    await tx.execute(
        f"""
        update payouts p set state = m.state, why = m.why, reference = coalesce(m.reference, p.reference),
               moved_at = m.at
        from {_MOVED} where p.shop = m.shop and p.payout_id = m.payout_id
        """,
        **_MOVED.of(moved),
    )


async def confirm(tx: Transaction, shop: str, payout_id: str, reference: str, by: str, at: datetime) -> bool:
    """False where it is not due."""
    # By the primary key; the first confirmation counts.
    count = await tx.execute(
        """
        update payouts set state = 'paid', reference = :reference, paid_by = :by, paid_at = :at, moved_at = :at
        where shop = :shop and payout_id = :id and state = 'due'
        """,
        shop=shop,
        id=payout_id,
        reference=reference,
        by=by,
        at=at,
    )
    return count == 1


async def get_payout(tx: Transaction, shop: str, payout_id: str) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one("select * from payouts where shop = :shop and payout_id = :id", shop=shop, id=payout_id)


async def lock_by_origin(tx: Transaction, origins: Iterable[tuple[str, str]]) -> Sequence[Row[Any]]:
    """Payouts by shop and id, that are due or paid, locked in order."""
    # By the primary key.
    return await tx.fetch(
        f"""
        select p.* from {_IDS} join payouts p on p.shop = w.shop and p.payout_id = w.payout_id
        where p.state in ('due', 'paid') order by p.shop, p.payout_id for update of p
        """,
        **_IDS.of(sorted(set(origins))),
    )


async def rewards_of_orders(tx: Transaction, orders: Iterable[tuple[str, str]]) -> Sequence[Row[Any]]:
    """Rewards for reviews of these orders (shop, id), and content about them, that are due or paid, locked."""
    # By the index of the order.
    return await tx.fetch(
        f"""
        select p.* from {_ORDERS} join payouts p on p.shop = w.shop and p.order_id = w.order_id
        where p.kind in ('reward', 'content') and p.state in ('due', 'paid')
        order by p.shop, p.payout_id for update of p
        """,
        **_ORDERS.of(sorted(set(orders))),
    )


async def paid_of_reviews(tx: Transaction, reviews: Iterable[tuple[str, str, str]]) -> Sequence[Row[Any]]:
    """What is due or was paid for these reviews (shop, customer, id); the customers are locked."""
    # By the index of the review.
    return await tx.fetch(
        f"""
        select p.shop, p.customer, p.review_id, p.origin from {_REVIEWS} join payouts p
        on p.shop = w.shop and p.customer = w.customer and p.review_id = w.review_id where p.state in ('due', 'paid')
        """,
        **_REVIEWS.of(sorted(reviews)),
    )


async def list_payouts(
    tx: Transaction, shop: str, state: State | None, customer: str | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """A page of payouts in order of their ids."""
    # Those that are due by their own index, those of a customer by theirs, all by the primary key.
    return await tx.fetch(
        f"""
        select * from payouts where shop = :shop and payout_id > :after
        {"" if state is None else "and state = :state"} {"" if customer is None else "and customer = :customer"}
        order by payout_id limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
        **({} if state is None else {"state": state}),
        **({} if customer is None else {"customer": customer}),
    )


async def cash_since(tx: Transaction, shop: str, people: Sequence[str], since: datetime) -> Sequence[Row[Any]]:
    """Cash that was paid to a person since then, what is asked for again as well."""
    # By the index of the customer.
    return await tx.fetch(
        """
        select amount, currency, approved_by, paid_by from payouts where shop = :shop and customer = any(:people)
        and form = 'cash' and paid_at >= :since
        """,
        shop=shop,
        people=list(people),
        since=since,
    )


async def cash_by_all(tx: Transaction, shop: str, since: datetime) -> Sequence[Row[Any]]:
    """Cash that was paid since then, to whomever, what is asked for again as well; a row a currency and who approved
    and paid it."""
    # By the index of cash, the day's.
    return await tx.fetch(
        """
        select currency, approved_by, paid_by, sum(amount) as amount from payouts
        where shop = :shop and form = 'cash' and paid_at >= :since
        group by currency, approved_by, paid_by
        """,
        shop=shop,
        since=since,
    )


async def list_in_points(tx: Transaction, after: tuple[str, str], limit: int) -> Sequence[Row[Any]]:
    """Payouts in points by shop and id behind `after`."""
    # In order of the primary key: for verify alone.
    return await tx.fetch(
        """
        select shop, customer, payout_id, origin, state from payouts
        where (shop, payout_id) > (:shop, :id) and form = 'points' order by shop, payout_id limit :limit
        """,
        shop=after[0],
        id=after[1],
        limit=limit,
    )


async def known_commands(tx: Transaction, keys: Sequence[UUID]) -> frozenset[UUID]:
    """Those of these keys under which the history has an input."""
    # By the primary key.
    rows = await tx.fetch(
        "select h.key from unnest(cast(:keys as uuid[])) as w(key) join history h using (key)", keys=list(keys)
    )
    return frozenset(row.key for row in rows)


async def kept_of(tx: Transaction, payouts: Iterable[tuple[str, str]]) -> Sequence[Row[Any]]:
    """Of payouts by shop and id, those that were kept: a coupon that was used, what a person has sent."""
    # By the primary keys of payouts and of coupons.
    return await tx.fetch(
        f"""
        select p.shop, p.payout_id from {_IDS} join payouts p on p.shop = w.shop and p.payout_id = w.payout_id
        left join coupons c on c.shop = p.shop and p.form = 'coupon' and c.code = p.reference
        where p.paid_by is not null or c.uses > 0
        """,
        **_IDS.of(sorted(set(payouts))),
    )
