"""What a shop tells by hour, whether it fell silent, how far checkouts get, when customers chat (ORD-036, ORD-041)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from common.events.fields import Instant, ShopName
from common.http.api import Router, Tx, require
from common.shops.settings import get_shop
from orders_ingest.api.visits import MOST, TooLong
from orders_ingest.tallies import store
from orders_ingest.tallies.rules import WEEK, WEEKS, hour_of, silence_of

router = Router(prefix="/v1/shops/{shop}", tags=["activity"])


class HourOut(BaseModel):
    """What was taken and refused within the hour that begins at `hour`; versions of orders are events, too."""

    hour: datetime
    orders: int
    events: int
    refused: int


class TrafficOut(BaseModel):
    """`silent`: nothing came within the whole hour before this one, though `usual` events come then (four weeks' mean).

    `detail` says so in a sentence; null where the shop is not silent.
    """

    hours: list[HourOut]
    usual: float
    silent: bool
    detail: str | None


@router.get("/traffic", dependencies=[require("orders:read")])
async def get_traffic(shop: ShopName, tx: Tx, hours: Annotated[int, Query(ge=1, le=24 * 28)] = 48) -> TrafficOut:
    """What the shop told within the last hours, and whether it has fallen silent (ORD-041)."""
    now = tx.clock.now()
    rows = await store.list_hours(tx, shop, hour_of(now) - WEEKS * WEEK - timedelta(hours=1))
    silence = silence_of({row.hour: int(row.events) for row in rows}, now)
    first = hour_of(now) - timedelta(hours=hours - 1)
    return TrafficOut(
        hours=[HourOut.model_validate(dict(row._mapping)) for row in rows if row.hour >= first],
        usual=silence.usual,
        silent=silence.silent,
        detail=silence.sentence if silence.silent else None,
    )


class FeedOut(BaseModel):
    """A way by which the shop tells: `api`, a vendor of webhooks, `import/<name>`, or the shop's own word in `source`;
    `orders-ingest`: plain upserts, and what this service says itself.

    `told`: events within the span, duplicates and refused ones too; `last_hour`: the hour within which the last came.
    """

    feed: str
    last_hour: datetime
    told: int
    refused: int


@router.get("/feeds", dependencies=[require("orders:read")])
async def list_feeds(shop: ShopName, tx: Tx, hours: Annotated[int, Query(ge=1, le=24 * 28)] = 24 * 7) -> list[FeedOut]:
    """By which ways the shop told anything within the last hours, and when last; at most 500, the latest first."""
    rows = await store.list_feeds(tx, shop, hour_of(tx.clock.now()) - timedelta(hours=hours - 1))
    return [FeedOut.model_validate(dict(row._mapping)) for row in rows]


class StepOut(BaseModel):
    """`reached`: how often; `left_here`: checkouts interrupted there; `mean_seconds`: spent on the step before."""

    step: str
    reached: int
    left_here: int
    mean_seconds: float | None


@router.get("/checkout", dependencies=[require("orders:read")])
async def get_checkout(
    shop: ShopName,
    tx: Tx,
    since: Annotated[Instant, Query(description="whole hours are counted, by their start")],
    until: Annotated[Instant, Query(description="exclusive")],
) -> list[StepOut]:
    """Steps of the checkout within at most 400 days, those reached most often first (ORD-036).

    An interruption without a `step` is counted under the empty one.
    """
    if not timedelta(0) < until - since <= MOST:
        raise TooLong
    rows = await store.list_checkout(tx, shop, since, until)
    return [
        StepOut(
            step=row.step,
            reached=row.reached,
            left_here=row.left_here,
            mean_seconds=row.seconds / row.reached if row.reached else None,
        )
        for row in rows
    ]


class ChatsOut(BaseModel):
    """Chats with agents that began in one hour of the week, in the shop's zone; `weekday` 1 is Monday.

    `seconds`: how long they took together; those that did not say count as none. `first`: the hour of UTC in which
    the first of them began.
    """

    weekday: int
    hour: int
    chats: int
    seconds: int
    first: datetime


@router.get("/chats/hours", dependencies=[require("orders:read")])
async def get_chats(
    shop: ShopName,
    tx: Tx,
    since: Annotated[Instant, Query(description="whole hours of UTC are counted, by their start")],
    until: Annotated[Instant, Query(description="exclusive")],
) -> list[ChatsOut]:
    """At which hours of the week customers chat, within at most 400 days; hours without a chat are left out (XCT-005).

    Chats are counted as they are taken: those told before this was counted are missing, so an average begins with the
    earliest `first`. A zone whose hours begin between those of UTC has each under the hour in which that of UTC begins.
    """
    if not timedelta(0) < until - since <= MOST:
        raise TooLong
    zone = (await get_shop(tx, shop)).at(until).zone
    rows = await store.list_chats(tx, shop, since, until, zone.key)
    return [ChatsOut.model_validate(dict(row._mapping)) for row in rows]
