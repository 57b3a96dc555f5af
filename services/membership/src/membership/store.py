"""Every SQL statement of membership, and what it is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.db import CustomerKey, Transaction
from common.events import Event, decode
from common.events.membership import PointsRedeemed, RedemptionReturned
from common.fold import Step
from common.shops import Shop, get_shops
from membership.domain.growth import GrowthPosting
from membership.domain.ledger import Balances, Posting
from membership.domain.programme import Programme, ShopRules, Version
from membership.domain.state import MemberState

_PROGRAMMES = 7_301_004
"""Namespace of the advisory locks: folding a shop's members holds it shared, changing its programme exclusively."""
_PREVIEWS = 7_301_005
"""Namespace of the advisory locks that let a shop have one preview at a time."""


class Rulebook(dict[str, ShopRules]):
    """Rules by shop; a shop about which nothing was ever said has the default programme."""

    def __missing__(self, shop: str) -> ShopRules:
        default = Shop()
        found = self[shop] = ShopRules(default.zone, default.currency)
        return found


async def get_rules(tx: Transaction, shops: Iterable[str]) -> Rulebook:
    """The rules of these shops, held still until the transaction ends."""
    wanted = sorted(set(shops))
    # No new version can come in between reading the versions and the commit of what was folded by them.
    await tx.fetch(
        """
        select pg_advisory_xact_lock_shared(:space, hashtext(shop))
        from unnest(cast(:shops as text[])) as w(shop) order by shop
        """,
        space=_PROGRAMMES,
        shops=wanted,
    )
    return await read_rules(tx, set(wanted))


async def get_all_rules(tx: Transaction) -> Rulebook:
    """Every shop's rules, for a sweep. No lock: a new version is never in force before the sweep's now."""
    # Shops about which something was said.
    rows = await tx.fetch("select shop from programmes union select shop from settings where key = 'shop'")
    return await read_rules(tx, {row.shop for row in rows})


async def read_rules(tx: Transaction, shops: set[str]) -> Rulebook:
    """The rules of these shops as they stand, for looking only; a fold that is stored asks `get_rules`."""
    # Every version of these shops' programmes.
    rows = await tx.fetch(
        "select shop, version, valid_from, cast(body as text) as body from programmes where shop = any(:shops)",
        shops=sorted(shops),
    )
    versions: dict[str, list[Version]] = {shop: [] for shop in shops}
    for row in rows:
        versions[row.shop].append(Version(row.valid_from, row.version, Programme.model_validate_json(row.body)))
    settings = await get_shops(tx, shops)
    return Rulebook({s: ShopRules(settings[s].zone, settings[s].currency, versions[s]) for s in shops})


async def lock_programme(tx: Transaction, shop: str) -> None:
    """Wait until nobody folds this shop's members, and let nobody begin before the commit."""
    # The counterpart of the shared lock of get_rules.
    await tx.fetch("select pg_advisory_xact_lock(:space, hashtext(:shop))", space=_PROGRAMMES, shop=shop)


async def insert_programme(
    tx: Transaction, shop: str, version: int, valid_from: datetime, programme: Programme, *, refold: bool
) -> bool:
    """Add a version; False when it is there already. `refold`: members folded without it are to be folded anew."""
    # A version is never changed.
    count = await tx.execute(
        """
        insert into programmes (shop, version, valid_from, body, refold_after)
        values (:shop, :version, :valid_from, cast(:body as jsonb), :refold_after)
        on conflict (shop, version) do nothing
        """,
        shop=shop,
        version=version,
        valid_from=valid_from,
        body=programme.model_dump_json(),
        refold_after="" if refold else None,
    )
    return count == 1


async def next_version(tx: Transaction, shop: str) -> int:
    # The caller holds the programme's lock, so the number is its own.
    return int(await tx.value("select coalesce(max(version), 0) + 1 from programmes where shop = :shop", shop=shop))


async def next_refolds(tx: Transaction, limit: int) -> tuple[Row[Any] | None, list[CustomerKey]]:
    """A version that was met late (locked), and the next members who were folded beyond its start without it."""
    # One worker a version: the row is skipped while somebody else holds it.
    version = await tx.fetch_one(
        """
        select shop, version, valid_from, refold_after from programmes where refold_after is not null
        order by shop, version limit 1 for update skip locked
        """
    )
    if version is None:
        return None, []
    # In order of the key, so that the cursor is one value.
    rows = await tx.fetch(
        """
        select customer from customers
        where shop = :shop and customer > :after and (last_time >= :valid_from or done_until >= :valid_from)
        order by customer limit :limit
        """,
        shop=version.shop,
        after=version.refold_after,
        valid_from=version.valid_from,
        limit=limit,
    )
    return version, [(version.shop, row.customer) for row in rows]


