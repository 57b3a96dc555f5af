"""P12, its part of P1: the same orders from Kafka, by one process whose tables hold many customers already.

What a thousand customers' orders left in every table is stored again under other names, so often that the size is
reached: states, items, histories, ledgers and sales are as the service itself has made them.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from bench import from_log, machine
from bench.figures import Figure, Result
from bench.servers import Failed, Servers
from bench.workload import FIXED_END, SPAN
from common.storage.migrate import driver_url
from regulars.stack.usage import cpu_seconds

TEMPLATE = from_log.Size(orders=1_500, customers=1_000)
TEMPLATE_SEED = 21
COPIES = 50
"""Of the template, inserted by one statement."""
_LEFT_OUT = ("outbox", "ledger_tallies")
"""What goes some days after publication, and what a trigger of the ledger writes."""


@dataclass(frozen=True, slots=True)
class Size:
    """So many customers, a multiple of 1,000; orders of theirs, two events each, and events before the watch."""

    customers: int
    orders: int = 6_000
    warm: int = 2_000


async def measure(ours: Servers, result: Result, size: Size) -> None:
    """CPU of the process and of PostgreSQL, and time, an event of each service; servers that nothing else has used."""
    await from_log.fill(ours, TEMPLATE_SEED, TEMPLATE, FIXED_END - SPAN)
    urls = {service: await ours.database(service) for service in from_log.SERVICES}
    told = TEMPLATE.orders * from_log.EVENTS_PER_ORDER
    for service, url in urls.items():
        await from_log.consume(ours, "product", service, url, 0, told)
        await multiply(url, size.customers)
    await from_log.fill(ours, result.seed, from_log.Size(size.orders, size.customers))
    events = size.orders * from_log.EVENTS_PER_ORDER
    for service, url in urls.items():
        load, database = machine.load(), cpu_seconds(ours.postgres.pid)
        found = await from_log.consume(ours, "product", service, url, size.warm, events - size.warm)
        database = cpu_seconds(ours.postgres.pid) - database
        of, taken = f"{service}: an event of {size.customers:,} customers", found["events"]
        result.figures += [
            Figure("P1", f"{of}, CPU of its process", 1e6 * found["cpu"] / taken, "µs", load),
            Figure("P1", f"{of}, CPU of PostgreSQL", 1e6 * database / events, "µs", load),
            Figure("P1", f"{of}, time", 1e6 * found["seconds"] / taken, "µs", load),
        ]


async def multiply(url: str, customers: int) -> None:
    """Store the template's rows again for each thousand of customers beyond the first, in all tables of customers."""
    connection = await asyncpg.connect(driver_url(url))
    try:
        tables = await connection.fetch(
            """
            select c.table_name as name,
                   array_agg(cast(c.column_name as text) order by c.ordinal_position) as columns,
                   array_agg(cast(c.data_type as text) order by c.ordinal_position) as types
            from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
            where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.is_generated = 'NEVER'
              and c.is_identity = 'NO' and c.table_name <> all($1)
              and not exists (select from pg_class where relname = c.table_name and relispartition)
            group by c.table_name
            having bool_or(c.column_name = 'customer') and bool_or(c.column_name = 'shop')
            order by c.table_name
            """,
            list(_LEFT_OUT),
        )
        for table in tables:
            columns = ", ".join(f'"{name}"' for name in table["columns"])
            values = ", ".join(_value(*each) for each in zip(table["columns"], table["types"], strict=True))
            for first in range(1, customers // TEMPLATE.customers, COPIES):
                last = min(first + COPIES, customers // TEMPLATE.customers) - 1
                # The names of the template begin with `c000`, so nothing is copied twice.
                await connection.execute(
                    f"""
                    insert into "{table["name"]}" ({columns}) select {values}
                    from "{table["name"]}" t, generate_series({first}, {last}) n
                    where customer >= 'c000000' and customer < '{_customer(TEMPLATE.customers)}'
                    """,
                    timeout=600,
                )
        # Vacuumed too, so that nobody does it while the orders are measured.
        await connection.execute("vacuum analyze", timeout=600)
        await connection.execute("checkpoint", timeout=600)
        known = await connection.fetchval("select count(*) from customers")
        if known < 0.5 * customers:
            raise Failed(f"{known:,} customers are known, not {customers:,}")
    finally:
        await connection.close()


def _customer(number: int) -> str:
    """As the workload names them."""
    return f"c{number:06d}"


def _value(column: str, kind: str) -> str:
    """A column of the n-th copy: other customers and orders, and keys of its own."""
    if column == "customer":
        return f"'c' || lpad(cast(cast(substr(customer, 2) as integer) + n * {TEMPLATE.customers} as text), 6, '0')"
    if kind == "uuid":
        return f'cast(md5(cast("{column}" as text) || n) as uuid)'
    if kind in ("text", "jsonb") and column not in ("shop", "source", "type", "account", "currency"):
        renamed = f"replace(cast(\"{column}\" as text), 'o{TEMPLATE_SEED}-', 'o{TEMPLATE_SEED}x' || n || '-')"
        return f"cast({renamed} as {kind})"
    return f'"{column}"'
