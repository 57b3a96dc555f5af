"""For which tiers a community is; pure."""

from __future__ import annotations

from membership.communities.terms import Community
from membership.programme.programme import Programme


def tiers_of(community: Community, programme: Programme) -> list[str]:
    """Ids of the tiers that it is for; of a tier that is gone the top alone."""
    ids = [tier.id for tier in programme.tiers]
    if community.tier_from is None:
        return ids
    return ids[ids.index(community.tier_from) :] if community.tier_from in ids else ids[-1:]
