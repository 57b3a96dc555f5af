"""The file of a share: whose rows are in it is decided as it is written, page by page (SEC-007)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import NamedTuple
from zoneinfo import ZoneInfo

from common.people.store import get_people
from common.shops.settings import get_shop
from common.storage.database import Database, Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.share_customers import check_fields, get_standing, key_of
from orders_ingest.metrics import SHARED_ROWS
from orders_ingest.sharing import store, store_people
from orders_ingest.sharing.refusals import UnknownShare
from orders_ingest.sharing.rules import (
    asked,
    customer_row,
    description_of,
    heading,
    may_share,
    named_gone,
    order_row,
    pseudonym,
    written,
)
from orders_ingest.sharing.state import SMALLEST_CELL, Counted, Partner, Share, SharedProfile, Statement

PAGE = 500
"""Persons of one transaction."""
Cells = Counter[tuple[str, ...]]


class Begun(NamedTuple):
    """A file that may be written: `number` is its record, made before its first line goes out."""

    share: Share
    partner: Partner
    key: bytes
    zone: ZoneInfo
    currency: str
    number: int


class PartnerChanged(Exception):
    """The agreement was revoked, its key replaced or its terms changed while a file was written; the rest is not."""


async def begin(tx: Transaction, vault: Vault, shop: str, partner: str, share_id: str) -> Begun:
    """Record that a file is written. Raises UnknownShare, UnknownSharingPartner, AgreementRevoked,
    FieldNotAgreed where the agreement was narrowed since the share was asked for."""
    standing = await get_standing(tx, shop, partner)
    share = await store.get_share(tx, shop, partner, share_id)
    if share is None:
        raise UnknownShare(share_id)
    check_fields(standing, share.what, share.fields)
    settings = (await get_shop(tx, shop)).at(tx.clock.now())
    number = await store.begin_file(tx, share, standing)
    return Begun(share, standing, key_of(vault, standing), settings.zone, settings.currency, number)


async def lines(database: Database, begun: Begun) -> AsyncIterator[str]:
    """The file as CSV, a page of persons at a time, each as it stands then: who is erased meanwhile is not in it.

    Of a file of customers with a description everybody is looked at twice: how many have the same one decides whether
    it may stand there.
    """
    share = begun.share
    cells = await _cells(database, begun) if asked(share.fields) and share.what == "customers" else Cells()
    yield written([heading(share.what, share.fields)])
    customers = rows = withheld = 0
    after = ""
    while True:
        async with database.transaction() as tx:
            people, shared = await _page(tx, begun, after)
            found, hidden = await _rows(tx, begun, shared, cells)
        yield written(found)
        customers, rows, withheld = customers + len(shared), rows + len(found), withheld + hidden
        SHARED_ROWS.labels(share.what).inc(len(found))
        if len(people) < PAGE:
            break
        after = people[-1]
    async with database.transaction() as tx:
        await store.end_file(tx, begun.number, Counted(customers, rows, withheld))


async def gone(database: Database, partner: Partner, key: bytes) -> AsyncIterator[str]:
    """The pseudonyms of who was erased, or is not to be known to the partner, since the key is in use.

    Also of some whom it never was told of: their pseudonyms tell it nothing. A person is named by the pseudonyms of all
    their identifiers: before a merge each had rows of its own. Where the agreement asks for a consent that it did not
    ask for before under this key, who has not given it is named as well.
    """
    yield written([["customer", "because"]])
    async for names in _refusing(database, partner):
        yield written([pseudonym(key, "customer", partner.shop, name), why] for name, why in sorted(names.items()))
    if partner.basis == "consent" and partner.widest != "consent":
        async for names in _not_asked(database, partner):
            yield written([pseudonym(key, "customer", partner.shop, name), why] for name, why in sorted(names.items()))


async def _refusing(database: Database, partner: Partner) -> AsyncIterator[dict[str, str]]:
    """Identifiers of who was erased or said no, a page of those who did at a time."""
    after, shop = "", partner.shop
    while True:
        async with database.transaction() as tx:
            found = await store.list_gone(tx, shop, partner.partner, partner.key_since, after, PAGE)
            people = await _people(tx, shop, [name for name, _ in found])
            allowed = await _allowed(tx, partner, people)
        yield named_gone([(people[name], erased) for name, erased in found if erased or name not in allowed])
        if len(found) < PAGE:
            return
        after = found[-1][0]


async def _not_asked(database: Database, partner: Partner) -> AsyncIterator[dict[str, str]]:
    """Identifiers of who has not said yes, a page of all persons at a time."""
    after = ""
    while True:
        async with database.transaction() as tx:
            people = await store_people.list_people(tx, partner.shop, after, PAGE)
            allowed = await _allowed(tx, partner, people)
        yield named_gone([(names, False) for person, names in people.items() if person not in allowed], "no_consent")
        if len(people) < PAGE:
            return
        after = list(people)[-1]


async def _people(tx: Transaction, shop: str, names: list[str]) -> dict[str, list[str]]:
    found = await get_people(tx, [(shop, name) for name in names])
    return {name: [each for _, each in found.get((shop, name), [(shop, name)])] for name in names}


async def _allowed(tx: Transaction, partner: Partner, people: dict[str, list[str]]) -> set[str]:
    """Of these persons those of whom the partner may be told: nobody of whom an identifier was erased."""
    identifiers = [name for names in people.values() for name in names]
    erased = await store_people.list_erased(tx, partner.shop, identifiers)
    said: dict[str, list[Statement]] = {}
    for one in await store.list_statements(tx, partner.shop, identifiers, partner.partner):
        said.setdefault(one.customer, []).append(one)
    return {
        person
        for person, names in people.items()
        if not erased.intersection(names)
        and may_share(partner.basis, partner.partner, [one for name in names for one in said.get(name, ())])
    }


async def _page(tx: Transaction, begun: Begun, after: str) -> tuple[list[str], dict[str, list[str]]]:
    """The next persons, and those of them who are in the file, with their identifiers."""
    standing = await store.get_partner(tx, begun.share.shop, begun.share.partner)
    terms = begun.partner
    if standing is None or (standing.key, standing.basis, standing.purpose) != (terms.key, terms.basis, terms.purpose):
        raise PartnerChanged
    people = await store_people.list_people(tx, begun.share.shop, after, PAGE)
    allowed = await _allowed(tx, standing, people)
    return list(people), {person: names for person, names in people.items() if person in allowed}


async def _cells(database: Database, begun: Begun) -> Cells:
    """How many customers of the file have the same description.

    Of all that agreements under this key named, and not of this file's fields alone: several files of one partner, each
    with another field, are joined by their pseudonyms.
    """
    cells, after = Cells(), ""
    while True:
        async with database.transaction() as tx:
            people, shared = await _page(tx, begun, after)
            profiles = await store_people.list_descriptions(tx, begun.share.shop, shared)
        agreed = begun.partner.described
        cells.update(description_of(agreed, profiles.get(one, SharedProfile())) for one in shared)
        if len(people) < PAGE:
            return cells
        after = people[-1]


async def _rows(
    tx: Transaction, begun: Begun, shared: dict[str, list[str]], cells: Cells
) -> tuple[list[list[str]], int]:
    """The rows of these persons, and of how many the description was withheld."""
    share, fields = begun.share, begun.share.fields
    orders = await store_people.list_orders(tx, share.shop, shared, share.since, share.until)
    names = {person: pseudonym(begun.key, "customer", share.shop, person) for person in shared}
    if share.what == "orders":
        told = [one for person in shared for one in orders.get(person, ())]
        return [
            [
                pseudonym(begun.key, "order", share.shop, o.order_id),
                names[o.customer],
                *order_row(fields, o, begun.zone),
            ]
            for o in told
        ], 0
    profiles = await store_people.list_descriptions(tx, share.shop, shared) if asked(fields) else {}
    rows, withheld = [], 0
    for person in shared:
        profile, agreed = profiles.get(person, SharedProfile()), begun.partner.described
        whole, words = description_of(agreed, profile), description_of(fields, profile)
        small = any(words) and cells[whole] < SMALLEST_CELL
        withheld += small
        described = {} if small else dict(zip(asked(fields), words, strict=True))
        row = customer_row(fields, orders.get(person, ()), described, begun.zone, begun.currency)
        rows.append([names[person], *row])
    return rows, withheld
