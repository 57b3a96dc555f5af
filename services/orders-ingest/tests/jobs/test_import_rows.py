"""What rows of files become: orders, refunds and findings (ORD-005)."""

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.events import Event

Published = Callable[[], Awaitable[list[Event[Any]]]]
SHARED = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[5] / "shared")) / "data"


async def test_each_row_of_cdnow_is_an_order_at_noon_of_the_shop_and_equal_rows_are_two(
    importing: Any, published: Published
) -> None:
    """ORD-005: time, amount and number of each; ORD-039: bad rows are kept aside and counted."""
    id_ = await importing.upload(importing.cdnow, currency="USD", zone="America/New_York")
    assert await importing.run() == 5
    events = await published()
    assert [(e.id, e.subject, e.data.goods_paid, e.data.lines[0].quantity) for e in events] == [
        ("line-000000001", "00001", 1177, 1),
        ("line-000000005", "00003", 0, 0),
        ("line-000000002", "00002", 1200, 1),
        ("line-000000003", "00002", 7700, 5),
        ("line-000000004", "00002", 7700, 5),
    ]
    assert events[0].time == events[0].data.completed_at == datetime(1997, 1, 1, 17, tzinfo=UTC)
    report = await importing.get(f"/imports/{id_}")
    assert "taken" not in report, "accepted, duplicates and refused are the counts, and none counts another's"
    counted = {name: report[name] for name in ("state", "staged", "accepted", "duplicates", "refused", "refused_by")}
    assert counted == {
        "state": "done",
        "staged": 5,
        "accepted": 5,
        "duplicates": 0,
        "refused": 2,
        "refused_by": {"invalid_row": 2},
    }
    refusals = await importing.get(f"/imports/{id_}/refusals")
    assert [(r["line"], r["text"]) for r in refusals] == [
        (7, "00003,1997-13-02,1,4.00"),
        (8, "00003,1997-07-02,1,-4.00"),
    ]


async def test_online_retail_groups_invoices_and_takes_cancellations_back_from_the_newest_sale(
    importing: Any, published: Published
) -> None:
    """Cancelled at C3: 4 of invoice 2 and 2 of invoice 1; at C4: the 8 left of invoice 1, and one that finds none."""
    id_ = await importing.upload(importing.retail, layout="online_retail")
    await importing.run()
    events = await published()
    orders = [e.data for e in events if e.type == "order.completed"]
    assert [(o.order_id, o.goods_paid, o.freight, o.currency) for o in orders] == [
        ("1", 2500, 1800, "GBP"),
        ("2", 800, 0, "GBP"),
        ("5", 38, 0, "GBP"),
    ]
    refunds = [e.data for e in events if e.type == "order.refunded"]
    assert [(r.refund_id, r.order_id, r.amount, r.freight) for r in refunds] == [
        ("C3-4-0", "2", 800, 0),  # 4 x 2.10 is 8.40: never more than remains of the line
        ("C3-4-1", "1", 420, 0),
        ("C4-5-0", "1", 2000, 0),
        ("C4-5-1", None, 250, 0),
        ("C4-6-0", "1", 0, 1800),
        ("C8-10-0", None, 500, 0),
    ]
    nobody = next(e for e in events if e.type == "order.completed" and e.data.order_id == "5")
    assert (nobody.subject, nobody.key) == (None, "demo/5")
    counts = (await importing.get(f"/imports/{id_}"))["findings"]["counts"]
    assert counts == {
        "rows": 10,
        "orders": 3,
        "orders_without_customer": 1,
        "cancellations": 4,
        "refunds": 6,
        "cancellations_matched": 2,
        "cancellations_matched_in_part": 1,
        "cancellations_unmatched": 1,
        "cancellations_cost_more": 1,
        "cancellations_capped": 1,
        "stock_adjustments": 1,
        "bad_debt_adjustments": 1,
        "cancellations_of_no_goods": 1,
    }


@pytest.mark.skipif(not SHARED.exists(), reason="the real histories are not here")
@pytest.mark.slow
async def test_the_published_sample_of_cdnow_comes_in_whole(importing: Any) -> None:
    """ORD-005: 2,357 customers, 6,919 orders over $244,091.94."""
    await importing.upload((SHARED / "cdnow_sample.csv.gz").read_bytes(), layout="cdnow_sample", currency="USD")
    assert await importing.run() == 6919
    report = await importing.get("/report")
    (orders,) = report["orders"]
    assert (orders["orders"], orders["goods_paid"], report["buyers"]) == (6919, 24409194, 2357)


async def test_a_file_larger_than_an_ordinary_body_is_taken(importing: Any) -> None:
    """P5: Online Retail is 45 MB; the limit of 10 MB is for JSON."""
    rows = importing.cdnow.splitlines()[:3]
    text = "\n".join([*rows, " " * (11 * 1024 * 1024)])
    report = await importing.get(f"/imports/{await importing.upload(text)}")
    assert report["staged"] == 2
