"""Every table stands once in deploy/citus; those distributed by customer have it in each key, and in every query."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.events.topics import SERVICES

ROOT = Path(__file__).parents[2]
CITUS = ROOT / "deploy/citus"
NAMES = ("common", *SERVICES)
OVER_ALL = {
    "segmentation/jobs/asking.py": "whether a work list has anything at all, over all workers, once a round",
    "segmentation/segments/store_stays.py": "of a shop, over all workers",
    "segmentation/segments/store_standings.py": "of a shop, over all workers",
    "segmentation/segments/store_sheet.py": "of a shop, over all workers",
    "segmentation/segments/store_definitions.py": "of a shop, over all workers",
    "segmentation/buyer_types/store.py": "counts of a shop, over all workers",
    "segmentation/goals/store.py": "of a shop, over all workers",
    "segmentation/lifetime_value/store_values.py": "a page, and figures of a shop, over all workers",
    "segmentation/kpis/store_buyers.py": "of a shop, over all workers",
    "segmentation/kpis/store_groups.py": "of a shop, over all workers",
    "segmentation/kpis/store_weeks.py": "of a shop, over all workers",
    "segmentation/kpis/store_quality.py": "of a shop, over all workers",
    "messaging/reports/sent.py": "of a shop, over all workers",
    "messaging/delivery/store/doubt.py": "few rows, counted and listed for the operator, over all workers",
    "messaging/segments/store.py": "whether anybody of a shop was ever in a segment, over all workers",
    "messaging/reports/journeys.py": "of a shop, over all workers",
    "messaging/campaigns/store_audience.py": "of a shop in pages, over all workers",
    "membership/liability/store.py": "of a shop, over all workers",
    "feedback/understanding/store.py": "of a shop, over all workers",
    "feedback/understanding/store_days.py": "of a shop, over all workers",
    "common/service/live.py": "a rebuild's looks at the live service",
    "common/people/store.py": "whether a shop has merged anybody at all, over all workers, once a request for coupons",
    "common/shops/following.py": "whether the shop has a customer at all; once a setting",
    "common/verification/erased.py": "who was erased, in a verification",
    "common/verification/run.py": "a count for progress",
    "common/versions/table.py": "whether the shop has a customer at all; once a version",
    "common/work/asking.py": "whether a work list has anything at all, over all workers, once a round",
    "common/work/set_aside.py": "few rows, counted and retried by the operator's command",
    "common/crypto/keys.py": "keys that a replaced master key wraps, found by their index",
    "common/fold/store_customers.py": "customers that fall due, whoever they are",
    "common/fold/store_long.py": "few rows, counted",
    "feedback/earned/store.py": "rewards as a whole, in a verification",
    "feedback/granted/store.py": "what one person granted in a day, to whomever, over all workers",
    "feedback/orders/store.py": "the columns of the rows come by a constant, the customer among them",
    "feedback/report/store.py": "a report of a shop, over all workers",
    "feedback/results/store.py": "a report of a shop, over all workers",
    "feedback/rewards/store.py": "found by its own id; the route does not name the customer",
    "feedback/ugc/store.py": "what a shop shows, and one found by its own id",
    "feedback/surveys/store.py": "found by its own id, out of a signed link",
    "membership/costs/store.py": "of a shop, over all workers",
    "membership/announcements/store.py": "the condition is given: customers by their keys, or all for a verification",
    "membership/histories/store.py": "the condition is given: customers by their keys, or all for a verification",
    "membership/ledger/store.py": "inputs by their keys, of causes that do not balance, in a verification",
    "membership/members/store.py": "figures of a shop, over all workers",
    "messaging/consent/store.py": "by the address, of which several customers may have one",
    "messaging/decisions/store_alike.py": "by the address, of which several customers may have one",
    "messaging/delivery/store/queue.py": "the sender takes what waits, whoever it is for",
    "messaging/delivery/store/recall.py": "by the address, of which several customers may have one",
    "messaging/reports/coming.py": "lists of a shop, over all workers",
    "messaging/reports/store.py": "a report of a shop, over all workers",
    "messaging/verification/store.py": "by the address, of which several customers may have one",
    "orders_ingest/retention/store.py": "customers of a shop in pages, over all workers, once a day",
    "orders_ingest/customers/store_quality.py": "a report of a shop, over all workers",
    "segmentation/customers/store.py": "figures of a shop, over all workers",
    "segmentation/lifetime_value/store.py": "figures of a shop, over all workers",
    "segmentation/report/store.py": "a report of a shop, over all workers",
    "segmentation/report/store_map.py": "a report of a shop, over all workers",
    "segmentation/shops/store.py": "the list of shops",
    "segmentation/thresholds/store.py": "whether anybody of a shop was folded by a version, once in a withdrawal",
}
"""Files with queries of distributed tables that name no customer, and why they may ask every worker."""


@dataclass(frozen=True, slots=True)
class Table:
    columns: list[str]
    keys: list[list[str]]


def tables(name: str) -> dict[str, Table]:
    folder = ROOT / "libs/common/src/common/storage" if name == "common" else ROOT / "services" / name
    text = "\n".join(
        re.sub(r"--[^\n]*", "", f.read_text("utf-8")) for f in sorted((folder / "migrations").glob("*.sql"))
    )
    found = {}
    for table, body in re.findall(r"create table (\w+) \((.*?)\n\)[^;]*;", text, re.S):
        lines = [line.strip() for line in body.split("\n") if line.strip()]
        words = ("primary", "unique", "check", "constraint", "foreign")
        columns = [
            line.split()[0].strip('"') for line in lines if not line.startswith((*words, "(", ")", "or ", "and "))
        ]
        keys = [re.findall(r"\w+", key) for key in re.findall(r"(?:primary key|unique) \(([^)]*)\)", body)]
        keys += [[line.split()[0]] for line in lines if re.search(r"\w+ .*(primary key|unique)\b(?! \()", line)]
        for unique in re.findall(rf"create unique index \w+ on {table} \(([^;]*?)\)(?: where[^;]*)?;", text):
            keys.append(re.findall(r"\w+", unique))
        found[table] = Table(columns, keys)
    return found


def placed(name: str) -> dict[str, str]:
    """What becomes of each table that the file of Citus names; a table that stands there twice is an error."""
    text = (CITUS / f"{name}.sql").read_text("utf-8")
    found = [
        (t, "distributed") for t in re.findall(r"^select create_distributed_table\('(\w+)', 'customer'", text, re.M)
    ]
    found += [(t, "reference") for t in re.findall(r"^select create_reference_table\('(\w+)'\);", text, re.M)]
    found += [(t, "local") for t, _ in re.findall(r"^-- local (\w+): (\S.*)$", text, re.M)]
    assert len(dict(found)) == len(found), f"{name}: a table stands twice"
    return dict(found)


@pytest.mark.parametrize("name", NAMES)
def test_every_table_is_placed_and_a_distributed_one_has_the_customer_in_each_key(name: str) -> None:
    known, where = tables(name), placed(name)
    assert set(known) == set(where), "say in deploy/citus where the table lies, and why"
    for table, place in where.items():
        columns, keys = known[table].columns, known[table].keys
        if place == "distributed":
            assert {"shop", "customer"} <= set(columns), table
            assert all({"shop", "customer"} <= set(key) for key in keys), f"{table}: a unique key without the customer"
        elif place == "reference":
            assert columns[0] == "shop", table
            assert "customer" not in columns, f"{table} has customers: a copy on each worker would hold them all"


def test_distributed_tables_lead_with_shop_and_customer() -> None:
    """So that one index serves the key, its customer's rows, and its shop's."""
    for name in NAMES:
        for table, place in placed(name).items():
            if place == "distributed":
                assert tables(name)[table].keys == [] or tables(name)[table].keys[0][:2] == ["shop", "customer"], table


def _strings(tree: ast.AST) -> Iterator[str]:
    parts = {id(v) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for v in ast.walk(n) if v is not n}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else ast.unparse(v) for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def asks_every_worker(sql: str, distributed: set[str]) -> bool:
    """Whether this is SQL of a distributed table that names no customer."""
    text = re.sub(r"\s+", " ", sql)
    if not re.search(r"\b(select|update|delete|insert)\b", text, re.I):
        return False
    if not distributed & set(re.findall(r"(?:from|join|update|into) ([a-z_]+)\b", text)):
        return False
    if re.match(r"\s*insert into", text, re.I):
        return "customer" not in text
    # In a condition, or in what is joined by: to be given out is not enough.
    conditions = re.split(r"\b(?:where|on|using)\b", text, flags=re.I)[1:]
    return not any(re.search(r"\bcustomers?\b", re.sub(r"(?:from|join|update) customers\b", "", c)) for c in conditions)


def test_every_query_of_a_distributed_table_names_the_customer_or_is_listed() -> None:
    found, of_common = set(), {t for t, place in placed("common").items() if place == "distributed"}
    for name in NAMES:
        source = ROOT / "libs/common/src" if name == "common" else ROOT / "services" / name / "src"
        distributed = of_common | {t for t, place in placed(name).items() if place == "distributed"}
        for file in source.rglob("*.py"):
            if any(asks_every_worker(sql, distributed) for sql in _strings(ast.parse(file.read_text("utf-8")))):
                found.add(file.relative_to(source).as_posix())
    assert found - set(OVER_ALL) == set(), "name the customer, or list the file with its reason"
    assert set(OVER_ALL) - found == set(), "these are listed for nothing"


def test_a_query_without_the_customer_is_found() -> None:
    """The test of the test above."""
    assert asks_every_worker("select count(*) from items where shop = :shop", {"items"})
    assert not asks_every_worker("select 1 from items where shop = :shop and customer = :customer", {"items"})
    assert not asks_every_worker("select 1 from offsets", {"items"})
