"""What changed about a customer who is told as they stand? Compared with what is stored, under the customer's lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.crypto import open_event
from common.db import Transaction
from common.events import Event
from common.events.customers import CustomerUpdated
from common.keys import DataKey
from orders_ingest.domain.intake import Offered, Outcome, check
from orders_ingest.domain.upserts import PROFILE_FIELDS, consent_event, profile_event
from orders_ingest.handlers.ingest import Vault, take
from orders_ingest.store import profiles as store
from orders_ingest.store.profiles import StoredProfile


@dataclass(frozen=True, slots=True)
class ToldConsent:
    channel: str
    purpose: str
    granted: bool
    source: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ToldCustomer:
    """A customer as a shop tells them; `profile` None leaves it as it is."""

    customer: str
    at: datetime
    profile: dict[str, Any] | None = None
    consents: Sequence[ToldConsent] = field(default_factory=tuple)


async def upsert(tx: Transaction, vault: Vault, shop: str, told: Sequence[ToldCustomer]) -> list[Outcome]:
    """One outcome a customer: accepted when anything is new, duplicate when nothing is, refused with its reason.

    All or nothing of a customer is taken. Locks come before the claims here; the ids are made under the locks and
    shared with nobody, so no claim waits for another transaction.
    """
    await tx.lock_customers((shop, one.customer) for one in told)
    keys = await vault.ring.keys_for(tx, ((shop, one.customer) for one in told))
    stored = await store.get_profiles(tx, ((shop, one.customer) for one in told))
    now = tx.clock.now()
    offered: list[Offered] = []
    spans: list[tuple[int, int] | Outcome] = []
    for one in told:
        key = (shop, one.customer)
        checked = [check(event, shop, now) for event in _events(shop, one, stored.get(key), keys.get(key))]
        bad = next((c for c in checked if isinstance(c, Outcome)), None)
        if bad is not None:
            spans.append(bad)
            continue
        spans.append((len(offered), len(offered) + len(checked)))
        offered.extend(c for c in checked if isinstance(c, Offered))
    outcomes = await take(tx, vault, offered)
    return [_of_customer(one.customer, span, outcomes) for one, span in zip(told, spans, strict=True)]


def _of_customer(customer: str, span: tuple[int, int] | Outcome, outcomes: list[Outcome]) -> Outcome:
    if isinstance(span, Outcome):
        return Outcome(customer, "refused", span.slug, span.detail, span.http)
    mine = outcomes[slice(*span)]
    for outcome in mine:
        if outcome.status == "refused":
            return Outcome(customer, "refused", outcome.slug, outcome.detail, outcome.http)
    return Outcome(customer, "accepted" if any(o.status == "accepted" for o in mine) else "duplicate")


def _events(shop: str, told: ToldCustomer, stored: StoredProfile | None, key: DataKey | None) -> list[dict[str, Any]]:
    events = []
    if told.profile is not None and (stored is None or told.profile != _opened(shop, told.customer, stored, key)):
        revision = stored.revision if stored is not None else None
        events.append(profile_event(shop, told.customer, told.profile, told.at, revision))
    events.extend(
        consent_event(shop, told.customer, c.channel, c.purpose, c.granted, c.source, c.at) for c in told.consents
    )
    return events


def _opened(shop: str, customer: str, stored: StoredProfile, key: DataKey | None) -> dict[str, Any]:
    """The stored profile's fields as they were told, in normal form."""
    data = CustomerUpdated.model_validate({n: v for n, v in stored.body.items() if n != "revision"})
    if key is not None:
        data = open_event(Event("", "", shop, customer, stored.registered_at, data), key.key).data
    return {name: value for name in PROFILE_FIELDS if (value := getattr(data, name)) is not None}
