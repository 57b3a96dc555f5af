"""What of an order falls due, when, and what keeps it from being done (ORD-031, ORD-034, defaults.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from common.events import Event, rfc3339
from common.events.orders import OrderDelivered, OrderRefunded
from orders_ingest.orders.due import Due, announced_as, dues_of, first_due, settle
from orders_ingest.refunds.state import said_of
from orders_ingest.versions.rules import state_bit

DELIVERED = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROMISED = datetime(2026, 2, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def order(state: str = "delivered", **fields: Any) -> OrderDelivered:
    times = {} if state != "delivered" else {"delivered_at": DELIVERED}
    return OrderDelivered.model_validate(
        {"order_id": "o", "state": state, "currency": "CNY", "goods_paid": 100, **times, **fields}
    )


def refund(amount: int, id_: str = "r", lines: int = 0, **more: Any) -> str:
    pieces = [{"sku": "cup", "quantity": lines}] if lines else []
    data = {"refund_id": id_, "order_id": "o", "amount": amount, "currency": "CNY", "lines": pieces, **more}
    return said_of(Event("e", "/s", "demo", "c", DELIVERED, OrderRefunded.model_validate(data)))


def known(**fields: Any) -> Any:
    found = {"at": DELIVERED, "reached": state_bit("delivered"), "refunds": [], "done": [], "delivered_told_at": None}
    found["refunded_at"] = [DELIVERED] * len(fields.get("refunds", []))
    return SimpleNamespace(**{**found, "open_returns": 0, "returned_at": None, **fields})


@pytest.mark.parametrize(
    ("version", "due"),
    [
        (order(), [(DELIVERED + 5 * DAY, "receipt"), (DELIVERED + 7 * DAY, "completion")]),
        (order(delivered_at=None), [(DELIVERED + 5 * DAY, "receipt"), (DELIVERED + 7 * DAY, "completion")]),
        (order("shipped"), []),
        (order("shipped", promised_by=PROMISED), [(PROMISED, "promise")]),
        (order("completed", promised_by=PROMISED, delivered_at=DELIVERED), [(PROMISED, "promise")]),
        (order("completed", promised_by=PROMISED, delivered_at=PROMISED), []),
        (order("closed", promised_by=PROMISED), []),
        # Without `delivered_at` an order came when it reached the state.
        (
            order(promised_by=PROMISED, delivered_at=None),
            [(PROMISED, "promise"), (DELIVERED + 5 * DAY, "receipt"), (DELIVERED + 7 * DAY, "completion")],
        ),
    ],
)
def test_what_falls_due_follows_from_the_version(version: OrderDelivered, due: list[tuple[datetime, str]]) -> None:
    assert [tuple(each) for each in dues_of(version, DELIVERED)] == due
    assert first_due(version, DELIVERED) == (due[0][0] if due else None)


@pytest.mark.parametrize(("told", "broken"), [(None, False), (PROMISED, False), (DELIVERED, True)])
def test_a_promise_of_a_completed_order_is_judged_by_when_it_was_told_as_delivered(
    told: datetime | None, broken: bool
) -> None:
    """ORD-034: the version that completes it says nothing of its delivery; an earlier one may."""
    version = order("completed", promised_by=PROMISED)
    assert first_due(version, DELIVERED + DAY) == PROMISED, "then it is looked at"
    done, following = settle(version, known(reached=state_bit("completed"), delivered_told_at=told), DELIVERED + DAY)
    assert done == ([Due(PROMISED, "promise")] if broken else [])
    assert following is None


@pytest.mark.parametrize(
    ("after", "what", "done", "next_day"),
    [
        (4, {}, [], 5),
        (5, {}, [(5, "receipt")], 7),
        (7, {}, [(5, "receipt"), (7, "completion")], None),
        (9, {"open_returns": 1}, [], None),
        (9, {"returned_at": DELIVERED + 8 * DAY}, [(5, "receipt"), (8, "completion")], None),
        (9, {"returned_at": DELIVERED + 2 * DAY}, [(5, "receipt"), (7, "completion")], None),
        (9, {"refunds": [refund(100)]}, [], None),
        (9, {"refunds": [refund(99)]}, [(5, "receipt"), (7, "completion")], None),
        (9, {"refunds": [refund(60), refund(40, "r-2")]}, [], None),
        (9, {"refunds": [refund(1, whole=True)]}, [], None),
        (9, {"reached": state_bit("completed")}, [], None),
        (9, {"done": [f"order.receipt_due@{rfc3339(DELIVERED)}"]}, [(7, "completion")], None),
    ],
)
def test_what_is_done_of_a_delivered_order(
    after: int, what: dict[str, Any], done: list[tuple[int, str]], next_day: int | None
) -> None:
    """It counts from when it fell due, however late it is looked at; a return that is settled later counts then."""
    found, next_at = settle(order(), known(**what), DELIVERED + after * DAY)
    assert found == [Due(DELIVERED + day * DAY, kind) for day, kind in done]  # type: ignore[arg-type]
    assert next_at == (None if next_day is None else DELIVERED + next_day * DAY)


@pytest.mark.parametrize(
    ("paid", "refunds", "whole"),
    [
        (100, [refund(80, lines=2)], True),  # all came back, with a restocking fee
        (100, [refund(40, lines=1), refund(0, "r-2", lines=1)], True),
        (100, [refund(100, lines=1)], False),  # one of two came back, and goodwill
        (100, [refund(1, whole=True)], True),
        (0, [refund(0)], True),  # paid with points
        (0, [], False),
        (100, [refund(100)], True),
        (100, [refund(0, freight=100)], False),
    ],
)
def test_an_order_that_came_back_whole_does_not_complete_by_itself(paid: int, refunds: list[str], whole: bool) -> None:
    """defaults.md: whole is judged by lines or the shop's mark, not by money; no reminder goes out for it either."""
    pair = order(goods_paid=paid, lines=[{"sku": "cup", "quantity": 2}])
    done, _ = settle(pair, known(refunds=refunds), DELIVERED + 9 * DAY)
    assert [each.kind for each in done] == ([] if whole else ["receipt", "completion"])


