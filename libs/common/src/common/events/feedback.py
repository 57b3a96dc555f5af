"""Events that feedback publishes on `feedback`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.events.customers import ErasureConfirmed
from common.events.envelope import EventData, NewVersion
from common.events.fields import (
    MAX_PERSONAL,
    MAX_SEALED,
    SEALED,
    Count,
    Currency,
    Identifier,
    Instant,
    Minor,
    Personal,
    PersonalText,
    Revision,
    Text,
    check_identifier,
)

Stars = Annotated[int, Field(ge=1, le=5, strict=True)]
Score = Annotated[int, Field(ge=0, le=10, strict=True, description="0 to 10; the question says which of them it takes")]
MOST_PHOTOS = 20
MOST_ANSWERS = 50
MOST_CHOICES = 50
MOST_ITEMS = 30
"""Of a ticket's checklist."""
SurveyKind = Literal[
    "usage",
    "unboxing",
    "csat",
    "nps",
    "leave_reason",
    "latent_need",
    "poll",
    "agent_rating",
    "resolution",
]
"""What a survey is about: usage FBK-007, unboxing FBK-017, csat in three parts FBK-003, nps ANA-035, leave reasons
FBK-016, latent needs FBK-005, poll FBK-015, rating of an agent FBK-010, resolution of a ticket FBK-036."""


def check_photo(reference: str) -> str:
    """A photo's https address, or its id in the shop's own store. Raises ValueError."""
    if reference.startswith("https://"):
        if len(reference) > MAX_PERSONAL or not reference.isprintable() or " " in reference:
            raise ValueError(f"a photo's address has at most {MAX_PERSONAL} characters, without white space")
        return reference
    return check_identifier(reference)


def _photo(reference: str) -> str:
    return reference if reference.startswith(SEALED) else check_photo(reference)


Photo = Annotated[
    str,
    Personal(),
    AfterValidator(_photo),
    Field(max_length=MAX_SEALED, description="an https address or an id; personal: travels encrypted"),
]


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


class SurveyRequested(EventData):
    """feedback asks, messaging sends. `answer_url` is the signed link of the answer page.

    `form_id`, `form_version`: which form, and the version of the shop's policy that it stands in; 0: the one that every
    shop has. `order_id`, `ticket_id`, `agent`: what the survey is about; None where it is about none.
    """

    TYPE: ClassVar[str] = "survey.requested"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 310
    survey_id: Identifier
    kind: SurveyKind = "usage"
    form_id: Identifier = "usage"
    form_version: Count = 0
    order_id: Identifier | None = None
    ticket_id: Identifier | None = None
    agent: Text | None = None
    answer_url: Text
    cause_at: Instant  # when what it asks about happened plus its wait: staleness counts from here


class QuestionAnswer(BaseModel):
    """The answer to one question: a score, choices by their ids, or text; text is personal, and gone once erased."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    question: Identifier
    score: Score | None = None
    choices: Annotated[tuple[Identifier, ...], Field(max_length=MOST_CHOICES)] = ()
    text: PersonalText | None = None


class SurveyAnswered(EventData):
    """The answers to a survey, one for each question that was answered; questions do not repeat."""

    TYPE: ClassVar[str] = "survey.answered"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 320
    survey_id: Identifier
    kind: SurveyKind = "usage"
    form_id: Identifier = "usage"
    form_version: Count = 0
    order_id: Identifier | None = None
    ticket_id: Identifier | None = None
    agent: Text | None = None
    answers: Annotated[tuple[QuestionAnswer, ...], Field(min_length=1, max_length=MOST_ANSWERS)]

    @model_validator(mode="after")
    def _questions_differ(self) -> Self:
        questions = [answer.question for answer in self.answers]
        if len(set(questions)) != len(questions):
            raise ValueError("answers: each question has one answer")
        return self


TicketKind = Literal["complaint", "quality", "return", "exchange", "delivery", "question", "suggestion"]
Priority = Literal["urgent", "high", "normal"]
TicketState = Literal["open", "in_progress", "waiting", "resolved"]
"""`open`: nobody has answered yet. `waiting`: the customer was asked for something."""
TicketAction = Literal[
    "opened",
    "answer",
    "ask",
    "customer_said",
    "note",
    "assign",
    "prioritise",
    "promise",
    "promise_kept",
    "overdue",
    "resolve",
    "reopen",
    "rate",
    "compensate",
    "approve",
    "refuse",
    "check",
]
Overdue = Literal["response", "resolution", "promise"]
Outcome = Literal["solved", "refunded", "replaced", "explained", "rejected", "withdrawn"]


ClaimReason = Literal["rotten", "not_fresh", "damaged", "defect", "missing", "wrong_item", "other"]
CompensationKind = Literal["refund", "reship", "points", "coupon"]
CompensationState = Literal["claimed", "proposed", "granted", "refused"]
"""`claimed`: a photo is missing. `proposed`: somebody has yet to approve it, another person than who proposed it."""


class Compensation(EventData):
    """What a customer gets for what went wrong, worth `amount` (FBK-029, FBK-030); whoever pays it out reads `granted`.

    `proposed_by`: the agent, None: the customer's own claim. `decided_by`: None where it was granted by the shop's
    rule, which `automatic` says. `without_return`: the goods stay with the customer. `photo_seen`: one of its photos
    was given with another ticket of the shop before, so that a person looks at it.
    """

    kind: CompensationKind
    amount: Minor
    currency: Currency
    state: CompensationState
    proposed_by: Text | None = None
    decided_by: Text | None = None
    decided_at: Instant | None = None
    automatic: bool = False
    without_return: bool = False
    photo_seen: bool = False


class ChecklistItem(EventData):
    """A point of the shop's standard for tickets of this kind, as it stood when the ticket was opened (FBK-038)."""

    item_id: Identifier
    words: Text
    required: bool = True
    done_by: Text | None = None
    done_at: Instant | None = None


