"""The compiled SQL against the naive evaluator: random expressions over random customers, all equal."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import settings

from common.storage.database import Database, Transaction
from segmentation.expressions.facts import FACTS
from segmentation.expressions.tree import (
    All,
    Bought,
    Compare,
    Flag,
    InSegment,
    Not,
    OneOf,
    Operator,
    Tagged,
    Tree,
)
from segmentation.expressions.tree import Any as AnyOf
from segmentation.segments.store_standings import Day, compare, count_matching, everybody, these
from segmentation.tribes.rules import Seen

from .naive import Customer, Sold, meets

TODAY = date(2025, 3, 20)
PAIRS = max(2_000, settings.default.max_examples) if settings.default else 2_000
"""Ten thousand in the profile for nights."""
NAMES: tuple[str, ...] = (
    "stage",
    "life_cycle",
    "recency_grade",
    "rfm_cell",
    "tier",
    "orders",
    "spent",
    "refunded",
    "order_value",
    "first_order",
)
NAMES += ("last_order", "days_since_first_order", "days_since_last_order", "views", "tag", "segment", "flag", "bought")
NAMES += ("tribe", "tribe_confidence")
CUSTOMERS = 50
NAMED: dict[str, Tree] = {
    "loyal": Compare(FACTS["orders"], ">=", 2),
    "quiet": Compare(FACTS["days_since_last_order"], ">", 30),
}


async def test_sql_and_the_naive_evaluator_agree_and_nothing_turns_before_its_date(
    new_db: Callable[[], Any],
) -> None:
    """SEG-045: of each pair both say the same, today and on the days around the date on which it may turn."""
    db: Database = await new_db()
    draw = random.Random(45)
    customers = [_customer(draw, number) for number in range(CUSTOMERS)]
    async with db.transaction() as tx:
        await _store(tx, customers)
        by_name = {customer.name: customer for customer in customers}
        for number in range(PAIRS // CUSTOMERS):
            tree = _tree(draw, 3)
            definitions: dict[str, Tree] = {**NAMED, "asked": tree}
            found = await compare(tx, Day(TODAY, "CNY", definitions), ["asked"], these("tea", sorted(by_name)))
            assert len(found) == CUSTOMERS
            for each in found:
                customer = by_name[each.customer]
                said = meets(tree, customer, TODAY, NAMED)
                assert ("asked" in each.inside) == said, (tree, customer)
                turns = date.fromordinal(each.turns) if each.turns is not None else TODAY + timedelta(days=500)
                assert turns > TODAY
                for later in (TODAY + timedelta(days=1), turns - timedelta(days=1)):
                    if TODAY < later < turns:
                        assert meets(tree, customer, later, NAMED) == said, (tree, customer, later, turns)
            if number % 10 == 0:
                inside = sum("asked" in each.inside for each in found)
                day = Day(TODAY, "CNY", definitions)
                assert await count_matching(tx, day, tree, everybody("tea")) == (inside, CUSTOMERS)


def _customer(draw: random.Random, number: int) -> Customer:
    found = Customer(
        f"c{number:03}",
        draw.choice(["prospect", "new", "returning", None]),
        draw.choice(["active", "sleeping", "dead", None]),
        draw.random() < 0.3,
        draw.choice(["111", "010", "543", "215", None]),
        draw.choice(["Regular", "金卡", None]),
        {tag for tag in ("vip", "loud's") if draw.random() < 0.3},
    )
    for _ in range(draw.choice([0, 1, 2, 5])):
        paid = draw.choice([0, 100, 9_950, 20_000])
        found.sales.append(
            Sold(
                TODAY - timedelta(days=draw.choice([0, 1, 29, 30, 31, 60, 89, 90, 400])),
                draw.choice(["CNY", "CNY", "USD"]),
                draw.choice([1, 1, 1, 0]),
                paid,
                draw.choice([0, 0, 50, paid, 30_000]),
                draw.random() < 0.2,
                draw.choice([None, (), ("tea",), ("tea", "cups'")]),
            )
        )
    found.rfm_class = draw.choice(["important_value", "general_value"]) if found.cell else None
    if draw.random() < 0.7:
        found.seen = Seen(
            TODAY.year,
            draw.choice([None, 1940, 1960, 1965, 1985, 1995, 2000, 2005]),
            draw.choice([None, "student", "white_collar", "homebody"]),
            draw.choice([None, "female", "male"]),
            draw.choice([None, "tier_1", "remote"]),
        )
    for _ in range(draw.choice([0, 0, 2])):
        found.views[TODAY - timedelta(days=draw.choice([0, 6, 7, 29, 30, 200]))] = draw.choice([1, 4])
    return found


def _tree(draw: random.Random, levels: int) -> Tree:
    kind = draw.random()
    if levels and kind < 0.5:
        parts = tuple(_tree(draw, levels - 1) for _ in range(draw.choice([2, 3])))
        return All(parts) if kind < 0.25 else AnyOf(parts)
    if levels and kind < 0.62:
        return Not(_tree(draw, levels - 1))
    return _atom(draw)


def _atom(draw: random.Random) -> Tree:
    name = draw.choice(NAMES)
    if name == "tag":
        return Tagged(draw.choice(["vip", "loud's", "nobody"]))
    if name == "bought":
        operators: list[Operator] = [">=", "=", "!=", "<"]
        category, days = draw.choice(["tea", "cups'"]), draw.choice([None, 30, 90])
        return Bought("category", category, draw.choice(operators), draw.randrange(3), days)
    if name == "segment":
        return InSegment(draw.choice(sorted(NAMED)))
    if name == "flag":
        return Flag(FACTS[draw.choice(["lapsed", "repurchaser", "member"])])
    fact = FACTS[name]
    kinds: dict[str, list[Any]] = {
        "choice": list(fact.values),
        "text": ["金卡", "Regular", "'; drop table sales; --"],
        "number": [0, 1, 2, 4, 5],
        "money": [Decimal("0"), Decimal("1"), Decimal("99.5"), Decimal("200"), Decimal("100.25")],
        "date": [TODAY - timedelta(days=days) for days in (0, 30, 90)],
        "days": [0, 1, 29, 30, 31, 60, 90],
    }
    values = kinds[fact.kind]
    days = draw.choice([None, 1, 7, 30, 90]) if fact.by_day else None
    if draw.random() < 0.2:
        return OneOf(fact, tuple(draw.sample(values, 2)), days)
    operators = ["=", "!="] if fact.kind in ("choice", "text") else ["=", "!=", "<", "<=", ">", ">="]
    return Compare(fact, draw.choice(operators), draw.choice(values), days)


async def _store(tx: Transaction, customers: list[Customer]) -> None:
    rows, sales, activity, tags, tiers, facts, profiles = [], [], [], [], [], [], []
    for each in customers:
        days = [day.isoformat() for day in each.days]
        state: dict[str, Any] = {
            "stage": {"value": each.stage},
            "life_cycle": {"value": each.life_cycle},
            "rfm": {"score": [each.cell, each.rfm_class]} if each.cell else {},
            "lapse": {"episode": "2025-01-01"} if each.lapsed else {},
            "purchases": {"completed": len(days), **({"first_day": days[0], "last_day": days[-1]} if days else {})},
        }
        rows.append((each.name, orjson.dumps(state).decode()))
        for number, sold in enumerate(each.sales):
            gone = sold.day if sold.gone else None
            amounts = (sold.currency, sold.orders, sold.paid, sold.refunded)
            sales.append(("tea", each.name, f"order/{number}", sold.day, gone, *amounts))
            if sold.categories is not None:
                lines = orjson.dumps([["s", name, None, 1, 1, None] for name in sold.categories]).decode()
                facts.append((each.name, str(number), sold.day, lines))
        activity += [("tea", each.name, day, "product.viewed", n) for day, n in each.views.items()]
        tags += [("tea", each.name, tag, True) for tag in each.tags] + [("tea", each.name, "nobody", False)]
        tiers += [("tea", each.name, each.tier, each.tier, 1)] if each.tier else []
        profiles += [("tea", each.name, 1, *each.seen[1:5])] if each.seen else []
    for name, state_json in rows:
        await tx.execute(
            "insert into customers (shop, customer, state) values ('tea', :name, cast(:state as jsonb))",
            name=name,
            state=state_json,
        )
    await tx.copy("sales", ("shop", "customer", "name", "day", "gone", "currency", "orders", "paid", "refunded"), sales)
    for name, order_id, day, lines in facts:
        await tx.execute(
            "insert into order_facts (shop, customer, order_id, revision, day, lines) "
            "values ('tea', :name, :order_id, 1, :day, cast(:lines as jsonb))",
            name=name,
            order_id=order_id,
            day=day,
            lines=lines,
        )
    for shop, name, day, kind, count in activity:
        await tx.execute(
            "insert into activity (shop, customer, day, kind, count, first_at, last_at) "
            "values (:shop, :name, :day, :kind, :count, now(), now())",
            shop=shop,
            name=name,
            day=day,
            kind=kind,
            count=count,
        )
    for shop, name, tag, borne in tags:
        await tx.execute(
            "insert into tags (shop, customer, tag, borne, source, at, cause) "
            "values (:shop, :name, :tag, :borne, 'staff', now(), 'x')",
            shop=shop,
            name=name,
            tag=tag,
            borne=borne,
        )
    await tx.copy("member_tiers", ("shop", "customer", "tier_id", "tier", "revision"), tiers)
    said = ("shop", "customer", "revision", "born_from", "life_state", "gender", "city_level")
    await tx.copy("profiles", said, profiles)
    await tx.execute("analyze")