async def save_refold_cursor(tx: Transaction, shop: str, version: int, after: str | None) -> None:
    # Null: every member has been folded anew.
    await tx.execute(
        "update programmes set refold_after = :after where shop = :shop and version = :version",
        shop=shop,
        version=version,
        after=after,
    )


async def next_changed(tx: Transaction, limit: int) -> tuple[Row[Any] | None, list[CustomerKey]]:
    """A shop all of whose customers are to be folded anew (locked), and the next of them."""
    # One worker a shop: the row is skipped while somebody else holds it.
    row = await tx.fetch_one(
        "select shop, cause, at, after from refolds order by shop, cause limit 1 for update skip locked"
    )
    if row is None:
        return None, []
    # In order of the key, so that the cursor is one value.
    rows = await tx.fetch(
        "select customer from customers where shop = :shop and customer > :after order by customer limit :limit",
        shop=row.shop,
        after=row.after,
        limit=limit,
    )
    return row, [(row.shop, found.customer) for found in rows]


async def save_changed_cursor(tx: Transaction, shop: str, cause: str, after: str | None) -> None:
    """Customers up to `after` are done; None: all of them."""
    if after is None:
        # Nobody is left who was folded by the rules of before.
        await tx.execute("delete from refolds where shop = :shop and cause = :cause", shop=shop, cause=cause)
    else:
        # The next bite begins behind this one.
        await tx.execute(
            "update refolds set after = :after where shop = :shop and cause = :cause",
            shop=shop,
            cause=cause,
            after=after,
        )


async def count_refolds(tx: Transaction) -> int:
    # Versions and changed rules still being worked in.
    return int(
        await tx.value(
            """
            select (select count(*) from programmes where refold_after is not null) + (select count(*) from refolds)
            """
        )
    )


async def insert_legs(tx: Transaction, steps: Iterable[Step]) -> None:
    """Append what the steps posted to the ledger."""
    await tx.copy(
        "ledger_entries",
        ("shop", "customer", "account", "lot", "amount", "cause", "correction", "occurred_at"),
        [
            (*step.customer, leg.account, leg.lot, leg.amount, step.cause, step.correction, effect.at)
            for step in steps
            for effect in step.effects
            if isinstance(effect.data, Posting)
            for leg in effect.data.legs
        ],
    )


async def insert_growth(tx: Transaction, steps: Iterable[Step]) -> None:
    """Append what the steps posted to the growth ledger."""
    await tx.copy(
        "growth_entries",
        ("shop", "customer", "account", "origin", "amount", "cause", "correction", "occurred_at"),
        [
            (*step.customer, leg.account, leg.lot, leg.amount, step.cause, step.correction, effect.at)
            for step in steps
            for effect in step.effects
            if isinstance(effect.data, GrowthPosting)
            for leg in effect.data.legs
        ],
    )


async def insert_redemption(
    tx: Transaction, shop: str, customer: str, data: PointsRedeemed, at: datetime, order_total: int | None = None
) -> bool:
    """Remember an accepted redemption; False when its id is taken, by this customer or another."""
    # Waits for whoever inserts the same id, then finds it taken.
    count = await tx.execute(
        """
        insert into redemptions (shop, customer, redemption_id, points, worth, currency, order_id, order_total, at)
        values (:shop, :customer, :redemption_id, :points, :worth, :currency, :order_id, :order_total, :at)
        on conflict do nothing
        """,
        shop=shop,
        customer=customer,
        redemption_id=data.redemption_id,
        points=data.points,
        worth=data.worth,
        currency=data.currency,
        order_id=data.order_id,
        order_total=order_total,
        at=at,
    )
    return count == 1


async def save_commands(tx: Transaction, events: Iterable[Event[Any]]) -> None:
    """Keep the redemptions' table in step with the commands that were folded, live or in a rebuild."""
    for event in events:
        shop, customer = event.customer
        if isinstance(event.data, PointsRedeemed):
            await insert_redemption(tx, shop, customer, event.data, event.time)
        elif isinstance(event.data, RedemptionReturned):
            # First return counts.
            await tx.execute(
                """
                update redemptions set returned_at = coalesce(returned_at, :at)
                where shop = :shop and customer = :customer and redemption_id = :id
                """,
                at=event.time,
                shop=shop,
                customer=customer,
                id=event.data.redemption_id,
            )


