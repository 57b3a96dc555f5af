"""Members are invited to communities, join and leave (MEM-040, MEM-094)."""

from __future__ import annotations

from common.events import CustomerKey
from common.storage.database import Transaction
from membership.commands.knowing import lock_known
from membership.commands.tiers import tier_now
from membership.communities import store
from membership.communities.refusals import CommunityClosed, NotEligible, UnknownCommunity
from membership.communities.rules import tiers_of
from membership.communities.store import Status
from membership.communities.terms import Community
from membership.members.refusals import UnknownMember
from membership.programme import store as programmes


async def set_member(tx: Transaction, key: CustomerKey, community_id: str, status: Status, by: str) -> bool:
    """Whether the member is eligible now; idempotent.

    Raises UnknownCommunity, UnknownMember; of who is to be invited or has joined CommunityClosed, NotEligible.
    """
    shop, customer = key
    row = await store.get_community(tx, shop, community_id)
    if row is None:
        raise UnknownCommunity(community_id)
    await lock_known(tx, key)
    tier, now = await tier_now(tx, key), tx.clock.now()
    if tier is None:
        raise UnknownMember(customer)
    terms, programme = Community.model_validate_json(row.terms), (await programmes.read_rules(tx, {shop}))[shop].at(now)
    eligible = tier.id in tiers_of(terms, programme)
    if status in ("invited", "joined"):
        if not terms.open:
            raise CommunityClosed(community_id)
        if not eligible:
            raise NotEligible(customer, terms.tier_from or "")
    await store.save_member(tx, shop, community_id, customer, status, by, now)
    return eligible
