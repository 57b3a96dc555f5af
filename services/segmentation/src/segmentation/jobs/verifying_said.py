"""Verification: what one event of the topics says, and the row that must say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from common.events import InvalidEvent, from_dict, rfc3339
from common.events.membership import MemberEnrolled, ReferralCompleted, ReferralNews, TierChanged
from common.events.orders import OrderClaimed, OrderClosed, OrderCompleted, OrderRefunded
from common.events.segments import (
    ChurnFitted,
    GoalSet,
    LifetimeValueFitted,
    SegmentDefined,
    SegmentEntered,
    SegmentFact,
    SegmentLeft,
    StatisticsComputed,
    TagChanged,
    ThresholdsChanged,
    ThresholdsWithdrawn,
)
from common.verification import Expectation, digest, rank
from segmentation.anonymous_orders.store import CLAIMED
from segmentation.attributes.attribute import Attribute
from segmentation.churn.state import ChurnFit
from segmentation.commands import churn, lifetime_value
from segmentation.commands.segments import RESERVED
from segmentation.commands.statistics import read_back
from segmentation.customers.state import CustomerState
from segmentation.fold import PARTS
from segmentation.goals.state import Goal
from segmentation.goals.state import said as goal_said
from segmentation.jobs.verifying_facts import MISSING as MISSING_FACTS
from segmentation.jobs.verifying_facts import TYPES as OF_ORDERS
from segmentation.jobs.verifying_facts import expectations_of_facts
from segmentation.lifetime_value.state import LifetimeFit
from segmentation.members.store import tier_of
from segmentation.segments.state import Definition
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.thresholds.state import Thresholds

MISSING = {
    "fact": "a fact about a customer was announced, and no customer's revision covers it",
    "member": "a member was enrolled, and no row keeps it",
    "referral": "membership judged whether a customer came by another, and no row keeps it",
    "goal": "a goal was set, and no row keeps it",
    "tier": "a member's tier was announced, and no row keeps it",
    "thresholds": "thresholds were announced, and no row keeps them",
    "withdrawal": "a version of thresholds was withdrawn, and its row does not say so",
    "statistics": "a month's statistics were announced, and no row keeps them",
    "value_fit": "a month's fit of lifetime value was announced, and no row keeps it",
    "churn_fit": "a month's fit of churn was announced, and no row keeps it",
    "tag": "a tag was given or taken away, and no row keeps it",
    "segment": "a segment was defined, and no row keeps it",
    "stay": "a customer entered or left a segment, and no row keeps the stay",
    "anonymous_order": "an order without a customer was completed, closed or claimed, and no row keeps it",
    **MISSING_FACTS,
    "anonymous_refund": "an order without a customer was refunded, and no row keeps it",
}
"""Kinds of names that a row must stand for, and what to say of one that has none."""
ERASED = ("profile", "sent", "tag", "signals", "type", "shift")
"""Kinds of which an erasure removes the rows (`handlers.on_erased`)."""
ANONYMOUS = (OrderCompleted, OrderClosed, OrderClaimed, OrderRefunded)
ATTRIBUTES: Mapping[str, type[Attribute]] = {name: type(CustomerState.model_fields[name].default) for name in PARTS}


def expectations(body: dict[str, Any]) -> Iterator[Expectation]:
    """Everything that one event of the topics says; nothing where it cannot be read, and so is dead."""
    kind = str(body.get("type"))
    if body.get("subject") is not None and kind.startswith("order.") and kind not in OF_ORDERS:
        return  # a customer's order is an input, which is kept and folded
    try:
        event = from_dict(body)
    except InvalidEvent:
        return
    data = event.data
    if event.subject is not None:
        yield from expectations_of_facts(event)
    if event.subject is None and isinstance(data, ANONYMOUS):
        yield _anonymous(event.shop, event.time, data)
    elif isinstance(data, SegmentFact) and event.subject is not None:
        yield Expectation(("fact", *event.customer, str(data.revision)), b"")
        for name, attribute in ATTRIBUTES.items():
            if isinstance(data, attribute.ANNOUNCES) and attribute.concerns(data):
                said = digest(attribute.read_back(data))
                was = digest(attribute.read_before(data))
                yield Expectation((name, *event.customer), said, rank(data.revision), was)
        if isinstance(data, SegmentEntered | SegmentLeft) and data.segment not in RESERVED:
            stays = isinstance(data, SegmentEntered)
            yield Expectation(("stay", *event.customer, data.segment, data.episode), digest(stays), rank(data.revision))
    elif isinstance(data, MemberEnrolled | TierChanged) and event.subject is not None:
        if isinstance(data, MemberEnrolled):
            yield Expectation(("member", *event.customer), digest(rfc3339(data.enrolled_at)))
        yield Expectation(("tier", *event.customer), digest(*tier_of(data)), rank(data.revision))
    elif isinstance(data, ReferralNews) and data.role == "referee" and event.subject is not None:
        found = isinstance(data, ReferralCompleted)
        of = ("referral", *event.customer, data.referral_id)
        yield Expectation(of, digest(found), rank(data.round, int(not found)))
    elif isinstance(data, GoalSet):
        yield Expectation(("goal", event.shop, data.goal, str(data.version)), goal_of(goal_said(data)))
    elif isinstance(data, TagChanged) and event.subject is not None:
        said = digest(data.borne, data.source)
        yield Expectation(("tag", *event.customer, data.tag), said, rank(event.time, event.id))
    elif isinstance(data, SegmentDefined):
        yield Expectation(("segment", event.shop, data.segment, str(data.version)), definition_of(data))
    elif isinstance(data, ThresholdsChanged):
        yield Expectation(("thresholds", event.shop, str(data.version)), version_of(data.valid_from, data.thresholds))
    elif isinstance(data, ThresholdsWithdrawn):
        yield Expectation(("withdrawal", event.shop, str(data.version)), b"")
    elif isinstance(data, StatisticsComputed):
        yield Expectation(("statistics", event.shop, str(data.version)), body_of(read_back(data)))
    elif isinstance(data, LifetimeValueFitted):
        yield Expectation(("value_fit", event.shop, str(data.version)), body_of(lifetime_value.read_back(data)))
    elif isinstance(data, ChurnFitted):
        yield Expectation(("churn_fit", event.shop, str(data.version)), body_of(churn.read_back(data)))


def _anonymous(
    shop: str, at: datetime, data: OrderCompleted | OrderClosed | OrderClaimed | OrderRefunded
) -> Expectation:
    """What stands of an order without a customer: the highest revision, then the latest; a claim is above all."""
    if isinstance(data, OrderRefunded):
        return Expectation(
            ("anonymous_refund", shop, data.refund_id), digest(data.order_id, data.amount, data.currency)
        )
    name = ("anonymous_order", shop, data.order_id)
    if isinstance(data, OrderClaimed):
        return Expectation(name, digest(rfc3339(at), False, 0, "", CLAIMED), rank(CLAIMED, at))
    completed = isinstance(data, OrderCompleted)
    said = digest(rfc3339(at), completed, data.goods_paid, data.currency, data.revision)
    return Expectation(name, said, rank(data.revision, at))


def version_of(valid_from: datetime, body: dict[str, Any]) -> bytes:
    return digest(rfc3339(valid_from), Thresholds.model_validate(body).model_dump(mode="json"))


def definition_of(said: SegmentDefined | Definition) -> bytes:
    return digest(said.name, said.expression, said.archived)


def goal_of(said: Goal) -> bytes:
    return digest(said.model_dump(mode="json"))


def body_of(body: ShopStatistics | LifetimeFit | ChurnFit) -> bytes:
    return digest(body.model_dump(mode="json"))
