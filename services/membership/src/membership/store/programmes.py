"""By which rules are a shop's members folded? Versions of its programme, added, never changed."""

from __future__ import annotations

from collections.abc import Iterable

from common.db import Transaction
from common.shops import ShopNotSetUp, get_shops, hold_shops
from common.versions import VersionTable
from membership.domain.programme import Programme, ShopRules, Version

PROGRAMMES = VersionTable("programmes", Programme, space=7_301_004)
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
    """Every shop's rules, for a sweep. Programmes stay unlocked: a new one is never in force before the sweep's now."""
    await hold_shops(tx)
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
