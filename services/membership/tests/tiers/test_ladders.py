"""A new ladder takes force: tiers keep their ids, those that are gone become what the ladder says (MEM-023)."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from common.events.membership import TierChanged
from common.fold.folding import fold_all
from common.shops.settings import ShopSettings
from membership.fold import MemberFolding
from membership.member import Member
from membership.points.state import Points
from membership.programme.programme import REGULAR, SENIOR, SUPREME, VIP, Programme, Tier
from membership.programme.versions import ShopRules, Version
from membership.tiers.state import Tiers

from ..stories import CUSTOMER, LONG_AGO, SHOP, announced, at, completed, posted, redeemed

BRONZE = Tier(name="Bronze", spend=10_000, price=9_900)
FIVE = Programme(tiers=(REGULAR, BRONZE, SENIOR, VIP, SUPREME))


def rules(*programmes: tuple[str, Programme]) -> ShopRules:
    versions = [Version(at(day), number, programme) for number, (day, programme) in enumerate(programmes, 1)]
    return ShopRules(ShopSettings.always(ZoneInfo("Asia/Shanghai")), versions)


def fold(shop: ShopRules, events: list[Any], until: str) -> tuple[Member, list[TierChanged]]:
    state, steps, _ = fold_all(MemberFolding({SHOP: shop}), events, at(until), (SHOP, CUSTOMER))
    return state, announced([effect for step in steps for effect in step.effects], TierChanged)


def test_a_level_put_in_below_renames_nobody() -> None:
    shop = rules(("2025-06-01T00:00", FIVE))
    state, changes = fold(
        shop, [completed("2025-01-01", "a", 210_000), completed("2025-07-01", "b", 100)], "2025-07-02"
    )
    assert (Tiers.of(state).standing.tier, [(c.old, c.new, c.reason) for c in changes]) == (
        "vip",
        [("Regular", "VIP", "upgrade")],
    )
    reviewed, changes = fold(shop, [completed("2025-01-01", "a", 210_000)], "2026-03-01")
    assert (Tiers.of(reviewed).standing.tier, [(c.new, c.reason) for c in changes[1:]]) == (
        "senior",
        [("VIP", "grace"), ("Senior", "downgrade")],
    )


METALS = Programme(
    tiers=(Tier(name="Everybody", id="regular"), Tier(name="Silver", orders=2), Tier(name="Gold", orders=9)),
    becomes={"senior": "silver", "vip": "gold", "supreme": "gold"},
)


def test_a_tier_that_is_gone_becomes_another_when_the_ladder_takes_force_and_its_term_goes_on() -> None:
    shop = rules(("2025-06-01T00:00", METALS))
    before, _ = fold(shop, [completed("2025-01-01", "a", 210_000)], "2025-05-31")
    after, changes = fold(shop, [completed("2025-01-01", "a", 210_000)], "2025-06-01T00:00")
    assert (Tiers.of(before).standing.tier, Tiers.of(after).standing.tier, Tiers.of(after).standing.until) == (
        "vip",
        "gold",
        date(2026, 1, 1),
    )
    last = changes[-1]
    assert (last.old_id, last.new_id, last.old, last.new) == ("vip", "gold", "VIP", "Gold")
    assert (last.direction, last.reason) == ("same", "programme")


def test_a_tier_that_is_only_renamed_is_announced_under_its_new_name() -> None:
    shop = rules(("2025-06-01T00:00", METALS))
    state, changes = fold(shop, [completed("2025-01-01", "a", 100)], "2025-06-02")
    assert (Tiers.of(state).standing.tier, [(c.old_id, c.new_id, c.old, c.new) for c in changes]) == (
        "regular",
        [("regular", "regular", "Regular", "Everybody")],
    )


@pytest.mark.parametrize(
    ("becomes", "until"),
    [
        ({"senior": "regular", "vip": "regular", "supreme": "regular"}, None),
        ({"senior": "silver", "vip": "silver", "supreme": "silver"}, date(2026, 1, 1)),
    ],
)
def test_who_comes_to_the_lowest_tier_has_no_term_any_more(becomes: dict[str, str], until: date | None) -> None:
    shop = rules(("2025-06-01T00:00", METALS.model_copy(update={"becomes": becomes})))
    state, _ = fold(shop, [completed("2025-01-01", "a", 210_000)], "2025-06-02")
    assert (Tiers.of(state).standing.until, Tiers.of(state).standing.due is None) == (until, until is None)


def test_a_version_that_leaves_the_ladder_as_it_is_tells_nobody() -> None:
    shop = rules(("2025-06-01T00:00", Programme(grace_days=3)))
    state, changes = fold(shop, [completed("2025-01-01", "a", 210_000)], "2025-06-02")
    assert (Tiers.of(state).standing.ladder, len(changes)) == (None, 1)


def test_a_correction_names_the_tiers_of_the_ladder_in_force_now() -> None:
    """Late news of a time before the ladder: what is announced is what the member holds."""
    shop = rules(("2025-06-01T00:00", METALS))
    folding = MemberFolding({SHOP: shop})
    first, late = [completed("2025-07-01", "a", 100)], completed("2025-05-01", "z", 60_000)
    before, _, _ = fold_all(folding, first, at("2025-08-01"), (SHOP, CUSTOMER))
    after, _, _ = fold_all(folding, [*first, late], at("2025-08-01"), (SHOP, CUSTOMER))
    found = announced(folding.difference(before, posted(before), after, late.time), TierChanged)
    assert [(c.old, c.new, c.new_id) for c in found] == [("Everybody", "Silver", "silver")]


def test_points_are_earned_by_the_factor_of_the_tier_that_was_put_above() -> None:
    lowest, silver, gold = METALS.tiers
    double = METALS.model_copy(update={"tiers": (lowest, silver.model_copy(update={"factor": 20_000}), gold)})
    shop = rules(("2025-06-01T00:00", double))
    events = [
        completed("2025-01-01", "a", 60_000),
        redeemed("2025-01-02", "r", 600),
        completed("2025-06-01", "b", 10_000),
    ]
    assert Points.of(fold(shop, events, "2025-06-02")[0]).available == 200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"becomes": {"regular": "silver"}}, "is gone"),
        ({"becomes": {"senior": "bronze"}}, "is there"),
        ({"tiers": [{"name": "A", "id": "x"}, {"name": "B", "id": "x", "orders": 1}]}, "same id"),
        ({"tiers": [{"name": "A", "id": "x y"}]}, "pattern"),
    ],
)
def test_a_ladder_that_contradicts_itself_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Programme.model_validate({**METALS.model_dump(), **change})


def test_an_id_is_made_of_the_name_where_none_is_given() -> None:
    names = {"VIP": "vip", " Gold  Card ": "gold-card", "至尊会员": "至尊会员", "A/B": "a-b"}
    assert {name: Tier(name=name).id for name in names} == names


def test_the_rules_say_which_tiers_are_left_without_a_successor() -> None:
    lost = METALS.model_copy(update={"becomes": {"senior": "silver"}})
    assert rules(("2025-06-01T00:00", lost)).unmapped(LONG_AGO) == (0, ["vip", "supreme"])
    assert rules(("2025-06-01T00:00", METALS)).unmapped(LONG_AGO) is None
    assert rules(("2025-06-01T00:00", lost)).unmapped(at("2025-06-01T00:00")) is None


@pytest.mark.parametrize(
    ("first", "months", "ends"),
    [
        ("2025-08-31", 6, ["2026-02-28", "2026-08-31", "2027-02-28", "2027-08-31"]),
        ("2024-02-29", 12, ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("2025-01-31", 1, ["2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]),
    ],
)
def test_terms_keep_the_day_on_which_the_first_began(first: str, months: int, ends: list[str]) -> None:
    shop = rules(("1990-01-01", Programme(term_months=months, downgrade="none")))
    found = []
    for end in ends:
        state, _ = fold(shop, [completed(first, "a", 50_000)], f"{end}T12:00")
        until = Tiers.of(state).standing.until
        assert until is not None
        found.append(until.isoformat())
    assert found == ends
