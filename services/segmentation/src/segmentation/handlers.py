"""Handlers of customers' inputs, of enrolments, and of our own versions and statistics, which a rebuild reads back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.bus.inbox import claim
from common.bus.subscriptions import Batch, Subscription
from common.crypto.erasing import confirmed_by
from common.events import Event
from common.events.activity import Activity
from common.events.customers import CustomerMerged, CustomerUnmerged
from common.events.membership import MemberEnrolled, TierChanged
from common.events.orders import OrderClaimed
from common.events.segments import (
    ChurnFitted,
    LifetimeValueFitted,
    SegmentsErased,
    StatisticsComputed,
    ThresholdsChanged,
)
from common.fold.customers import fold_events
from common.fold.merging import fold_merge
from common.fold.working import load
from common.storage.database import Transaction
from segmentation.activity import store as activity
from segmentation.activity.rules import first_signs, roll_up
from segmentation.anonymous_orders.store import save_anonymous
from segmentation.attributes.stage.rules import shows_interest
from segmentation.commands import churn, lifetime_value
from segmentation.commands.statistics import add_statistics, read_back
from segmentation.commands.thresholds import add_version
from segmentation.fold import CLAIMED, INPUTS, KEPT, SegmentFolding, folding_of, keep
from segmentation.held_inputs import store as held_inputs
from segmentation.members.store import save_members, save_tiers
from segmentation.shops.store import lock_shops
from segmentation.thresholds.state import Thresholds


async def on_inputs(tx: Transaction, batch: Batch) -> None:
    """Fold what happened into its customers, and announce who changed; orders without a customer count in revenue.

    Activity is counted in rollups; of each customer the first sign of interest is folded beside the inputs.
    """
    known = [event for event in batch.events if event.subject is not None]
    if known:
        await tx.lock_customers(event.customer for event in known)
        folding = await folding_of(tx, (event.shop for event in known))
        activities = [event for event in known if isinstance(event.data, Activity)]
        if activities:
            inputs = [event for event in known if not isinstance(event.data, Activity)]
            known = [*inputs, *await count_activity(tx, folding, activities, inputs)]
        # What happened after the start of a month is evaluated by that month's statistics, and waits for them.
        early = [event for event in known if event.time < folding.shops[event.shop].pending_at]
        await held_inputs.hold(tx, [e for e in known if e.time >= folding.shops[e.shop].pending_at])
        folded = await fold_events(tx, folding, early)
        await keep(tx, folded)
    if len(known) < len(batch.events):
        await save_anonymous(tx, [event for event in batch.events if event.subject is None])


async def count_activity(
    tx: Transaction, folding: SegmentFolding, activities: Sequence[Event[Any]], inputs: Sequence[Event[Any]]
) -> list[Event[Any]]:
    """Count the activities, and claim as inputs, in the history, those that are a first sign of interest.

    All of them are claimed in the inbox. The customers are locked.
    """
    locked = {event.customer: tx.locked[event.customer] for event in activities}
    states = {key: load(folding, row) for key, row in locked.items()}
    since = {key: state.interest_at for key, state in states.items() if state.interest_at is not None}
    interested = [event for event in inputs if shows_interest(event.data)]
    first = first_signs(activities, interested, since)
    # What waits for statistics is in no state yet, but it has been counted.
    counted = await activity.get_first(tx, {event.customer for event in first})
    first = first_signs(first, (), counted)
    settings = {name: shop.settings for name, shop in folding.shops.items()}
    await activity.add_rollups(tx, roll_up(activities, settings))
    return await claim(tx, [(event, event.encode()) for event in first], KEPT)


async def on_merges(tx: Transaction, batch: Batch) -> None:
    """Two customers are one, or never were: what happened to both is folded anew (ORD-040)."""
    for event in sorted(batch.events, key=lambda event: event.data.sequence):
        await keep(tx, await fold_merge(tx, await folding_of(tx, [event.shop]), event))


async def on_thresholds(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back; one met late has its customers folded anew, by the sweep."""
    await lock_shops(tx)
    for event in batch.events:
        data: ThresholdsChanged = event.data
        thresholds = Thresholds.model_validate(data.thresholds)
        await add_version(tx, event.shop, data.version, data.valid_from, thresholds, late=True)


async def on_statistics(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own statistics back, which nobody could compute again; those met late as with thresholds."""
    await lock_shops(tx)
    for event in batch.events:
        await add_statistics(tx, event.shop, read_back(event.data), late=True)


async def on_fits(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own fits back, which nobody could fit again."""
    for event in batch.events:
        if isinstance(event.data, ChurnFitted):
            await churn.add_fit(tx, event.shop, churn.read_back(event.data))
        else:
            await lifetime_value.add_fit(tx, event.shop, lifetime_value.read_back(event.data))


async def on_members(tx: Transaction, batch: Batch) -> None:
    """Remember who is a member, and in which tier. No input of the fold: it is listed by, and changes no attribute."""
    known = [event for event in batch.events if event.subject is not None]
    enrolled = [event for event in known if isinstance(event.data, MemberEnrolled)]
    if enrolled:
        await save_members(tx, enrolled)
    if known:
        await save_tiers(tx, known)


SUBSCRIPTIONS = (
    # First: they take alone the lock that folding shares.
    Subscription(on_thresholds, (ThresholdsChanged,), ahead=True),
    Subscription(on_statistics, (StatisticsComputed,), ahead=True),
    Subscription(on_inputs, (*INPUTS, OrderClaimed), CLAIMED),
    # After the inputs of its batch, which are claimed and would be folded a second time.
    Subscription(on_merges, (CustomerMerged, CustomerUnmerged)),
    Subscription(on_fits, (LifetimeValueFitted, ChurnFitted)),
    Subscription(on_members, (MemberEnrolled, TierChanged)),
    *confirmed_by(SegmentsErased, keeps_keys=False),
)
