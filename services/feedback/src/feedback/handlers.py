"""Handlers of what happens elsewhere, and of the service's own topic, which fills an empty store again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from common.bus.subscriptions import Batch, Subscription
from common.crypto.erasing import confirmed_by
from common.crypto.keys import KEY_SUBSCRIPTIONS
from common.events.customers import CustomerErased, CustomerMerged, CustomerUnmerged
from common.events.feedback import (
    ComplaintChanged,
    ComplaintOpened,
    ComplaintReopened,
    ComplaintResolved,
    ContentApproved,
    ContentChanged,
    ContentEvent,
    ContentSubmitted,
    FeedbackErased,
    ReviewSubmitted,
    RewardClaimed,
    RewardDecided,
    RewardEvent,
    StaffTaskChanged,
    StaffTaskDone,
    StaffTaskEvent,
    StaffTaskRequested,
    SurveyAnswered,
    SurveyPolicyChanged,
    SurveyRequested,
    TicketEvent,
)
from common.events.membership import TierChanged
from common.events.messages import TaskWanted
from common.events.orders import (
    OrderClosed,
    OrderCompleted,
    OrderDelivered,
    OrderInTransit,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
)
from common.people.store import save_merge
from common.storage.database import Transaction
from feedback.commands.tasks import take_wanted
from feedback.commands.turns import note_turns
from feedback.commands.understanding import note_texts
from feedback.orders.rules import OrderKey, completed_orders, order_inputs
from feedback.orders.store import get_inputs, insert_inputs, save_completed
from feedback.policy.state import Policy, Version
from feedback.policy.store import POLICIES, hold_versions
from feedback.questions import store as questions
from feedback.reviews import store as reviews
from feedback.rewards import store as rewards
from feedback.schedules import store as schedules
from feedback.surveys import store as surveys
from feedback.tasks import store as tasks
from feedback.tickets import store as tickets
from feedback.tiers.store import save_tiers
from feedback.ugc import store as ugc
from feedback.understanding import store as readings


async def on_orders(tx: Transaction, batch: Batch) -> None:
    """Note what happened to orders, and about which of them each customer is to be asked (FBK-007)."""
    inputs = order_inputs(batch.events)
    if inputs:
        await insert_inputs(tx, inputs)
        versions = await hold_versions(tx, (i.shop for i in inputs))
        await note_questions(tx, {i.order for i in inputs}, versions)


async def note_questions(
    tx: Transaction, orders: Collection[OrderKey], versions: Mapping[str, Sequence[Version]]
) -> None:
    """Evaluate these orders anew by all their inputs, and the questions of their customers, who are locked.

    The cost follows the orders given, not those that their customers have besides.
    """
    inputs = await get_inputs(tx, orders)
    found = [
        order
        for shop in sorted({i.shop for i in inputs})
        for order in completed_orders((i for i in inputs if i.shop == shop), versions[shop])
    ]
    if found:
        customers = {(order.shop, order.customer) for order in found}
        await save_completed(tx, found)
        await questions.save_first_orders(tx, customers)
        await note_turns(tx, customers, versions)


async def on_policies(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back; one met late moves the questions noted without it, by the sweep."""
    for event in batch.events:
        data: SurveyPolicyChanged = event.data
        await POLICIES.lock(tx, event.shop)
        policy = Policy.model_validate(data.policy)
        await POLICIES.insert(tx, event.shop, data.version, data.valid_from, policy, late=True)


async def on_own_feedback(tx: Transaction, batch: Batch) -> None:
    """Take back what this service accepted and promised: its own topic fills an empty store again.

    In a store that is not empty these are duplicates, claimed when they were accepted, or change nothing.
    """
    requests = [e for e in batch.events if isinstance(e.data, SurveyRequested)]
    if requests:
        await surveys.save_requested(tx, requests)
        await questions.save_asked(tx, requests)
    for event in batch.events:
        if isinstance(event.data, SurveyAnswered):
            await surveys.save_answers(tx, event)
        elif isinstance(event.data, ReviewSubmitted):
            await reviews.save_review(tx, event)
        elif isinstance(event.data, RewardEvent):
            await rewards.save(tx, event)
        elif isinstance(event.data, StaffTaskEvent):
            await tasks.save(tx, event)
        elif isinstance(event.data, ContentEvent):
            await ugc.save(tx, event)
    if told := [event for event in batch.events if isinstance(event.data, TicketEvent)]:
        await tickets.save(tx, told)
        await note_turns(tx, {event.customer for event in told})
    await note_texts(tx, batch.events)


async def on_tasks_wanted(tx: Transaction, batch: Batch) -> None:
    """What flows want people to do comes into the one queue of staff tasks (XCT-003)."""
    for event in batch.events:
        await take_wanted(tx, event)


async def on_tiers(tx: Transaction, batch: Batch) -> None:
    """Whose tickets are urgent (FBK-032, FBK-034)."""
    await save_tiers(tx, [event for event in batch.events if event.subject is not None])


async def on_merges(tx: Transaction, batch: Batch) -> None:
    """Two customers are one person, or never were (ORD-040): what is asked of them shows anew."""
    for event in sorted(batch.events, key=lambda event: event.data.sequence):
        moved = await save_merge(tx, event)
        if moved is not None:
            await questions.ask_again(tx, sorted(moved.after))


async def on_erased_customers(tx: Transaction, batch: Batch) -> None:
    """Forget what they wrote, and ask them nothing; what remains names only their id (SEC-006)."""
    customers = sorted(batch.by_customer())
    await reviews.erase(tx, customers)
    await surveys.erase(tx, customers)
    await tickets.erase(tx, customers)
    await tasks.erase(tx, customers)
    await ugc.erase(tx, customers)
    await readings.erase(tx, customers)
    await questions.lapse(tx, customers)
    await schedules.lapse(tx, customers)


ORDERS = (
    OrderPlaced,
    OrderPaid,
    OrderShipped,
    OrderInTransit,
    OrderDelivered,
    OrderCompleted,
    OrderClosed,
    OrderRefunded,
)
"""All that changes what an order's state means."""
TICKETS = (ComplaintOpened, ComplaintChanged, ComplaintResolved, ComplaintReopened)
REWARDS = (RewardClaimed, RewardDecided)
CONTENTS = (ContentSubmitted, ContentChanged, ContentApproved)
TASKS = (StaffTaskRequested, StaffTaskChanged, StaffTaskDone)
OWN = (SurveyRequested, SurveyAnswered, ReviewSubmitted, *REWARDS, *CONTENTS, *TASKS, *TICKETS)

SUBSCRIPTIONS = (
    *KEY_SUBSCRIPTIONS,
    # First: it takes alone the lock that noting orders shares.
    Subscription(on_policies, (SurveyPolicyChanged,)),
    Subscription(on_orders, ORDERS),
    Subscription(on_tiers, (TierChanged,)),
    Subscription(on_tasks_wanted, (TaskWanted,)),
    Subscription(on_merges, (CustomerMerged, CustomerUnmerged)),
    Subscription(on_own_feedback, OWN),
    Subscription(on_erased_customers, (CustomerErased,)),
    *confirmed_by(FeedbackErased, keeps_keys=True),
)
