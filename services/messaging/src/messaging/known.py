"""All that is known of customers, read together: contact data, keys, consent, and the facts that messages rest on.

What is known of customers who are one person after merges is joined (ORD-040); it is stored under the identifier under
which it came, so that a merge may be undone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from common.crypto.keys import get_keys
from common.events import CustomerKey
from common.people.store import get_merged_at, get_people
from common.storage.database import Transaction
from messaging.conditions.rules import is_of_the_survivor_alone
from messaging.conditions.state import Claim, Facts
from messaging.conditions.store import get_facts
from messaging.consent.rules import joined
from messaging.consent.state import register_of
from messaging.consent.store import get_said_about, get_statements
from messaging.contacts.state import Contact
from messaging.contacts.store import get_contacts
from messaging.coupons.store import get_coupons
from messaging.decisions.state import Known
from messaging.occasions.store import get_sold_out
from messaging.standings.rules import segments_of
from messaging.standings.store import get_standings


async def get_reachable(
    tx: Transaction, keys: Sequence[CustomerKey], since: datetime | None = None
) -> dict[CustomerKey, Known]:
    """How the customers may be reached, now: contact data, keys and consent; every key given has an entry.

    `since`: the earliest instant of which consent is asked, in a replay; None: only all that is known counts.
    """
    people = await get_people(tx, keys)
    everybody = sorted({one for of in people.values() for one in of})
    contacts, data_keys = await get_contacts(tx, everybody), await get_keys(tx, everybody)
    found: dict[CustomerKey, Known] = {}
    for key in keys:
        contact = _reached_by(people[key], contacts)
        found[key] = Known(
            contact, data_keys.get(contact.key if contact is not None else people[key][0]), people=people[key]
        )
    said = await get_statements(tx, everybody)
    several = any(len(of) > 1 for of in people.values())
    merged_at = await get_merged_at(tx, everybody) if several else {}
    # What was said about their addresses, by all who had them.
    there = await get_said_about(tx, ((key[0], a) for key, k in found.items() for a in k.hashes.values()), since)
    for key, known in found.items():
        about = [said for address in known.hashes.values() for said in there[(key[0], address)]]
        own = said[key] if len(known.people) == 1 else joined(known.people, said, merged_at)
        known.register = register_of(own, about, known.hashes)
    return found


def _reached_by(people: Sequence[CustomerKey], contacts: Mapping[CustomerKey, Contact]) -> Contact | None:
    """The survivor's contact data; where the survivor has no address, those of the first who has one."""
    known = [contact for one in people if (contact := contacts.get(one)) is not None]
    return next((contact for contact in known if contact.addresses), known[0] if known else None)


async def get_known(
    tx: Transaction, keys: Sequence[CustomerKey], orders: Sequence[str] = (), since: datetime | None = None
) -> dict[CustomerKey, Known]:
    """All that is known of the customers, of orders only those given; `since` as of `get_reachable`."""
    found = await get_reachable(tx, keys, since)
    facts = await get_facts(tx, sorted({one for known in found.values() for one in known.people}), orders)
    for key, known in found.items():
        known.facts = facts[key] if len(known.people) == 1 else _joined(key, known, facts)
    return found


async def add_offers(
    tx: Transaction, found: Mapping[CustomerKey, Known], claims: Collection[Claim], at: datetime
) -> None:
    """What messages offer: the persons' coupons and tiers, and which of the products that are named are sold out; and
    their segments."""
    keys, people = list(found), {key: known.people or [key] for key, known in found.items()}
    coupons = await get_coupons(tx, people, at)
    standings = await get_standings(tx, dict.fromkeys(keys, at), people)
    sold_out = await get_sold_out(tx, {shop for shop, _ in keys}, {c.sku for c in claims if c.sku is not None})
    for key, known in found.items():
        known.facts.coupons = coupons[key]
        known.facts.tier = standings[key].get("tier")
        known.facts.segments = segments_of(standings[key])
        known.facts.sold_out = sold_out.get(key[0], ())


def _joined(key: CustomerKey, known: Known, facts: Mapping[CustomerKey, Facts]) -> Facts:
    """The facts of all who are one person; what other services found of an absorbed one counts no more."""
    of = [(one, facts[one]) for one in known.people]
    return Facts(
        [
            said
            for one, its in of
            for said in its.conditions
            if one == known.person(key) or not is_of_the_survivor_alone(said[1])
        ],
        [at for _, its in of for at in its.purchases],
        [news for _, its in of for news in its.orders],
        absorbed=key != known.person(key),
    )
