"""The rules by which a shop's members are folded: versions of its programme, added and withdrawn, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from common.events import CustomerKey
from common.shops.settings import ShopNotSetUp, get_shops, hold_shops
from common.storage.customer_rows import KNOWN_COLUMNS, CustomerRow, customer_row
from common.storage.database import Transaction
from common.versions.table import VersionTable
from membership.programme.programme import Programme
from membership.programme.versions import ShopRules, Version

PROGRAMMES = VersionTable("programmes", Programme, live="withdrawn_at is null", space=7_301_004)
"""Folding a shop's members holds them, changing its programme locks them."""


class Rulebook(dict[str, ShopRules]):
    """Rules by shop; a shop that set no programme has the default one."""

    def __missing__(self, shop: str) -> ShopRules:
        raise ShopNotSetUp(shop)


async def get_rules(tx: Transaction, shops: Iterable[str]) -> Rulebook:
    """The rules of these shops, held still until the transaction ends."""
    wanted = set(shops)
    # No new version can come in between reading the versions and the commit of what was folded by them.
    await PROGRAMMES.hold(tx, wanted)
    await hold_shops(tx)
    return await read_rules(tx, wanted)


async def get_all_rules(tx: Transaction) -> Rulebook:
    """Every shop's rules, for looking only."""
    # Shops that are set up.
    rows = await tx.fetch("select distinct shop from shop_settings")
    return await read_rules(tx, {row.shop for row in rows})


async def read_rules(tx: Transaction, shops: set[str]) -> Rulebook:
    """The rules of these shops as they stand, for looking only; a fold that is stored asks `get_rules`."""
    settings, book = await get_shops(tx, shops), Rulebook()
    for shop, stored in (await PROGRAMMES.read(tx, shops)).items():
        versions = [Version(v.valid_from, v.number, v.body) for v in stored]
        book[shop] = ShopRules(settings[shop], versions)
    return book


_SEEN: WeakKeyDictionary[AsyncEngine, dict[str, ShopRules]] = WeakKeyDictionary()
"""By database and shop, the rules as they were read last; see `rules_by`."""
_SEEN_SHOPS = 1_000
WITH_CUSTOMER = f"""
select array(select version from shop_settings where shop = w.shop order by version) as settings,
       array(select version from programmes where shop = w.shop and {PROGRAMMES.live} order by version) as versions,
       exists (select from customers a where a.shop = w.shop and a.merged_into = w.customer) as absorbs,
       c.customer is not null as known, {KNOWN_COLUMNS}
from (values (cast(:shop as text), cast(:named as text))) as w(shop, customer)
left join customers c on c.shop = w.shop and c.customer = w.customer
"""
"""One row of a shop and the customer who is `named`, or nobody: what `rules_by` and `customer_by` read."""


async def rules_by(tx: Transaction, shop: str, row: Row[Any]) -> ShopRules:
    """The shop's rules, of a row of WITH_CUSTOMER; for looking only. Raises ShopNotSetUp.

    A version never changes, so by the numbers it is known that nothing has changed since the rules were read last; only
    where something has, or the first time, they are read whole.
    """
    seen = _SEEN.setdefault(tx.connection.engine, {})
    rules = seen.get(shop)
    if rules is None or _numbers(rules) != (row.settings, row.versions):
        rules = (await read_rules(tx, {shop}))[shop]
        if len(seen) >= _SEEN_SHOPS:
            seen.pop(next(iter(seen)))
        seen[shop] = rules
    return rules


def customer_by(key: CustomerKey, row: Row[Any]) -> CustomerRow | None:
    """The named customer's own row, of a row of WITH_CUSTOMER; None where nothing was ever heard of them."""
    return customer_row(row, key) if row.known else None


def _numbers(rules: ShopRules) -> tuple[list[int], list[int]]:
    """The numbers of the versions of the shop's settings, and of its programme."""
    return [each.number for each in rules.settings.versions], [each.number for each in rules.versions]


async def lock_rules(tx: Transaction, shop: str) -> None:
    """Wait until nobody folds by the shop's versions, and let nobody begin before the commit."""
    await PROGRAMMES.lock(tx, shop)


async def list_versions(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    """Number, start, when recorded and when withdrawn of every version, newest first."""
    # Versions are few.
    return await tx.fetch(
        """
        select version, valid_from, recorded_at, withdrawn_at from programmes where shop = :shop order by version desc
        """,
        shop=shop,
    )


async def missing_versions(tx: Transaction) -> list[str]:
    """Shops that lack one of their versions: numbers are given one after the other, and none is ever taken away."""
    # Versions are few.
    rows = await tx.fetch("select shop from programmes group by shop having count(*) <> max(version) order by shop")
    return [row.shop for row in rows]


async def get_version(tx: Transaction, shop: str, version: int) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        """
        select version, valid_from, recorded_at, withdrawn_at, cast(body as text) as body from programmes
        where shop = :shop and version = :version
        """,
        shop=shop,
        version=version,
    )


async def withdraw_version(tx: Transaction, shop: str, version: int, at: datetime) -> bool:
    """A version never comes into force; False when there is none of that number that still might."""
    # The first withdrawal counts.
    count = await tx.execute(
        """
        update programmes set withdrawn_at = :at, due_after = null, refold_after = null
        where shop = :shop and version = :version and withdrawn_at is null
        """,
        shop=shop,
        version=version,
        at=at,
    )
    return count == 1


async def save_ladders(tx: Transaction, shop: str, versions: Iterable[int]) -> None:
    """These versions bring a new ladder: the shop's members are to be due when they take force."""
    # The walk over the members begins, or begins again.
    await tx.execute(
        "update programmes set due_after = '' where shop = :shop and version = any(:versions)",
        shop=shop,
        versions=sorted(versions),
    )


async def next_ladder(tx: Transaction, limit: int) -> tuple[Row[Any] | None, list[CustomerKey]]:
    """A version whose new ladder members do not know of yet (locked), and the next of them."""
    # One worker a version: the row is skipped while somebody else holds it.
    row = await tx.fetch_one(
        """
        select shop, version, valid_from, due_after from programmes
        where due_after is not null and withdrawn_at is null order by shop, version limit 1 for update skip locked
        """
    )
    if row is None:
        return None, []
    # In order of the key, so that the cursor is one value; who is no member has no tier to change.
    rows = await tx.fetch(
        """
        select customer from customers where shop = :shop and customer > :after and tier is not null
        order by customer limit :limit
        """,
        shop=row.shop,
        after=row.due_after,
        limit=limit,
    )
    return row, [(row.shop, found.customer) for found in rows]


async def save_due(tx: Transaction, shop: str, customers: Sequence[str], valid_from: datetime) -> None:
    """These members, locked, are due when the ladder takes force, if not before."""
    # What was due before stays so.
    await tx.execute(
        """
        update customers set due_at = least(due_at, :valid_from) where shop = :shop and customer = any(:customers)
        """,
        valid_from=valid_from,
        shop=shop,
        customers=list(customers),
    )


async def save_ladder_cursor(tx: Transaction, row: Row[Any], keys: Sequence[CustomerKey], limit: int) -> None:
    """These members were taken; the next at most `limit` follow."""
    # The walk goes on behind the last of them.
    await tx.execute(
        "update programmes set due_after = :after where shop = :shop and version = :version",
        after=keys[-1][1] if len(keys) == limit else None,
        shop=row.shop,
        version=row.version,
    )


async def count_ladders(tx: Transaction) -> int:
    """New ladders that members do not know of yet."""
    # Few rows at any time.
    return int(await tx.value("select count(*) from programmes where due_after is not null and withdrawn_at is null"))