class TicketPromise(EventData):
    """What the customer was promised, and by when (FBK-028)."""

    what: PersonalText | None = None
    by: Instant
    kept_at: Instant | None = None


class TicketEntry(EventData):
    """What was done with a ticket; `by` is the person, None: the customer, or the service when something fell due."""

    entry_id: Identifier
    action: TicketAction
    by: Text | None = None
    text: PersonalText | None = None


class TicketEvent(EventData):
    """A ticket as it stands, and the entry that made it so; the highest revision of a ticket counts (FBK-027, FBK-041).

    `respond_by`, `resolve_by`: its clocks, by the shop's policy. `overdue`: those of its dues that passed unmet.
    `answers` counts what agents told the customer. `pauses_marketing`: no marketing for the customer while it is open.
    `free_return`: of a return or an exchange, whether the customer's tier had it for free when it was opened (FBK-031).
    """

    TOPIC: ClassVar[str] = "feedback"
    ticket_id: Identifier
    kind: TicketKind
    state: TicketState
    priority: Priority
    source: Text | None = None
    order_id: Identifier | None = None
    sku: Text | None = None
    text: PersonalText | None = None
    photos: Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)] = ()
    owner: Text | None = None
    opened_at: Instant
    respond_by: Instant
    resolve_by: Instant
    answered_at: Instant | None = None
    resolved_at: Instant | None = None
    answers: Count = 0
    reopened: Count = 0
    reopened_at: Instant | None = None
    promise: TicketPromise | None = None
    overdue: tuple[Overdue, ...] = ()
    outcome: Outcome | None = None
    rating: Stars | None = None
    pauses_marketing: bool = False
    free_return: bool | None = None
    reason: ClaimReason | None = None
    compensation: Compensation | None = None
    checklist: Annotated[tuple[ChecklistItem, ...], Field(max_length=MOST_ITEMS)] = ()
    entry: TicketEntry
    revision: Revision = 0


class ComplaintOpened(TicketEvent):
    TYPE: ClassVar[str] = "complaint.opened"
    RANK: ClassVar[int] = 330


class ComplaintChanged(TicketEvent):
    """Anything but its opening, its end and its opening again."""

    TYPE: ClassVar[str] = "complaint.changed"
    RANK: ClassVar[int] = 331


class ComplaintResolved(TicketEvent):
    TYPE: ClassVar[str] = "complaint.resolved"
    RANK: ClassVar[int] = 332


class ComplaintReopened(TicketEvent):
    TYPE: ClassVar[str] = "complaint.reopened"
    RANK: ClassVar[int] = 333


class RewardEvent(EventData):
    """A customer's claim of a reward for a review, as it stands; the highest revision counts (FBK-047).

    `amount`: what is paid out once approved, a share of what was paid for the order's goods and not refunded, as of the
    claim. It never depends on the stars. `by`: who decided.
    """

    TOPIC: ClassVar[str] = "feedback"
    claim_id: Identifier
    review_id: Identifier
    order_id: Identifier
    state: Literal["claimed", "approved", "refused"]
    amount: Minor
    currency: Currency
    by: Text | None = None
    revision: Revision = 0


class RewardClaimed(RewardEvent):
    TYPE: ClassVar[str] = "reward.claimed"
    RANK: ClassVar[int] = 340


