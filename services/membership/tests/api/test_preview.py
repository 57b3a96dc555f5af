"""A preview says what a programme would do and leaves everything as it was, on a real PostgreSQL (MEM-023)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from membership.preview import store as previews
from membership.programme.programme import PointsRules, Programme, Tier

from ..conftest import NOW, V1, Client, Shop, deliver, tables

HARDER = {
    "tiers": [{"name": "Regular"}, {"name": "Senior", "spend": 100_000}, {"name": "Patron", "spend": 200_000}],
    "becomes": {"vip": "patron", "supreme": "patron"},
}


async def a_shop(client: Client, shop: Shop) -> None:
    """Of the default programme: two Seniors, a VIP, a Regular, and one who has paid but is no member yet."""
    ago = NOW - timedelta(days=10)
    await deliver(
        client.database,
        [
            shop.completed("low", ago, "o1", 60_000),
            shop.completed("mid", ago, "o2", 150_000),
            shop.completed("high", ago, "o3", 210_000),
            shop.completed("new", ago, "o4", 1_000),
            shop.paid("buyer", ago, "o5", 500),
        ],
    )


async def preview(client: Client, programme: Any, **more: Any) -> dict[str, Any]:
    answer = await client.post(f"{V1}/programme/preview", json={"programme": programme, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def moves(found: dict[str, Any]) -> set[tuple[str | None, str | None, int]]:
    return {(m["now"], m["tried"], m["members"]) for m in found["moves"]}


async def test_it_tells_who_would_move_and_stores_nothing(client: Client, shop: Shop) -> None:
    await a_shop(client, shop)
    async with client.database.transaction() as tx:
        before = await tables(tx), await tx.value("select count(*) from programmes")
    found = await preview(client, HARDER)
    assert moves(found) == {("Senior", "Regular", 1), ("VIP", "Patron", 1)}
    assert (found["customers"], found["tried"], found["unmoved"], found["complete"]) == (5, 5, 3, True)
    assert (found["points_now"], found["points_tried"], found["growth_now"]) == (4_215, 4_215, 4_210)
    async with client.database.transaction() as tx:
        assert (await tables(tx), await tx.value("select count(*) from programmes")) == before


async def test_the_programme_in_force_moves_nobody(client: Client, shop: Shop) -> None:
    """Also where it came into force amid the history, and members were folded by another before."""
    await a_shop(client, shop)
    await client.put(f"{V1}/programme", json={"programme": HARDER})
    client.clock.set(NOW + timedelta(days=2))
    await deliver(client.database, [shop.completed("low", NOW + timedelta(days=1), "o6", 10_000)])
    now = (await client.get(f"{V1}/programme")).json()
    found = await preview(client, now["programme"])
    assert (found["moves"], found["points_change"], found["worth_change"]) == ([], 0, 0)
    assert found["since"] == now["valid_from"]
    earlier = await preview(client, HARDER, since=(NOW - timedelta(days=20)).isoformat())
    assert moves(earlier) == {("Senior", "Regular", 1)}


async def test_it_tells_what_would_be_announced(client: Client, shop: Shop) -> None:
    """MEM-023: which messages the change triggers."""
    await a_shop(client, shop)
    found = await preview(client, HARDER, days=30)
    kinds = [(each["type"], each["reason"], each["now"], each["tried"]) for each in found["announcements"]]
    assert kinds == [("tier.changed", "programme", 0, 1)], "VIP is Patron"
    later = await preview(client, {}, days=366)
    assert all(each["now"] == each["tried"] for each in later["announcements"]), "it is the programme in force"
    assert {each["type"] for each in later["announcements"]} >= {"tier.drop_warned", "tier.changed"}


async def test_points_and_their_worth_are_announced_of_both_sides(client: Client, shop: Shop) -> None:
    await a_shop(client, shop)
    double = Programme(points=PointsRules(per_unit=2, per_unit_worth=50))
    found = await preview(client, double.model_dump(mode="json"))
    assert (found["points_now"], found["points_tried"], found["points_change"]) == (4_215, 8_430, 4_215)
    assert (found["worth_change"], found["currency"]) == (8_430 * 2 - 4_215, "CNY")


async def test_who_would_be_no_member_is_announced_as_well(client: Client, shop: Shop) -> None:
    await a_shop(client, shop)
    found = await preview(client, {"enrolment": "registration"})
    assert moves(found) == {("Senior", None, 2), ("VIP", None, 1), ("Regular", None, 1)}
    assert (found["points_tried"], found["unmoved"]) == (0, 1)


async def test_growth_and_points_are_tried_too(client: Client, shop: Shop) -> None:
    """C-4."""
    await a_shop(client, shop)
    tiers = (Tier(name="Regular"), Tier(name="Senior", points=600), Tier(name="VIP", growth=1_500))
    found = await preview(client, Programme(tiers=tiers).model_dump(mode="json"))
    assert moves(found) == {("Senior", "VIP", 1)}


async def test_a_large_shop_is_sampled_evenly_and_that_is_said(client: Client, shop: Shop) -> None:
    await deliver(client.database, [shop.completed(f"c{i}", NOW, f"o{i}", 60_000) for i in range(300)])
    found, again = await preview(client, HARDER, customers=100), await preview(client, HARDER, customers=100)
    assert found == again
    assert (found["customers"], found["complete"]) == (300, False)
    assert 50 < found["tried"] < 160, "one in three by hash"
    assert moves(found) == {("Senior", "Regular", found["tried"])}


async def test_one_at_a_time_and_the_next_when_it_is_done(client: Client, shop: Shop) -> None:
    """Bounded: a shop's previews cannot pile up."""
    await a_shop(client, shop)
    async with client.database.transaction() as tx:
        assert await previews.try_preview(tx, "tea")
        refused = await client.post(f"{V1}/programme/preview", json={"programme": {}})
        other = await client.post("/v1/shops/coffee/programme/preview", json={"programme": {}})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/preview_under_way")
    assert (other.status_code, other.json()["customers"], other.json()["complete"]) == (200, 0, True)
    after = await preview(client, {})
    assert after["moves"] == []


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({"programme": {}, "since": "2025-03-20T04:00:01Z"}, "since_in_future"),
        ({"programme": {}, "customers": 20_001}, "invalid_request"),
        ({"programme": {}, "customers": 0}, "invalid_request"),
        ({"programme": {"tiers": []}}, "invalid_request"),
        ({"programme": {}, "surprise": 1}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
async def test_what_cannot_be_previewed_is_refused(client: Client, body: dict[str, Any], slug: str) -> None:
    answer = await client.post(f"{V1}/programme/preview", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")
