"""Rewards for reviews as they are claimed and decided, under the customer's lock (FBK-047)."""

from __future__ import annotations

from common.crypto.keys import KeyRing
from common.events import CustomerKey, Event, fact_id
from common.events.feedback import ReviewSubmitted, RewardEvent
from common.people.store import get_people, lock_survivors
from common.refusals import NotFound
from common.shops.settings import get_shop
from common.storage.database import Transaction
from common.values.people import is_named_alike
from feedback.commands.earning import assert_not_the_customer, claim_origin, get_grounds, settle_claim
from feedback.commands.granting import as_granted
from feedback.commands.names import hold_name
from feedback.commands.sealing import opened
from feedback.earned.store import find_earned
from feedback.orders.store import get_persons_order
from feedback.policy.state import in_force
from feedback.policy.store import get_versions
from feedback.reviews.store import get_review
from feedback.rewards import rules, store
from feedback.tickets.compensation import Circumstances, within_agents_limit


class UnknownReview(NotFound):
    """The customer has no review of that id."""

    def __init__(self, review_id: str) -> None:
        super().__init__("unknown_review", f"The customer has no review {review_id!r}; GET …/reviews lists them.")


async def claim_reward(
    tx: Transaction, keys: KeyRing, customer: CustomerKey, claim_id: str, review_id: str
) -> tuple[RewardEvent, bool]:
    """Claim a reward for a review; idempotent by the claim's id: False beside a claim that was made before.

    Raises RewardsOff, UnknownReview, NothingBought, ReviewFallsShort, AlreadyRewarded and ClaimDiffers.
    """
    shop, now = customer[0], tx.clock.now()
    await hold_name(tx, shop, "reward claim", claim_id)
    await lock_survivors(tx, [customer])
    # Of the person, under all identifiers (ORD-040): an order is rewarded once, whoever is absorbed by whom.
    people = (await get_people(tx, [customer]))[customer]
    claims = [claim for one in people for claim in await store.get_customers_claims(tx, one)]
    if await store.CLAIMS.get(tx, shop, claim_id) is not None:
        mine = next((one for one in claims if one.claim_id == claim_id and one.review_id == review_id), None)
        if mine is None:
            raise rules.ClaimDiffers(claim_id)
        return mine, False
    rule = in_force((await get_versions(tx, [shop]))[shop], now).policy.review_reward
    if not rule.enabled:
        raise rules.RewardsOff
    found = [
        (one, stored) for one in [customer, *people] if (stored := await get_review(tx, *one, review_id)) is not None
    ]
    if not found:
        raise UnknownReview(review_id)
    (_, writer), written = found[0]
    told: Event[ReviewSubmitted] = Event(review_id, f"/shops/{shop}/feedback", shop, writer, now, written)
    review = (await opened(tx, keys, told)).data
    order_id = review.order_id
    order = None if order_id is None else await get_persons_order(tx, customer, order_id)
    if order_id is None or order is None or not (amount := rules.reward_of(order, rule)):
        raise rules.NothingBought
    for other in claims:
        if other.state != "refused" and (other.order_id == order_id or other.review_id == review_id):
            raise rules.AlreadyRewarded(claim_origin(other.claim_id))
    rules.check_review(review.text, len(review.photos), rule)
    grounds = await get_grounds(tx, keys, customer, review.text, review.photos, review_id)
    if (earned := await find_earned(tx, shop, grounds.known_as, claim_origin(claim_id))) is not None:
        raise rules.AlreadyRewarded(earned)
    made = rules.claim(claim_id, review_id, order_id, amount, order.currency, grounds.own)
    await _announce(tx, customer, made)
    return made, True


async def decide_claim(
    tx: Transaction, shop: str, claim_id: str, by: str, *, approves: bool
) -> tuple[str, RewardEvent]:
    """A person approves or refuses a claim; the very same again changes nothing. The customer, and the claim.

    What was refunded since is not rewarded: the amount is at most what the rule of the claim's day gives now. Beyond
    what one person grants alone it stays claimed until another one approves it, too (SEC-012).
    Raises UnknownClaim, ClaimDecided, OwnWord where the customer approves, SecondPersonNeeded where the first of two
    people is the second, and NothingBought where nothing remains to be rewarded.
    """
    found = await store.CLAIMS.get(tx, shop, claim_id)
    if found is None or found.customer is None:
        raise rules.UnknownClaim(claim_id)
    customer = shop, found.customer
    await lock_survivors(tx, [customer])
    [stands] = [one for one in await store.get_customers_claims(tx, customer) if one.claim_id == claim_id]
    if stands.state == ("approved" if approves else "refused") and is_named_alike(stands.by, by):
        return customer[1], stands
    if approves and stands.state == "claimed" and stands.proposed_by and is_named_alike(stands.proposed_by, by):
        return customer[1], stands
    alone = True
    if approves and stands.state == "claimed":
        assert_not_the_customer((await get_people(tx, [customer]))[customer], by)
        stands = await _as_it_stands(tx, customer, stands)
        alone = await _may_alone(tx, customer, stands, by)
    made = rules.decide(stands, by, approves=approves, alone=alone)
    await _announce(tx, customer, made)
    return customer[1], made


async def _may_alone(tx: Transaction, customer: CustomerKey, claim: RewardEvent, by: str) -> bool:
    """Whether this person may approve the claim without another one."""
    shop, now = customer[0], tx.clock.now()
    settings = (await get_shop(tx, shop)).at(now)
    limits = in_force((await get_versions(tx, [shop]))[shop], now).policy.tickets.compensation
    people, origin = (await get_people(tx, [customer]))[customer], claim_origin(claim.claim_id)
    seen = Circumstances(settings.currency)
    seen = await as_granted(tx, people, by, origin, claim.order_id, seen, limits, settings, now)
    return within_agents_limit(claim.amount, claim.currency, limits, seen)


async def _as_it_stands(tx: Transaction, customer: CustomerKey, claim: RewardEvent) -> RewardEvent:
    claimed_at = await store.get_claimed_at(tx, customer, claim.claim_id)
    rule = in_force((await get_versions(tx, [customer[0]]))[customer[0]], claimed_at).policy.review_reward
    order = await get_persons_order(tx, customer, claim.order_id)
    amount = 0 if order is None or order.currency != claim.currency else rules.reward_of(order, rule)
    if not amount:
        raise rules.NothingBought
    return claim.having(amount=min(claim.amount, amount))


async def _announce(tx: Transaction, customer: CustomerKey, data: RewardEvent) -> None:
    shop, name = customer
    event = Event(
        id=fact_id(f"reward/{data.claim_id}/{data.revision}", data.TYPE, shop, name, 0),
        source=f"/shops/{shop}/feedback",
        shop=shop,
        subject=name,
        time=tx.clock.now(),
        data=data,
    )
    await store.CLAIMS.save(tx, event)
    await settle_claim(tx, shop, data)
    await tx.announce([event])
