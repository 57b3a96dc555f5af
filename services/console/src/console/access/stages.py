"""The stage of a company, and the pages that each stage brings into the navigation (XCT-027)."""

from __future__ import annotations

from collections.abc import Mapping

from common.storage.database import Transaction

STAGES = ("find", "know", "raise")
"""Find target users; judge and show customers' value; members rise and contribute. In this order."""
FROM: Mapping[str, tuple[str, ...]] = {
    "know": ("segments", "tags", "regulars", "leaving", "recommendations"),
    "raise": ("activities", "communities", "surprises", "points_owed", "tier_grants"),
}
"""Pages that a stage begins with; all others are on from the first. What waits for a decision is never off."""


def off(stage: str | None) -> frozenset[str]:
    """Pages that are not in the navigation yet; without a stage none."""
    if stage is None:
        return frozenset()
    later = STAGES[STAGES.index(stage) + 1 :]
    return frozenset(page for each in later for page in FROM.get(each, ()))


async def get_stage(tx: Transaction, shop: str) -> str | None:
    """As the shop's people wrote it down last; None where they did not."""
    # By the primary key of records; asked with each page.
    found = await tx.value(
        """
        select case when state = 'in_force' then fields->>'stage' end from records
        where shop = :shop and kind = 'company' and name = 'shop' order by version desc limit 1
        """,
        shop=shop,
    )
    return str(found) if found in STAGES else None
