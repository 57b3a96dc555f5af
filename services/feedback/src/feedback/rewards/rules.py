"""Whether a review earns a reward, and how much (FBK-047); pure."""

from __future__ import annotations

import unicodedata

from common.events.feedback import RewardClaimed, RewardDecided, RewardEvent
from common.refusals import Conflict, Invalid, NotFound
from common.values.names import BLANK
from common.values.people import is_same_person
from feedback.rewards.policy import ReviewReward
from feedback.standing.rules import Stood
from feedback.tickets.refusals import SecondPersonNeeded


class RewardsOff(Conflict):
    """The shop rewards no reviews."""

    def __init__(self) -> None:
        super().__init__("rewards_off", "The shop rewards no reviews: its policy says so in `review_reward.enabled`.")


class ReviewFallsShort(Invalid):
    """The review has not what the shop's rule asks for."""

    def __init__(self, characters: int, photos: int, rule: ReviewReward) -> None:
        wanted = rule.needs.replace("_", " ")
        super().__init__(
            "review_falls_short",
            f"The review has {characters} characters and {photos} photos; the rule asks for {wanted}, "
            f"the text with at least {rule.least_characters} characters.",
        )


class NothingBought(Conflict):
    """The review is of no completed order of the customer of which anything is still paid."""

    def __init__(self) -> None:
        super().__init__(
            "nothing_bought",
            "The review is of no order of this customer that is completed and paid for: only buyers are rewarded.",
        )


class AlreadyRewarded(Conflict):
    """An order, a review, its words and its photos are rewarded once. `origin`: `claim/<id>` or `content/<id>`."""

    def __init__(self, origin: str) -> None:
        what, _, name = origin.partition("/")
        super().__init__(
            "already_rewarded", f"A reward by the same order, review, words or photo was asked for by {what} {name!r}."
        )


class ClaimDiffers(Conflict):
    """The id was used for another claim."""

    def __init__(self, claim_id: str) -> None:
        super().__init__("claim_differs", f"Claim {claim_id!r} is about something else: give each claim its own id.")


class UnknownClaim(NotFound):
    """The shop has no claim of that id."""

    def __init__(self, claim_id: str) -> None:
        super().__init__("unknown_claim", f"There is no claim {claim_id!r}; GET …/reward-claims lists them.")


class ClaimDecided(Conflict):
    """A claim is decided once."""

    def __init__(self, state: str) -> None:
        super().__init__("claim_decided", f"The claim was {state} before; a decision stands.")


def check_review(text: str | None, photos: int, rule: ReviewReward) -> None:
    """Raises ReviewFallsShort; characters that show are counted by code point (T-4.12)."""
    characters = count_shown(text or "")
    long, shown = characters >= rule.least_characters, photos > 0
    enough = {
        "text_or_photo": long or shown,
        "text_and_photo": long and shown,
        "text": long,
        "photo": shown,
    }[rule.needs]
    if not enough:
        raise ReviewFallsShort(characters, photos, rule)


def count_shown(text: str) -> int:
    """Code points, white space at the ends left out and within counted once; what does not show is not counted."""
    return len(" ".join("".join(c for c in text if unicodedata.category(c) != "Cf" and c not in BLANK).split()))


def reward_of(order: Stood, rule: ReviewReward) -> int:
    """In minor units, half up: 5 % of 199.90 is 10.00 (T-4.11, ORD-003); 0 of an order that does not count."""
    return (order.remaining * rule.per_mille + 500) // 1_000 if order.completed else 0


def claim(
    claim_id: str, review_id: str, order_id: str, amount: int, currency: str, grounds: tuple[str, ...]
) -> RewardClaimed:
    return RewardClaimed(
        claim_id=claim_id,
        review_id=review_id,
        order_id=order_id,
        state="claimed",
        amount=amount,
        currency=currency,
        grounds=grounds,
        revision=1,
    )


def decide(stands: RewardEvent, by: str, *, approves: bool, alone: bool = True) -> RewardEvent:
    """Approved or refused. Where nobody may approve it `alone`, the first of two people has it from now on, and another
    one approves it (SEC-012). Raises ClaimDecided, SecondPersonNeeded."""
    if stands.state != "claimed":
        raise ClaimDecided(stands.state)
    kept = {name: getattr(stands, name) for name in RewardEvent.model_fields} | {"revision": stands.revision + 1}
    if not approves:
        return RewardDecided(**kept | {"state": "refused", "by": by})
    if stands.proposed_by is not None and is_same_person(stands.proposed_by, by):
        raise SecondPersonNeeded
    if stands.proposed_by is None and not alone:
        return RewardClaimed(**kept | {"proposed_by": by})
    return RewardDecided(**kept | {"state": "approved", "by": by})
