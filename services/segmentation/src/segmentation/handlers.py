"""Handlers of customers' inputs, of enrolments, and of our own versions and statistics, which a rebuild reads back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.bus.inbox import claim
from common.bus.subscriptions import Batch, Subscription
from common.crypto.erasing import confirmed_by
from common.events import Event
from common.events.activity import Activity
from common.events.customers import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    CustomerUpdated,
)
from common.events.feedback import (
    ComplaintChanged,
    ComplaintOpened,
    ComplaintReopened,
    ComplaintResolved,
    ReviewSubmitted,
    SignalsNoted,
    TicketEvent,
)
from common.events.membership import MemberEnrolled, ReferralCompleted, ReferralReversed, TierChanged
from common.events.orders import OrderClaimed, OrderCompleted, OrderJourneyMeasured
from common.events.segments import (
    BuyerTypeChanged,
    ChurnFitted,
    GoalSet,
    LifetimeValueFitted,
    PreferenceShifted,
    SegmentDefined,
    SegmentEntered,
    SegmentLeft,
    SegmentsErased,
    StatisticsComputed,
    TagChanged,
    ThresholdsChanged,
    ThresholdsWithdrawn,
)
from common.fold.customers import fold_events
from common.fold.merging import fold_merge
from common.fold.working import load
from common.people.store import lock_survivors
from common.shops.settings import get_shops
from common.storage.database import Transaction
from segmentation.activity import store as activity
from segmentation.activity.rules import first_signs, roll_up
from segmentation.anonymous_orders.store import save_anonymous
from segmentation.attributes.stage.rules import shows_interest
from segmentation.bought.store import erase_life_states, save_orders, save_ways
from segmentation.buyer_types.store import erase_types, save_types
from segmentation.commands import churn, goals, lifetime_value, segments
from segmentation.commands.statistics import add_statistics, read_back
from segmentation.commands.thresholds import add_version, remove_version
from segmentation.commands.values import value_customers
from segmentation.fold import CLAIMED, INPUTS, KEPT, SegmentFolding, folding_of, keep, note_late_orders
from segmentation.held_inputs import store as held_inputs
from segmentation.lifetime_value.store_values import erase_values
from segmentation.members.store import save_members, save_tiers
from segmentation.monthly_flows.store import forget_counts
from segmentation.people.store import follow_merge
from segmentation.profiles.store import erase_profiles, follow_orders, save_profiles
from segmentation.referrals.store import save_referrals
from segmentation.segments import store_dues as dues
from segmentation.segments.store_stays import erase_reasons, save_stays
from segmentation.shops.store import lock_shops
from segmentation.tags.store import erase_tags, save_tags
from segmentation.thresholds.state import Thresholds
from segmentation.voices.store import erase_signals, save_complaints, save_reviews, save_signals


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
        # What happened after the start of a month is evaluated by that month's statistics, and waits for them;
        # what comes after something that still waits does so too.
        since = await held_inputs.get_first(tx, {event.customer for event in known})
        waiting, early = list[Event[Any]](), list[Event[Any]]()
        for event in known:
            pending = folding.shops[event.shop].pending_at
            waits = event.time >= min(pending, since.get(event.customer, pending))
            (waiting if waits else early).append(event)
        await held_inputs.hold(tx, waiting)
        folded = await fold_events(tx, folding, early)
        await note_late_orders(tx, folding.shops, folded.events)
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
    await dues.mark(tx, locked.keys())
    return await claim(tx, [(event, event.encode()) for event in first], KEPT)


async def on_merges(tx: Transaction, batch: Batch) -> None:
    """Two customers are one, or never were: what happened to both is folded anew (ORD-040)."""
    for event in sorted(batch.events, key=lambda event: event.data.sequence):
        await keep(tx, await fold_merge(tx, await folding_of(tx, [event.shop]), event))
        concerned = await follow_merge(tx, event.shop, [event.data.survivor, event.data.absorbed])
        await value_customers(tx, event.shop, [name for _, name in concerned])
        await follow_orders(tx, concerned)
        await dues.mark_each(tx, concerned)  # the absorbed ones leave their segments


async def on_thresholds(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back; one met late has its customers folded anew, by the sweep."""
    await lock_shops(tx)
    await forget_counts(tx, {event.shop for event in batch.events}, None)
    for event in batch.events:
        if isinstance(event.data, ThresholdsWithdrawn):
            await remove_version(tx, event.shop, event.data.version, event.time)
            continue
        data: ThresholdsChanged = event.data
        thresholds = Thresholds.model_validate(data.thresholds)
        await add_version(tx, event.shop, data.version, data.valid_from, thresholds, late=True)


