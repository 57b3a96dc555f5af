"""Offers over HTTP: terms, figures, calendar, and the coupons that are issued of them (MEM-054 to 086)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import Row

from common.events.fields import Currency, Identifier, PlannedDay, ShopName
from common.http.api import Body, Router, Tx, require
from common.refusals import Invalid
from common.values.names import ASKED
from membership.commands import offers as commands
from membership.coupons import store, store_offers
from membership.coupons.calendar import Run, days_of
from membership.coupons.offer import Most, Offer, offer_of
from membership.coupons.refusals import UnknownOffer
from membership.coupons.using import currency_of
from membership.programme import store as programmes
from membership.programme.versions import ShopRules

router = Router(prefix="/v1/shops/{shop}/offers", tags=["offers"])
Cursor = Annotated[str, Query(max_length=300, description="where the page before ended; empty: from the start")]
Limit = Annotated[int, Query(ge=1, le=500)]
A_REQUEST = 10_000
"""Coupons issued by one request; a million are a hundred requests of one batch."""


class ReservedOffer(Invalid):
    """That address is the calendar's."""

    def __init__(self) -> None:
        super().__init__("reserved_offer", "`calendar` is no id for an offer: its address is that of the calendar.")


class OfferOut(BaseModel):
    """`uses` and what they take off, `spent` (minor units of `currency`), of all customers, reserved or committed.

    `currency`: of its amounts, of an offer that names none the shop's of now. Where an offer's amounts are in another
    than the shop's, it applies to nothing any more (`other_currency`). `spent_elsewhere`: by currency, what an offer
    without amounts took off while the shop counted in another one; nothing is converted (0070).
    `left`: uses that are left of `use_limit`, true at this instant (MEM-085); null: without limit.
    """

    offer_id: str
    offer: Offer
    currency: str
    status: Literal["coming", "running", "over", "stopped"]
    uses: int
    spent: int
    spent_elsewhere: dict[Currency, int]
    left: int | None
    stopped_at: datetime | None


class FiguresOut(OfferOut):
    """`taken_off` paid orders, and `revenue`: paid for the goods of these (attribution, MEM-054), minor units of
    `currency`; `taken_off_elsewhere`, `revenue_elsewhere`: the same by each other currency. `customers`: of all.

    `over_limit`: paid orders that say they used it beyond its limits; the sums hold theirs.
    """

    issued: int
    reserved: int
    committed: int
    over_limit: int
    taken_off: int
    taken_off_elsewhere: dict[Currency, int]
    revenue: int
    revenue_elsewhere: dict[Currency, int]
    customers: int


class OffersOut(BaseModel):
    offers: list[OfferOut]
    after: str | None


class IssueIn(Body):
    """One of: `customers`, each of whom gets a coupon of the batch; `count` codes for whoever has them; one `code`.

    A `code` is the shop's own word, for `use_limit` uses (null: as often as the offer allows). `hold_out`: so many per
    cent of the customers get none, so that GET …/effect tells what the others' coupons brought; give every request of a
    batch the same.
    """

    batch: Identifier | None = None
    customers: Annotated[tuple[Identifier, ...], Field(max_length=A_REQUEST)] = ()
    count: Annotated[int, Field(ge=0, le=A_REQUEST, strict=True)] = 0
    code: Identifier | None = None
    use_limit: Most | None = None
    hold_out: Annotated[int, Field(ge=0, le=50, strict=True)] = 0

    @model_validator(mode="after")
    def _one_way(self) -> IssueIn:
        if [bool(self.customers), bool(self.count), self.code is not None].count(True) != 1:
            raise ValueError("give one of `customers`, `count` and `code`")
        if (self.code is None) == (self.batch is None):
            raise ValueError("`batch` names coupons that are issued together; a `code` has none")
        if self.use_limit is not None and self.code is None:
            raise ValueError("`use_limit` is of a `code`; every other coupon is used once")
        if self.hold_out and not self.customers:
            raise ValueError("`hold_out` leaves out some of the `customers`: name them")
        return self


class IssuedOut(BaseModel):
    """`issued`: new ones; who had one of the batch before got no other. `held_back`: customers who got none, having
    been given as many of late as the programme's `promotions` allows (MEM-083). `held_out`: who got none, to tell the
    effect."""

    offer_id: str
    batch: str
    issued: int
    held_back: int = 0
    held_out: int = 0


class BatchCoupon(BaseModel):
    code: str
    customer: str | None
    valid_until: datetime
    used: bool


class BatchOut(BaseModel):
    coupons: list[BatchCoupon]
    after: str | None


class DayOut(BaseModel):
    """The offers that hold on a day of the shop; more than one overlap (MEM-084)."""

    day: date
    offers: list[str]


class CalendarOut(BaseModel):
    """`most`: the most offers on one day."""

    days: list[DayOut]
    most: int


async def _all_out(tx: Tx, shop: str, rows: Sequence[Row[Any]]) -> list[OfferOut]:
    rules, now = (await programmes.read_rules(tx, {shop}))[shop], tx.clock.now()
    return [_out(row, now, rules) for row in rows]


def _out(row: Row[Any], now: datetime, rules: ShopRules) -> OfferOut:
    offer, spent = offer_of(row.terms), json.loads(row.spent_by)
    currency = currency_of(offer, row.recorded_at, rules.currency_at) or rules.currency_at(now)
    status: Literal["coming", "running", "over", "stopped"] = "running"
    if row.stopped_at is not None:
        status = "stopped"
    elif now < row.starts:
        status = "coming"
    elif now >= row.ends:
        status = "over"
    left = None if offer.use_limit is None else offer.use_limit - row.uses
    return OfferOut(
        offer_id=row.offer_id,
        offer=offer,
        currency=currency,
        status=status,
        uses=row.uses,
        spent=spent.get(currency, 0),
        spent_elsewhere=_elsewhere(spent, currency),
        left=left,
        stopped_at=row.stopped_at,
    )


