"""Upserts of customers as they stand: what is new compared with what is stored, under the customers' locks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from common.crypto.keys import DataKey
from common.crypto.sealing import open_event
from common.events import CustomerKey, Event
from common.events.customers import CustomerUpdated
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.customers import store
from orders_ingest.customers.profile import LeftOut, cleaned
from orders_ingest.customers.rules import CustomerErased, changes, fields_of
from orders_ingest.customers.state import KnownConsent, KnownCustomer, SentCustomer
from orders_ingest.customers.store import StoredProfile
from orders_ingest.identity.store import hold
from orders_ingest.intake.checks import check, refused_time
from orders_ingest.intake.state import Offered, Outcome, Status, refused


async def put_customers(tx: Transaction, vault: Vault, shop: str, sent: Sequence[SentCustomer]) -> list[Outcome]:
    """One outcome a customer: accepted when anything is new, duplicate when nothing is, refused with its reason.

    All or nothing of a customer is taken, but for fields that cannot be used: the outcome names them. Locks come before
    the claims here; the ids are made under the locks and shared with nobody, so no claim waits for another transaction.
    """
    await hold(tx, [shop])
    known = await _known(tx, vault, sorted({(shop, one.customer) for one in sent}))
    now = tx.clock.now()
    offered: list[Offered] = []
    mine: list[Outcome | slice] = []
    left_out: list[tuple[LeftOut, ...]] = []
    for one in sent:
        events, fields = _events(shop, one, known[shop, one.customer], now)
        left_out.append(fields)
        if isinstance(events, Outcome):
            mine.append(events)
            continue
        mine.append(slice(len(offered), len(offered) + len(events)))
        offered += events
    outcomes = await take_events(tx, vault, offered)
    return [
        _of_customer(one.customer, [part] if isinstance(part, Outcome) else outcomes[part], fields)
        for one, part, fields in zip(sent, mine, left_out, strict=True)
    ]


def _events(
    shop: str, sent: SentCustomer, known: KnownCustomer, now: datetime
) -> tuple[list[Offered] | Outcome, tuple[LeftOut, ...]]:
    """What is new, as offered, or why the customer is refused; and the fields of the profile that cannot be used."""
    left_out: tuple[LeftOut, ...] = ()
    consents = ((f"consents/{number}/at", consent.at) for number, consent in enumerate(sent.consents))
    bad = refused_time(sent.customer, now, [("registered_at", sent.registered_at), *consents])
    if bad is not None:
        return bad, left_out
    if known.erased:  # also where the same was said before the erasure, and would be a repetition
        return refused(sent.customer, CustomerErased()), left_out
    if sent.profile is not None:
        profile, left_out = cleaned(CustomerUpdated(**sent.profile), now)
        sent = replace(sent, profile=fields_of(profile))
    offered: list[Offered] = []
    for event in changes(shop, sent, known, now):
        # The id says all that was said: the same again is the same event, however it is derived some day.
        checked = check(event, shop, now, original=event["id"].encode())
        if isinstance(checked, Outcome):
            return checked, left_out
        offered.append(checked)
    return offered, left_out


def _of_customer(customer: str, outcomes: Sequence[Outcome], left_out: tuple[LeftOut, ...]) -> Outcome:
    """One outcome of all that was offered of a customer."""
    for outcome in outcomes:
        if outcome.refusal is not None:
            return Outcome(customer, "refused", outcome.refusal)
    status: Status = "accepted" if any(o.status == "accepted" for o in outcomes) else "duplicate"
    return Outcome(customer, status, left_out=left_out)


async def _known(tx: Transaction, vault: Vault, customers: Sequence[CustomerKey]) -> dict[CustomerKey, KnownCustomer]:
    """What is stored of these customers, under their locks."""
    await tx.lock_customers(customers)
    keys = await vault.ring.keys_for(tx, customers)
    profiles = await store.get_profiles(tx, customers)
    consents = await store.get_consents(tx, customers)
    found: dict[CustomerKey, KnownCustomer] = {}
    for key in customers:
        profile = profiles.get(key)
        newest = {name: KnownConsent(row.granted, row.at) for name, row in consents.get(key, {}).items()}
        if profile is None:
            found[key] = KnownCustomer(consents=newest, erased=key in keys and keys[key] is None)
        else:
            found[key] = KnownCustomer(profile.revision, _opened(key, profile, keys.get(key)), newest)
    return found


def _opened(customer: CustomerKey, stored: StoredProfile, key: DataKey | None) -> dict[str, object]:
    """The stored profile's fields in normal form."""
    data = CustomerUpdated.model_validate({n: v for n, v in stored.body.items() if n != "revision"})
    if key is not None:
        data = open_event(Event("", "", *customer, stored.registered_at, data), key.key).data
    return fields_of(data)
