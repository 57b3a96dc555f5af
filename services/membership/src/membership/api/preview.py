"""A programme previewed over HTTP: the members are folded by it, counted and thrown away (MEM-023)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field

from common.events.fields import PlannedTime, ShopName
from common.fold.customers import advanced, foreseen
from common.fold.folding import fold_all
from common.http.api import Body, Router, Tx, require
from common.storage.database import Transaction
from membership.api.programme import AskedProgramme
from membership.fold import KEPT, MemberFolding
from membership.members import store as members
from membership.preview import store as previews
from membership.preview.refusals import PreviewUnderWay, SinceInFuture
from membership.preview.rules import Tally, from_now_on, tried
from membership.programme import store as programmes
from membership.programme.versions import ShopRules

router = Router(prefix="/v1/shops/{shop}/programme", tags=["programme"])
PAGE = 50
MOST_INPUTS = 200_000
MOST_SECONDS = 20
"""Whichever bound is met first ends the preview, with `complete` false; all are below a transaction's deadline."""


class PreviewIn(Body):
    """`since`: when the programme is supposed to have come into force; absent, when the one in force now did.

    `customers`: at most so many are tried, chosen evenly (by a hash of the id) where the shop has more.
    `days`: for so many days from now on it is foreseen what would be announced.
    """

    programme: AskedProgramme
    since: PlannedTime | None = None
    customers: Annotated[int, Field(ge=1, le=20_000, strict=True)] = 5_000
    days: Annotated[int, Field(ge=0, le=366, strict=True)] = 30


class Move(BaseModel):
    """So many members of the tier `now` would hold the tier `tried`; null: no member."""

    now: str | None
    tried: str | None
    members: int


class AnnouncementOut(BaseModel):
    """So many of the customers tried would have it announced, by the programme in force `now` and by the one `tried`.

    A flow of messages whose trigger is that `type` starts with it, where its conditions hold: see messaging's flows.
    """

    type: str
    direction: str | None
    reason: str | None
    now: int
    tried: int


class PreviewOut(BaseModel):
    """Of the customers tried: who would move tier, how many points the shop would owe. Nothing is stored.

    `complete`: all customers of the shop were tried; otherwise scale by `customers` / `tried`. Points are pending and
    available less debt, `worth_change` in minor units of `currency`, each side valued by its own programme.
    `announcements`: what falls due until `until`, if nobody buys, and the programme tried came into force at `at`.
    """

    since: datetime | None
    at: datetime
    customers: int
    tried: int
    complete: bool
    moves: list[Move]
    unmoved: int
    points_now: int
    points_tried: int
    points_change: int
    worth_change: int
    growth_now: int
    growth_tried: int
    currency: str
    until: datetime
    announcements: list[AnnouncementOut]


@router.post("/preview", dependencies=[require("programme:write")])
async def preview(shop: ShopName, body: PreviewIn, tx: Tx) -> PreviewOut:
    """The members as if this programme had been in force: every order since counts by it, nothing is saved.

    With the programme now in force it says that nobody moves. Redemptions stand as they were made.
    """
    await tx.stand_still()
    if not await previews.try_preview(tx, shop):
        raise PreviewUnderWay
    rules, now = (await programmes.read_rules(tx, {shop}))[shop], tx.clock.now()
    version = rules.version_at(now)
    since = (body.since or version.valid_from).astimezone(UTC)
    if since > now:
        raise SinceInFuture(now)
    customers = await members.count_customers(tx, shop)
    one_in = max(1, -(-customers // body.customers))
    until = now + timedelta(days=body.days)
    foresight = _Foresight(rules, from_now_on(rules, body.programme, now), until)
    tally, whole = await _try(tx, shop, rules, tried(rules, body.programme, since), one_in, now, foresight)
    moves = [Move(now=a, tried=b, members=n) for (a, b), n in tally.moves.most_common() if a != b]
    unit = rules.unit_at(now)
    before, after = version.programme.points.per_unit_worth, body.programme.points.per_unit_worth
    return PreviewOut(
        since=since if body.since or version.number else None,
        at=now,
        customers=customers,
        tried=tally.tried,
        complete=whole and one_in == 1,
        moves=moves,
        unmoved=tally.tried - sum(move.members for move in moves),
        points_now=tally.points_now,
        points_tried=tally.points_tried,
        points_change=tally.points_tried - tally.points_now,
        worth_change=tally.points_tried * unit // after - tally.points_now * unit // before,
        growth_now=tally.growth_now,
        growth_tried=tally.growth_tried,
        currency=rules.currency_at(now),
        until=until,
        announcements=[
            AnnouncementOut(
                type=kind.type,
                direction=kind.direction,
                reason=kind.reason,
                now=tally.announced_now[kind],
                tried=tally.announced_tried[kind],
            )
            for kind in sorted(tally.announced_now.keys() | tally.announced_tried.keys(), key=str)
        ],
    )


class _Foresight(NamedTuple):
    """Two sets of rules, by which the members go on from now on, and how far is looked."""

    present: ShopRules
    other: ShopRules
    until: datetime


async def _try(
    tx: Transaction,
    shop: str,
    present: ShopRules,
    other: ShopRules,
    one_in: int,
    now: datetime,
    foresight: _Foresight,
) -> tuple[Tally, bool]:
    """Fold the sample by the other rules, page by page; False when a bound ended it before its end."""
    here, there = MemberFolding({shop: present}, silent=True), MemberFolding({shop: other}, silent=True)
    goes_on, would_go_on = (MemberFolding({shop: rules}) for rules in foresight[:2])
    tally, inputs, after = Tally(), 0, ""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + MOST_SECONDS
    while page := await previews.read_sample(tx, KEPT, shop, after, one_in, PAGE):
        for customer in page:
            state = await advanced(tx, here, customer.row, now)
            then, _, _ = fold_all(there, customer.inputs, now, customer.row.key)
            tally.add(state, then, present.at(now), other.at(now))
            tally.foresee(
                await foreseen(tx, goes_on, customer.row, foresight.until),
                await foreseen(tx, would_go_on, customer.row, foresight.until),
            )
            inputs += len(customer.inputs)
        after = page[-1].row.key[1]
        if inputs > MOST_INPUTS or loop.time() > deadline:
            return tally, False
        await asyncio.sleep(0)  # other requests to this process go on
    return tally, True