async def on_statistics(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own statistics back, which nobody could compute again; those met late as with thresholds."""
    await lock_shops(tx)
    await forget_counts(tx, {event.shop for event in batch.events}, None)
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
    """Remember who is a member, and their tiers. No input of the fold: when membership announced it says nothing."""
    known = [event for event in batch.events if event.subject is not None]
    if not known:
        return
    if enrolled := [event for event in known if isinstance(event.data, MemberEnrolled)]:
        await save_members(tx, enrolled)
    await save_tiers(tx, known)
    await dues.mark(tx, {event.customer for event in known})


async def on_referrals(tx: Transaction, batch: Batch) -> None:
    """Remember who came by another one (ANA-003, ANA-009). No input of the fold, and no fact of segments."""
    if known := [event for event in batch.events if event.subject is not None and event.data.role == "referee"]:
        await save_referrals(tx, known)


async def on_profiles(tx: Transaction, batch: Batch) -> None:
    """Remember what the shop says of its customers, without what is personal."""
    known = [event for event in batch.events if event.subject is not None]
    if known:
        await save_profiles(tx, known)
        await dues.mark(tx, {event.customer for event in known})


async def on_bought(tx: Transaction, batch: Batch) -> None:
    """Remember how completed orders were bought, and what; how they count is the fold's matter."""
    known = [event for event in batch.events if event.subject is not None]
    if orders := [event for event in known if isinstance(event.data, OrderCompleted)]:
        await tx.lock_customers(event.customer for event in orders)  # an erasure comes on another topic
        await save_orders(tx, orders, await get_shops(tx, {event.shop for event in orders}))
        survivors = await lock_survivors(tx, {event.customer for event in orders})
        await follow_orders(tx, set(survivors.values()))
        await dues.mark(tx, {event.customer for event in orders if event.data.life_state is not None})
    if ways := [event for event in known if isinstance(event.data, OrderJourneyMeasured)]:
        await save_ways(tx, ways)
        await dues.mark(tx, {event.customer for event in ways})


async def on_voices(tx: Transaction, batch: Batch) -> None:
    """Remember reviews, complaints, and what feedback reads in texts; without the texts."""
    known = [event for event in batch.events if event.subject is not None]
    if not known:
        return
    settings = await get_shops(tx, {event.shop for event in known})
    if reviews := [event for event in known if isinstance(event.data, ReviewSubmitted)]:
        await save_reviews(tx, reviews, settings)
    if noted := [event for event in known if isinstance(event.data, SignalsNoted)]:
        await tx.lock_customers(event.customer for event in noted)  # an erasure comes on another topic
        await save_signals(tx, noted, settings)
    if tickets := [event for event in known if isinstance(event.data, TicketEvent)]:
        await save_complaints(tx, tickets, settings)
    await dues.mark(tx, {event.customer for event in known})


async def on_tags(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own tags back; of each the newest says what is so."""
    known = [event for event in batch.events if event.subject is not None]
    if known:
        await tx.lock_customers(event.customer for event in known)  # an erasure comes on another topic
        await save_tags(tx, known)
        await dues.mark(tx, {event.customer for event in known})


async def on_erased(tx: Transaction, batch: Batch) -> None:
    """Forget what was said and found of them: profile, tags, signals, types, tastes, value, why they were in segments.

    What counts in totals stays.

    Segments that asked for it are left, by the next look at their dues. Nothing said later is taken (SEC-006).
    """
    customers = sorted({event.customer for event in batch.events})
    await tx.lock_customers(customers)
    await erase_profiles(tx, customers)
    await erase_life_states(tx, customers)
    await erase_tags(tx, customers)
    await erase_signals(tx, customers)
    await erase_types(tx, customers)
    await erase_values(tx, customers)
    await erase_reasons(tx, customers)
    await dues.mark(tx, customers)


async def on_definitions(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own segments back; everybody is compared with them when it has ended."""
    for event in batch.events:
        await segments.read_back(tx, event.shop, event.data)


async def on_goals(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own goals back."""
    for event in batch.events:
        await goals.read_back(tx, event.shop, event.data)


async def on_stays(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own entries and leavings back, so that nobody is announced anew."""
    await save_stays(tx, [e for e in batch.events if e.subject is not None and e.data.segment not in segments.RESERVED])


async def on_types(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own findings back, so that nobody is announced anew."""
    await save_types(tx, [event for event in batch.events if event.subject is not None])


SUBSCRIPTIONS = (
    # First: they take alone the lock that folding shares.
    Subscription(on_thresholds, (ThresholdsChanged, ThresholdsWithdrawn), ahead=True),
    Subscription(on_statistics, (StatisticsComputed,), ahead=True),
    Subscription(on_inputs, (*INPUTS, OrderClaimed), CLAIMED),
    # After the inputs of its batch, which are claimed and would be folded a second time.
    Subscription(on_merges, (CustomerMerged, CustomerUnmerged)),
    Subscription(on_fits, (LifetimeValueFitted, ChurnFitted)),
    Subscription(on_members, (MemberEnrolled, TierChanged)),
    Subscription(on_referrals, (ReferralCompleted, ReferralReversed)),
    Subscription(on_profiles, (CustomerRegistered, CustomerUpdated)),
    Subscription(on_bought, (OrderCompleted, OrderJourneyMeasured)),
    Subscription(
        on_voices,
        (ReviewSubmitted, ComplaintOpened, ComplaintChanged, ComplaintResolved, ComplaintReopened, SignalsNoted),
    ),
    Subscription(on_tags, (TagChanged,)),
    Subscription(on_definitions, (SegmentDefined,)),
    Subscription(on_goals, (GoalSet,)),
    Subscription(on_erased, (CustomerErased,)),
    *confirmed_by(SegmentsErased, keeps_keys=False),
)
READ_BACK = (
    Subscription(on_stays, (SegmentEntered, SegmentLeft)),
    Subscription(on_types, (BuyerTypeChanged, PreferenceShifted)),
)
