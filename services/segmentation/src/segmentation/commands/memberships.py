"""Who enters and leaves a shop's segments: compared, recorded as stays, and announced with the reason (SEG-045)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from common.events import CustomerKey, Event, fact_id
from common.events.segments import SegmentEntered, SegmentFact, SegmentLeft
from common.shops.settings import ShopSettings, get_shops
from common.storage.database import Transaction
from segmentation.commands.types import keep_types
from segmentation.expressions.deciding import deciding, reason
from segmentation.expressions.tree import Atom, atoms
from segmentation.segments import store_definitions as definitions
from segmentation.segments import store_dues as dues
from segmentation.segments import store_standings as standings
from segmentation.segments import store_stays as stays
from segmentation.segments.state import Standing
from segmentation.segments.store_standings import Day, span, these

PAGE = 10_000
"""Customers that are compared with a new definition in one transaction."""


@dataclass(frozen=True, slots=True)
class Move:
    """A customer enters a segment (or leaves it), at an instant, for a reason."""

    customer: str
    segment: str
    enters: bool
    at: datetime
    why: str


async def day_of(tx: Transaction, shop: str, now: datetime) -> tuple[Day, ShopSettings]:
    """By what the shop's customers are judged at the instant."""
    settings = (await get_shops(tx, {shop}))[shop]
    known = await definitions.get_definitions(tx, shop)
    trees = {name: each.definition.tree for name, each in known.items()}
    return Day(settings.date_of(now), settings.at(now).currency, trees), settings


async def look_again(tx: Transaction, shop: str, customers: Sequence[str], now: datetime) -> None:
    """Find these customers' types and tastes anew, and compare them with all segments of the shop.

    What the date alone did is dated when it was due.
    """
    await tx.lock_customers((shop, customer) for customer in customers)
    day, settings = await day_of(tx, shop, now)
    marks = await dues.get_marks(tx, shop, customers)
    # First, for segments ask for it.
    dated = {customer: _dated(marks.get(customer), now) for customer in customers}
    types_turn = await keep_types(tx, shop, customers, dated, now)
    found = await standings.compare(tx, day, sorted(day.definitions), these(shop, customers))
    moved = [each for each in found if each.inside != each.open]
    reasons = await _reasons(tx, day, shop, moved)
    moves = [
        Move(customer, segment, enters, dated[customer], why) for (customer, segment, enters), why in reasons.items()
    ]
    await _announce(tx, shop, moves)
    turns = {each.customer: each.turns for each in found if each.turns is not None}
    for customer, day_of_types in types_turn.items():
        if day_of_types is not None:
            turns[customer] = min(day_of_types.toordinal(), turns.get(customer, date.max.toordinal()))
    await dues.save_dues(tx, shop, [(customer, _start(settings, turns.get(customer))) for customer in customers])


def _dated(mark: tuple[datetime, bool] | None, now: datetime) -> datetime:
    return mark[0] if mark is not None and not mark[1] else now


def _start(settings: ShopSettings, turns: int | None) -> datetime | None:
    return None if turns is None else settings.start_of(date.fromordinal(turns))


async def compare_next(tx: Transaction, shop: str, segment: str, now: datetime) -> int:
    """Compare the next customers of the shop with the newest version of the segment.

    Returns how many move, or may by the date; 1 where nobody does.
    """
    day, settings = await day_of(tx, shop, now)
    newest = (await definitions.get_definitions(tx, shop))[segment]
    after = newest.compared
    if after is None:
        return 0
    # The page's end, by primary key.
    upto = await tx.value(
        """
        select max(customer) from (
            select customer from customers where shop = :shop and customer > :after order by customer limit :limit
        ) page
        """,
        shop=shop,
        after=after,
        limit=PAGE,
    )
    if upto is None:
        await definitions.save_compared(tx, shop, segment, None)
        return 1
    found = await standings.compare_moving(tx, day, segment, span(shop, after, upto))
    await _move_all(tx, shop, segment, [each for each in found if each.inside != each.open], now, newest.version)
    # Written last: nothing is waited for from here on.
    await dues.bring_forward(
        tx, shop, [(e.customer, at) for e in found if (at := _start(settings, e.turns)) is not None]
    )
    await definitions.save_compared(tx, shop, segment, upto)
    return max(1, len(found))


