"""Verification: every customer folded anew, and compared with what the topics say of them, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from itertools import pairwise
from typing import Any

import orjson

from common.events import CustomerKey, InvalidEvent, from_dict, rfc3339
from common.events.membership import MemberEnrolled, TierChanged
from common.events.orders import OrderClaimed, OrderClosed, OrderCompleted, OrderRefunded
from common.events.segments import (
    ChurnFitted,
    LifetimeValueFitted,
    SegmentDefined,
    SegmentEntered,
    SegmentFact,
    SegmentLeft,
    StatisticsComputed,
    TagChanged,
    ThresholdsChanged,
)
from common.fold.folding import fold_all
from common.shops.settings import SHOPS
from common.storage.database import Transaction
from common.time.calendar import add_months
from common.verification import Customers, Expectation, Row, Table, Verification, compare, digest, rank
from common.verification.tables import pages_of
from segmentation.anonymous_orders.store import CLAIMED
from segmentation.attributes.attribute import Attribute
from segmentation.churn.state import ChurnFit
from segmentation.commands import churn, lifetime_value
from segmentation.commands.memberships import day_of
from segmentation.commands.segments import RESERVED
from segmentation.commands.statistics import read_back
from segmentation.customers.state import CustomerState
from segmentation.customers.store import History, get_histories
from segmentation.fold import KEPT, PARTS, SegmentFolding, read_shops
from segmentation.jobs.verifying_facts import MISSING as MISSING_FACTS
from segmentation.jobs.verifying_facts import TABLES as FACTS
from segmentation.jobs.verifying_facts import TYPES as OF_ORDERS
from segmentation.jobs.verifying_facts import expectations_of_facts
from segmentation.lifetime_value.state import LifetimeFit
from segmentation.members.store import tier_of
from segmentation.purchases.entries import Sale, sale_of
from segmentation.purchases.store import get_sales
from segmentation.segments.state import Definition
from segmentation.segments.store_definitions import get_definitions, list_defining
from segmentation.segments.store_dues import get_marks
from segmentation.segments.store_standings import compare as compare_with
from segmentation.segments.store_standings import these
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.shop_statistics.store import STATISTICS
from segmentation.shops.store import list_shops
from segmentation.thresholds.state import Thresholds
from segmentation.thresholds.store import THRESHOLDS

TOPICS = ("segments", "membership", "orders", "customers", "feedback")
MISSING = {
    "fact": "a fact about a customer was announced, and no customer's revision covers it",
    "member": "a member was enrolled, and no row keeps it",
    "tier": "a member's tier was announced, and no row keeps it",
    "thresholds": "thresholds were announced, and no row keeps them",
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
ERASED = ("profile", "tag")
"""Kinds of which an erasure removes the rows (`handlers.on_erased`)."""
ANONYMOUS = (OrderCompleted, OrderClosed, OrderClaimed, OrderRefunded)
ATTRIBUTES: Mapping[str, type[Attribute]] = {name: type(CustomerState.model_fields[name].default) for name in PARTS}


class _Known:
    """A customer's history, and what it comes to when it is folded anew."""

    def __init__(self, history: History, folding: SegmentFolding) -> None:
        self.history = history
        self.key: CustomerKey = history.shop, history.customer
        self.anew: CustomerState | None = None
        self.items: Set[tuple[str, str]] = set()
        self.sales: Set[Sale] = set()
        if history.stored is not None and not history.waiting:
            self.anew, _, _ = fold_all(folding, history.inputs, history.stored.until, self.key)
            dump = folding.items.dump_json
            items = self.anew.items.all().items()
            self.items = {name: dump(item, exclude_defaults=True).decode() for name, item in items}.items()
            self.sales = {sale for name, item in items if (sale := sale_of(name, item)) is not None}


async def _read(tx: Transaction, keys: Sequence[CustomerKey]) -> list[_Known]:
    waiting = {shop for table in (THRESHOLDS, STATISTICS, SHOPS) for shop in await table.late_shops(tx)}
    histories = await get_histories(tx, KEPT, keys, waiting)
    sales = await get_sales(tx, keys)
    for history in histories:
        history.sales = sales[history.shop, history.customer]
    folding = SegmentFolding(await read_shops(tx, {history.shop for history in histories if history.stored}))
    return [_Known(history, folding) for history in histories]