def test_a_broken_promise_is_told_once_also_of_an_order_that_is_over() -> None:
    late = order("completed", promised_by=PROMISED, delivered_at=DELIVERED)
    over = {"reached": state_bit("completed"), "open_returns": 1}
    assert settle(late, known(**over), DELIVERED) == ([Due(PROMISED, "promise")], None)
    told = announced_as("promise", late, DELIVERED)
    assert settle(late, known(**over, done=[told]), DELIVERED) == ([], None)


@pytest.mark.parametrize(
    ("refunds", "at", "broken"),
    [
        ([refund(100)], [PROMISED - DAY], False),
        ([refund(100)], [PROMISED], False),
        ([refund(60), refund(40, "r-2")], [PROMISED - DAY, PROMISED - DAY], False),
        ([refund(99)], [PROMISED - DAY], True),
        ([refund(1, whole=True)], [PROMISED - DAY], False),
        ([refund(100)], [PROMISED + DAY], True),
        ([refund(60), refund(40, "r-2")], [PROMISED - DAY, PROMISED + DAY], True),
    ],
)
@pytest.mark.parametrize("state", ["paid", "shipped", "delivered", "completed"])
def test_nothing_was_promised_of_an_order_that_was_paid_back_whole_by_then(
    state: str, refunds: list[str], at: list[datetime], broken: bool
) -> None:
    """ORD-034, defaults.md: it counts for nothing; but who is paid back since it came too late was promised it."""
    said = order(state, promised_by=PROMISED, delivered_at=DELIVERED if state in ("delivered", "completed") else None)
    done, _ = settle(said, known(refunds=refunds, refunded_at=at), DELIVERED)
    assert [each.kind for each in done if each.kind == "promise"] == (["promise"] if broken else [])
