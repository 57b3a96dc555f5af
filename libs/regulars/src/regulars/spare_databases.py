"""Migrated databases of tests, used again: emptying one takes a tenth of the time that making one does.

One whose schema a test has changed, or that cannot be emptied, is dropped instead.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import asyncpg

from regulars.stack.databases import create_database, drop_database, dsn, in_database

LARGE = 256 * 1024
"""Bytes of a table beyond which it is truncated; fewer rows are deleted in less time."""
_SCHEMA = """
select md5(string_agg(said, E'\\n' order by said)) from (
    select concat_ws(' ', oid, relname, relkind) as said from pg_class where relnamespace = 'public'::regnamespace
    union all
    select concat_ws(' ', attrelid, attname, atttypid, attnotnull, atthasdef)
    from pg_attribute join pg_class c on c.oid = attrelid where relnamespace = 'public'::regnamespace and attnum > 0
    union all select concat_ws(' ', tgrelid, tgname, tgenabled) from pg_trigger
    union all select concat_ws(' ', conrelid, conname, convalidated) from pg_constraint
    union all select concat_ws(' ', indrelid, indexrelid, indisvalid) from pg_index
    union all select concat_ws(' ', oid, md5(prosrc)) from pg_proc where pronamespace = 'public'::regnamespace
) as everything
"""
_TABLES = """
select oid::regclass::text as name, pg_relation_size(oid) as size,
       array(
           select attname::text from pg_attribute
           where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '' order by attnum
       ) as columns
from pg_class c where relnamespace = 'public'::regnamespace and relkind = 'r'
"""
_SEQUENCES = """
select format(
    'select setval(%L, %s, %L)', seqrelid::regclass, coalesce(last_value, start_value), last_value is not null
)
from pg_sequence join pg_class c on c.oid = seqrelid join pg_sequences on sequencename = relname
where relnamespace = 'public'::regnamespace
"""
_OTHERS = """
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""


@dataclass(slots=True)
class _Kind:
    """A template: its schema, the rows of its tables as COPY writes them, how its sequences stand, who is like it.

    Of rows without what the server computes of them.
    """

    template: str
    schema: str
    rows: dict[str, bytes]
    sequences: list[str]
    spare: list[str] = field(default_factory=list)


class SpareDatabases:
    """Databases like some template; `url` is the administrator's address of the server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._kinds: dict[str, _Kind] = {}
        self._used: dict[str, _Kind] = {}

    async def take(self, template: str, name: str) -> str:
        """The name of a database that is as the template: a spare one, or one made under the name given."""
        kind = self._kinds.get(template)
        if kind is None:
            kind = self._kinds[template] = await self._look_at(template)
        if kind.spare:
            name = kind.spare.pop()
        else:
            await create_database(self._url, name, template=template)
        self._used[name] = kind
        return name

    async def give_back(self, name: str) -> None:
        """Make it as its template again, for somebody else to take; drop it where that cannot be done."""
        kind = self._used.pop(name)
        connection = await asyncpg.connect(dsn(in_database(self._url, name)), timeout=10)
        try:
            await connection.fetch(_OTHERS)
            emptied = await connection.fetchval(_SCHEMA) == kind.schema
            if emptied:
                await _empty(connection, kind)
        except asyncpg.InsufficientPrivilegeError:
            emptied = False  # a server of somebody's own, whose role is no superuser
        finally:
            await connection.close()
        if emptied:
            kind.spare.append(name)
        else:
            await drop_database(self._url, name)

    async def drop_all(self) -> None:
        """Drop what is spare, and the templates looked at."""
        for kind in self._kinds.values():
            for name in (*kind.spare, kind.template):
                await drop_database(self._url, name)
        self._kinds.clear()

    async def _look_at(self, template: str) -> _Kind:
        connection = await asyncpg.connect(dsn(in_database(self._url, template)), timeout=10)
        try:
            rows = {}
            for table in await connection.fetch(_TABLES):
                copied, columns = io.BytesIO(), ", ".join(f'"{name}"' for name in table["columns"])
                query = f"select {columns} from {table['name']}"
                await connection.copy_from_query(query, output=copied, format="binary")
                if await connection.fetchval(f"select exists (select from {table['name']})"):
                    rows[table["name"]] = copied.getvalue()
            sequences = [row[0] for row in await connection.fetch(_SEQUENCES)]
            return _Kind(template, await connection.fetchval(_SCHEMA), rows, sequences)
        finally:
            await connection.close()


async def _empty(connection: asyncpg.Connection, kind: _Kind) -> None:
    """Rows and sequences as the template has them; triggers rest, for some tables take no deletion."""
    tables = await connection.fetch(_TABLES)
    columns = {table["name"]: table["columns"] for table in tables}
    await connection.execute("set session_replication_role = replica")
    for table in tables:
        if table["size"] > LARGE:
            await connection.execute(f"truncate {table['name']}")
        elif table["size"]:
            await connection.execute(f"delete from {table['name']}")
    for name, rows in kind.rows.items():
        await connection.copy_to_table(name, columns=columns[name], source=io.BytesIO(rows), format="binary")
    await connection.execute(";".join(kind.sequences) or "select")
