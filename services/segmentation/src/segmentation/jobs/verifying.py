"""Verification: every customer folded anew, and compared with what the topics say of them, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import orjson

from common.events import CustomerKey, InvalidEvent, from_dict, rfc3339
from common.events.membership import MemberEnrolled
from common.events.orders import OrderClaimed, OrderClosed, OrderCompleted, OrderRefunded
from common.events.segments import SegmentFact, ThresholdsChanged
from common.fold.folding import fold_all, same
from common.shops.settings import SHOPS
from common.storage.database import Transaction
from common.time.calendar import add_months
from common.verification import Customers, Expectation, Row, Table, Verification, compare, digest, rank
from segmentation.anonymous_orders.store import CLAIMED
from segmentation.attributes.attribute import Attribute
from segmentation.customers.state import CustomerState
from segmentation.customers.store import History, get_histories
from segmentation.fold import PARTS, SegmentFolding, read_shops
from segmentation.shop_statistics.store import list_changed
from segmentation.shops.store import list_shops
from segmentation.thresholds.state import Thresholds
from segmentation.thresholds.store import THRESHOLDS

TOPICS = ("segments", "membership", "orders")
MISSING = {
    "fact": "a fact about a customer was announced, and no customer's revision covers it",
    "member": "a member was enrolled, and no row keeps it",
    "thresholds": "thresholds were announced, and no row keeps them",
    "anonymous_order": "an order without a customer was completed, closed or claimed, and no row keeps it",
    "anonymous_refund": "an order without a customer was refunded, and no row keeps it",
}
"""Kinds of names that a row must stand for, and what to say of one that has none."""
ANONYMOUS = (OrderCompleted, OrderClosed, OrderClaimed, OrderRefunded)
ATTRIBUTES: Mapping[str, type[Attribute]] = {name: type(CustomerState.model_fields[name].default) for name in PARTS}


class _Known:
    """A customer's history, and what it comes to when it is folded anew."""

    def __init__(self, history: History, folding: SegmentFolding) -> None:
        self.history = history
        self.key: CustomerKey = history.shop, history.customer
        self.anew: CustomerState | None = None
        if history.stored is not None and not history.waiting:
            self.anew, _, _ = fold_all(folding, history.inputs, history.stored.until, self.key)


async def _read(tx: Transaction, keys: Sequence[CustomerKey]) -> list[_Known]:
    waiting = {*await THRESHOLDS.late_shops(tx), *await SHOPS.late_shops(tx)}
    histories = await get_histories(tx, keys, waiting)
    folding = SegmentFolding(await read_shops(tx, {history.shop for history in histories if history.stored}))
    return [_Known(history, folding) for history in histories]


def _differences(known: _Known) -> Iterator[str]:
    """What does not follow from the inputs; statistics are taken as given, inputs that are held are due work."""
    history, name = known.history, "/".join(known.key)
    if history.stored is None:
        if history.inputs:
            yield f"{name}: has inputs that were folded, and no state"
    elif known.anew is not None and not same(known.anew, history.stored.state):
        wrong = [
            part
            for part in CustomerState.model_fields
            if getattr(known.anew, part) != getattr(history.stored.state, part)
        ]
        yield f"{name}: {', '.join(wrong)} differ when folded anew"


def _row(known: _Known) -> Row:
    """What the topic must say of a customer: each fact by its revision, and by the last of them the attributes."""
    stored = known.history.stored
    if stored is None:
        return known.key, []
    facts = [(("fact", *known.key, str(number)), None) for number in range(1, stored.revision + 1)]
    values = [((name, *known.key), digest(getattr(stored.state, name).announced)) for name in PARTS]
    return known.key, [*facts, *values]


def _counted(known: _Known) -> Mapping[str, int]:
    stored = known.history.stored
    return {"inputs": len(known.history.inputs), "facts": stored.revision if stored is not None else 0}


def expectations(body: dict[str, Any]) -> Iterator[Expectation]:
    """Everything that one event of the topics says; nothing where it cannot be read, and so is dead."""
    if body.get("subject") is not None and str(body.get("type")).startswith("order."):
        return  # a customer's order is an input, which is kept and folded
    try:
        event = from_dict(body)
    except InvalidEvent:
        return
    data = event.data
    if event.subject is None and isinstance(data, ANONYMOUS):
        yield _anonymous(event.shop, event.time, data)
    elif isinstance(data, SegmentFact) and event.subject is not None:
        yield Expectation(("fact", *event.customer, str(data.revision)), b"")
        for name, attribute in ATTRIBUTES.items():
            if isinstance(data, attribute.ANNOUNCES):
                said = digest(attribute.read_back(data))
                was = digest(attribute.read_before(data))
                yield Expectation((name, *event.customer), said, rank(data.revision), was)
    elif isinstance(data, MemberEnrolled) and event.subject is not None:
        yield Expectation(("member", *event.customer), digest(rfc3339(data.enrolled_at)))
    elif isinstance(data, ThresholdsChanged):
        yield Expectation(("thresholds", event.shop, str(data.version)), _version(data.valid_from, data.thresholds))


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


CUSTOMERS = Customers("segmentation", ("inputs",), _read, _differences, _row, _counted)
MEMBERS = Table(
    "members",
    "members",
    "t.shop, t.customer, t.enrolled_at",
    ("shop", "customer"),
    lambda r: [(("member", r.shop, r.customer), digest(rfc3339(r.enrolled_at)))],
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


async def verify(run: Verification) -> None:
    """Fold every customer anew; compare facts, members, thresholds and orders without a customer with the topics.

    A fact must begin with what the fact before it said of the same attribute (`old` equals the previous `new`).
    """
    await verify_statistics(run)
    await compare(run, TOPICS, expectations, (CUSTOMERS, MEMBERS, VERSIONS, ORDERS, REFUNDS), MISSING, inputs=TOPICS)


async def verify_statistics(run: Verification) -> None:
    """Statistics cannot be computed anew, since more is known by now; they must be as they were stored, every month."""
    async with run.database.transaction() as tx:
        shops = await list_shops(tx)
    for name in shops:
        async with run.database.transaction() as tx:
            statistics = (await read_shops(tx, [name]))[name].statistics
            for month in await list_changed(tx, name):
                run.differ(f"{name}: the statistics of {month} are not those that were stored")
        for a, b in pairwise(each.month for each in statistics):
            if add_months(a, 1) != b:
                run.differ(f"{name}: statistics between {a} and {b} are missing")
        run.count("monthly statistics", len(statistics))
