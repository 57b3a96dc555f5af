"""What new rules of contact would have done to the messages of the last weeks."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel

from common.events.fields import ShopName
from common.http.api import Body, Router, Tx, require
from common.shops.settings import get_shops
from messaging.decisions.batch import recipient_zone
from messaging.limits.caps.state import Contacted
from messaging.policy.state import Policy
from messaging.policy.trying import SentMessage, tried
from messaging.reports import sent

router = Router(tags=["policy"])
BACK = timedelta(days=28)
MOST = 20_000
"""Messages that are judged, in some seconds at most, and those waiting that are counted."""


class PolicyTryIn(Body):
    policy: Policy


class PolicyTriedOut(BaseModel):
    """Of `sent` messages since `since` but notices about orders: `outside` left at an hour or on a day that would be
    closed, `over_cap` were more than their customers would have got. One may be both.

    `complete` is false where there were more than 20,000: then the latest are judged, since `since`. `waiting`: those
    not decided yet, 20,000 at most, which would be decided by the new rules.
    """

    since: datetime
    sent: int
    outside: int
    over_cap: int
    complete: bool
    waiting: int


@router.post("/v1/shops/{shop}/policy/preview", dependencies=[require("programme:read")])
async def preview_policy(shop: ShopName, body: PolicyTryIn, tx: Tx) -> PolicyTriedOut:
    """Judge what was sent in the last 28 days by rules that are not saved: hours, days and caps alone (MSG-007)."""
    since, zone = tx.clock.now() - BACK, (await get_shops(tx, [shop]))[shop].at(tx.clock.now()).zone
    rows = await sent.list_sent(tx, shop, since, MOST + 1)
    judged = rows[:MOST]
    messages = [
        SentMessage(r.customer, Contacted(r.at, r.purpose, r.channel), recipient_zone(r.zone, zone)) for r in judged
    ]
    found = tried(body.policy, messages, zone)
    complete = len(rows) <= MOST
    return PolicyTriedOut(
        since=since if complete else judged[-1].at,
        sent=found.judged,
        outside=found.outside,
        over_cap=found.over_cap,
        complete=complete,
        waiting=await sent.count_waiting(tx, shop, MOST),
    )
