"""Days of customers and of flows in rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.occasions.rules import begins_at

_OF = Columns("w", shop="text", customer="text")
_DATES = Columns(
    "n",
    shop="text",
    customer="text",
    kind="text",
    revision="bigint",
    at="timestamptz",
    sealed="text",
    day="bytea",
)
_PLANNED = Columns("n", shop="text", flow="text", day="date", begins_at="timestamptz")
_PRODUCTS = Columns("n", shop="text", sku="text", revision="bigint", name="text", stock="integer", launched_on="date")


class OwnDay(NamedTuple):
    """A day of a customer's own: its hash, or a birthday as ciphertext whose key has not come."""

    key: CustomerKey
    kind: str
    revision: int
    at: datetime
    sealed: str | None
    day: bytes | None


class FlowDay(NamedTuple):
    """A day on which a flow begins, and up to which customer it has begun."""

    shop: str
    flow: str
    day: date
    begins_at: datetime
    entered_upto: str


class Recipient(NamedTuple):
    customer: str
    zone: str | None


async def save_own_days(tx: Transaction, days: Iterable[OwnDay]) -> None:
    """Keep the day of the newest revision of each kind. Idempotent."""
    newest: dict[tuple[CustomerKey, str], OwnDay] = {}
    for day in days:
        known = newest.get((day.key, day.kind))
        if known is None or (day.revision, day.at) > (known.revision, known.at):
            newest[(day.key, day.kind)] = day
    if not newest:
        return
    # A row with its hash is not replaced by the same one without.
    await tx.execute(
        f"""
        insert into personal_dates (shop, customer, kind, revision, at, sealed, day) select * from {_DATES}
        on conflict (shop, customer, kind) do update
            set revision = excluded.revision, at = excluded.at, sealed = excluded.sealed, day = excluded.day
            where (personal_dates.revision, personal_dates.at) < (excluded.revision, excluded.at)
                or ((personal_dates.revision, personal_dates.at) = (excluded.revision, excluded.at)
                    and personal_dates.day is null)
        """,
        **_DATES.of((*d.key, d.kind, d.revision, d.at, d.sealed, d.day) for d in newest.values()),
    )


async def get_sealed_days(tx: Transaction, keys: Sequence[CustomerKey]) -> list[OwnDay]:
    """Birthdays of these customers that wait for a key."""
    # By primary keys.
    rows = await tx.fetch(
        f"""
        select shop, customer, kind, revision, at, sealed from {_OF} join personal_dates using (shop, customer)
        where sealed is not null
        """,
        **_OF.of(keys),
    )
    return [OwnDay((r.shop, r.customer), r.kind, r.revision, r.at, r.sealed, None) for r in rows]


async def forget_own_days(tx: Transaction, keys: Sequence[CustomerKey]) -> None:
    """Erased customers have none."""
    # By primary keys.
    await tx.execute(
        f"delete from personal_dates d using {_OF} where d.shop = w.shop and d.customer = w.customer", **_OF.of(keys)
    )


async def plan_days(tx: Transaction, planned: Iterable[tuple[str, str, date]]) -> None:
    """Add days, (shop, flow, day), on which flows begin. Idempotent."""
    rows = sorted(set(planned))
    if not rows:
        return
    # A day that is there stays as it is.
    added = await tx.execute(
        f"insert into flow_days (shop, flow, day, begins_at) select * from {_PLANNED} on conflict do nothing",
        **_PLANNED.of((*row, begins_at(row[2])) for row in rows),
    )
    if added:
        await tx.execute("notify candidates")


async def lock_due_day(tx: Transaction, now: datetime) -> FlowDay | None:
    """The first day that has begun and is not done, locked; what another sweep holds is left to it."""
    # One row, by the partial index.
    r = await tx.fetch_one(
        """
        select shop, flow, day, begins_at, entered_upto from flow_days
        where not done and begins_at <= :now order by begins_at, shop, flow limit 1 for update skip locked
        """,
        now=now,
    )
    return None if r is None else FlowDay(r.shop, r.flow, r.day, r.begins_at, r.entered_upto)


