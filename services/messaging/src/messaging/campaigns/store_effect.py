"""What a campaign brought and what it cost: who ordered by arm, its messages, the coupons of its offer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from common.storage.database import Transaction
from messaging.campaigns import store_results
from messaging.campaigns.document import HOLD_OUT, CampaignDocument
from messaging.campaigns.lift import Lift, lift


class Effect(NamedTuple):
    """`arms`: persons who ordered, of how many, by arm. Money in minor units of the campaign's currency."""

    arms: dict[str, tuple[int, int]]
    handed_over: int
    coupons_used: int
    cost_of_messages: int
    cost_of_coupons: int

    @property
    def cost(self) -> int:
        return self.cost_of_messages + self.cost_of_coupons

    @property
    def lift(self) -> Lift | None:
        """None where an arm has nobody."""
        treated = [counted for arm, counted in self.arms.items() if arm != HOLD_OUT]
        all_treated = sum(ordered for ordered, _ in treated), sum(customers for _, customers in treated)
        return lift(all_treated, self.arms.get(HOLD_OUT, (0, 0)), self.cost)


async def count_effect(
    tx: Transaction, shop: str, document: CampaignDocument, currency: str, over_at: datetime | None = None
) -> Effect:
    """Of all who came in; with `over_at` of those alone whose days of attribution were over by then."""
    name, days = document.campaign, document.attribution_days
    came_by = None if over_at is None else over_at - timedelta(days=days)
    arms = await store_results.count_orders(tx, shop, name, days, came_by)
    # What came back is charged for, too.
    handed_over = await store_results.count_handed_over(tx, shop, name, document.cause, came_by)
    used = of_coupons = 0
    if document.offer is not None:
        used, of_coupons = await store_results.count_coupons(tx, shop, name, document.offer, currency, days, came_by)
    return Effect(arms, handed_over, used, handed_over * document.cost_per_message, of_coupons)
