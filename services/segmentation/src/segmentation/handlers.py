"""What does segmentation do when something happens elsewhere?"""

from __future__ import annotations

from common.bus.subscriptions import Batch, Subscription
from common.events.activity import (
    CartUpdated,
    ChatEnded,
    CheckoutInterrupted,
    ProductFavourited,
    ProductSearched,
    ProductViewed,
)
from common.events.customers import CustomerRegistered
from common.events.membership import MemberEnrolled
from common.events.orders import (
    OrderClaimed,
    OrderClosed,
    OrderCompleted,
    OrderDelivered,
    OrderInTransit,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
)
from common.events.segments import ThresholdsChanged
from common.fold.customers import fold_events
from common.storage.database import Transaction
from segmentation.fold import SegmentFolding
from segmentation.held_inputs import store as held
from segmentation.report import store as totals
from segmentation.shops import store as shops
from segmentation.thresholds import store as thresholds
from segmentation.thresholds.state import Thresholds


async def on_inputs(tx: Transaction, batch: Batch) -> None:
    """Fold what happened into its customers, and announce who changed; what concerns nobody counts in the totals."""
    known = [event for event in batch.events if event.subject is not None]
    if known:
        await tx.lock_customers(event.customer for event in known)
        by_name = await shops.get_shops_to_fold(tx, (event.shop for event in known))
        early = [event for event in known if event.time < by_name[event.shop].pending_at]
        folded = await fold_events(tx, SegmentFolding(by_name), early)
        await tx.announce(folded.facts())
        # What happened after the start of a month is judged by that month's figures, and waits for them.
        await held.insert_inputs(tx, [event for event in known if event.time >= by_name[event.shop].pending_at])
    if len(known) < len(batch.events):
        await totals.save_anonymous(tx, [event for event in batch.events if event.subject is None])


async def on_thresholds(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back; one met late has its customers folded anew, by the sweep."""
    await shops.lock_shops(tx)
    for event in batch.events:
        data: ThresholdsChanged = event.data
        given = Thresholds.model_validate(data.thresholds)
        await thresholds.insert_thresholds(tx, event.shop, data.version, data.valid_from, given, late=True)


async def on_members(tx: Transaction, batch: Batch) -> None:
    """Remember who is a member. No input of the fold: when membership announced it says nothing about the customer."""
    enrolled = [event for event in batch.events if event.subject is not None]
    if enrolled:
        await totals.insert_members(tx, enrolled)


SUBSCRIPTIONS = (
    # First: it takes alone the lock that folding shares.
    Subscription(on_thresholds, (ThresholdsChanged,)),
    Subscription(
        on_inputs,
        (
            CustomerRegistered,
            ProductViewed,
            ProductSearched,
            ProductFavourited,
            CartUpdated,
            CheckoutInterrupted,
            ChatEnded,
            OrderPlaced,
            OrderPaid,
            OrderShipped,
            OrderInTransit,
            OrderDelivered,
            OrderCompleted,
            OrderClosed,
            OrderRefunded,
            OrderClaimed,
        ),
    ),
    Subscription(on_members, (MemberEnrolled,)),
)