async def get_redemption(tx: Transaction, shop: str, redemption_id: str) -> Row[Any] | None:
    # By id alone: a return names no customer.
    return await tx.fetch_one(
        "select * from redemptions where shop = :shop and redemption_id = :id", shop=shop, id=redemption_id
    )


async def get_member(tx: Transaction, key: CustomerKey) -> MemberState | None:
    """The stored state, not locked; None for a customer never heard of."""
    # For looking only: whoever changes it locks the row first.
    state = await tx.value(
        "select cast(state as text) from customers where shop = :shop and customer = :customer",
        shop=key[0],
        customer=key[1],
    )
    return None if state is None else MemberState.model_validate_json(state)


async def list_ledger(tx: Transaction, key: CustomerKey, after: int, limit: int) -> Sequence[Row[Any]]:
    # A page of a member's entries, oldest first.
    return await tx.fetch(
        """
        select entry, account, lot, amount, cause, correction, occurred_at, recorded_at
        from ledger_entries where shop = :shop and customer = :customer and entry > :after order by entry limit :limit
        """,
        shop=key[0],
        customer=key[1],
        after=after,
        limit=limit,
    )


async def list_growth(tx: Transaction, key: CustomerKey, after: int, limit: int) -> Sequence[Row[Any]]:
    # A page of what raised and lowered a member's growth value: the member's side alone, oldest first.
    return await tx.fetch(
        """
        select entry, origin, amount, cause, correction, occurred_at, recorded_at from growth_entries
        where shop = :shop and customer = :customer and account = 'growth' and entry > :after
        order by entry limit :limit
        """,
        shop=key[0],
        customer=key[1],
        after=after,
        limit=limit,
    )


