"""Content as it is submitted and moderated; each step once, announced whole (FBK-042 to FBK-048)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from common.crypto.keys import KeyRing
from common.events import CustomerKey, Event
from common.events.feedback import ContentEvent
from common.events.orders import OrderRefunded
from common.people.store import get_people, lock_survivors
from common.shops.settings import get_shop
from common.storage.database import Transaction
from feedback.commands.earning import assert_not_the_customer, content_origin, get_grounds, settle_content
from feedback.commands.granting import as_granted
from feedback.commands.revisions import Steps
from feedback.commands.rewards import UnknownReview
from feedback.commands.sealing import assert_not_erased, opened
from feedback.earned.store import find_earned
from feedback.orders.store import get_inputs, get_stood
from feedback.policy.state import in_force
from feedback.policy.store import get_versions
from feedback.reviews.store import get_review
from feedback.rewards.rules import count_shown
from feedback.tickets.compensation import Circumstances, within_agents_limit
from feedback.ugc import rules
from feedback.ugc.store import CONTENTS, count_rewarded

Told = tuple[str | None, ContentEvent, bool]
"""The customer, None: the shop's own; the content as it stands, readable; whether this is new."""


STEPS = Steps(CONTENTS, "content", "content")


async def submit(tx: Transaction, keys: KeyRing, shop: str, customer: str | None, new: rules.NewContent) -> Told:
    """Submit content; idempotent by its id.

    Raises ContentDiffers, ContentUnfit, NotABuyer, UnknownCustomer and CustomerErased.
    """
    found = await STEPS.hold(tx, shop, new.content_id)
    if found is not None:
        if found.customer != customer or not await STEPS.begun_as(tx, keys, shop, customer, new.content_id, new):
            raise rules.ContentDiffers(new.content_id)
        return customer, await STEPS.readable(tx, keys, shop, customer, found.data), False
    made = rules.submitted(new, customer, count_shown(new.text or ""), tx.clock.now())
    if customer is not None:
        await tx.lock_customers([(shop, customer)])
        await assert_not_erased(tx, keys, (shop, customer))
        if new.as_buyer and not await _bought(tx, shop, customer, new.order_id or "", new.sku):
            raise rules.NotABuyer
    await STEPS.announce(tx, keys, shop, customer, made)
    return customer, made, True


async def submit_review(
    tx: Transaction, keys: KeyRing, shop: str, customer: str, review_id: str, told: rules.NewContent
) -> Told:
    """Submit a review that is stored here as content: its words, photos, order and product are the review's.

    `told`: the rest. Raises UnknownReview, and what `submit` raises.
    """
    stored = await get_review(tx, shop, customer, review_id)
    if stored is None:
        raise UnknownReview(review_id)
    event = Event(review_id, f"/shops/{shop}/feedback", shop, customer, tx.clock.now(), stored)
    review = (await opened(tx, keys, event)).data
    of_review = {name: getattr(review, name) for name in ("text", "photos", "order_id", "sku", "source")}
    return await submit(tx, keys, shop, customer, replace(told, kind="review", review_id=review_id, **of_review))


async def decide(tx: Transaction, keys: KeyRing, shop: str, content_id: str, verdict: rules.Verdict) -> Told:
    """A person approves, refuses or withdraws content; the very same again changes nothing. What is approved with a
    good grade may earn something, once (FBK-043).

    Raises UnknownContent, ContentStands, ContentUnfit; of what is approved OwnWord where the customer says so,
    OrderCameBack where the buyer's order was closed or taken back since, CustomerErased where somebody was erased.
    """
    found = await STEPS.hold(tx, shop, content_id)
    if found is None:
        raise rules.UnknownContent(content_id)
    customer, stored = found
    stands, now = await STEPS.readable(tx, keys, shop, customer, stored), tx.clock.now()
    earning = rules.Earning(stands.reward)
    if customer is not None:
        await lock_survivors(tx, [(shop, customer)])
        if verdict.decision == "approve":
            await assert_not_erased(tx, keys, (shop, customer))
            assert_not_the_customer((await get_people(tx, [(shop, customer)]))[shop, customer], verdict.by)
            earning = await _earning(tx, keys, (shop, customer), stands, verdict)
    made = rules.decided(stands, verdict, now, earning)
    if made is None:
        return customer, stands, False
    if (
        customer is not None
        and verdict.decision == "approve"
        and stands.as_buyer
        and not await _bought(tx, shop, customer, stands.order_id or "", stands.sku)
    ):
        raise rules.OrderCameBack(stands.order_id)
    await STEPS.announce(tx, keys, shop, customer, made)
    await settle_content(tx, shop, made)
    return customer, made, True


async def _earning(
    tx: Transaction, keys: KeyRing, customer: CustomerKey, stands: ContentEvent, verdict: rules.Verdict
) -> rules.Earning:
    """What content of a customer, who is locked, earns by this verdict (FBK-043)."""
    shop, now = customer[0], tx.clock.now()
    policy = in_force((await get_versions(tx, [shop]))[shop], now).policy
    rule = policy.content_rewards
    people = (await get_people(tx, [customer]))[customer]
    grounds = await get_grounds(tx, keys, customer, stands.text, stands.photos, stands.review_id)
    origin, settings = content_origin(stands.content_id), (await get_shop(tx, shop)).at(now)
    earned_before = await find_earned(tx, shop, grounds.known_as, origin) is not None
    earned, alone = rule.grades.get(verdict.grade) if verdict.grade is not None else None, True
    if earned is not None:
        limits, seen = policy.tickets.compensation, Circumstances(settings.currency)
        seen = await as_granted(tx, people, verdict.by, origin, stands.order_id, seen, limits, settings, now)
        alone = earned.worth is not None and within_agents_limit(earned.worth, settings.currency, limits, seen)
    return rules.earning_of(
        stands,
        verdict,
        rule,
        now,
        rewarded_before=await count_rewarded(tx, people, now - timedelta(days=rule.days)),
        currency=settings.currency,
        alone=alone,
        grounds=grounds.own,
        earned_before=earned_before,
    )


async def _bought(tx: Transaction, shop: str, customer: str, order_id: str, sku: str | None) -> bool:
    """Whether the person paid for that order, under any identifier, with that product, and it is not void."""
    for one in (await get_people(tx, [(shop, customer)]))[shop, customer]:
        order = await get_stood(tx, (*one, order_id))
        if order is None or order.void or not order.remaining:
            continue
        if sku is None:
            return True
        versions = [i.body for i in await get_inputs(tx, [(*one, order_id)]) if not isinstance(i.body, OrderRefunded)]
        if any(line.sku == sku for version in versions for line in version.lines):
            return True
    return False