async def save_entered(
    tx: Transaction, shop: str, flow: str, day: date, upto: str, entered: int, *, done: bool
) -> None:
    """So many more customers were entered, up to this one; in a rebuild the row may be new."""
    # The parts of a day may be read in any order.
    await tx.execute(
        """
        insert into flow_days as d (shop, flow, day, begins_at, entered_upto, entered, done)
        values (:shop, :flow, :day, :begins_at, :upto, :entered, :done)
        on conflict (shop, flow, day) do update set entered_upto = greatest(d.entered_upto, excluded.entered_upto),
            entered = d.entered + excluded.entered, done = d.done or excluded.done
        """,
        shop=shop,
        flow=flow,
        day=day,
        begins_at=begins_at(day),
        upto=upto,
        entered=entered,
        done=done,
    )


async def list_recipients(tx: Transaction, shop: str, after: str, limit: int) -> list[Recipient]:
    """The shop's customers with contact data, in order, whoever stands for them; not those who were erased."""
    # By primary key.
    rows = await tx.fetch(
        """
        select c.customer, c.zone from contacts c left join customer_keys k using (shop, customer)
        where c.shop = :shop and c.customer > :after and k.erased_at is null order by c.customer limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )
    return [Recipient(r.customer, r.zone) for r in rows]


async def list_celebrating(
    tx: Transaction, shop: str, kind: str, days: Sequence[bytes], after: str, limit: int
) -> list[Recipient]:
    """The shop's customers whose day of this kind is one of these, in order; a birthday only of the newest profile."""
    # By the index on shop, kind and day.
    rows = await tx.fetch(
        """
        select c.customer, c.zone
        from personal_dates d join contacts c using (shop, customer) left join customer_keys k using (shop, customer)
        where d.shop = :shop and d.kind = :kind and d.day = any(cast(:days as bytea[])) and d.customer > :after
            and k.erased_at is null and (d.kind <> 'birthday' or (d.revision, d.at) = (c.revision, c.at))
        order by d.customer limit :limit
        """,
        shop=shop,
        kind=kind,
        days=list(days),
        after=after,
        limit=limit,
    )
    return [Recipient(r.customer, r.zone) for r in rows]


async def save_products(
    tx: Transaction, products: Iterable[tuple[str, str, int, str | None, int | None, date | None]]
) -> None:
    """Keep the newest revision of each product: (shop, sku, revision, name, stock, launched on). Idempotent."""
    newest: dict[tuple[str, str], tuple[str, str, int, str | None, int | None, date | None]] = {}
    for product in products:
        known = newest.get(product[:2])
        if known is None or product[2] > known[2]:
            newest[product[:2]] = product
    # By primary key.
    await tx.execute(
        f"""
        insert into products (shop, sku, revision, name, stock, launched_on) select * from {_PRODUCTS}
        on conflict (shop, sku) do update set revision = excluded.revision, name = excluded.name,
            stock = excluded.stock, launched_on = excluded.launched_on
            where products.revision < excluded.revision
        """,
        **_PRODUCTS.of(newest[key] for key in sorted(newest)),
    )


async def list_launches(tx: Transaction, shop: str, since: date) -> list[date]:
    """The days from `since` on at which products of the shop are launched."""
    # By the partial index.
    rows = await tx.fetch(
        "select distinct launched_on from products where shop = :shop and launched_on >= :since order by 1 limit 400",
        shop=shop,
        since=since,
    )
    return [r.launched_on for r in rows]


async def list_launched(tx: Transaction, shop: str, day: date) -> list[str]:
    """Names of the products that are launched on a day."""
    # By the partial index.
    rows = await tx.fetch(
        """
        select coalesce(name, sku) as name from products
        where shop = :shop and launched_on = :day order by sku limit 1000
        """,
        shop=shop,
        day=day,
    )
    return [r.name for r in rows]


async def get_sold_out(tx: Transaction, shops: Collection[str], skus: Collection[str]) -> dict[str, set[str]]:
    """Which of these products are out of stock, by shop."""
    found: dict[str, set[str]] = {}
    if not skus:
        return found
    # By primary key.
    for r in await tx.fetch(
        "select shop, sku from products where shop = any(:shops) and sku = any(:skus) and stock = 0",
        shops=sorted(shops),
        skus=sorted(skus),
    ):
        found.setdefault(r.shop, set()).add(r.sku)
    return found


async def count_due_days(tx: Transaction, now: datetime) -> int:
    """Days of flows that have begun and are not done."""
    # The partial index.
    return int(await tx.value("select count(*) from flow_days where not done and begins_at <= :now", now=now))
