"""Agreements with partners are made, changed and revoked, and shares asked for under them (SEC-007)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.sharing import store
from orders_ingest.sharing.refusals import (
    AgreementChanged,
    AgreementRevoked,
    FieldNotAgreed,
    KeyNumberPassed,
    ShareKnown,
    UnknownSharingPartner,
)
from orders_ingest.sharing.rules import KEY_BYTES, asked, in_order
from orders_ingest.sharing.state import Basis, CustomerField, OrderField, Partner, Share, What


class Terms(NamedTuple):
    """What a partner is given, of whom and for what; `reference`: of a contract or a joint campaign."""

    name: str
    purpose: str
    basis: Basis
    customer_fields: list[CustomerField]
    order_fields: list[OrderField]
    reference: str | None


class Wanted(NamedTuple):
    """A share as somebody asks for it."""

    share_id: str
    what: What
    fields: Sequence[str]
    since: datetime | None
    until: datetime | None


async def agree(
    tx: Transaction, vault: Vault, shop: str, partner: str, terms: Terms, by: str, replaces: int | None = None
) -> Partner:
    """Make an agreement or change its terms; pseudonyms stay, but one that was revoked begins anew with a key.

    `replaces`: the version that was read, 0: none stands; None: whichever it is. Raises AgreementChanged.
    """
    known = await store.get_partner(tx, shop, partner, lock=True)
    if known is not None and known.key is not None:
        if Terms(*known[2:8]) == terms:
            return known
        if replaces not in (None, known.version):
            raise AgreementChanged(partner, known.version)
        described = asked([*known.described, *terms.customer_fields])
        widest = terms.basis if known.widest == "consent" else known.widest
        agreed = known._replace(
            **terms._asdict(),
            agreed_by=by,
            agreed_at=tx.clock.now(),
            described=described,
            widest=widest,
            version=known.version + 1,
        )
    else:
        number, version = (1, 1) if known is None else (known.key_number + 1, known.version + 1)
        if replaces not in (None, 0, version - 1):
            raise AgreementChanged(partner, version - 1)
        now = tx.clock.now()
        key = _new_key(vault, shop, partner, number)
        given = asked(terms.customer_fields), terms.basis
        agreed = Partner(shop, partner, *terms, by, now, key, number, now, by, *given, None, None, version)
    await store.save_partner(tx, agreed)
    return agreed


async def replace_key(tx: Transaction, vault: Vault, shop: str, partner: str, replaces: int, by: str) -> Partner:
    """Give the partner's pseudonyms a new key; the one before is gone for everybody. The same again is harmless.

    Raises KeyNumberPassed where another key is in use than the one that is replaced.
    """
    known = await get_standing(tx, shop, partner, lock=True)
    if known.key_number == replaces + 1:
        return known
    if known.key_number != replaces:
        raise KeyNumberPassed(known.key_number)
    number = replaces + 1
    replaced = known._replace(
        key=_new_key(vault, shop, partner, number),
        key_number=number,
        key_since=tx.clock.now(),
        key_by=by,
        described=asked(known.customer_fields),
        widest=known.basis,
    )
    await store.save_partner(tx, replaced)
    return replaced


async def revoke(tx: Transaction, shop: str, partner: str, by: str) -> Partner:
    """End an agreement and throw its key away: what the partner has names nobody any more. Again is harmless."""
    known = await store.get_partner(tx, shop, partner, lock=True)
    if known is None:
        raise UnknownSharingPartner(partner)
    if known.key is None:
        return known
    revoked = known._replace(key=None, revoked_by=by, revoked_at=tx.clock.now())
    await store.save_partner(tx, revoked)
    return revoked


async def ask(tx: Transaction, shop: str, partner: str, wanted: Wanted, by: str) -> Share:
    """Register what a partner is to be given, within what was agreed. The same again is the same share."""
    standing = await get_standing(tx, shop, partner, lock=True)
    check_fields(standing, wanted.what, wanted.fields)
    fields = in_order(wanted.what, wanted.fields)
    share = Share(
        shop, partner, wanted.share_id, wanted.what, fields, wanted.since, wanted.until,
        standing.purpose, standing.basis, by, tx.clock.now(),
    )  # fmt: skip
    if await store.insert_share(tx, share):
        return share
    known = await store.get_share(tx, shop, partner, wanted.share_id)
    assert known is not None, "its name was taken, and shares are never removed"
    if known[3:7] != share[3:7]:
        raise ShareKnown(wanted.share_id)
    return known


def check_fields(standing: Partner, what: What, fields: Sequence[str]) -> None:
    """Raises FieldNotAgreed where the agreement, as it stands now, does not name one of them."""
    agreed = standing.customer_fields if what == "customers" else standing.order_fields
    if missing := sorted(set(fields) - set(agreed)):
        raise FieldNotAgreed(missing, agreed)


async def get_standing(tx: Transaction, shop: str, partner: str, *, lock: bool = False) -> Partner:
    """An agreement under which something may be given. Raises UnknownSharingPartner, AgreementRevoked."""
    known = await store.get_partner(tx, shop, partner, lock=lock)
    if known is None:
        raise UnknownSharingPartner(partner)
    if known.key is None:
        raise AgreementRevoked(partner)
    return known


def key_of(vault: Vault, partner: Partner) -> bytes:
    """The key of the partner's pseudonyms, opened. Raises AgreementRevoked where it is gone."""
    if partner.key is None:
        raise AgreementRevoked(partner.partner)
    return vault.open(pseudonyms_place(partner.shop, partner.partner, partner.key_number), partner.key)


def _new_key(vault: Vault, shop: str, partner: str, number: int) -> bytes:
    return vault.seal(pseudonyms_place(shop, partner, number), secrets.token_bytes(KEY_BYTES))


def pseudonyms_place(shop: str, partner: str, number: int) -> str:
    """What the key of a partner's pseudonyms is sealed to."""
    return f"sharing:{shop}:{partner}:{number}"
