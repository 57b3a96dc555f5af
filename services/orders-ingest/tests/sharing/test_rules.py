"""Pseudonyms, who may be told of, and what a file says (SEC-007)."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.crypto.sealing import personal_fields
from common.events.customers import CustomerProfile
from common.events.orders import OrderFields
from orders_ingest.sharing.rules import (
    coarse,
    customer_row,
    heading,
    in_order,
    may_share,
    named_gone,
    order_row,
    pseudonym,
    written,
)
from orders_ingest.sharing.state import FIELDS, SharedOrder, Statement

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
NAMES = st.text(min_size=1, max_size=30)
KEYS = st.binary(min_size=32, max_size=32)


@given(st.sets(NAMES, min_size=1, max_size=20), st.lists(KEYS, min_size=2, max_size=2, unique=True))
def test_what_two_partners_hold_cannot_be_joined(customers: set[str], keys: list[bytes]) -> None:
    """SEC-007: no pseudonym of one partner is one of the other's, nor of the same partner's under the next key."""
    one, other = ({pseudonym(key, "customer", "demo", name) for name in customers} for key in keys)
    assert not one & other
    assert len(one) == len(other) == len(customers), "each customer has one of their own"


@given(KEYS, st.tuples(NAMES, NAMES, NAMES), st.tuples(NAMES, NAMES, NAMES))
def test_a_pseudonym_is_of_one_kind_shop_and_name(
    key: bytes, one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    """SEC-007: the same each time, and another for whatever else, also where the parts are cut elsewhere."""
    assert (pseudonym(key, *one) == pseudonym(key, *other)) == (one == other)
    assert pseudonym(key, *one) == pseudonym(key, *one)
    assert pseudonym(key, "customer", "a", "bc") != pseudonym(key, "customer", "ab", "c")


@pytest.mark.parametrize(
    ("said", "consent", "pseudonyms"),
    [
        ([], False, True),
        ([("ann", "", True)], True, True),
        ([("ann", "", False)], False, False),
        ([("ann", "pots", True)], True, True),
        ([("ann", "", False), ("ann", "pots", True)], True, True),
        ([("ann", "", True), ("ann", "pots", False)], False, False),
        ([("ann", "cups", True)], False, True),
        ([("ann", "cups", False)], False, True),
        ([("ann", "", True), ("ann-2", "", False)], False, False),
        ([("ann", "pots", True), ("ann-2", "pots", False)], False, False),
        ([("ann", "", True), ("ann-2", "cups", False)], True, True),
    ],
)
def test_whom_a_partner_is_told_of(said: list[tuple[str, str, bool]], consent: bool, pseudonyms: bool) -> None:
    """SEC-007: a word on the partner goes before one on all; of a person with several identifiers a no decides."""
    statements = [Statement(customer, partner, granted, None, AT) for customer, partner, granted in said]
    assert may_share("consent", "pots", statements) is consent
    assert may_share("pseudonyms", "pots", statements) is pseudonyms
    assert may_share("consent", "pots", statements[::-1]) is consent, "in whatever order it is read"


def test_every_pseudonym_of_who_is_gone_is_named() -> None:
    """SEC-007: before a merge each identifier had rows of its own; what was erased is said to be, in whatever order."""
    merged, erased = (["ann", "ann-2", "ann-3"], False), (["bea", "bea-2"], True)
    told = {"ann": "refused", "ann-2": "refused", "ann-3": "refused", "bea": "erased", "bea-2": "erased"}
    assert named_gone([merged, erased]) == told
    assert named_gone([(["bea-2", "bea"], False), erased, merged, (["bea"], False)]) == told
    assert named_gone([(["cid"], False)], "no_consent") == {"cid": "no_consent"}


def test_no_field_that_may_be_given_is_personal_or_an_identifier() -> None:
    """SEC-007: what events mark as personal is in no list, nor anything that names an order or a day."""
    personal = {*personal_fields(CustomerProfile).own, *personal_fields(OrderFields).own}
    assert personal, "there are some"
    given_away = set(FIELDS["customers"]) | set(FIELDS["orders"])
    assert not given_away & (personal | {"order_id", "customer", "tracking", "parcel", "placed_at", "paid_at"})


@pytest.mark.parametrize(
    ("amount", "said"),
    [(0, 0), (7, 7), (99, 99), (101, 100), (12_345, 12_000), (12_500, 13_000), (99_999, 100_000), (-12_345, -12_000)],
)
def test_an_amount_has_two_figures(amount: int, said: int) -> None:
    """SEC-007: a sum to the cent names its customer wherever it stands again."""
    assert coarse(amount) == said


def order(**fields: object) -> SharedOrder:
    usual = SharedOrder("ann", "o-1", AT, "completed", "CNY", 12_345, 990, 0, 3, ["pots", "tea"], ["Zhu"])
    return usual._replace(**fields)  # type: ignore[arg-type]


def test_a_customers_row_counts_what_was_paid_and_kept() -> None:
    """SEC-007: not what was closed, only placed, or paid back whole; months are the shop's."""
    orders = [
        order(),
        order(order_id="o-2", paid=5_000, refunded=5_000),
        order(order_id="o-3", state="closed"),
        order(order_id="o-4", state="placed"),
        order(order_id="o-5", paid=2_000, placed_at=datetime(2026, 4, 30, 17, tzinfo=UTC)),
        order(order_id="o-6", paid=100, currency="EUR"),
    ]
    fields = ["orders", "paid", "currency", "first_month", "last_month", "city"]
    row = customer_row(fields, orders, {"city": "Hangzhou"}, ZONE, "CNY")
    assert row == ["3", "14000", "CNY", "2026-03", "2026-05", "Hangzhou"]
    assert customer_row(fields, [], {}, ZONE, "CNY") == ["0", "0", "CNY", "", "", ""], "withheld, and nothing bought"
    assert customer_row(["orders"], [order(order_id=f"o-{n}") for n in range(30)], {}, ZONE, "CNY") == ["20"]


def test_a_file_has_its_columns_in_one_order_and_no_formula() -> None:
    """SEC-007: in whatever order fields are asked for; a category that a spreadsheet would carry out is text."""
    fields = in_order("orders", ["brands", "categories", "month", "paid", "paid"])
    row = order_row(fields, order(categories=['=HYPERLINK("x")']), ZONE)
    text = written([heading("orders", fields), ["p1", "p2", *row]])
    assert list(csv.reader(io.StringIO(text))) == [
        ["order", "customer", "month", "paid", "categories", "brands"],
        ["p1", "p2", "2026-03", "12000", '\'=HYPERLINK("x")', "Zhu"],
    ]
