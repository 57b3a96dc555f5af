"""By which rules are a shop's members folded? Versions of its programme, added, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from common.db import Transaction
from common.shops import Shop, get_shops
from membership.domain.programme import Programme, ShopRules, Version

_PROGRAMMES = 7_301_004
"""Namespace of the advisory locks: folding a shop's members holds it shared, changing its programme exclusively."""


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
