"""Coupons in rows, by their codes: issued and used in whatever order it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.coupons.state import Coupon

Used = tuple[str, str, datetime, bool, int | None, str]
_OF = Columns("w", shop="text", customer="text")
_ISSUED = Columns(
    "n", shop="text", code="text", customer="text", offer_id="text", valid_from="timestamptz", valid_until="timestamptz"
)
_USED = Columns("n", shop="text", code="text", used_at="timestamptz", free="boolean", amount="bigint", currency="text")


async def save_issued(tx: Transaction, issued: Iterable[tuple[str, str, str, str, datetime, datetime]]) -> None:
    """Add coupons: (shop, code, customer, offer, valid from, until). Idempotent."""
    # One of which a use was read before has a row already.
    await tx.execute(
        f"""
        insert into coupons (shop, code, customer, offer_id, valid_from, valid_until) select * from {_ISSUED}
        on conflict (shop, code) do update set customer = excluded.customer, offer_id = excluded.offer_id,
            valid_from = excluded.valid_from, valid_until = excluded.valid_until
        """,
        **_ISSUED.of(issued),
    )


async def save_used(tx: Transaction, used: Iterable[Used]) -> None:
    """Uses: (shop, code, when, whether it is free again, what it took off an order that was paid, in which currency).

    The newest of a coupon counts. Idempotent.
    """
    newest: dict[tuple[str, str], Used] = {}
    for row in used:
        known = newest.get(row[:2])
        if known is None or row[2] >= known[2]:
            newest[row[:2]] = row
    # By primary key.
    await tx.execute(
        f"""
        insert into coupons as c (shop, code, used_at, free, amount, currency, told_at)
        select shop, code, used_at, free, amount, currency, used_at from {_USED}
        on conflict (shop, code) do update set used_at = excluded.used_at, free = excluded.free,
            amount = excluded.amount, currency = excluded.currency, told_at = excluded.told_at
        where c.told_at is null or c.told_at <= excluded.told_at
        """,
        **_USED.of(newest[key] for key in sorted(newest)),
    )


async def get_coupons(
    tx: Transaction, people: Mapping[CustomerKey, Sequence[CustomerKey]], at: datetime
) -> dict[CustomerKey, list[Coupon]]:
    """The coupons of each customer that end after `at`, under all identifiers of the person (`people`; ORD-040)."""
    found: dict[CustomerKey, list[Coupon]] = {one: [] for of in people.values() for one in of}
    # By the index on customers; those that are over are left out.
    for r in await tx.fetch(
        f"""
        select c.shop, c.customer, c.code, c.offer_id, c.valid_from, c.valid_until,
            case when not coalesce(c.free, true) then c.used_at end as used_at
        from {_OF} join coupons c using (shop, customer) where c.valid_until > :at
        """,
        **_OF.of(sorted(found)),
        at=at,
    ):
        coupon = Coupon(r.code, r.offer_id, r.valid_from, r.valid_until, r.used_at)
        found[(r.shop, r.customer)].append(coupon)
    return {key: [coupon for one in of for coupon in found[one]] for key, of in people.items()}
