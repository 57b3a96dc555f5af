"""Shifts beside tickets, gifts out of their stock, what a company's stage leaves out (XCT-005, 008, 017, 027)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.access.roles import PAGES
from console.access.stages import FROM, STAGES, off
from console.company.page import TABLES
from console.records import gifts
from console.records.commands import NotSaved, save
from console.records.company import INDUSTRIES, industry_of
from console.records.kinds import KINDS
from console.staffing.rules import beside, chatted_at, idle, on_duty, placed_at
from console.web.navigation import SECTIONS, shown
from segmentation.kpis.rules import BENCHMARKS

from .conftest import Site
from .viewers import viewer_of

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def _shift(opens: int, closes: int, *days: str, agents: tuple[str, ...] = ("ann",)) -> dict[str, Any]:
    return {"agents": list(agents), "opens": opens, "closes": closes} | dict.fromkeys(days, True)


@pytest.mark.parametrize(
    ("shift", "hours"),
    [
        (_shift(9, 12, "monday"), {(1, 9), (1, 10), (1, 11)}),
        (_shift(22, 2, "sunday"), {(7, 22), (7, 23), (1, 0), (1, 1)}),
        (_shift(23, 24, "friday"), {(5, 23)}),
        (_shift(9, 9, "monday"), {(1, h) for h in range(9, 24)} | {(2, h) for h in range(9)}),
        (_shift(9, 12), set()),
    ],
)
def test_a_shift_covers_its_hours_of_the_week_over_midnight_too(
    shift: dict[str, Any], hours: set[tuple[int, int]]
) -> None:
    """XCT-005."""
    assert on_duty([shift]) == {hour: {"ann"} for hour in hours}


def test_two_shifts_of_one_person_in_one_hour_are_one_person() -> None:
    duty = on_duty([_shift(9, 11, "monday"), _shift(10, 12, "monday", agents=("ann", "ben"))])
    assert {hour: len(people) for (_, hour), people in duty.items()} == {9: 1, 10: 2, 11: 2}


@pytest.mark.parametrize(
    ("opened", "gap", "people", "kept", "wanted"),
    [
        (5, False, (), True, True),
        (4, False, (), True, False),
        (5, False, (), False, False),
        (5, True, ("ann",), True, True),
        (50, False, ("ann",), True, False),
    ],
)
def test_people_are_wanted_where_enough_customers_write_and_nobody_is_there_or_late(
    opened: int, gap: bool, people: tuple[str, ...], kept: bool, wanted: bool
) -> None:
    """XCT-005, FBK-035: without shifts nobody knows who is on duty, and lateness alone speaks."""
    hours = [{"weekday": 1, "hour": 9, "opened": opened, "late": 0, "median_answer_s": None, "gap": gap}]
    (found,) = beside(hours, {(1, 9): set(people)} if people else {}, kept=kept)
    assert (found.wanted, found.people, found.orders) == (wanted, len(people) if kept else None, None)


def test_orders_stand_beside_the_tickets_of_their_hour() -> None:
    """XCT-005: as segmentation counts them, hours as names of a JSON object; none is 0, nobody asked is nothing."""
    hours = [
        {"weekday": day, "hour": 9, "opened": 1, "late": 0, "median_answer_s": None, "gap": False} for day in (1, 2)
    ]
    orders = placed_at({"weekdays": [{"weekday": 1, "orders": 7, "hours": {"9": 4, "10": 3}}]})
    assert orders == {(1, 9): 4, (1, 10): 3}
    assert [each.orders for each in beside(hours, {}, kept=False, orders=orders)] == [4, 0]


@pytest.mark.parametrize(
    ("chats", "seconds", "people", "kept", "wanted"),
    [
        (5, 100, (), True, True),
        (4, 100, (), True, False),
        (50, 100, (), False, False),
        (50, 2 * 3_600 * 4, ("ann",), True, True),
        (50, 3_600 * 4, ("ann",), True, False),
    ],
)
def test_chats_keep_people_busy_in_hours_without_a_ticket_too(
    chats: int, seconds: int, people: tuple[str, ...], kept: bool, wanted: bool
) -> None:
    """XCT-005: four weeks hold that hour of the week four times."""
    first = (NOON - timedelta(weeks=4)).isoformat()
    found = chatted_at([{"weekday": 1, "hour": 9, "chats": chats, "seconds": seconds, "first": first}], NOON)
    (hour,) = beside([], {(1, 9): set(people)} if people else {}, kept=kept, chats=found)
    assert hour.chats is not None
    assert (hour.opened, hour.chats.chats, hour.wanted) == (0, chats, wanted)
    assert hour.chats.busy == pytest.approx(seconds / 3_600 / 4)


@pytest.mark.parametrize(("hours", "busy"), [(3, 10.0), (24 * 7, 10.0), (24 * 14, 5.0)])
def test_weeks_before_the_first_chat_make_nobody_less_busy(hours: int, busy: float) -> None:
    """XCT-005: a shop of one week, or one that tells its chats of late, and ten whom twenty chats keep busy."""
    mine = {
        "weekday": 1,
        "hour": 9,
        "chats": 20,
        "seconds": 36_000,
        "first": (NOON - timedelta(hours=hours)).isoformat(),
    }
    other = {"weekday": 2, "hour": 9, "chats": 1, "seconds": 60, "first": NOON.isoformat()}
    found = chatted_at([other, mine], NOON)
    assert found[1, 9].busy == pytest.approx(busy)
    assert beside([], {(1, 9): {"ann"}}, kept=True, chats=found)[0].wanted
    assert chatted_at([], NOON) == {}


def test_an_hour_with_tickets_alone_has_no_chat_and_where_nobody_said_them_there_is_no_number() -> None:
    hours = [{"weekday": 1, "hour": 9, "opened": 1, "late": 0, "median_answer_s": None, "gap": False}]
    assert [each.chats for each in beside(hours, {}, kept=False, chats={})] == [(0, 0)]
    assert [each.chats for each in beside(hours, {}, kept=False)] == [None]


def test_hours_on_duty_in_which_nobody_wrote_are_counted() -> None:
    duty = on_duty([_shift(9, 12, "monday")])
    hours = [{"weekday": 1, "hour": 10, "opened": 1, "late": 0, "median_answer_s": 60.0, "gap": False}]
    assert idle(beside(hours, duty, kept=True), duty) == 2


def test_each_stage_brings_more_pages_and_the_last_all() -> None:
    """XCT-027: what is looked at is in the navigation all the same."""
    sizes = [len(off(stage)) for stage in STAGES]
    assert sizes == sorted(sizes, reverse=True)
    assert (off(None), off("raise"), sizes[0]) == (frozenset(), frozenset(), sum(map(len, FROM.values())))
    names = {entry.page for section in SECTIONS for entry in section.entries}
    assert off("find") <= names <= PAGES.keys()
    seen = {e.page for s in shown(lambda _: True, "/regulars", off("find")) for e, _ in s.entries}
    assert names - seen == off("find") - {"regulars"}


async def test_a_gift_is_taken_once_a_command_and_none_that_is_not_there(site: Site) -> None:
    """XCT-008: of five who want the last two, two get one; what was refused is put back once."""
    viewer = await viewer_of(site, await site.signed_in("owner", "Ann"))
    gift = {"stock": 2, "cost": 5_00, "currency": "EUR"}
    await save(viewer, "gift", "Tin", 0, gift, "f1")
    assert await gifts.take(viewer, "Cup", "c0") is None, "no such gift is kept"
    tries = (gifts.take(viewer, "Tin", f"c{n}") for n in range(5))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, NotSaved) for each in results) == 3
    taken = next(n for n, each in enumerate(results) if not isinstance(each, BaseException))
    await gifts.take(viewer, "Tin", f"c{taken}")
    for _ in range(2):
        await gifts.put_back(viewer, "Tin", f"c{taken}")
    last = await gifts.take(viewer, "Tin", "c9")
    assert last is not None
    assert last.fields["stock"] == 0
    with pytest.raises(NotSaved, match="none is in stock"):
        await gifts.take(viewer, "Tin", "c10")


async def test_two_spellings_of_a_gift_are_one_gift(site: Site) -> None:
    """XCT-008: case, width and how wide a blank is are no difference, when it is added and when it is promised."""
    viewer = await viewer_of(site, await site.signed_in("owner", "Ann"))
    gift = {"stock": 2, "cost": 5_00, "currency": "EUR"}
    await save(viewer, "gift", "Tea Tin 20", 0, gift, "f1")
    with pytest.raises(NotSaved, match="reads alike"):
        await save(viewer, "gift", "tea tin \uff12\uff10", 0, gift, "f2")
    await save(viewer, "gift", "Tea Tin 200", 0, gift, "f3")
    for form, spelling in (("c1", "tea tin 20"), ("c2", " TEA  TIN 20 ")):
        taken = await gifts.take(viewer, spelling, form)
        assert taken is not None
        assert taken.name == "Tea Tin 20"
    with pytest.raises(NotSaved, match="none is in stock"):
        await gifts.take(viewer, "tea tin\u300020", "c3")
    await gifts.put_back(viewer, "TEA TIN 20", "c2")
    assert await gifts.take(viewer, "Tea Tin 20", "c4") is not None


async def test_names_that_a_blank_tells_apart_are_two(site: Site) -> None:
    """XCT-008: "Mug 1 2" takes none of "Mug 12" out of stock, and both may be kept."""
    viewer = await viewer_of(site, await site.signed_in("owner", "Ann"))
    await save(viewer, "gift", "Mug 12", 0, {"stock": 2, "cost": 5_00, "currency": "EUR"}, "f1")
    assert await gifts.take(viewer, "Mug 1 2", "c1") is None
    await save(viewer, "gift", "Mug 1 2", 0, {"stock": 1, "cost": 5_00, "currency": "EUR"}, "f2")
    taken = await gifts.take(viewer, "mug  1 2", "c2")
    assert taken is not None
    assert (taken.name, taken.fields["stock"]) == ("Mug 1 2", 0)


def test_tables_of_reference_are_kinds_of_records_and_industries_those_of_segmentation() -> None:
    """XCT-017, ANA-012."""
    assert {each.kind for each in TABLES if each.kind} <= KINDS.keys()
    assert set(INDUSTRIES) == BENCHMARKS.keys()
    assert industry_of({"industry": "cosmetics"}) == {"industry": "cosmetics"}
    assert industry_of(None) == industry_of({"stage": "find"}) == {}
