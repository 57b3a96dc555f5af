"""Online Retail: cancellations conserve what was sold, and the published file gives the published counts."""

import os
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.values.currency import round_to_minor
from orders_ingest.imports.layouts.layout import Findings, History, Row
from orders_ingest.imports.layouts.online_retail.cancellations import Sales
from orders_ingest.imports.layouts.online_retail.reading import read_online_retail
from orders_ingest.imports.lines import TooLong, lines_of

SHARED = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[5] / "shared")) / "data"
PRICES = st.decimals(min_value=0, max_value=20, places=3)
STEPS = st.lists(
    st.tuples(st.booleans(), st.sampled_from("xy"), st.sampled_from("AB"), st.integers(1, 12), PRICES), max_size=40
)


@given(STEPS)
def test_never_more_is_taken_back_than_was_sold_in_pieces_or_in_money(steps: Any) -> None:
    sales = Sales("GBP")
    sold: dict[str, int] = defaultdict(int)
    paid: dict[str, int] = defaultdict(int)
    back: dict[str, int] = defaultdict(int)
    repaid: dict[str, int] = defaultdict(int)
    for number, (is_sale, customer, sku, quantity, price) in enumerate(steps):
        if is_sale:
            order = f"{customer}{sku}{number}"
            sales.sell(customer, sku, order, quantity, price)
            sold[order] += quantity
            paid[order] += round_to_minor(quantity * price, "GBP")
            continue
        cancelled = sales.cancel(customer, sku, quantity, price)
        assert sum(m.quantity for m in cancelled.matches) + cancelled.unmatched == quantity
        assert cancelled.unmatched_amount == round_to_minor(cancelled.unmatched * price, "GBP")
        for match in cancelled.matches:
            assert match.order_id.startswith(customer + sku)
            assert match.amount <= round_to_minor(match.quantity * price, "GBP") + 1
            back[match.order_id] += match.quantity
            repaid[match.order_id] += match.amount
    assert all(back[o] <= sold[o] and repaid[o] <= paid[o] for o in sold)


def test_the_newest_sale_with_pieces_left_goes_first() -> None:
    sales = Sales("GBP")
    sales.sell("c", "A", "old", 5, Decimal(2))
    sales.sell("c", "A", "new", 3, Decimal(2))
    first = sales.cancel("c", "A", 4, Decimal(2))
    assert [(m.order_id, m.quantity, m.amount) for m in first.matches] == [("new", 3, 600), ("old", 1, 200)]
    assert sales.cancel("c", "A", 9, Decimal(2)).unmatched == 5
    assert sales.cancel("other", "A", 1, Decimal(2)).matches == ()


@pytest.mark.parametrize(
    ("quantity", "price", "pence"), [(3, "0.125", 38), (1, "0.005", 1), (1, "0.004", 0), (12, "1.255", 1506)]
)
def test_a_line_is_rounded_half_up_to_the_penny(quantity: Any, price: Any, pence: Any) -> None:
    assert round_to_minor(quantity * Decimal(price), "GBP") == pence


@pytest.mark.skipif(not SHARED.exists(), reason="the real histories are not here")
@pytest.mark.slow
def test_online_retail_counts_what_was_published() -> None:
    """25,900 invoices: sales, cancellations, stock and bad debt adjustments; 8,905 cancelled lines have a customer.

    268 of these name no goods (discounts, manual corrections, bank charges) and are matched with nothing; 276 of the
    others cost more than a line they are matched with.
    """
    findings, history = Findings(), History("demo", "online_retail", "GBP", ZoneInfo("Europe/London"))
    paid: dict[str, int] = {}
    repaid: dict[str, int] = defaultdict(int)
    cancelled: set[str] = set()

    def noted() -> Iterator[str | TooLong]:
        for line in lines_of(SHARED / "uci_online_retail.csv.gz"):
            if (text := str(line)).startswith("C"):
                cancelled.add(text.split(",", 1)[0])
            yield line

    for row in read_online_retail(noted(), history, findings):
        assert isinstance(row, Row)
        data = row.event["data"]
        if row.event["type"] == "order.completed":
            paid[data["order_id"]] = data["goods_paid"] + data["freight"]
        elif "order_id" in data:
            repaid[data["order_id"]] += data["amount"] + data["freight"]
    counts = findings.counts
    invoices = counts["orders"] + len(cancelled) + counts["stock_adjustments"] + counts["bad_debt_adjustments"]
    assert (counts["rows"], invoices, len(cancelled)) == (541_909, 25_900, 3_836)
    assert (counts["cancellations"], counts["cancellations_without_customer"]) == (8_905, 383)
    assert (counts["cancellations_of_no_goods"], counts["cancellations_cost_more"]) == (268, 276)
    kinds = ("matched", "matched_in_part", "unmatched")
    assert sum(counts[f"cancellations_{kind}"] for kind in kinds) == 8_905
    assert all(len(findings.examples[f"cancellations_{kind}"]) == 10 for kind in kinds)
    assert repaid
    assert all(repaid[order] <= paid[order] for order in repaid)