def _differences(known: _Known) -> Iterator[str]:
    """What does not follow from the inputs; statistics are taken as given, inputs that are held are due work."""
    history, name = known.history, "/".join(known.key)
    if history.stored is None:
        if history.inputs:
            yield f"{name}: has inputs that were folded, and no state"
        elif history.items:
            yield f"{name}: has items, and no state"
    elif known.anew is not None:
        wrong = [
            part
            for part in CustomerState.model_fields
            if getattr(known.anew, part) != getattr(history.stored.state, part)
        ]
        wrong += sorted({item for item, _ in known.items ^ history.items.items()})[:5]
        if wrong:
            yield f"{name}: {', '.join(wrong)} differ when folded anew"
        if known.sales != history.sales:
            odd = sorted({sale.name for sale in known.sales ^ history.sales})[:5]
            yield f"{name}: sales of {', '.join(odd)} are not those of the items"


def _row(known: _Known) -> Row:
    """What the topic must say of a customer: each fact by its revision, and by the last of them the attributes."""
    stored = known.history.stored
    facts: list[tuple[tuple[str, ...], bytes | None]] = [
        (("fact", *known.key, str(number)), None) for number in range(1, known.history.revision + 1)
    ]
    if stored is None:
        return known.key, facts  # an absorbed customer: what was announced last counts no more
    values = [((name, *known.key), digest(getattr(stored.state, name).announced)) for name in PARTS]
    return known.key, [*facts, *values]


def _counted(known: _Known) -> Mapping[str, int]:
    return {"inputs": len(known.history.inputs), "facts": known.history.revision}


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
    elif isinstance(data, TagChanged) and event.subject is not None:
        said = digest(data.borne, data.source)
        yield Expectation(("tag", *event.customer, data.tag), said, rank(event.time, event.id))
    elif isinstance(data, SegmentDefined):
        yield Expectation(("segment", event.shop, data.segment, str(data.version)), _definition(data))
    elif isinstance(data, ThresholdsChanged):
        yield Expectation(("thresholds", event.shop, str(data.version)), _version(data.valid_from, data.thresholds))
    elif isinstance(data, StatisticsComputed):
        yield Expectation(("statistics", event.shop, str(data.version)), _body(read_back(data)))
    elif isinstance(data, LifetimeValueFitted):
        yield Expectation(("value_fit", event.shop, str(data.version)), _body(lifetime_value.read_back(data)))
    elif isinstance(data, ChurnFitted):
        yield Expectation(("churn_fit", event.shop, str(data.version)), _body(churn.read_back(data)))


async def expectations_of_the_kept(run: Verification) -> Callable[[dict[str, Any]], Iterator[Expectation]]:
    """As `expectations`, without what an erasure has removed: a row that still says it is a difference."""
    async with run.database.transaction() as tx:
        # One pass: few customers were erased.
        rows = await tx.fetch("select shop, customer from customer_keys where erased_at is not null")
    erased = {(row.shop, row.customer) for row in rows}

    def of_event(body: dict[str, Any]) -> Iterator[Expectation]:
        for each in expectations(body):
            if each.name[0] not in ERASED or each.name[1:3] not in erased:
                yield each

    return of_event


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


def _version(valid_from: datetime, body: dict[str, Any]) -> bytes:
    return digest(rfc3339(valid_from), Thresholds.model_validate(body).model_dump(mode="json"))


def _definition(said: SegmentDefined | Definition) -> bytes:
    return digest(said.name, said.expression, said.archived)


def _body(body: ShopStatistics | LifetimeFit | ChurnFit) -> bytes:
    return digest(body.model_dump(mode="json"))


