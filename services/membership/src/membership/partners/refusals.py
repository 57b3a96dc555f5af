"""Why a member does not become a partner."""

from __future__ import annotations

from common.refusals import Invalid


class AffiliateIdMissing(Invalid):
    def __init__(self, customer: str) -> None:
        super().__init__(
            "affiliate_id_missing",
            f"{customer!r} is an active affiliate only with the id that the network gave: set `affiliate_id`.",
        )


class NoTierOfPartners(Invalid):
    def __init__(self, tier: str, known: list[str]) -> None:
        super().__init__(
            "no_such_tier", f"`tier_from` is the id of a tier, of which {tier!r} is none: {', '.join(known)}."
        )
