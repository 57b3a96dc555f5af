"""Who is in a segment and was: lists, history, sheet, and why a customer is in it or not."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query

from common.events.fields import Cursor, PlannedDay, ShopName
from common.http.api import Router, Tx
from common.http.told import Named
from common.refusals import Invalid
from common.storage.database import Transaction
from segmentation.api.customers import Out, read_known
from segmentation.api.segment_ids import READ, SegmentId, known_segment, names_of
from segmentation.commands.memberships import LOOKED_BACK, day_of
from segmentation.expressions.deciding import deciding, reason
from segmentation.expressions.tree import Tree, atoms
from segmentation.segments import store_definitions as definitions
from segmentation.segments import store_sheet as sheet
from segmentation.segments import store_standings as standings
from segmentation.segments import store_stays as stays

router = Router(prefix="/v1/shops/{shop}", tags=["segments"])
ANSWER_DAYS = 30


class MemberOfSegmentOut(Out):
    customer: str
    entered_at: datetime
    entered_why: str | None


class MembersOfSegmentOut(Out):
    """In order of id."""

    customers: list[MemberOfSegmentOut]
    next_after: str | None


class MovesOut(Out):
    """On `day`, of the shop's zone, so many `entered` and so many `left`."""

    day: date
    entered: int
    left: int


class HistoryOfSegmentOut(Out):
    since: date
    until: date
    days: list[MovesOut]


class StayOut(Out):
    segment: str
    episode: str
    entered_at: datetime
    entered_why: str | None
    left_at: datetime | None
    left_why: str | None


class StaysOut(Out):
    stays: list[StayOut]
    next_after: str | None


class WhyOut(Out):
    """`inside`: whether the customer meets the conditions now. The reasons are the conditions that decide it."""

    segment: str
    customer: str
    inside: bool
    why_english: str
    why_chinese: str


class TraitOut(Out):
    """So many of the group, and of the whole shop, have the `value` of the `trait`; percent of those who have any."""

    trait: str
    value: str
    customers: int
    percent: float
    percent_of_shop: float


class BoughtOut(Out):
    """In the last 365 days, in the shop's currency, in minor units; `per_buyer` and `per_order` are means."""

    buyers: int
    orders: int
    net: int
    per_buyer: int | None
    per_order: int | None


class TagCountOut(Out):
    tag: str
    customers: int


class AnswersOut(Out):
    """Of the stays that began in the year before the last 30 days, how many customers bought within 30 days of it."""

    stays: int
    bought: int
    percent: float | None


class SheetOut(Out):
    """What a group is like before its campaign is planned (SEG-061)."""

    segment: str
    name: str
    as_of: datetime
    customers: int
    percent_of_shop: float | None
    traits: list[TraitOut]
    bought: BoughtOut
    others_bought: BoughtOut
    tags: list[TagCountOut]
    answers: AnswersOut


class TooLong(Invalid):
    def __init__(self) -> None:
        super().__init__("too_long", "`since` must be before `until`, and at most ten years before it.")


