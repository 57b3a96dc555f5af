"""Content about the goods: submitted, approved with a grade or refused, withdrawn, selected to be shown; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from common.events.feedback import (
    ContentApproved,
    ContentChanged,
    ContentEvent,
    ContentGrade,
    ContentKind,
    ContentNoReward,
    ContentReward,
    ContentSubmitted,
)
from common.refusals import Conflict, Invalid, NotFound
from common.values.people import is_named_alike, is_same_person
from feedback.ugc.policy import ContentRewards

Decision = Literal["approve", "refuse", "withdraw"]
Reader = Literal["anybody", "opinion_led", "cautious"]
OF_THE_SHOP: tuple[ContentKind, ...] = ("tutorial", "product_test", "ingredients", "guarantee")
"""Kinds that the shop itself may put into its library (FBK-045)."""
SHOWN_TO: dict[Reader, tuple[ContentKind, ...]] = {
    "anybody": ("review", "buyer_show", "usage_note", *OF_THE_SHOP),
    "opinion_led": ("buyer_show", "review", "usage_note"),
    "cautious": ("guarantee", "product_test", "ingredients", "review"),
}
"""What is shown to whom, by kind, the first first (FBK-046)."""


class UnknownContent(NotFound):
    """There is no content of that id."""

    def __init__(self, content_id: str) -> None:
        super().__init__("unknown_content", f"There is no content {content_id!r}; GET …/ugc lists it.")


class ContentDiffers(Conflict):
    """Content of that id says something else."""

    def __init__(self, content_id: str) -> None:
        super().__init__(
            "content_differs",
            f"Content {content_id} was submitted before with other words: give the new one its own id.",
        )


class NotABuyer(Conflict):
    """Only who bought a product speaks of it as its buyer (FBK-048)."""

    def __init__(self) -> None:
        super().__init__(
            "not_a_buyer",
            "The customer has no paid order of that id with that product, or it was closed or taken back: give the "
            "`order_id` of one, or submit it without `as_buyer`.",
        )


class OrderCameBack(Conflict):
    """The order that a buyer speaks of was closed or taken back since it was submitted (FBK-048)."""

    def __init__(self, order_id: str | None) -> None:
        super().__init__(
            "order_came_back",
            f"Order {order_id!r} was closed or taken back since, so the customer is no buyer of it any more: refuse or "
            "withdraw the content.",
        )


class ContentStands(Conflict):
    """What is ordered does not follow from how the content stands."""

    def __init__(self, state: str, decision: str) -> None:
        super().__init__(
            "content_stands", f"It is {state}: what is submitted is approved or refused, what is approved withdrawn."
        )
        self.decision = decision


class ContentUnfit(Invalid):
    """What is told does not fit together."""

    def __init__(self, detail: str) -> None:
        super().__init__("content_unfit", detail)


@dataclass(frozen=True, slots=True)
class NewContent:
    """What is told of content when it is submitted."""

    content_id: str
    kind: ContentKind
    title: str | None = None
    link: str | None = None
    text: str | None = None
    photos: tuple[str, ...] = ()
    order_id: str | None = None
    sku: str | None = None
    review_id: str | None = None
    as_buyer: bool = False
    of_leader: bool = False
    source: str | None = None

    def says_the_same(self, first: ContentEvent) -> bool:
        return all(getattr(first, name) == value for name, value in asdict(self).items())


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason`: why it was refused or withdrawn; names nobody."""

    decision: Decision
    by: str
    grade: ContentGrade | None = None
    featured: bool = False
    reason: str | None = None


def submitted(new: NewContent, customer: str | None, shown: int, at: datetime) -> ContentSubmitted:
    """`shown`: characters of the text that show. Raises ContentUnfit."""
    if customer is None:
        if new.kind not in OF_THE_SHOP:
            raise ContentUnfit(f"Content of kind {new.kind!r} is a customer's: name the `customer`.")
        if new.text is not None or new.photos or new.as_buyer:
            raise ContentUnfit("The shop's own content has a `title` and a `link`; text and photos are customers'.")
        if new.title is None or new.link is None:
            raise ContentUnfit("The shop's own content needs a `title` and a `link`.")
    elif not shown and not new.photos:
        raise ContentUnfit("A customer's content needs `text` with characters that show, or `photos`.")
    if new.kind == "guarantee" and customer is not None:
        raise ContentUnfit("A guarantee is the shop's own.")
    if new.as_buyer and new.order_id is None:
        raise ContentUnfit("Who posts as a buyer names the `order_id`.")
    return ContentSubmitted(**asdict(new), submitted_at=at, revision=1)


