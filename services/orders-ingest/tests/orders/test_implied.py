"""An order as it stands implies the states that it passed."""

from datetime import UTC, datetime, timedelta

from orders_ingest.orders.implied import implied_events


def test_an_order_sent_as_it_stands_implies_the_states_it_passed() -> None:
    """ORD-031: each state change is announced once."""
    at = datetime(2026, 3, 5, tzinfo=UTC)
    body = {
        "customer": "c",
        "state": "shipped",
        "time": at,
        "currency": "CNY",
        "goods_paid": 1,
        "placed_at": at - timedelta(days=2),
        "paid_at": at - timedelta(days=1),
        "shipped_at": at,
    }
    new = implied_events("demo", "o", body, None)
    assert [e["type"] for e in new] == ["order.placed", "order.paid", "order.shipped"]
    assert [e["time"] for e in new] == ["2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z"]
    assert implied_events("demo", "o", body, "paid") == new[2:]


def test_no_earlier_state_is_dated_behind_the_one_that_the_order_is_in() -> None:
    """`time` may be cut to the second where `placed_at` has milliseconds: the order stands in the state it names."""
    at = datetime(2026, 3, 5, tzinfo=UTC)
    body = {"state": "completed", "time": at, "currency": "CNY", "goods_paid": 1, "paid_at": at + timedelta(hours=1)}
    new = implied_events("demo", "o", body, None)
    assert [(e["type"], e["time"]) for e in new] == [
        ("order.paid", "2026-03-05T00:00:00Z"),
        ("order.completed", "2026-03-05T00:00:00Z"),
    ]