CUSTOMERS = Customers("segmentation", ("history", "items", "sales"), _read, _differences, _row, _counted)
MEMBERS = Table(
    "members",
    "members",
    "t.shop, t.customer, t.enrolled_at",
    ("shop", "customer"),
    lambda r: [(("member", r.shop, r.customer), digest(rfc3339(r.enrolled_at)))],
)
TIERS = Table(
    "tiers of members",
    "member_tiers",
    "t.shop, t.customer, t.tier_id, t.tier",
    ("shop", "customer"),
    lambda r: [(("tier", r.shop, r.customer), digest(r.tier_id, r.tier))],
)
TAGS = Table(
    "tags",
    "tags",
    "t.shop, t.customer, t.tag, t.borne, t.source",
    ("shop", "customer", "tag"),
    lambda r: [(("tag", r.shop, r.customer, r.tag), digest(r.borne, r.source))],
)
SEGMENTS = Table(
    "versions of segments",
    "segment_definitions",
    "t.shop, t.segment, t.version, cast(t.body as text) as body",
    ("shop", "segment", "version"),
    lambda r: [(("segment", r.shop, r.segment, str(r.version)), _definition(Definition.model_validate_json(r.body)))],
)
STAYS = Table(
    "stays in segments",
    "segment_stays",
    "t.shop, t.customer, t.segment, t.episode, t.left_at is null as stays",
    ("shop", "customer", "segment", "episode"),
    lambda r: [(("stay", r.shop, r.customer, r.segment, r.episode), digest(r.stays))],
)
ORDERS = Table(
    "orders without a customer",
    "anonymous_orders",
    "t.shop, t.order_id, t.at, t.completed, t.paid, t.currency, t.revision",
    ("shop", "order_id"),
    lambda r: [
        (
            ("anonymous_order", r.shop, r.order_id),
            digest(rfc3339(r.at), r.completed, r.paid, r.currency, r.revision),
        )
    ],
)
REFUNDS = Table(
    "refunds without a customer",
    "anonymous_refunds",
    "t.shop, t.refund_id, t.order_id, t.amount, t.currency",
    ("shop", "refund_id"),
    lambda r: [(("anonymous_refund", r.shop, r.refund_id), digest(r.order_id, r.amount, r.currency))],
)
VERSIONS = Table(
    "versions of thresholds",
    "thresholds",
    "t.shop, t.version, t.valid_from, cast(t.body as text) as body",
    ("shop", "version"),
    lambda r: [(("thresholds", r.shop, str(r.version)), _version(r.valid_from, orjson.loads(r.body)))],
)
MONTHS = Table(
    "monthly statistics",
    "shop_statistics",
    "t.shop, t.version, cast(t.body as text) as body",
    ("shop", "version"),
    lambda r: [(("statistics", r.shop, str(r.version)), _body(ShopStatistics.model_validate_json(r.body)))],
)
FITS = Table(
    "fits of lifetime value",
    "value_fits",
    "t.shop, t.version, cast(t.body as text) as body",
    ("shop", "version"),
    lambda r: [(("value_fit", r.shop, str(r.version)), _body(LifetimeFit.model_validate_json(r.body)))],
)
CHURN = Table(
    "fits of churn",
    "churn_fits",
    "t.shop, t.version, cast(t.body as text) as body",
    ("shop", "version"),
    lambda r: [(("churn_fit", r.shop, str(r.version)), _body(ChurnFit.model_validate_json(r.body)))],
)


async def verify(run: Verification) -> None:
    """Fold every customer anew; compare facts, members, thresholds, statistics and orders of nobody with the topics.

    A fact must begin with what the fact before it said of the same attribute (`old` equals the previous `new`).
    """
    await verify_statistics(run)
    await compare(
        run,
        TOPICS,
        await expectations_of_the_kept(run),
        (CUSTOMERS, MEMBERS, TIERS, TAGS, SEGMENTS, STAYS, *FACTS, VERSIONS, MONTHS, FITS, CHURN, ORDERS, REFUNDS),
        MISSING,
        inputs=TOPICS,
    )
    await verify_segments(run)


async def verify_statistics(run: Verification) -> None:
    """Statistics are taken as they were announced, since more is known by now; none of a shop's months is missing."""
    async with run.database.transaction() as tx:
        shops = await list_shops(tx)
    for name in shops:
        async with run.database.transaction() as tx:
            statistics = (await read_shops(tx, [name]))[name].statistics
        for a, b in pairwise(each.month for each in statistics):
            if add_months(a, 1) != b:
                run.differ(f"{name}: statistics between {a} and {b} are missing")


async def verify_segments(run: Verification) -> None:
    """Everybody is in the segments whose conditions they meet, but for those who are due to be looked at."""
    async with run.database.transaction() as tx:
        shops = await list_defining(tx)
    async for page in pages_of(run, "customers", "t.shop, t.customer", ("shop", "customer")):
        for shop in sorted({row.shop for row in page} & set(shops)):
            await _verify_stays(run, shop, [row.customer for row in page if row.shop == shop])


async def _verify_stays(run: Verification, shop: str, customers: Sequence[str]) -> None:
    async with run.database.transaction() as tx:
        await tx.stand_still()
        compared = sorted(s for s, each in (await get_definitions(tx, shop)).items() if each.compared is None)
        if not compared:
            return
        now, marks = tx.clock.now(), await get_marks(tx, shop, customers)
        day, _ = await day_of(tx, shop, now)
        found = await compare_with(tx, day, compared, these(shop, customers))
    for each in found:
        due = each.customer in marks and marks[each.customer][0] <= now
        if each.inside != each.open and not due:
            odd = ", ".join(sorted(each.inside ^ each.open))
            run.differ(f"{shop}/{each.customer}: stays in {odd} are not what the conditions say")
