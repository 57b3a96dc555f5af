"""Reading expressions, refusing those that make no sense, and saying them in words."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.expressions.deciding import deciding
from segmentation.expressions.facts import FACTS
from segmentation.expressions.parsing import BadExpression, parse
from segmentation.expressions.tree import All, Any, Bought, Compare, Flag, InSegment, Not, OneOf, Tagged, atoms
from segmentation.expressions.words import explain

LAPSED, MEMBER = Flag(FACTS["lapsed"]), Flag(FACTS["member"])
STAGE, ORDERS, SPENT = FACTS["stage"], FACTS["orders"], FACTS["spent"]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("stage = returning", Compare(STAGE, "=", "returning")),
        ("orders in 90 days >= 3", Compare(ORDERS, ">=", 3, 90)),
        ("spent > 199.50", Compare(SPENT, ">", Decimal("199.5"))),
        ("stage in (new, prospect, new)", OneOf(STAGE, ("new", "prospect"))),
        ('tag "vip dinner" AND NOT lapsed', All((Tagged("vip dinner"), Not(LAPSED)))),
        ("last_order < 2025-01-31", Compare(FACTS["last_order"], "<", date(2025, 1, 31))),
        ("bought category tea", Bought("category", "tea")),
        ('bought BRAND "Hill & Co" in 90 days < 2', Bought("brand", "Hill & Co", "<", 2, 90)),
        ("segment loyal or member", Any((InSegment("loyal"), MEMBER))),
        (
            "orders between 2 and 5 or lapsed and member",
            Any(
                (
                    All((Compare(ORDERS, ">=", 2), Compare(ORDERS, "<=", 5))),
                    All((LAPSED, MEMBER)),
                )
            ),
        ),
        (
            "(lapsed or member) and lapsed",
            All((Any((LAPSED, MEMBER)), LAPSED)),
        ),
    ],
)
def test_an_expression_is_read_as_a_typed_tree(text: str, tree: object) -> None:
    """SEG-045."""
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "said", "column"),
    [
        ("ordrs > 3", "Did you mean orders", 1),
        ("stage = lost", "one of prospect, new, returning", 9),
        ("stage > new", "with = and != alone", 7),
        ("lapsed = 3", "stands alone", 10),
        ("orders", "has to be compared: `orders in 90 days >= 3`", 1),
        ("orders >", "the end stands where", 9),
        ("orders > 2.5", "a whole number", 10),
        ("life_cycle in 30 days = active", "is not counted by day", 15),
        ("orders in 0 days > 1", "A window has 1 to 3650", 11),
        ("orders in 3651 days > 1", "A window has 1 to 3650", 11),
        ("last_order > 2025-02-30", "a date such as", 14),
        ("orders between 5 and 2", "from the lower value to the higher", 16),
        ("segment Loyal!", "expected", 14),
        ('segment "No Such"', "no segment's id", 9),
        ("(" * 200 + "lapsed" + ")" * 200, None, None),
        ("not " * 30 + "lapsed", "nested too deeply", None),
        (" or ".join(["lapsed"] * 61), "61 conditions: 60 at most", None),
        ("lapsed or " * 400 + "lapsed", "4000 at most", None),
        ("bought tea", "expected: category, brand or sku", 8),
        ("bought sku x in 9999 days", "A window has 1 to 3650", 17),
        ("bought sku x > 1.5", "in whole numbers", 16),
        ("orders > 9999999999999999", "more than any customer has", 10),
        ("spent > 99999999999999999999999", "more than any customer has", 9),
        ("bought sku 85123A", 'stands in quotes: "85123A"', 17),
        ("", "the end stands where", 1),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_is_wrong(text: str, said: str | None, column: int | None) -> None:
    if said is None:
        assert parse(text) == LAPSED  # brackets around one condition are no nesting
        return
    with pytest.raises(BadExpression) as refused:
        parse(text)
    assert said in refused.value.detail
    assert refused.value.column == column


@given(st.text(max_size=80))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    with suppress(BadExpression):
        parse(text)


def test_every_choice_is_said_in_chinese() -> None:
    """Codes are what they are; what people wrote stays as they wrote it."""
    for fact in FACTS.values():
        for value in fact.values:
            said = explain(parse(f'{fact.name} = "{value}"'), "zh")
            assert value.isdigit() or value not in said, said
    assert explain(parse('rising_category = "new"'), "zh").endswith(" new")


def test_an_expression_is_said_in_both_languages() -> None:
    tree = parse("stage = returning and (days_since_last_order >= 60 or not tag vip) and spent in 365 days > 99.50")
    assert explain(tree, "en") == (
        "stage is returning and (days since the last order is at least 60 or not (bears the tag “vip”)) "
        "and amount spent in the last 365 days is above 99.5"
    )
    assert explain(tree, "zh") == (
        "阶段等于 老客户，并且（距最近购买天数不少于 60，或者并非（带有标签“vip”）），并且最近 365 天消费金额大于 99.5"
    )
    tea = parse("bought category tea in 90 days >= 2")
    assert explain(tea, "en") == "orders with category “tea” in the last 90 days are at least 2"
    assert explain(tea, "zh") == "最近 90 天含品类“tea”的订单数不少于 2"
    assert explain(parse("segment loyal"), "zh", {"loyal": "忠实客户"}) == "属于分组“忠实客户”"


def test_the_conditions_that_decide_are_named() -> None:
    tree = parse("lapsed and member or not repurchaser")
    lapsed, member, repurchaser = atoms(tree)
    assert deciding(tree, {lapsed: True, member: True, repurchaser: True}) == (True, [lapsed, member])
    assert deciding(tree, {lapsed: False, member: True, repurchaser: False}) == (True, [repurchaser])
    assert deciding(tree, {lapsed: False, member: True, repurchaser: True}) == (False, [lapsed, repurchaser])