@dataclass(frozen=True, slots=True)
class Earning:
    """What content may earn now, and why not; `proposed`: what another person may grant."""

    reward: ContentReward | None = None
    no_reward: ContentNoReward | None = None
    proposed: ContentReward | None = None


def proposal_of(stands: ContentEvent, verdict: Verdict) -> ContentReward | None:
    """What another person proposed, and this verdict grants by the same grade (SEC-012)."""
    found = stands.proposed if verdict.decision == "approve" and stands.grade == verdict.grade else None
    return None if found is None or found.by is None or is_same_person(found.by, verdict.by) else found


def earning_of(
    stands: ContentEvent,
    verdict: Verdict,
    rules: ContentRewards,
    at: datetime,
    *,
    rewarded_before: int,
    currency: str,
    alone: bool = True,
    grounds: tuple[str, ...] = (),
    earned_before: bool = False,
) -> Earning:
    """What the content has earned, or earns by this verdict; once, however often it is graded (FBK-043).

    `rewarded_before`: how much of the customer's was rewarded within the rules' days. `alone`: whether one person may
    grant what it earns by the rules; else it is proposed, and earned once another one gives the same grade, whatever
    the rules say by then (SEC-012). `grounds`: of its words,
    photos and review, by one of which something else was earned where `earned_before`. `currency`: the shop's.
    """
    earned = rules.grades.get(verdict.grade) if verdict.decision == "approve" and verdict.grade is not None else None
    proposal = proposal_of(stands, verdict)
    if stands.reward is not None or (earned is None and proposal is None):
        return Earning(stands.reward)
    if rules.buyers_only and not stands.as_buyer:
        return Earning(no_reward="not_a_buyer")
    if earned_before:
        return Earning(no_reward="earned_before")
    if rewarded_before >= rules.most:
        return Earning(no_reward="most")
    if proposal is not None:
        return Earning(proposal.having(by=verdict.by, proposed_by=proposal.by, at=at, grounds=grounds))
    assert earned is not None
    own = ContentReward(**earned.model_dump(), currency=currency, by=verdict.by, at=at)
    if not alone:
        return Earning(no_reward="another_person", proposed=own)
    return Earning(own.having(grounds=grounds))


def decided(
    stands: ContentEvent, verdict: Verdict, at: datetime, earning: Earning | None = None
) -> ContentEvent | None:
    """The content once that was decided, with what it has earned; None where it stands so. Raises ContentStands,
    ContentUnfit."""
    if verdict.decision == "approve" and verdict.grade is None:
        raise ContentUnfit("Who approves gives a `grade`: A, B or C.")
    if verdict.decision != "approve" and (verdict.grade is not None or verdict.featured):
        raise ContentUnfit("Only what is approved has a grade and is featured.")
    state = {"approve": "approved", "refuse": "refused", "withdraw": "withdrawn"}[verdict.decision]
    told: dict[str, Any] = {
        "state": state,
        "grade": verdict.grade,
        "featured": verdict.featured,
        "reason": verdict.reason,
    }
    alike = is_named_alike(stands.decided_by, verdict.by)
    if alike and all(getattr(stands, name) == value for name, value in told.items()):
        return None
    # Approved content may be graded anew.
    before = {"approve": ("submitted", "approved"), "refuse": ("submitted",), "withdraw": ("submitted", "approved")}
    if stands.state not in before[verdict.decision]:
        raise ContentStands(stands.state, verdict.decision)
    kept = {name: getattr(stands, name) for name in ContentEvent.model_fields}
    kind = ContentApproved if verdict.decision == "approve" else ContentChanged
    earning = earning or Earning(stands.reward)
    gained = {"reward": earning.reward, "no_reward": earning.no_reward, "proposed": earning.proposed}
    return kind(**kept | told | gained | {"decided_by": verdict.by, "decided_at": at, "revision": stands.revision + 1})


def select(found: Iterable[ContentEvent], reader: Reader) -> list[ContentEvent]:
    """Approved content in the order in which it is shown: what is featured first, then by kind where it matters."""
    kinds = SHOWN_TO[reader]
    shown = [one for one in found if one.state == "approved" and one.kind in kinds]
    if reader == "cautious":
        shown = [one for one in shown if one.kind != "review" or one.of_leader]
    if reader == "opinion_led":
        shown = [one for one in shown if one.grade != "C"]

    def place(one: ContentEvent) -> tuple[Any, ...]:
        of_kind = 0 if reader == "anybody" else kinds.index(one.kind)
        return (
            not one.featured,
            of_kind,
            not one.of_leader,
            one.grade or "Z",
            -one.submitted_at.timestamp(),
            one.content_id,
        )

    return sorted(shown, key=place)