async def _move_all(
    tx: Transaction, shop: str, segment: str, moved: Sequence[Standing], now: datetime, version: int
) -> None:
    """Move those whom a new definition moves. Whoever was moved meanwhile is left: a mark has seen to that."""
    await tx.lock_customers((shop, each.customer) for each in moved)
    open_ = await stays.get_open(tx, shop, [(each.customer, segment) for each in moved])
    why = f"version {version} of the segment says so"
    moves = [
        Move(each.customer, segment, bool(each.entered), now, why)
        for each in moved
        if bool(each.entered) != ((each.customer, segment) in open_)
    ]
    await _announce(tx, shop, moves)


async def _reasons(
    tx: Transaction, day: Day, shop: str, moved: Sequence[Standing]
) -> Mapping[tuple[str, str, bool], str]:
    """By (customer, segment, whether they enter): the conditions that decided, in words."""
    found: dict[tuple[str, str, bool], str] = {}
    for segment in sorted({name for each in moved for name in (*each.entered, *each.left)}):
        concerned = [each for each in moved if segment in each.inside ^ each.open]
        tree = day.definitions[segment]
        asked: list[Atom] = list(dict.fromkeys(atoms(tree)))
        values = await standings.get_values(tx, day, asked, these(shop, [each.customer for each in concerned]))
        for each in concerned:
            if each.customer not in values and asked:
                found[each.customer, segment, False] = "the customer was merged into another"
                continue
            known = dict(zip(asked, values.get(each.customer, []), strict=False))
            answers = {atom: holds for atom, (holds, _) in known.items()}
            said = {atom: value for atom, (_, value) in known.items()}
            by = deciding(tree, answers)[1] if asked else []
            why = reason(by, answers, said, "en", day.currency) if by else "the segment is archived"
            found[each.customer, segment, segment in each.inside] = why
    return found


async def _announce(tx: Transaction, shop: str, moves: Sequence[Move]) -> None:
    """Record and announce the moves; the customers are locked."""
    if not moves:
        return
    leaving = [(move.customer, move.segment) for move in moves if not move.enters]
    episodes = await stays.get_open(tx, shop, leaving) if leaving else {}
    facts = list(_facts(tx, shop, moves, episodes))
    await stays.save_stays(tx, facts)
    await stays.save_revisions(tx, {e.customer: tx.locked[e.customer].revision for e in facts})
    await tx.announce(facts)


def _facts(
    tx: Transaction, shop: str, moves: Sequence[Move], episodes: Mapping[tuple[str, str], str]
) -> Iterator[Event[SegmentFact]]:
    for move in sorted(moves, key=lambda each: (each.customer, each.enters, each.segment)):
        key: CustomerKey = shop, move.customer
        row = tx.locked[key]
        row.revision += 1
        at = move.at
        data: SegmentFact
        if move.enters:
            episode = f"{move.segment}-{row.revision}"
            data = SegmentEntered(
                segment=move.segment, episode=episode, since=at, reason=move.why, revision=row.revision
            )
        else:
            episode = episodes[move.customer, move.segment]
            data = SegmentLeft(segment=move.segment, episode=episode, reason=move.why, revision=row.revision)
        name = fact_id(f"segment/{move.segment}@{row.revision}", data.TYPE, shop, move.customer, 0)
        yield Event(name, f"/shops/{shop}/{tx.service}", shop, move.customer, at, data)


LOOKED_BACK = timedelta(days=3_660)
"""How far the history of a segment's moves may be asked for at once."""
