"""Three ready schemes: a switch by configuration, and benefits follow (MEM-012 to 014)."""

from __future__ import annotations

import pytest

from membership.programme.programme import FastTrack, Programme
from membership.programme.schemes import SCHEMES, switched
from membership.tiers.state import Tiers

from ..stories import at, completed, fold


@pytest.mark.parametrize(
    ("scheme", "names"),
    [
        ("A", ["Regular", "Senior", "VIP", "Supreme"]),
        ("B", ["Regular", "Silver", "Gold", "Diamond"]),
        ("C", ["Regular", "Silver card", "Gold card", "Platinum card", "Black card"]),
    ],
)
def test_each_scheme_has_the_sources_tiers(scheme: str, names: list[str]) -> None:
    assert [tier.name for tier in SCHEMES[scheme].tiers] == names


@pytest.mark.parametrize("before", list(SCHEMES))
@pytest.mark.parametrize("after", list(SCHEMES))
def test_from_any_scheme_to_any_other_every_tier_has_a_successor(before: str, after: str) -> None:
    track = FastTrack(tier="vip", spend=100, start=at("2025-06-01"), end=at("2025-07-01"))
    first = Programme(tiers=SCHEMES[before].tiers, fast_tracks=(track,) if before == "A" else (), grace_days=7)
    second = switched(first, SCHEMES[after])
    assert second.without_successor(first) == []
    assert second.grace_days == 7
    for level, tier in enumerate(first.tiers):
        assert second.level_of(second.successor(tier.id, first)) == min(level, len(second.tiers) - 1)


def test_benefits_follow_the_scheme() -> None:
    """MEM-013."""
    programme = switched(Programme(), SCHEMES["B"])
    member, _ = fold([completed("2025-01-01", "a", 250_000)], programme=programme)
    tier = programme.tier(Tiers.of(member).standing.tier)
    quota = tier.benefit("free_shipping")
    assert quota is not None
    assert (tier.name, tier.price, quota.uses, quota.months) == ("Gold", 9_500, 1, 1)
