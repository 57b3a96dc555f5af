"""Why a member does not become a partner."""

from __future__ import annotations

from common.refusals import Invalid


class AffiliateIdMissing(Invalid):
    def __init__(self, customer: str) -> None:
        super().__init__(
            "affiliate_id_missing",
            f"{customer!r} is an active affiliate only with the id that the network gave: set `affiliate_id`.",
        )
