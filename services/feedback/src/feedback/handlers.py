"""What feedback does when something happens elsewhere, and when somebody says something."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from common.bus.inbox import claim
from common.bus.subscriptions import Batch, Subscription
from common.crypto.keys import KEY_SUBSCRIPTIONS, KeyRing
from common.events import Event, EventData
from common.events.customers import CustomerErased
from common.events.feedback import ReviewSubmitted, SurveyAnswered, SurveyPolicyChanged, SurveyRequested
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
from common.storage.database import Transaction
from feedback.erasure import store as erasure
from feedback.orders.rules import OrderKey, completed_orders, order_inputs
from feedback.orders.store import get_inputs, insert_inputs, save_completed
from feedback.policy.state import Policy, Version
from feedback.policy.store import POLICIES, hold_versions
from feedback.questions import store as questions
from feedback.refusals import AlreadyAnswered, KeyMissing, ReviewDiffers
from feedback.reviews import store as reviews
from feedback.surveys import store as surveys
from feedback.surveys.rules import Answer, Survey, answered

D = TypeVar("D", bound=EventData)


async def on_orders(tx: Transaction, batch: Batch) -> None:
    """Note what was told of orders, and about which of them each customer is to be asked (FBK-007)."""
    inputs = order_inputs(batch.events)
    if inputs:
        await insert_inputs(tx, inputs)
        versions = await hold_versions(tx, (i.shop for i in inputs))
        await note_questions(tx, {i.order for i in inputs}, versions)


async def note_questions(
    tx: Transaction, orders: Collection[OrderKey], versions: Mapping[str, Sequence[Version]]
) -> None:
    """Judge these orders anew by all that was told of them, and the questions of their customers, who are locked.

    The cost follows the orders given, not those that their customers have besides.
    """
    inputs = await get_inputs(tx, orders)
    found = [
        order
        for shop in sorted({i.shop for i in inputs})
        for order in completed_orders((i for i in inputs if i.shop == shop), versions[shop])
    ]
    if found:
        await save_completed(tx, found)
        await questions.save_first_orders(tx, {(order.shop, order.customer) for order in found})


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
    for event in batch.events:
        if isinstance(event.data, SurveyAnswered):
            await surveys.save_answer(tx, event)
        elif isinstance(event.data, ReviewSubmitted):
            await reviews.save_review(tx, event)


async def on_erased_customers(tx: Transaction, batch: Batch) -> None:
    """Forget what they wrote, and do not ask them."""
    await erasure.erase(tx, batch.by_customer())


async def accept_review(tx: Transaction, keys: KeyRing, review: Event[ReviewSubmitted]) -> bool:
    """Store and announce a review (FBK-011); False when the very same was accepted before.

    Raises ReviewDiffers, KeyMissing, and SameIdOtherBody for an event id that was used for another review.
    """
    await tx.lock_customers([review.customer])
    stored = await reviews.get_review(tx, review.shop, review.customer[1], review.data.review_id)
    if stored is not None:
        known = await _opened(tx, keys, review.with_data(stored))
        if known.data != (await _as_readable(tx, keys, review)).data:
            raise ReviewDiffers(review.data.review_id)
        return False
    sealed = await _sealed(tx, keys, review, personal=review.data.text is not None)
    await claim(tx, [(sealed, sealed.encode())])
    await reviews.save_review(tx, sealed)
    await tx.announce([sealed])
    return True


async def accept_answer(tx: Transaction, keys: KeyRing, survey: Survey, answer: Answer) -> bool:
    """Store and announce the answer of a survey (FBK-007); False when the very same was given before.

    Raises AlreadyAnswered where another answer was given, KeyMissing.
    """
    await tx.lock_customers([(survey.shop, survey.customer)])
    current = await surveys.get_survey(tx, survey.shop, survey.survey_id) or survey  # as it is under the lock
    event = answered(current, answer, tx.clock.now())
    if current.answered_at is not None and current.stars is not None:
        given = event.with_data(event.data.model_copy(update={"stars": current.stars, "text": current.text}))
        if (await _opened(tx, keys, given)).data != (await _as_readable(tx, keys, event)).data:
            raise AlreadyAnswered(survey.survey_id)
        return False
    sealed = await _sealed(tx, keys, event, personal=answer.text is not None)
    await claim(tx, [(sealed, sealed.encode())])
    await surveys.save_answer(tx, sealed)
    await tx.announce([sealed])
    return True


async def _sealed(tx: Transaction, keys: KeyRing, event: Event[D], *, personal: bool) -> Event[D]:
    """The event with its text encrypted; without it for an erased customer. Raises KeyMissing."""
    found = await keys.keys_for(tx, [event.customer])
    if personal and event.customer not in found:
        raise KeyMissing(event.customer[1])
    return keys.seal_event(event, found.get(event.customer))


async def _opened(tx: Transaction, keys: KeyRing, event: Event[D]) -> Event[D]:
    found = await keys.keys_for(tx, [event.customer])
    return keys.open_event(event, found.get(event.customer))


async def _as_readable(tx: Transaction, keys: KeyRing, event: Event[D]) -> Event[D]:
    """What would be readable had the event been stored: all of it, or without its text for an erased customer."""
    found = await keys.keys_for(tx, [event.customer])
    erased = event.customer in found and found[event.customer] is None
    return keys.open_event(event, None) if erased else event


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

SUBSCRIPTIONS = (
    *KEY_SUBSCRIPTIONS,
    # First: it takes alone the lock that noting orders shares.
    Subscription(on_policies, (SurveyPolicyChanged,)),
    Subscription(on_orders, ORDERS),
    Subscription(on_own_feedback, (SurveyRequested, SurveyAnswered, ReviewSubmitted)),
    Subscription(on_erased_customers, (CustomerErased,)),
)
