"""A service's database role may do what the service's SQL does, and nothing else (SEC-001)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from common.process.settling import LAST_ANNOUNCED
from common.storage import migrate, roles
from regulars.stack.databases import as_role, dsn, ensure_database, role_of
from regulars.stack.services import CONSOLE, SERVICES, Service
from regulars.testing import SharedPostgres

ROOT = Path(__file__).parents[2]
COMMON = ROOT / "libs/common/src/common"
NAMES = [each.name for each in (*SERVICES, CONSOLE)]
VERSIONS = {
    "common": ["shop_settings"],
    "feedback": ["policies"],
    "membership": ["programmes"],
    "messaging": ["policies", "flow_versions", "parcel_plans"],
    "segmentation": ["shop_statistics", "thresholds", "value_fits", "churn_fits"],
}
"""Tables of `common.versions.table.VersionTable`, whose SQL has a name in the place of the table."""
REVISIONS = {
    "feedback": ["staff_tasks", "contents", "reward_claims", "tiers", "buyer_types", "customer_sources", "enrolled"],
}
"""Tables of `feedback.revisions`, whose SQL has a name in the place of the table: rows are added and changed."""
SEALED = {
    "orders-ingest": ["archive", "erasures", "import_refusals", "refunds", "sharing_partners"],
    "common": ["dead_events"],
}
"""Tables of `common.crypto.sealed.SealedColumn`, whose SQL has a name in the place of the table: bodies are changed."""
AS_OWNER = [
    "bus/rebuilding.py",
    "service/live.py",
    "service/rebuilding.py",
    "storage/migrate.py",
    "store_rebuilding.py",
]
"""Files whose SQL runs in a rebuild or a migration alone, which connect as the tables' owner."""
OF_REBUILD = {"announced_facts", "rebuilt_facts"}
LOCAL = {"expected", "steps", "invoices", "lines", "sold"}
"""Tables of SQLite, in temporary files."""
_VERBS = {
    "insert": r"insert into ([a-z_0-9]+)",
    "update": r"(?<!for )(?<!do )(?<!key )\bupdate ([a-z_0-9]+)(?: (?:as )?\w+)? set\b",
    "delete": r"delete from ([a-z_0-9]+)\b(?!\{)",
    "truncate": r"truncate ([a-z_0-9]+)\b(?!\{)",
}
_LOCKED = r"(?:from|join) (?!lateral\b)([a-z_0-9]+)\b.*?\bfor (?:no key )?(?:update|share)"

Rights = set[tuple[str, str]]


def _strings(tree: ast.AST) -> Iterator[str]:
    """String constants; what an f-string fills in stands as {}."""
    parts = {id(v) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for v in ast.walk(n) if v is not n}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def _rights_of(sql: str) -> Rights:
    text = re.sub(r"\s+", " ", sql)
    found = {(table, verb) for verb, pattern in _VERBS.items() for table in re.findall(pattern, text, re.I)}
    for statement in re.split(r"(?=insert into )", text, flags=re.I):
        if re.search("do update", statement, re.I) and (into := re.match(_VERBS["insert"], statement, re.I)):
            found.add((into[1], "update"))
    if re.search(r"for (no key )?(update|share)", text, re.I):
        found |= {(table, "update") for table in re.findall(_LOCKED, text, re.I)}
    return found


def _used(folder: Path, name: str) -> Rights:
    found: Rights = set()
    for file in folder.rglob("*.py"):
        if any(file.as_posix().endswith(end) for end in AS_OWNER):
            continue
        tree = ast.parse(file.read_text("utf-8"))
        for sql in _strings(tree):
            found |= _rights_of(sql)
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)):
            # Transaction.copy(table, …)
            if call.func.attr == "copy" and call.args and isinstance(call.args[0], ast.Constant):  # type: ignore[attr-defined]
                found.add((str(call.args[0].value), "insert"))
    for table in VERSIONS.get(name, []):
        found.add((table, "insert"))
    found |= {(table, verb) for table in REVISIONS.get(name, []) for verb in ("insert", "update")}
    found |= {(table, "update") for table in SEALED.get(name, [])}
    return {(table, verb) for table, verb in found if table not in LOCAL | OF_REBUILD | {"unnest", "w"}}


def _given(file: Path) -> Rights:
    text = re.sub(r"--[^\n]*|grant select on sequence [^;]*;", "", file.read_text("utf-8"))
    found: Rights = set()
    for verbs, tables in re.findall(r"grant (.*?)\s+on\s+(.*?)\s+to \{role\};", text, re.S):
        for table in re.split(r",\s*", tables.strip()):
            found |= {(table, verb) for verb in re.findall(r"[a-z]+", re.sub(r"\(.*?\)", "", verbs))}
    return found


def _files(name: str) -> tuple[Path, Path]:
    if name == "common":
        return COMMON, COMMON / "storage/migrations" / roles.FILE
    return ROOT / "services" / name / "src", ROOT / "services" / name / "migrations" / roles.FILE


@pytest.mark.parametrize("name", ["common", *NAMES])
def test_the_rights_are_those_that_the_sources_sql_needs(name: str) -> None:
    source, file = _files(name)
    used, given = _used(source, name), _given(file)
    if name == "common":
        ring = {(f"outbox_{slot}", verb) for slot in range(16) for verb in ("delete", "truncate")}
        assert ring <= given
        given -= ring
        used -= {("outbox", "truncate")}  # of a rebuild
    elif name != "console":
        used -= _given(_files("common")[1])
        assert not given & _given(_files("common")[1]), "libs/common gives it already"
    versions = {(table, "update") for table in VERSIONS.get(name, [])}
    assert used - given == set(), "these are refused to the running service"
    assert given - used - versions == set(), "nothing needs these"


