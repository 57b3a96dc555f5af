"""Profiles and consents that something taken concerns: read before it is decided, saved after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from common.events import CustomerKey, Event
from common.events.customers import ConsentChanged, CustomerProfile
from common.storage.database import Transaction
from orders_ingest.customers import store
from orders_ingest.customers.store import ConsentRow, ProfileRow


async def read_numbered(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, bool]:
    """Whether each stored profile bears the shop's own version; the caller holds the customers' locks."""
    return {key: profile.numbered for key, profile in (await store.get_profiles(tx, customers)).items()}


async def save(tx: Transaction, events: Iterable[Event[Any]]) -> None:
    """Keep the newest profile and consents of each customer; the events are as published, others are passed over."""
    profiles, consents = [], []
    for event in events:
        data, (shop, customer) = event.data, (event.shop, event.subject or "")
        if isinstance(data, CustomerProfile):
            body = data.model_dump_json(exclude_none=True)
            profiles.append(ProfileRow(shop, customer, data.revision, data.version is not None, event.time, body))
        elif isinstance(data, ConsentChanged):
            consents.append(
                ConsentRow(shop, customer, data.channel, data.purpose, data.granted, event.time, data.source)
            )
    await store.save_profiles(tx, profiles)
    await store.save_consents(tx, consents)
