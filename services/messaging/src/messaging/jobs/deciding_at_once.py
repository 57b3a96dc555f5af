"""A campaign's messages that nothing speaks against are decided as its customers come in, a page together (P8).

The sweep decides all others. Both ways ask one function (`decisions.batch.decide_together`), and hold the customers and
their addresses while they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from common.events import Event
from common.events.customers import Channel
from common.events.messages import CampaignEntered
from common.shops.settings import get_shops
from common.storage.database import Transaction
from common.time.clock import FixedClock
from messaging.campaigns.document import CampaignDocument
from messaging.channels.registry import CHANNELS
from messaging.commands.campaigns import candidate_of
from messaging.conditions.store import get_facts
from messaging.contacts.store_locks import hold_addresses
from messaging.decisions.alike import Alike, Unhindered, apart
from messaging.decisions.state import Decided
from messaging.decisions.store_alike import insert_queued, list_unhindered, lock_free
from messaging.flows.store_versions import get_books
from messaging.halts.store import get_halts
from messaging.limits.caps.state import Places
from messaging.limits.caps.store import LOOK_BACK, get_places
from messaging.policy.state import PolicyVersion
from messaging.templates.kinds import Kinds, kinds_with
from messaging.templates.store import get_kinds

MOST_ADDRESSES = 1_000
"""Locked for a page, of the few thousand locks that a PostgreSQL has for all of its sessions: a customer has one for
each channel. Whoever is beyond them is left to the sweep."""


async def decide_at_once(
    tx: Transaction,
    entered: Event[CampaignEntered],
    document: CampaignDocument,
    version: PolicyVersion,
    arms: dict[str, str],
    channels: Sequence[Channel],
) -> set[str]:
    """Queue the messages to those treated customers (`arms`: their variants) who are to be sent them now.

    Returns who they are; nothing is written of the others. Who has another message to be decided waits for the sweep
    with it, and so does a campaign on several channels, or with an offer, or on a set clock.
    """
    shop, policy, replay = entered.shop, version.policy, isinstance(tx.clock, FixedClock)
    if replay or len(channels) != 1 or channels[0] not in CHANNELS or document.offer or policy.segment_windows:
        return set()
    ours = await hold_addresses(tx, await lock_free(tx, [(shop, customer) for customer in arms]), MOST_ADDRESSES)
    since = entered.time - LOOK_BACK
    made = {customer: candidate_of(entered, document, customer, arms[customer], channels[0]) for _, customer in ours}
    messages = {customer: candidate.message_id for customer, candidate in made.items()}
    found = apart(await list_unhindered(tx, ours, messages, channels[0], since))
    kinds = kinds_with(await get_kinds(tx, [shop]))
    alike = Alike(
        version,
        (await get_shops(tx, [shop]))[shop],
        CHANNELS,
        (await get_books(tx, [shop]))[shop].names,
        kinds,
        await get_halts(tx, [shop]),
        entered.time,
    )
    places, purchases = await _contacted(tx, shop, [one for one in found if one.contacted], version, entered, kinds)
    decided: list[Decided] = []
    for one in found:
        candidate = made[one.customer]
        if one.contacted:
            decided.append(alike.decide_with(candidate, one, places, purchases[one.customer]))
        else:
            as_others = alike.decide(candidate, one)
            decided.append(replace(as_others, candidate=candidate, address=one.address))
    queued = [d for d in decided if d.decision.outcome == "send"]
    await insert_queued(tx, queued)
    return {d.candidate.customer for d in queued}


async def _contacted(
    tx: Transaction,
    shop: str,
    found: Sequence[Unhindered],
    version: PolicyVersion,
    entered: Event[CampaignEntered],
    kinds: Kinds,
) -> tuple[Places, dict[str, Sequence[datetime]]]:
    """The messages that hold places of who was written to before, and when each of them ordered."""
    if not found:
        return Places(), {}
    addresses = {(shop, one.customer): one.addresses for one in found}
    reactions, since = version.policy.by_reaction, entered.time - LOOK_BACK
    places = await get_places(tx, addresses, since, {key: key for key in addresses}, kinds, reactions=reactions)
    facts = await get_facts(tx, sorted(addresses))
    return places, {customer: facts[shop, customer].purchases for _, customer in addresses}
