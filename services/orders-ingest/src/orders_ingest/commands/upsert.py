"""What changed about a customer who is told as they stand, compared with what is stored under the customer's lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.crypto.keys import DataKey
from common.crypto.sealing import open_event
from common.events import Event
from common.events.customers import CustomerUpdated
from common.storage.database import Transaction
from orders_ingest.customers import store
from orders_ingest.customers.changes import PROFILE_FIELDS, consent_event, profile_event
from orders_ingest.customers.profile import LeftOut, cleaned
from orders_ingest.customers.store import ConsentRow, StoredProfile
from orders_ingest.intake.checks import Offered, Outcome, Status, check, refused_time
from orders_ingest.intake.take import Vault, take


@dataclass(frozen=True, slots=True)
class ToldConsent:
    """`at` None: not said, so only a changed value is a statement, made when it is read."""

    channel: str
    purpose: str
    granted: bool
    source: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ToldCustomer:
    """A customer as a shop tells them; `profile` None leaves it as it is. `left_out`: fields that make no sense."""

    customer: str
    registered_at: datetime | None = None
    profile: dict[str, Any] | None = None
    consents: Sequence[ToldConsent] = field(default_factory=tuple)
    left_out: tuple[LeftOut, ...] = ()


Known = dict[tuple[str, str], ConsentRow]
"""A customer's newest consents by (channel, purpose)."""


async def upsert(tx: Transaction, vault: Vault, shop: str, told: Sequence[ToldCustomer]) -> list[Outcome]:
    """One outcome a customer: accepted when anything is new, duplicate when nothing is, refused with its reason.

    All or nothing of a customer is taken, but for fields that cannot be used: the outcome names them. Locks come before
    the claims here; the ids are made under the locks and shared with nobody, so no claim waits for another transaction.
    """
    customers = [(shop, one.customer) for one in told]
    await tx.lock_customers(customers)
    keys = await vault.ring.keys_for(tx, customers)
    stored = await store.get_profiles(tx, customers)
    consents = await store.get_consents(tx, customers)
    now = tx.clock.now()
    offered: list[Offered] = []
    spans: list[tuple[int, int] | Outcome] = []
    left_out: list[tuple[LeftOut, ...]] = []
    for one in told:
        key = (shop, one.customer)
        bad = refused_time(one.customer, now, [one.registered_at, *(c.at for c in one.consents)])
        checked: list[Offered | Outcome] = [] if bad is None else [bad]
        fields = one.left_out
        if bad is None:
            if one.profile is not None:
                profile, wrong = cleaned(CustomerUpdated(**one.profile), now)
                fields += wrong
                one = ToldCustomer(one.customer, one.registered_at, _told(profile), one.consents)
            events = _events(shop, one, now, stored.get(key), keys.get(key), consents.get(key, {}))
            # The id says all that was said: the same again is the same event, however it is derived some day.
            checked = [check(event, shop, now, said=event["id"].encode()) for event in events]
        left_out.append(fields)
        bad = next((c for c in checked if isinstance(c, Outcome)), None)
        if bad is not None:
            spans.append(bad)
            continue
        spans.append((len(offered), len(offered) + len(checked)))
        offered.extend(c for c in checked if isinstance(c, Offered))
    outcomes = await take(tx, vault, offered)
    return [
        _of_customer(one.customer, span, outcomes, fields)
        for one, span, fields in zip(told, spans, left_out, strict=True)
    ]


def _of_customer(
    customer: str, span: tuple[int, int] | Outcome, outcomes: list[Outcome], left_out: tuple[LeftOut, ...]
) -> Outcome:
    if isinstance(span, Outcome):
        return Outcome(customer, "refused", span.slug, span.detail, span.http)
    mine = outcomes[slice(*span)]
    for outcome in mine:
        if outcome.status == "refused":
            return Outcome(customer, "refused", outcome.slug, outcome.detail, outcome.http)
    status: Status = "accepted" if any(o.status == "accepted" for o in mine) else "duplicate"
    return Outcome(customer, status, left_out=left_out)


def _events(
    shop: str, told: ToldCustomer, now: datetime, stored: StoredProfile | None, key: DataKey | None, known: Known
) -> list[dict[str, Any]]:
    """What is new: a profile that is not the stored one, a consent that says another value or a time of its own.

    What is new of a known customer happened, as far as anybody knows, when it is read; what comes with a registration
    happened then.
    """
    customer, events = told.customer, []
    registered = told.registered_at or now
    if told.profile is not None and stored is None:
        events.append(profile_event(shop, customer, told.profile, registered, None))
    elif told.profile is not None and stored is not None and told.profile != _opened(shop, customer, stored, key):
        events.append(profile_event(shop, customer, told.profile, now, stored.revision))
    is_new = stored is None and not known
    for consent in told.consents:
        name = consent.channel, consent.purpose
        before = known.get(name)
        if before is not None and before.granted == consent.granted and consent.at in (None, before.at):
            continue
        at = consent.at or (registered if is_new else now)
        events.append(
            consent_event(shop, customer, consent.channel, consent.purpose, consent.granted, consent.source, at)
        )
        row = ConsentRow(shop, customer, *name, consent.granted, at, consent.source)
        if before is None or (row.at, not row.granted) > (before.at, not before.granted):
            known[name] = row
    return events


def _told(profile: Any) -> dict[str, Any]:
    return {name: value for name in PROFILE_FIELDS if (value := getattr(profile, name)) is not None}


def _opened(shop: str, customer: str, stored: StoredProfile, key: DataKey | None) -> dict[str, Any]:
    """The stored profile's fields as they were told, in normal form."""
    data = CustomerUpdated.model_validate({n: v for n, v in stored.body.items() if n != "revision"})
    if key is not None:
        data = open_event(Event("", "", shop, customer, stored.registered_at, data), key.key).data
    return _told(data)
