"""That another service heard from a customer: whoever gives signs is not forgotten by retention (SEC-006)."""

from __future__ import annotations

from datetime import datetime

from common.bus.broker import Record
from common.bus.subscriptions import Batch, Subscription
from common.events import CustomerKey, EventData, decode
from common.events.feedback import (
    ComplaintChanged,
    ComplaintOpened,
    ComplaintReopened,
    ContentSubmitted,
    LeaveReasonGiven,
    ReviewSubmitted,
    RewardClaimed,
    SurveyAnswered,
)
from common.events.membership import (
    ActivityJoined,
    BenefitReserved,
    BenefitUsed,
    CouponRedeemed,
    MemberCheckedIn,
    MemberRegistered,
    PointsRedeemed,
    ReferralMade,
)
from common.events.messages import (
    ContactCalled,
    ContactOptedIn,
    ContactOptedOut,
    ContactReplied,
    InsertScanned,
    MessageClicked,
    MessageRead,
)
from common.storage.database import Transaction
from orders_ingest.retention import store

SIGNS: tuple[type[EventData], ...] = (
    *(ComplaintOpened, ComplaintChanged, ComplaintReopened, LeaveReasonGiven, ReviewSubmitted, RewardClaimed),
    *(SurveyAnswered, ContentSubmitted, ActivityJoined, BenefitReserved, BenefitUsed, CouponRedeemed, MemberCheckedIn),
    *(MemberRegistered, PointsRedeemed, ReferralMade, ContactCalled, ContactOptedIn, ContactOptedOut, ContactReplied),
    *(InsertScanned, MessageClicked, MessageRead),
)
_TYPES = {kind.TYPE.encode() for kind in SIGNS}


async def on_heard(tx: Transaction, batch: Batch) -> None:
    """Keep the newest time of each customer. Idempotent, and in any order: not claimed."""
    heard = dict[CustomerKey, datetime]()
    for event in batch.events:
        # What the shop's own person announces once more of a claim is no sign of the customer.
        by_staff = isinstance(event.data, RewardClaimed) and event.data.proposed_by is not None
        if event.subject is not None and not by_staff:
            heard[event.customer] = max(event.time, heard.get(event.customer, event.time))
    if heard:
        await store.save_heard(tx, heard)


async def take_signs(tx: Transaction, records: list[Record]) -> int:
    """Those of the records that are signs, told by their header; returns how many."""
    events = [decode(r.value or b"") for r in records if r.headers.get("type", b"") in _TYPES]
    if events:
        await on_heard(tx, Batch(events))
    return len(events)


HEARD = (Subscription(on_heard, SIGNS),)
"""What a rebuild reads of other services' topics."""
