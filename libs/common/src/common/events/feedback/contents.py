"""What customers made: submitted, judged, shown."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.events.envelope import EventData
from common.events.feedback.photos import MOST_PHOTOS, Photo
from common.events.fields import (
    Count,
    Currency,
    Identifier,
    Instant,
    Minor,
    PersonalText,
    Revision,
    Text,
)

ContentKind = Literal["usage_note", "buyer_show", "review", "tutorial", "product_test", "ingredients", "guarantee"]
ContentState = Literal["submitted", "approved", "refused", "withdrawn"]
ContentGrade = Literal["A", "B", "C"]
ContentNoReward = Literal["not_a_buyer", "earned_before", "most", "another_person"]


class ContentReward(EventData):
    """What a customer gets for good content, once: `form` says which field holds it (FBK-043). `worth`: to the shop, in
    minor units of `currency`; None where the shop did not say. `by`: whose grade earned it, `proposed_by`: who gave
    that grade first, where it is beyond what one person grants alone. `grounds`: keyed hashes of its review, words and
    photos, each of which earns once."""

    form: Literal["points", "coupon", "gift"]
    points: Count | None = None
    offer_id: Identifier | None = None
    gift: Text | None = None
    worth: Minor | None = None
    currency: Currency | None = None
    by: Text | None = None
    proposed_by: Text | None = None
    at: Instant
    grounds: Annotated[tuple[Text, ...], Field(max_length=MOST_PHOTOS + 2)] = ()


class ContentEvent(EventData):
    """Content about the goods, a customer's or the shop's own, as it stands; the highest revision counts (FBK-042).

    The subject is the customer, None: the shop's own, which has `title` and `link` and names nobody. `as_buyer`: the
    customer bought it, which was checked (FBK-048). `of_leader`: an opinion leader's. `grade`: of what is approved, A
    the best. `reward`: what it earned when it was first graded so well; it stays in later revisions, and membership
    pays it once, and takes it back where `state` is withdrawn. `no_reward`: why its grade earned nothing: the customer
    does not speak as a buyer, the same review, words or photo earned something before, the customer was rewarded as
    often as the shop does, or it is more than one person grants alone: `proposed` is what another one grants by the
    same grade, whatever the shop's rule says by then. `review_id`: the stored review that it is.
    """

    TOPIC: ClassVar[str] = "feedback"
    content_id: Identifier
    kind: ContentKind
    title: Text | None = None
    link: Text | None = None
    text: PersonalText | None = None
    photos: Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)] = ()
    order_id: Identifier | None = None
    sku: Text | None = None
    review_id: Identifier | None = None
    as_buyer: bool = False
    of_leader: bool = False
    source: Text | None = None
    submitted_at: Instant
    state: ContentState = "submitted"
    grade: ContentGrade | None = None
    featured: bool = False
    reason: Text | None = None
    decided_by: Text | None = None
    decided_at: Instant | None = None
    reward: ContentReward | None = None
    no_reward: ContentNoReward | None = None
    proposed: ContentReward | None = None
    revision: Revision = 0


class ContentSubmitted(ContentEvent):
    TYPE: ClassVar[str] = "ugc.submitted"
    RANK: ClassVar[int] = 370


class ContentChanged(ContentEvent):
    """Refused, or withdrawn."""

    TYPE: ClassVar[str] = "ugc.changed"
    RANK: ClassVar[int] = 371


class ContentApproved(ContentEvent):
    """Approved, or graded anew."""

    TYPE: ClassVar[str] = "ugc.approved"
    RANK: ClassVar[int] = 372
