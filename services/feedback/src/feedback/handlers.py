"""Handlers of what happens elsewhere, and of the service's own topic, which fills an empty store again."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence

from common.bus.subscriptions import Batch, Handler, Subscription
from common.crypto.erasing import confirmed_by
from common.crypto.keys import KEY_SUBSCRIPTIONS, KeyRing
from common.events.customers import (
    CustomerErased,
    CustomerMerged,
    CustomerProfile,
    CustomerRegistered,
    CustomerUnmerged,
    CustomerUpdated,
)
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
    PhotoStored,
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
from common.events.membership import (
    BenefitCommand,
    BenefitReleased,
    BenefitReserved,
    MemberEnrolled,
    ProgrammeChanged,
    ProgrammeWithdrawn,
    ReferralCompleted,
    ReferralMade,
    ReferralNews,
    ReferralReversed,
    TierChanged,
)
from common.events.messages import ContactReplied, TaskWanted
from common.events.orders import (
    OrderClosed,
    OrderCompleted,
    OrderDelivered,
    OrderInTransit,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    OrderSpecialRequest,
)
from common.events.segments import BuyerTypeChanged
from common.people.store import save_merge
from common.storage.database import Transaction
from feedback.buyer_types.store import save_types
from feedback.commands.earning import settle_claim, settle_content
from feedback.commands.messages import Message, take_message, take_reply
from feedback.commands.requests import take_special_request
from feedback.commands.sealing import CustomerErased as Erased
from feedback.commands.sealing import UnknownCustomer, opened
from feedback.commands.tasks import end_tasks_of, take_wanted
from feedback.commands.turns import note_turns
from feedback.commands.understanding import note_texts
from feedback.orders.rules import OrderKey, completed_orders, order_inputs
from feedback.orders.store import get_inputs, insert_inputs, save_completed
from feedback.photos import store as photos
from feedback.policy.state import Policy, Version, in_force
from feedback.policy.store import POLICIES, get_versions, hold_versions
from feedback.questions import store as questions
from feedback.reviews import store as reviews
from feedback.rewards.store import CLAIMS
from feedback.schedules import store as schedules
from feedback.surveys import store as surveys
from feedback.tasks.store import TASKS
from feedback.tickets import store as tickets
from feedback.tiers.store import save_enrolled, save_programme, save_tiers, save_uses, withdraw_programme
from feedback.ugc.store import CONTENTS
from feedback.understanding import store as readings
from feedback.word_of_mouth import store as word_of_mouth


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
        elif isinstance(event.data, PhotoStored):
            await photos.save(tx, event)
        elif isinstance(event.data, RewardEvent):
            await CLAIMS.save(tx, event)
            await settle_claim(tx, event.shop, event.data)
        elif isinstance(event.data, StaffTaskEvent):
            await TASKS.save(tx, event)
        elif isinstance(event.data, ContentEvent):
            await CONTENTS.save(tx, event)
            await settle_content(tx, event.shop, event.data)
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


async def on_programmes(tx: Transaction, batch: Batch) -> None:
    """Which tiers return goods for free (FBK-031)."""
    for event in batch.events:
        if isinstance(event.data, ProgrammeWithdrawn):
            await withdraw_programme(tx, event.shop, event.data.version)
        else:
            await save_programme(tx, event)


async def on_benefits(tx: Transaction, batch: Batch) -> None:
    """What is used of a quota of free returns (FBK-031)."""
    await save_enrolled(tx, [event for event in batch.events if isinstance(event.data, MemberEnrolled)])
    await save_uses(tx, [event for event in batch.events if isinstance(event.data, BenefitCommand)])


async def on_buyer_types(tx: Transaction, batch: Batch) -> None:
    """Whose scores are low by nature (FBK-024), and whose tickets are urgent (FBK-032)."""
    await save_types(tx, [event for event in batch.events if event.subject is not None])


async def on_sources(tx: Transaction, batch: Batch) -> None:
    """Where customers come from, and who brought them (ANA-008)."""
    await word_of_mouth.save_sources(tx, [e for e in batch.events if isinstance(e.data, CustomerProfile)])
    for event in batch.events:
        if isinstance(event.data, ReferralMade):
            await word_of_mouth.save_made(tx, event)
        elif isinstance(event.data, ReferralNews) and event.data.role == "referee":
            await word_of_mouth.save_end(tx, event, confirmed=isinstance(event.data, ReferralCompleted))


def on_replies(keys: KeyRing) -> Handler:
    """A reply may answer the survey that was asked; else a mail lands on the desk, and a text message where the shop
    wants it (FBK-001)."""

    async def take(tx: Transaction, batch: Batch) -> None:
        if tx.rebuilding:
            return  # what became of it stands on the service's own topic
        for event in batch.events:
            if event.data.said != "other" or event.data.text is None:
                continue
            # Another message under this one's name is a dead letter: suppressed, it would be lost without a word.
            with contextlib.suppress(UnknownCustomer, Erased):
                text = (await opened(tx, keys, event)).data.text
                if text is None or await take_reply(tx, keys, event.customer, text, event.time):
                    continue
                policy = in_force((await get_versions(tx, [event.shop]))[event.shop], event.time).policy
                if policy.tickets.mail_tickets if event.data.channel == "email" else policy.tickets.reply_tickets:
                    message = Message(event.id, event.data.channel, text)
                    await take_message(tx, keys, event.customer, message, hears=False)

    return take


def on_special_requests(keys: KeyRing) -> Handler:
    """What was asked for with an order stands among the tasks of the shop's people (XCT-003)."""

    async def take(tx: Transaction, batch: Batch) -> None:
        for event in batch.events if not tx.rebuilding else ():
            if event.subject is not None:
                await take_special_request(tx, keys, event)

    return take