def _elsewhere(by_currency: Mapping[str, int], currency: str) -> dict[str, int]:
    return {name: amount for name, amount in by_currency.items() if name != currency and amount}


async def _offer(tx: Tx, shop: str, offer_id: str) -> OfferOut:
    row = await store_offers.get_offer(tx, shop, offer_id)
    if row is None:
        raise UnknownOffer(offer_id)
    return (await _all_out(tx, shop, [row]))[0]


@router.put("/{offer_id}", dependencies=[require("programme:write")])
async def set_offer(shop: ShopName, offer_id: Identifier, body: Annotated[Offer, ASKED], tx: Tx) -> OfferOut:
    """Set an offer. Its terms never change: who holds its coupons keeps what they promise. Repeating is harmless."""
    if offer_id == "calendar":
        raise ReservedOffer
    await commands.set_offer(tx, shop, offer_id, body)
    return await _offer(tx, shop, offer_id)


@router.get("", dependencies=[require("programme:read")])
async def list_offers(shop: ShopName, tx: Tx, after: Cursor = "", limit: Limit = 100) -> OffersOut:
    """All offers in order of their ids; give the last `after` for the next page."""
    found = await _all_out(tx, shop, await store_offers.list_offers(tx, shop, after, limit))
    return OffersOut(offers=found, after=found[-1].offer_id if len(found) == limit else None)


@router.get("/calendar", dependencies=[require("programme:read")])
async def get_calendar(
    shop: ShopName, tx: Tx, first: Annotated[PlannedDay, Query()], days: Annotated[int, Query(ge=1, le=366)] = 31
) -> CalendarOut:
    """The offers of each day, by the shop's calendar, from `first` on (MEM-084)."""
    rules = (await programmes.read_rules(tx, {shop}))[shop]
    start, end = rules.start_of(first), rules.start_of(first + timedelta(days=days))
    runs = [
        Run(row.offer_id, offer_of(row.terms), row.starts, row.ends)
        for row in await store_offers.offers_between(tx, shop, start, end)
    ]
    found = [DayOut(day=day, offers=names) for day, names in days_of(runs, rules.settings, first, days)]
    return CalendarOut(days=found, most=max(len(day.offers) for day in found))


@router.get("/{offer_id}", dependencies=[require("programme:read")])
async def get_offer(shop: ShopName, offer_id: Identifier, tx: Tx) -> FiguresOut:
    """One offer, and what came of it."""
    found = await _offer(tx, shop, offer_id)
    whole, each = await store_offers.figures_of(tx, shop, offer_id)
    taken_off = {row.currency: int(row.taken_off) for row in each}
    revenue = {row.currency: int(row.revenue) for row in each}
    return FiguresOut(
        **dict(found),
        issued=whole.issued,
        reserved=whole.reserved,
        committed=whole.committed,
        over_limit=whole.over_limit,
        taken_off=taken_off.get(found.currency, 0),
        taken_off_elsewhere=_elsewhere(taken_off, found.currency),
        revenue=revenue.get(found.currency, 0),
        revenue_elsewhere=_elsewhere(revenue, found.currency),
        customers=whole.customers,
    )


@router.post("/{offer_id}/stop", dependencies=[require("programme:write")])
async def stop_offer(shop: ShopName, offer_id: Identifier, tx: Tx) -> OfferOut:
    """End an offer now: nothing more is issued or reserved, what was reserved stays. Repeating is harmless."""
    await commands.stop_offer(tx, shop, offer_id)
    return await _offer(tx, shop, offer_id)


@router.post("/{offer_id}/coupons", dependencies=[require("programme:write")])
async def issue(shop: ShopName, offer_id: Identifier, body: IssueIn, tx: Tx) -> IssuedOut:
    """Issue coupons, at most 10,000 a request; a batch may be spread over requests, and repeating one is harmless."""
    if body.code is not None:
        made = await commands.issue_code(tx, shop, offer_id, body.code, body.use_limit)
        return IssuedOut(offer_id=offer_id, batch="code", issued=len(made))
    assert body.batch is not None
    customers = body.customers
    if customers:
        customers = tuple(await commands.hold_out(tx, shop, offer_id, body.batch, customers, body.hold_out))
    made = await commands.issue_to(tx, shop, offer_id, body.batch, customers, body.count, promotes=True)
    left = 0
    if len(made) < len(set(customers)):
        left = len(await commands.held_back(tx, shop, offer_id, body.batch, customers))
    held_out = len(set(body.customers)) - len(set(customers))
    return IssuedOut(offer_id=offer_id, batch=body.batch, issued=len(made), held_back=left, held_out=held_out)


@router.get("/{offer_id}/coupons", dependencies=[require("programme:read")])
async def list_coupons(
    shop: ShopName,
    offer_id: Identifier,
    tx: Tx,
    batch: Annotated[str, Query(max_length=200)],
    after: Cursor = "",
    limit: Limit = 100,
) -> BatchOut:
    """The coupons of one batch, to be printed or sent; give the last `after` for the next page."""
    rows = await store.list_coupons(tx, shop, offer_id, batch, after, limit)
    found = [
        BatchCoupon(code=row.code, customer=row.customer, valid_until=row.valid_until, used=row.uses > 0)
        for row in rows
    ]
    return BatchOut(coupons=found, after=rows[-1].holder if len(rows) == limit else None)
