"""Reviews, what they say, and rewards for them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.events.envelope import EventData
from common.events.feedback.photos import MOST_PHOTOS, Photo
from common.events.fields import (
    Currency,
    Identifier,
    Minor,
    PersonalText,
    Revision,
    Text,
)

Stars = Annotated[int, Field(ge=1, le=5, strict=True)]


class ReviewSubmitted(EventData):
    """A review of an order or a product (FBK-011); free text and photos are personal. No photo is fetched.

    `dsr_goods`, `dsr_service`, `dsr_shipping`: the DSR scores for goods as described, service and shipping.
    """

    TYPE: ClassVar[str] = "review.submitted"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 300
    review_id: Identifier
    order_id: Identifier | None = None
    sku: Text | None = None
    stars: Stars | None = None
    dsr_goods: Stars | None = None
    dsr_service: Stars | None = None
    dsr_shipping: Stars | None = None
    text: PersonalText | None = None
    photos: Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)] = ()
    source: Text | None = None


class RewardEvent(EventData):
    """A customer's claim of a reward for a review, as it stands; the highest revision counts (FBK-047).

    `amount`: what is paid out once approved, a share of what was paid for the order's goods and not refunded, as of the
    claim. It never depends on the stars. `proposed_by`: who would approve it, where it is beyond what one person grants
    alone: it is claimed until another one decides. `by`: who decided. `grounds`: keyed hashes of the review, its words
    and photos, each of which earns once.
    """

    TOPIC: ClassVar[str] = "feedback"
    claim_id: Identifier
    review_id: Identifier
    order_id: Identifier
    state: Literal["claimed", "approved", "refused"]
    amount: Minor
    currency: Currency
    proposed_by: Text | None = None
    by: Text | None = None
    grounds: Annotated[tuple[Text, ...], Field(max_length=MOST_PHOTOS + 2)] = ()
    revision: Revision = 0


class RewardClaimed(RewardEvent):
    """It waits for a decision, perhaps that of a second person."""

    TYPE: ClassVar[str] = "reward.claimed"
    RANK: ClassVar[int] = 340


class RewardDecided(RewardEvent):
    """Approved or refused by a person; whoever pays out reads `approved`."""

    TYPE: ClassVar[str] = "reward.decided"
    RANK: ClassVar[int] = 341


class SignalsNoted(EventData):
    """What a customer's text shows of their buyer type (FBK-023): a purpose or story of the purchase, haggling, or
    asking for praise. `source` and `name`: of which review, survey or ticket, `part`: the survey's question. `reader`:
    which version of the words found them. No word of the text is told.
    """

    TYPE: ClassVar[str] = "signals.noted"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 350
    source: Literal["review", "answer", "ticket"]
    name: Identifier
    part: Text | None = None
    signals: Annotated[tuple[Literal["story", "haggling", "praise_seeking"], ...], Field(min_length=1, max_length=3)]
    reader: Text