class RewardDecided(RewardEvent):
    """Approved or refused by a person; whoever pays out reads `approved`."""

    TYPE: ClassVar[str] = "reward.decided"
    RANK: ClassVar[int] = 341


class LeaveReasonGiven(EventData):
    """Why a customer stopped buying, by the choice of a survey that asked it (FBK-016): a win-back of that kind begins
    here. `reason`: the option's id, of the built-in form service, nobody_cares, cheaper_price, better_product or other.
    """

    TYPE: ClassVar[str] = "leave_reason.given"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 321
    survey_id: Identifier
    reason: Identifier


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


StaffTaskKind = Literal["call", "letter", "gift", "visit", "training", "event", "improvement", "other"]
StaffTaskOutcome = Literal["done", "not_reached", "failed", "not_needed"]


class StaffTaskEvent(EventData):
    """Something that a person of the shop must do, as it stands; the highest revision counts (XCT-003).

    The subject is the customer it is about, None: the shop's own. `topic`: of an improvement, what customers speak ill
    of (FBK-020), and `measure` what was changed for it (FBK-021); neither names anybody. `text` is what the person
    should know of the customer, `remark` what came of it. `owner`: a person or a department.
    """

    TOPIC: ClassVar[str] = "feedback"
    task_id: Identifier
    kind: StaffTaskKind
    title: Text
    text: PersonalText | None = None
    topic: Text | None = None
    order_id: Identifier | None = None
    ticket_id: Identifier | None = None
    requested_by: Text | None = None
    requested_at: Instant
    owner: Text | None = None
    due_at: Instant
    state: Literal["open", "ended"] = "open"
    outcome: StaffTaskOutcome | None = None
    measure: Text | None = None
    remark: PersonalText | None = None
    ended_by: Text | None = None
    ended_at: Instant | None = None
    revision: Revision = 0


class StaffTaskRequested(StaffTaskEvent):
    TYPE: ClassVar[str] = "task.requested"
    RANK: ClassVar[int] = 360


class StaffTaskChanged(StaffTaskEvent):
    """Another owner, or another due time."""

    TYPE: ClassVar[str] = "task.changed"
    RANK: ClassVar[int] = 361


class StaffTaskDone(StaffTaskEvent):
    """It is over; `outcome` says whether it was done."""

    TYPE: ClassVar[str] = "task.done"
    RANK: ClassVar[int] = 362


ContentKind = Literal["usage_note", "buyer_show", "review", "tutorial", "product_test", "ingredients", "guarantee"]
ContentState = Literal["submitted", "approved", "refused", "withdrawn"]
ContentGrade = Literal["A", "B", "C"]


class ContentReward(EventData):
    """What a customer gets for good content, once: `form` says which field holds it (FBK-043)."""

    form: Literal["points", "coupon", "gift"]
    points: Count | None = None
    offer_id: Identifier | None = None
    gift: Text | None = None
    at: Instant


class ContentEvent(EventData):
    """Content about the goods, a customer's or the shop's own, as it stands; the highest revision counts (FBK-042).

    The subject is the customer, None: the shop's own, which has `title` and `link` and names nobody. `as_buyer`: the
    customer bought it, which was checked (FBK-048). `of_leader`: an opinion leader's. `grade`: of what is approved, A
    the best. `reward`: what it earned when it was first graded so well; it stays in later revisions, and membership
    pays it once.
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


class PhotoStored(EventData):
    """A photo of the customer is kept by feedback, encrypted with their key; reviews, tickets and content name it by
    `photo_id` (FBK-040).

    `stored_as`: under which name its bytes lie; `digest`: a keyed hash of them. `fingerprint`: 64 bits in hex that near
    copies share, of which no picture can be made; None of a picture of one colour.
    """

    TYPE: ClassVar[str] = "photo.stored"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 295
    photo_id: Identifier
    stored_as: Text
    content_type: Annotated[Text, Field(pattern=r"^image/[a-z]{3,10}$")]
    size: Count
    width: Count
    height: Count
    digest: Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")]
    fingerprint: Annotated[Text, Field(pattern=r"^[0-9a-f]{16}$")] | None = None


class SurveyPolicyChanged(NewVersion):
    """A new version of the shop's rules of asking, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "survey_policy.changed"
    TOPIC: ClassVar[str] = "feedback"
    policy: dict[str, Any]


class FeedbackErased(ErasureConfirmed):
    TYPE: ClassVar[str] = "feedback.customer_erased"
    TOPIC: ClassVar[str] = "feedback"
