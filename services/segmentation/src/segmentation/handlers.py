"""Handlers of what happens elsewhere: inputs of customers, versions of thresholds, enrolments."""

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
from segmentation.anonymous_orders.store import save_anonymous
from segmentation.commands.thresholds import add_version
from segmentation.fold import folding_of
from segmentation.held_inputs import store as held_inputs
from segmentation.members.store import save_members
from segmentation.shops.store import lock_shops
from segmentation.thresholds.state import Thresholds


async def on_inputs(tx: Transaction, batch: Batch) -> None:
    """Fold what happened into its customers, and announce who changed; orders without a customer count in revenue."""
    known = [event for event in batch.events if event.subject is not None]
    if known:
        await tx.lock_customers(event.customer for event in known)
        folding = await folding_of(tx, (event.shop for event in known))
        # What happened after the start of a month is evaluated by that month's statistics, and waits for them.
        early = [event for event in known if event.time < folding.shops[event.shop].pending_at]
        await held_inputs.insert_inputs(tx, [e for e in known if e.time >= folding.shops[e.shop].pending_at])
        folded = await fold_events(tx, folding, early)
        await tx.announce(folded.facts())
    if len(known) < len(batch.events):
        await save_anonymous(tx, [event for event in batch.events if event.subject is None])


async def on_thresholds(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back; one met late has its customers folded anew, by the sweep."""
    await lock_shops(tx)
    for event in batch.events:
        data: ThresholdsChanged = event.data
        thresholds = Thresholds.model_validate(data.thresholds)
        await add_version(tx, event.shop, data.version, data.valid_from, thresholds, late=True)


async def on_members(tx: Transaction, batch: Batch) -> None:
    """Remember who is a member. No input of the fold: when membership announced it says nothing about the customer."""
    enrolled = [event for event in batch.events if event.subject is not None]
    if enrolled:
        await save_members(tx, enrolled)


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