async def get_report(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    # Members by level, and what the shop owes them.
    return await tx.fetch(
        """
        select level, count(*) as members, sum(pending) as pending, sum(available) as available, sum(debt) as debt
        from customers where shop = :shop and enrolled_at is not null group by level order by level
        """,
        shop=shop,
    )


async def get_outstanding(tx: Transaction, shop: str) -> Row[Any] | None:
    # Points of all customers, members or not yet (a first order's points are pending before enrolment).
    return await tx.fetch_one(
        """
        select coalesce(sum(pending), 0) as pending, coalesce(sum(available), 0) as available,
               coalesce(sum(debt), 0) as debt
        from customers where shop = :shop
        """,
        shop=shop,
    )


@dataclass(frozen=True, slots=True)
class Stored:
    """A customer as stored, for folding anew: `until` is how far the state has been advanced."""

    key: CustomerKey
    state: MemberState
    until: datetime | None
    inputs: list[Event[Any]]
    waiting: bool = False
    """The rules have changed, and the sweep has yet to fold this customer by them."""


@dataclass(frozen=True, slots=True)
class Bite:
    """Some customers in a row, what both ledgers come to there, and behind whom the next bite begins; None: the end."""

    customers: list[Stored]
    sums: dict[CustomerKey, Balances]
    unbalanced: Sequence[Row[Any]]
    next: CustomerKey | None


BEGINNING: CustomerKey = ("", "")
_STORED = """
select shop, customer, cast(state as text) as state, greatest(done_until, last_time) as until,
       exists (select from refolds r where r.shop = c.shop and c.customer > r.after)
       or exists (select from programmes p where p.shop = c.shop and c.customer > p.refold_after
                  and (c.last_time >= p.valid_from or c.done_until >= p.valid_from)) as waiting
from customers c
"""


async def stand_still(tx: Transaction) -> None:
    # States, inputs and sums are then of one instant, whatever is folded while they are read.
    await tx.execute("set transaction isolation level repeatable read, read only")


async def read_bite(tx: Transaction, after: CustomerKey, through: CustomerKey | None, limit: int) -> Bite:
    """The next customers in order of key, with all that `verify` compares. Read it after `stand_still`.

    At most `through` that customer; None: to the very end.
    """
    within, bounds = _range(after, through)
    # The states, and how far each has been advanced.
    rows = await tx.fetch(f"{_STORED} where {within} order by shop, customer limit :limit", limit=limit, **bounds)
    following = (rows[-1].shop, rows[-1].customer) if len(rows) == limit else None
    last = following or through
    within, bounds = _range(after, last)
    inputs: dict[CustomerKey, list[Event[Any]]] = {}
    # Everything these customers ever sent.
    for row in await tx.fetch(f"select shop, customer, body from inputs where {within}", **bounds):
        inputs.setdefault((row.shop, row.customer), []).append(decode(row.body))
    sums: dict[CustomerKey, Balances] = {}
    # What their two ledgers come to; no account stands in both.
    for row in await tx.fetch(
        f"""
        select shop, customer, account, lot, cast(sum(amount) as bigint) as balance from ledger_entries
        where {within} group by shop, customer, account, lot having sum(amount) <> 0
        union all
        select shop, customer, account, origin, cast(sum(amount) as bigint) from growth_entries
        where {within} group by shop, customer, account, origin having sum(amount) <> 0
        """,
        **bounds,
    ):
        sums.setdefault((row.shop, row.customer), {})[row.account, row.lot] = row.balance
    customers = [
        Stored((row.shop, row.customer), _state(row.state), row.until, inputs.get((row.shop, row.customer), []),
               row.waiting)
        for row in rows
    ]  # fmt: skip
    return Bite(customers, sums, await unbalanced_causes(tx, after, last), following)


async def next_key(tx: Transaction, after: CustomerKey, limit: int) -> CustomerKey | None:
    """The customer so many behind `after`; None when there are fewer."""
    # Reads the primary key alone.
    row = await tx.fetch_one(
        """
        select shop, customer from customers where (shop, customer) > (:shop, :customer)
        order by shop, customer offset :skipped limit 1
        """,
        shop=after[0],
        customer=after[1],
        skipped=limit - 1,
    )
    return None if row is None else (row.shop, row.customer)


async def unbalanced_causes(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """Causes whose legs do not sum to zero, of the customers behind `after` through `last`; there must be none."""
    within, bounds = _range(after, last)
    # A cause balances within each ledger by itself.
    return await tx.fetch(
        f"""
        select 'points' as book, shop, customer, cause, cast(sum(amount) as bigint) as amount from ledger_entries
        where {within} group by shop, customer, cause having sum(amount) <> 0
        union all
        select 'growth', shop, customer, cause, cast(sum(amount) as bigint) from growth_entries
        where {within} group by shop, customer, cause having sum(amount) <> 0
        order by shop, customer, cause
        """,
        **bounds,
    )


def _range(after: CustomerKey, last: CustomerKey | None) -> tuple[str, dict[str, str]]:
    """Condition and parameters: behind one customer through another, or to the very end, where nobody's rows are met.

    Two texts, because one with an optional bound would be planned as if it had none.
    """
    bounds = {"s0": after[0], "c0": after[1]}
    if last is None:
        return "(shop, customer) > (:s0, :c0)", bounds
    bounds |= {"s1": last[0], "c1": last[1]}
    return "(shop, customer) > (:s0, :c0) and (shop, customer) <= (:s1, :c1)", bounds


def _state(text: str | None) -> MemberState:
    return MemberState() if text is None else MemberState.model_validate_json(text)


async def try_preview(tx: Transaction, shop: str) -> bool:
    """May this transaction preview the shop's programme? One at a time; held until the transaction ends."""
    # Nobody waits: whoever comes second is told.
    return bool(await tx.value("select pg_try_advisory_xact_lock(:space, hashtext(:shop))", space=_PREVIEWS, shop=shop))


async def count_everybody(tx: Transaction) -> int:
    # All customers of all shops.
    return int(await tx.value("select count(*) from customers"))


async def count_customers(tx: Transaction, shop: str) -> int:
    # Members or not: another programme may enrol others.
    return int(await tx.value("select count(*) from customers where shop = :shop", shop=shop))


async def read_sample(tx: Transaction, shop: str, after: str, one_in: int, limit: int) -> list[Stored]:
    """The next customers of a shop, in order of id, one in so many by a hash of the id; with their inputs."""
    # The same ones whenever it is asked.
    rows = await tx.fetch(
        """
        select customer, cast(state as text) as state, greatest(done_until, last_time) as until from customers
        where shop = :shop and customer > :after and mod(hashtext(customer), :one_in) = 0
        order by customer limit :limit
        """,
        shop=shop,
        after=after,
        one_in=one_in,
        limit=limit,
    )
    inputs: dict[str, list[Event[Any]]] = {}
    # Everything these customers ever sent.
    for row in await tx.fetch(
        "select customer, body from inputs where shop = :shop and customer = any(:customers)",
        shop=shop,
        customers=[row.customer for row in rows],
    ):
        inputs.setdefault(row.customer, []).append(decode(row.body))
    return [Stored((shop, r.customer), _state(r.state), r.until, inputs.get(r.customer, [])) for r in rows]