def test_a_right_that_the_source_needs_is_found_in_each_form() -> None:
    """The test of the test above."""
    assert _rights_of("insert into a (x) values (1) on conflict (x) do update set x = 2") == {
        ("a", "insert"),
        ("a", "update"),
    }
    assert _rights_of("with d as (delete from b where x) update c as k set y = 1") == {("b", "delete"), ("c", "update")}
    assert _rights_of("select 1 from d as q where z for no key update of q skip locked") == {("d", "update")}
    assert _rights_of("select * from e") == set()


async def _as_service(postgres: SharedPostgres, name: str) -> asyncpg.Connection:
    """A connection as the role that the service serves as, to a database of its own that was migrated by its owner."""
    service = next(each for each in (*SERVICES, CONSOLE) if each.name == name)
    await ensure_database(postgres.url, service.database, "of the owner", "of the service")
    owner = as_role(postgres.url, service.database, "of the owner")
    role = role_of(service.database)
    await migrate.migrate(owner, ROOT / "services" / name / "migrations", common=name != "console", role=role)
    return await asyncpg.connect(dsn(as_role(postgres.url, role, "of the service", database=service.database)))


_TABLES = """
select relname from pg_class c join pg_namespace n on n.oid = relnamespace
where nspname = 'public' and relkind in ('r', 'p')
"""
_HELD = """
select c.relname, lower(a.privilege_type) from pg_class c, aclexplode(c.relacl) a
where c.relnamespace = 'public'::regnamespace and a.grantee = current_user::regrole
union
select c.relname, lower(a.privilege_type) from pg_attribute t join pg_class c on c.oid = t.attrelid,
aclexplode(t.attacl) a where c.relnamespace = 'public'::regnamespace and a.grantee = current_user::regrole
"""


@pytest.mark.parametrize("name", NAMES)
async def test_whatever_else_the_service_tries_is_refused(postgres: SharedPostgres, name: str) -> None:
    """On a real server: each table, each verb; making, changing and dropping tables; other databases."""
    connection = await _as_service(postgres, name)
    try:
        given = _given(_files(name)[1]) | (_given(_files("common")[1]) if name != "console" else set())
        tables = {row[0] for row in await connection.fetch(_TABLES)}
        held = {tuple(row) for row in await connection.fetch(_HELD)}
        assert {(table, verb) for table, verb in held if verb != "select" and table in tables} == given
        attempts = ["create table public.mine (x int)", "alter table schema_migrations add column x int"]
        attempts += [
            "drop table schema_migrations",
            "delete from schema_migrations",
            f"create role another_of_{name[:4]}",
        ]
        attempts += [f"delete from {table}" for table in tables if (table, "delete") not in given]
        attempts += [f"truncate {table}" for table in tables if (table, "truncate") not in given]
        for attempt in attempts:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(attempt)
        assert await connection.fetchval("select count(*) from schema_migrations")
    finally:
        await connection.close()
    other = "membership" if name != "membership" else "segmentation"
    await ensure_database(postgres.url, other, "of the owner", "of the service")
    service = next(each for each in (*SERVICES, CONSOLE) if each.name == name)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(dsn(as_role(postgres.url, role_of(service.database), "of the service", database=other)))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_the_service_sees_how_far_its_facts_are_numbered(postgres: SharedPostgres, service: Service) -> None:
    """A sequence that may not be read answers null, as if nothing had been announced."""
    connection = await _as_service(postgres, service.name)
    owner = await asyncpg.connect(dsn(as_role(postgres.url, service.database, "of the owner")))
    try:
        number = await owner.fetchval("select nextval('outbox_seq_seq')")
        assert await connection.fetchval(LAST_ANNOUNCED) == number
    finally:
        await connection.close()
        await owner.close()


async def test_the_consoles_role_adds_no_entry_before_the_first(postgres: SharedPostgres) -> None:
    """Where the chain of the audit does not go, though the page Audit would show it."""
    connection = await _as_service(postgres, "console")
    try:
        for number in (0, -1):
            with pytest.raises(asyncpg.CheckViolationError, match="audit_entry_check"):
                await connection.execute(
                    "insert into audit values ($1, now(), 7, 'Ann', 'tea', 'look', 'x', 'ok', null, '')", number
                )
    finally:
        await connection.close()


async def test_the_ledgers_role_adds_entries_and_changes_none(postgres: SharedPostgres) -> None:
    connection = await _as_service(postgres, "membership")
    try:
        await connection.execute("insert into customers (shop, customer) values ('s', 'c') on conflict do nothing")
        for attempt in (
            "update ledger_entries set legs = '[]'",
            "delete from ledger_entries",
            "truncate ledger_entries",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="ledger_entries"):
                await connection.execute(attempt)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="ledger_tallies"):
            await connection.execute("update ledger_tallies set entries = 0")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="programmes"):
            await connection.execute("update programmes set body = '{}'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("alter table ledger_entries disable trigger all")
    finally:
        await connection.close()
    # Its owner is stopped by the trigger alone.
    owner = await asyncpg.connect(dsn(as_role(postgres.url, "membership", "of the owner")))
    assert await owner.fetchval("select has_table_privilege('ledger_entries', 'delete')")
    await owner.close()
