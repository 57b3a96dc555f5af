"""Three ready tier schemes, of which a shop takes one and changes what it likes (MEM-012 to 014)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from membership.programme.benefits import OF_REGULAR, OF_SENIOR, OF_SUPREME, OF_VIP
from membership.programme.programme import Programme, Tier


class Scheme(NamedTuple):
    says: str
    tiers: tuple[Tier, ...]


SCHEMES: Mapping[str, Scheme] = {
    "A": Scheme("Regular, Senior, VIP, Supreme: by spend or orders of twelve months (MEM-012)", Programme().tiers),
    "B": Scheme(
        "Regular, Silver, Gold, Diamond: by spend or orders of twelve months (MEM-013)",
        (
            Tier(name="Regular", benefits=OF_REGULAR),
            Tier(name="Silver", spend=50_000, orders=3, price=9_800, factor=12_000, benefits=OF_SENIOR),
            Tier(name="Gold", spend=200_000, orders=8, price=9_500, factor=15_000, benefits=OF_VIP),
            Tier(name="Diamond", spend=500_000, orders=20, price=9_000, factor=20_000, benefits=OF_SUPREME),
        ),
    ),
    "C": Scheme(
        "Regular, Silver, Gold, Platinum and Black card: by growth value, which never expires (MEM-014)",
        (
            Tier(name="Regular", benefits=OF_REGULAR),
            Tier(name="Silver card", growth=500, price=9_800, factor=12_000, benefits=OF_SENIOR),
            Tier(name="Gold card", growth=2_000, price=9_500, factor=15_000, benefits=OF_VIP),
            Tier(name="Platinum card", growth=5_000, price=9_200, factor=18_000, benefits=OF_VIP),
            Tier(name="Black card", growth=10_000, price=9_000, factor=20_000, benefits=OF_SUPREME),
        ),
    ),
}
"""The names are the sources'; thresholds are in minor units of a currency with hundredths, and may be changed."""


def switched(before: Programme, scheme: Scheme) -> Programme:
    """The programme with the tiers of the scheme; members keep their place on the ladder, all else stays as it is."""
    ids = {tier.id for tier in scheme.tiers}
    becomes = {
        tier.id: scheme.tiers[min(level, len(scheme.tiers) - 1)].id
        for level, tier in enumerate(before.tiers)
        if tier.id not in ids
    }
    # A fast track leads to a tier of the ladder that is left.
    changes = {"tiers": scheme.tiers, "becomes": becomes, "fast_tracks": ()}
    return Programme.model_validate({**dict(before), **changes})
