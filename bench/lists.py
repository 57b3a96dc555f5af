"""P16: the plan and the time of each list that the console's pages are made of, over many customers' rows."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bench import machine
from bench.figures import Figure, Result
from bench.servers import Servers
from bench.workload import SHOP
from common.storage.database import Database, Transaction
from membership.ledger.store_statement import list_statement
from orders_ingest.identity.store_recognition import list_having
from orders_ingest.orders.store_reading import list_orders_of
from segmentation.report.store_listing import list_customers

LOOK, AT_ONCE = 100_000, 50_000
"""As segmentation's route has it; customers whose rows are made in one transaction."""


@dataclass(slots=True)
class Explaining:
    """Answers as the transaction does, and keeps the plan of every statement that it is asked."""

    tx: Transaction
    plans: list[dict[str, Any]] = field(default_factory=list)

    async def fetch(self, sql: str, **values: Any) -> Sequence[Any]:
        await self._explain(sql, values)
        return await self.tx.fetch(sql, **values)

    async def value(self, sql: str, **values: Any) -> Any:
        await self._explain(sql, values)
        return await self.tx.value(sql, **values)

    async def _explain(self, sql: str, values: dict[str, Any]) -> None:
        said = await self.tx.value(f"explain (analyze, buffers, format json) {sql}", **values)
        self.plans.append((json.loads(said) if isinstance(said, str) else said)[0]["Plan"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The plan's nodes, outermost first."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def said(plan: dict[str, Any]) -> str:
    """The ways in which the plan reads tables, and how many pages of 8 KB it touched."""
    ways = [
        f"{node['Node Type']} on {node.get('Index Name') or node.get('Relation Name')}"
        for node in nodes(plan)
        if "Relation Name" in node or "Index Name" in node
    ]
    pages = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    return f"{' + '.join(dict.fromkeys(ways))}, {pages:,} pages"


async def fill_segmentation(tx: Transaction, first: int, last: int) -> None:
    """Customers c0000001 and up: half returning and active, one in a thousand VIP, one in ten thousand dead."""
    await tx.execute(
        """
        insert into customers (shop, customer, state)
        select :shop, 'c' || lpad(cast(n as text), 7, '0'), jsonb_build_object(
            'stage', jsonb_build_object('value', case when n % 2 = 0 then 'returning' else 'new' end),
            'life_cycle', jsonb_build_object('value', case when n % 10000 = 0 then 'dead' else 'active' end),
            'rfm', jsonb_build_object('score', jsonb_build_array(case when n % 8 = 0 then '111' else '000' end, 'x')),
            'purchases', jsonb_build_object('completed', n % 5))
        from generate_series(cast(:first as integer), cast(:last as integer)) n
        """,
        shop=SHOP,
        first=first,
        last=last,
    )
    await tx.execute(
        """
        insert into member_tiers (shop, customer, tier_id, tier, revision)
        select :shop, 'c' || lpad(cast(n as text), 7, '0'), case when n % 1000 = 0 then 'vip' else 'regular' end,
               case when n % 1000 = 0 then 'VIP' else 'Regular' end, 1
        from generate_series(cast(:first as integer), cast(:last as integer)) n
        """,
        shop=SHOP,
        first=first,
        last=last,
    )


async def fill_orders_ingest(tx: Transaction, first: int, last: int) -> None:
    """Of each customer an e-mail, a name that a thousand share, and two orders."""
    await tx.execute(
        """
        insert into recognised_by (shop, customer, kind, hash)
        select :shop, 'c' || lpad(cast(n as text), 7, '0'), kind, decode(md5(kind || case kind
            when 'email' then n else n % 1000 end), 'hex')
        from generate_series(cast(:first as integer), cast(:last as integer)) n, unnest(array['email', 'name']) kind
        """,
        shop=SHOP,
        first=first,
        last=last,
    )
    await tx.execute(
        """
        insert into orders (shop, order_id, customer, revision, state_number, source, event_id, state, currency,
                            goods_paid, freight, at, body)
        select :shop, 'o' || n || '-' || k, 'c' || lpad(cast(n as text), 7, '0'), 1, 1, 's', 'e', 'completed', 'CNY',
               10000, 0, now() - make_interval(days => k), '{}'
        from generate_series(cast(:first as integer), cast(:last as integer)) n, generate_series(1, 2) k
        """,
        shop=SHOP,
        first=first,
        last=last,
    )


async def fill_membership(tx: Transaction, first: int, last: int) -> None:
    """The two legs of an order of each customer; the first ten thousand are all of one."""
    await tx.execute(
        """
        insert into ledger_entries (shop, customer, cause, named, correction, occurred_at, legs)
        select :shop, case when n <= 10000 then 'c0000001' else 'c' || lpad(cast(n as text), 7, '0') end,
               cast(md5('c' || n) as uuid), 'bench@' || n, false, now() - make_interval(mins => n % 1000000),
               '[["available","o' || n || '",100],["issued","",-100]]'
        from generate_series(cast(:first as integer), cast(:last as integer)) n
        """,
        shop=SHOP,
        first=first,
        last=last,
    )


Ask = Callable[[Any], Awaitable[Any]]
Fill = Callable[[Transaction, int, int], Awaitable[None]]
ASKED: dict[str, tuple[Fill, dict[str, Ask]]] = {
    "segmentation": (
        fill_segmentation,
        {
            "customers, the first 50": lambda tx: list_customers(tx, SHOP, {}, "", 50, LOOK),
            "customers, 50 in the middle": lambda tx: list_customers(tx, SHOP, {}, "c0500000", 50, LOOK),
            "customers of a common stage": lambda tx: list_customers(tx, SHOP, {"stage": "returning"}, "", 50, LOOK),
            "customers of a rare life cycle": lambda tx: list_customers(tx, SHOP, {"life_cycle": "dead"}, "", 50, LOOK),
            "members of a common tier": lambda tx: list_customers(tx, SHOP, {"tier": "regular"}, "", 50, LOOK),
            "members of a rare tier": lambda tx: list_customers(tx, SHOP, {"tier": "vip"}, "", 50, LOOK),
            "members of a rare tier and cell": lambda tx: list_customers(
                tx, SHOP, {"tier": "vip", "cell": "111"}, "", 50, LOOK
            ),
        },
    ),
    "orders-ingest": (
        fill_orders_ingest,
        {
            "customers of an e-mail": lambda tx: list_having(tx, SHOP, "email", _hash("email", 77), "", 51),
            "customers of a name": lambda tx: list_having(tx, SHOP, "name", _hash("name", 77), "", 51),
            "orders of a customer": lambda tx: list_orders_of(tx, SHOP, "c0000077", None, 51),
        },
    ),
    "membership": (
        fill_membership,
        {
            "statement of a customer": lambda tx: list_statement(tx, (SHOP, "c0012077"), None, 50, "learnt"),
            "statement of 10,000 lines": lambda tx: list_statement(tx, (SHOP, "c0000001"), None, 50, "learnt"),
        },
    ),
}


def _hash(kind: str, number: int) -> bytes:
    return hashlib.md5(f"{kind}{number}".encode(), usedforsecurity=False).digest()


async def measure(ours: Servers, result: Result, customers: int) -> None:
    """Fill each service's tables, then ask each list once for its plan and ten times for its time."""
    for service, (fill, lists) in ASKED.items():
        async with _filled(ours, service, fill, customers) as database:
            for what, ask in lists.items():
                load = machine.load()
                async with database.transaction() as tx:
                    explaining = Explaining(tx)
                    await ask(explaining)
                    times = sorted([await _timed(ask, tx) for _ in range(10)])
                result.figures.append(Figure("P16", f"{what}, of {customers:,}", times[-1], "ms", load, most=150))
                # The statement that read most is the one that decides.
                worst = max(explaining.plans, key=lambda plan: plan["Actual Total Time"])
                result.notes.append(f"P16, {what}: {said(worst)}.")


async def _timed(ask: Ask, tx: Transaction) -> float:
    began = time.perf_counter()
    await ask(tx)
    return (time.perf_counter() - began) * 1_000


@asynccontextmanager
async def _filled(ours: Servers, service: str, fill: Fill, customers: int) -> AsyncIterator[Database]:
    database = Database(await ours.database(service))
    try:
        for begin in range(1, customers + 1, AT_ONCE):
            async with database.transaction() as tx:
                await fill(tx, begin, min(begin + AT_ONCE - 1, customers))
        async with database.transaction() as tx:
            await tx.execute("analyze")
        yield database
    finally:
        await database.close()
