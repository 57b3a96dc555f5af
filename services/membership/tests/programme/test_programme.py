"""Programmes that contradict themselves are refused, with a sentence that says what to mend."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from membership.programme.programme import (
    BASES,
    REGULAR,
    SENIOR,
    VIP,
    FastTrack,
    GrowthRules,
    Programme,
    Tier,
)
from membership.programme.versions import ShopRules, Version

from ..stories import at, campaign, rules


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spend": 200_000}, "must ask for less"),
        ({"tier": "Regular"}, "spend threshold"),
        ({"tier": "Gold"}, "spend threshold"),
        ({"end": at("2025-06-01T00:00")}, "must end after"),
    ],
)
def test_a_fast_track_must_be_faster(change: dict[str, Any], message: str) -> None:
    """MEM-019: fast < normal."""
    with pytest.raises(ValidationError, match=message):
        Programme(fast_tracks=(FastTrack(**{**dict(campaign(30_000)), **change}),))


@pytest.mark.parametrize(
    ("tiers", "message"),
    [
        ((SENIOR,), "no threshold"),
        ((REGULAR, Tier(name="Senior")), "needs a threshold"),
        ((REGULAR, VIP, SENIOR), "thresholds must rise"),
        ((REGULAR, SENIOR, Tier(name="VIP", spend=60_000, orders=2)), "thresholds must rise"),
        ((REGULAR, SENIOR, Tier(name="VIP", spend=60_000, price=9_900)), "worse price"),
        ((REGULAR, SENIOR, Tier(name="Senior", spend=60_000, price=9_000)), "same name"),
    ],
)
def test_a_programme_that_contradicts_itself_is_refused(tiers: tuple[Tier, ...], message: str) -> None:
    """MEM-028: a higher tier has not a worse price."""
    with pytest.raises(ValidationError, match=message):
        Programme(tiers=tiers)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(("low", "high", "fine"), [(5, 6, True), (5, 5, False), (6, 5, False)])
def test_thresholds_of_every_basis_rise(basis: str, low: int, high: int, fine: bool) -> None:
    """C-4: also across a tier that is not reached that way."""
    other = next(b for b in BASES if b != basis)
    ladder = [
        {"name": "A"},
        {"name": "B", basis: low},
        {"name": "C", other: 1},
        {"name": "D", basis: high},
    ]
    if fine:
        assert len(Programme.model_validate({"tiers": ladder}).tiers) == 4
    else:
        with pytest.raises(ValidationError, match=f"'D' asks for {basis}"):
            Programme.model_validate({"tiers": ladder})


@pytest.mark.parametrize("basis", BASES)
def test_the_lowest_tier_has_no_threshold_of_any_kind(basis: str) -> None:
    with pytest.raises(ValidationError, match="no threshold"):
        Programme.model_validate({"tiers": [{"name": "A", basis: 1}]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"tiers": [{"name": "A"}, {"name": "B", "growth": 5}], "growth": dict.fromkeys(dict(GrowthRules()), 0)},
            "gives none",
        ),
        ({"tiers": [{"name": "A"}, {"name": "B", "points": 5}], "points": {"per_unit": 0}}, "earn none"),
        ({"tiers": [{"name": "A", "factor": 0}, {"name": "B", "points": 5, "factor": 0}]}, "earn none"),
        ({"growth": {"review": -1}}, "greater than or equal to 0"),
        ({"growth": {"review": 1.5}}, "valid integer"),
        ({"growth": {"likes": 1}}, "Extra inputs"),
        ({"tiers": [{"name": "A"}, {"name": "B", "growth": 0}]}, "greater than 0"),
    ],
)
def test_a_basis_that_nothing_can_earn_is_refused(change: dict[str, Any], message: str) -> None:
    """MEM-016, MEM-017."""
    with pytest.raises(ValidationError, match=message):
        Programme.model_validate(change)


def test_a_basis_that_something_can_earn_is_not() -> None:
    only_reviews = GrowthRules(per_unit=0, activity=0, referral=0, check_in=0)
    programme = Programme(tiers=(Tier(name="A"), Tier(name="B", growth=5)), growth=only_reviews)
    assert programme.by_growth
    assert not Programme().by_growth


def test_a_version_is_in_force_from_its_instant_and_of_two_at_one_instant_the_later() -> None:
    """MEM-023: rules are versioned, and those of before are kept."""
    first, second, third = (Programme(grace_days=days) for days in (1, 2, 3))
    shop = ShopRules(
        rules().settings,
        [
            Version(at("2025-02-01"), 3, third),
            Version(at("2025-01-01"), 1, first),
            Version(at("2025-02-01"), 2, second),
        ],
    )
    days = ("2024-12-31", "2025-01-01", "2025-02-01T11:59:59", "2025-02-01", "2030-01-01")
    assert [shop.version_at(at(day)).number for day in days] == [0, 1, 1, 3, 3]
    assert shop.at(at("2030-01-01")) == third


def test_a_stored_programme_of_before_growth_is_read_as_it_was() -> None:
    """A version is never changed: what it does not say has the default."""
    old = {"tiers": [{"name": "A"}, {"name": "B", "spend": 100, "orders": None, "price": 10_000, "factor": 10_000}]}
    read = Programme.model_validate(old)
    assert (read.growth, read.tiers[1].growth, read.tiers[1].points) == (GrowthRules(), None, None)