@router.get("/segments/{segment}/customers", dependencies=[READ])
async def list_members_of_segment(
    shop: ShopName,
    segment: SegmentId,
    tx: Tx,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> MembersOfSegmentOut:
    """Who is in the segment, since when and why, a page at a time: the export of a group."""
    known_segment(await definitions.get_definitions(tx, shop), segment)
    found = await stays.list_members(tx, shop, segment, after, limit + 1)
    page = [MemberOfSegmentOut.model_validate(row) for row in found[:limit]]
    return MembersOfSegmentOut(customers=page, next_after=page[-1].customer if len(found) > limit else None)


@router.get("/segments/{segment}/history", dependencies=[READ])
async def get_history_of_segment(
    shop: ShopName, segment: SegmentId, tx: Tx, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> HistoryOfSegmentOut:
    """How many entered and left by day, in [since, until); the last 90 days where nothing is asked for."""
    known_segment(await definitions.get_definitions(tx, shop), segment)
    now = tx.clock.now()
    _, settings = await day_of(tx, shop, now)
    last = until or settings.date_of(now) + timedelta(days=1)
    first = since or last - timedelta(days=90)
    if not timedelta(0) < last - first <= LOOKED_BACK:
        raise TooLong
    zone = str(settings.at(now).zone)
    moves = await stays.count_moves(tx, shop, segment, settings.start_of(first), settings.start_of(last), zone)
    return HistoryOfSegmentOut(
        since=first, until=last, days=[MovesOut(day=day, entered=entered, left=left) for day, entered, left in moves]
    )


@router.get("/segments/{segment}/sheet", dependencies=[READ])
async def get_sheet(shop: ShopName, segment: SegmentId, tx: Tx) -> SheetOut:
    """What the group is like beside the whole shop, what it bought, and how it answered so far (SEG-061)."""
    newest, now = known_segment(await definitions.get_definitions(tx, shop), segment), tx.clock.now()
    day, settings = await day_of(tx, shop, now)
    size, everybody = (await stays.count_members(tx, shop)).get(segment, 0), await sheet.count_customers(tx, shop)
    rows = await sheet.count_traits(tx, shop, segment)
    inside = {row.trait: sum(r.inside for r in rows if r.trait == row.trait) for row in rows}
    in_shop = {row.trait: sum(r.everybody for r in rows if r.trait == row.trait) for row in rows}
    since = day.today - timedelta(days=364)
    sums = {row.inside: row for row in await sheet.sum_bought(tx, shop, segment, since, day.currency)}
    until = now - timedelta(days=ANSWER_DAYS)
    began, bought = await sheet.count_answers(
        tx, shop, segment, until - timedelta(days=365), until, ANSWER_DAYS, str(settings.at(now).zone)
    )
    return SheetOut(
        segment=segment,
        name=newest.definition.name,
        as_of=now,
        customers=size,
        percent_of_shop=_percent(size, everybody),
        traits=[
            TraitOut(
                trait=row.trait,
                value=row.value,
                customers=row.inside,
                percent=_percent(row.inside, inside[row.trait]) or 0.0,
                percent_of_shop=_percent(row.everybody, in_shop[row.trait]) or 0.0,
            )
            for row in rows
        ],
        bought=_bought(sums.get(True)),
        others_bought=_bought(sums.get(False)),
        tags=[TagCountOut.model_validate(row) for row in await sheet.count_tags_inside(tx, shop, segment, 20)],
        answers=AnswersOut(stays=began, bought=bought, percent=_percent(bought, began)),
    )


@router.get("/customers/{customer}/segments", dependencies=[READ])
async def list_stays_of_customer(
    shop: ShopName,
    customer: Named,
    tx: Tx,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> StaysOut:
    """The segments in which the customer is, and was, each with when and why."""
    await read_known(tx, (shop, customer))
    found = await stays.list_stays(tx, shop, customer, after, limit + 1)
    page = [StayOut.model_validate(row) for row in found[:limit]]
    return StaysOut(stays=page, next_after=found[limit - 1].place if len(found) > limit else None)


@router.get("/customers/{customer}/segments/{segment}", dependencies=[READ])
async def get_why(shop: ShopName, customer: Named, segment: SegmentId, tx: Tx) -> WhyOut:
    """Whether the customer meets the conditions of a segment now, and which of them decide it."""
    known = await definitions.get_definitions(tx, shop)
    tree = known_segment(known, segment).definition.tree
    await read_known(tx, (shop, customer))
    return await _why(tx, shop, customer, segment, tree, names_of(known))


async def _why(tx: Transaction, shop: str, customer: str, segment: str, tree: Tree, names: dict[str, str]) -> WhyOut:
    day, _ = await day_of(tx, shop, tx.clock.now())
    asked = list(dict.fromkeys(atoms(tree)))
    values = await standings.get_values(tx, day, asked, standings.these(shop, [customer])) if asked else {}
    if customer not in values:
        return WhyOut(
            segment=segment,
            customer=customer,
            inside=False,
            why_english="nothing is known of the customer" if asked else "the segment is archived",
            why_chinese="没有该客户的资料" if asked else "该分组已归档",
        )
    known = dict(zip(asked, values[customer], strict=True))
    answers = {atom: holds for atom, (holds, _) in known.items()}
    said = {atom: value for atom, (_, value) in known.items()}
    inside, by = deciding(tree, answers)
    return WhyOut(
        segment=segment,
        customer=customer,
        inside=inside,
        why_english=reason(by, answers, said, "en", day.currency, names),
        why_chinese=reason(by, answers, said, "zh", day.currency, names),
    )


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def _bought(row: object) -> BoughtOut:
    buyers, orders, net = (int(getattr(row, name, 0) or 0) for name in ("buyers", "orders", "net"))
    return BoughtOut(
        buyers=buyers,
        orders=orders,
        net=net,
        per_buyer=net // buyers if buyers else None,
        per_order=net // orders if orders else None,
    )
