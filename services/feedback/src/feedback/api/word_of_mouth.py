"""Where new customers come from, how they buy, and who brought them, over HTTP (ANA-008, ANA-009, FBK-048)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from common.events.fields import Cursor, Identifier, Instant, ShopName
from common.http.api import Router, Tx, require
from common.shops.settings import get_shop
from feedback.api.periods import period_of
from feedback.word_of_mouth import store
from feedback.word_of_mouth.rules import hundredths, per_mille

router = Router(prefix="/v1/shops/{shop}/word-of-mouth", tags=["word of mouth"])


class NewBySourceOut(BaseModel):
    """New customers of one source; null: nothing is known. `share_per_mille` of all new ones.

    `again_per_mille`: of them, those who completed more than one order since; `orders_hundredths`: orders a customer,
    times 100.
    """

    source: str | None
    customers: int
    share_per_mille: int
    again_per_mille: int
    orders_hundredths: int | None


class WordOfMouthOut(BaseModel):
    """Customers whose first completed order that counts lies in the period, `referred` those whom another brought."""

    since: datetime
    until: datetime
    new_customers: int
    referred: int
    referred_per_mille: int
    sources: list[NewBySourceOut]


class BroughtOut(BaseModel):
    """Who was brought by whom; `confirmed`: membership found it true, and an order of theirs counts.

    `orders`: all that count; `priced`: those of them in `currency`, the shop's. `paid`: for the goods of those, and not
    refunded, in its minor units; what was paid in another currency is not in it.
    """

    customer: str
    referrer: str
    made_at: datetime
    confirmed: bool
    orders: int
    priced: int
    paid: int
    currency: str


class BroughtPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[BroughtOut]
    after: str | None


@router.get("", dependencies=[require("feedback:read")])
async def get_word_of_mouth(
    shop: ShopName,
    tx: Tx,
    since: Annotated[Instant | None, Query(description="absent: 90 days before `until`")] = None,
    until: Annotated[Instant | None, Query(description="absent: now")] = None,
) -> WordOfMouthOut:
    """New customers by source, and how many come by word of mouth (ANA-008). The source is `referral` of whom another
    customer brought, else what the profile says, such as `ugc`."""
    begin, end = period_of(since, until, tx.clock.now(), 90, timedelta(days=366))
    rows = await store.count_new(tx, shop, begin, end)
    total = sum(row.customers for row in rows)
    referred = sum(row.customers for row in rows if row.source == store.REFERRAL)
    return WordOfMouthOut(
        since=begin,
        until=end,
        new_customers=total,
        referred=referred,
        referred_per_mille=per_mille(referred, total),
        sources=[
            NewBySourceOut(
                source=row.source or None,
                customers=row.customers,
                share_per_mille=per_mille(row.customers, total),
                again_per_mille=per_mille(row.again, row.customers),
                orders_hundredths=hundredths(int(row.orders), row.customers),
            )
            for row in rows
        ],
    )


@router.get("/referred", dependencies=[require("feedback:read")])
async def list_referred(
    shop: ShopName,
    tx: Tx,
    referrer: Annotated[Identifier | None, Query(description="whom this customer brought alone")] = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> BroughtPage:
    """Who was brought by whom, and what they bought since (ANA-009)."""
    currency = (await get_shop(tx, shop)).at(tx.clock.now()).currency
    rows = await store.list_brought(tx, shop, currency, referrer, after, limit + 1)
    items = [BroughtOut(**dict(row._mapping), currency=currency) for row in rows[:limit]]
    return BroughtPage(items=items, after=items[-1].customer if len(rows) > limit else None)