async def on_merges(tx: Transaction, batch: Batch) -> None:
    """Two customers are one person, or never were (ORD-040): what is asked of them shows anew."""
    for event in sorted(batch.events, key=lambda event: event.data.sequence):
        moved = await save_merge(tx, event)
        if moved is not None:
            await questions.ask_again(tx, sorted(moved.after))


async def on_erased_customers(tx: Transaction, batch: Batch) -> None:
    """Forget what they wrote and where they came from, ask them nothing, and do nothing more for them; what remains
    names only their id (SEC-006)."""
    customers = sorted(batch.by_customer())
    await reviews.erase(tx, customers)
    await surveys.erase(tx, customers)
    await photos.erase(tx, customers)
    await tickets.erase(tx, customers)
    await TASKS.erase(tx, customers)
    await end_tasks_of(tx, customers)
    await CONTENTS.erase(tx, customers)
    await readings.erase(tx, customers)
    await word_of_mouth.erase_sources(tx, customers)
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
OF_CONTENT = (ContentSubmitted, ContentChanged, ContentApproved)
OF_TASKS = (StaffTaskRequested, StaffTaskChanged, StaffTaskDone)
OWN = (SurveyRequested, SurveyAnswered, ReviewSubmitted, PhotoStored, *REWARDS, *OF_CONTENT, *OF_TASKS, *TICKETS)


def subscriptions(keys: KeyRing) -> tuple[Subscription, ...]:
    """What is read, and by whom."""
    return (
        *KEY_SUBSCRIPTIONS,
        # First: it takes alone the lock that noting orders shares.
        Subscription(on_policies, (SurveyPolicyChanged,)),
        Subscription(on_orders, ORDERS),
        Subscription(on_special_requests(keys), (OrderSpecialRequest,)),
        Subscription(on_tiers, (TierChanged,)),
        Subscription(on_tasks_wanted, (TaskWanted,)),
        Subscription(on_replies(keys), (ContactReplied,)),
        Subscription(on_programmes, (ProgrammeChanged, ProgrammeWithdrawn)),
        Subscription(on_benefits, (MemberEnrolled, BenefitReserved, BenefitReleased)),
        Subscription(on_buyer_types, (BuyerTypeChanged,)),
        Subscription(
            on_sources, (CustomerRegistered, CustomerUpdated, ReferralMade, ReferralCompleted, ReferralReversed)
        ),
        Subscription(on_merges, (CustomerMerged, CustomerUnmerged)),
        Subscription(on_own_feedback, OWN),
        Subscription(on_erased_customers, (CustomerErased,)),
        *confirmed_by(FeedbackErased, keeps_keys=True),
    )
