"""All that is known of customers, read together: contact data, keys, consent, and the facts that messages rest on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from common.crypto.keys import get_keys
from common.events import CustomerKey
from common.storage.database import Transaction
from messaging.conditions.state import Claim
from messaging.conditions.store import get_facts
from messaging.consent.state import register_of
from messaging.consent.store import get_said_about, get_statements
from messaging.contacts.store import get_contacts
from messaging.coupons.store import get_coupons
from messaging.decisions.state import Known
from messaging.occasions.store import get_sold_out
from messaging.standings.store import get_standings


async def get_reachable(
    tx: Transaction, keys: Sequence[CustomerKey], since: datetime | None = None
) -> dict[CustomerKey, Known]:
    """How the customers may be reached, now: contact data, keys and consent; every key given has an entry.

    `since`: the earliest instant of which consent is asked, in a replay; None: only all that is known counts.
    """
    contacts, data_keys = await get_contacts(tx, keys), await get_keys(tx, keys)
    found = {key: Known(contacts.get(key), data_keys.get(key)) for key in keys}
    own = await get_statements(tx, keys)
    # What was said about their addresses, by all who had them.
    there = await get_said_about(tx, ((key[0], a) for key, k in found.items() for a in k.hashes.values()), since)
    for key, known in found.items():
        about = [said for address in known.hashes.values() for said in there[(key[0], address)]]
        known.register = register_of(own[key], about, known.hashes)
    return found


async def get_known(
    tx: Transaction, keys: Sequence[CustomerKey], orders: Sequence[str] = (), since: datetime | None = None
) -> dict[CustomerKey, Known]:
    """All that is known of the customers, of orders only those given; `since` as of `get_reachable`."""
    found = await get_reachable(tx, keys, since)
    for key, facts in (await get_facts(tx, keys, orders)).items():
        found[key].facts = facts
    return found


async def add_offers(
    tx: Transaction, found: Mapping[CustomerKey, Known], claims: Collection[Claim], at: datetime
) -> None:
    """What messages offer: the customers' coupons and tiers, and which of the products that are named are sold out."""
    keys = list(found)
    coupons, standings = await get_coupons(tx, keys, at), await get_standings(tx, dict.fromkeys(keys, at))
    sold_out = await get_sold_out(tx, {shop for shop, _ in keys}, {c.sku for c in claims if c.sku is not None})
    for key, known in found.items():
        known.facts.coupons = coupons[key]
        known.facts.tier = standings[key].get("tier")
        known.facts.sold_out = sold_out.get(key[0], ())
