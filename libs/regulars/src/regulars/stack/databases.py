"""Creates a database and its role on a PostgreSQL server."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from common.storage.failures import SERVER_ERRORS
from regulars.stack.errors import StackError

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def dsn(url: str) -> str:
    """SQLAlchemy's address in the form that asyncpg takes."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


def in_database(url: str, database: str) -> str:
    """The same server and user, another database."""
    base, _, options = url.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{_checked(database)}" + (f"?{options}" if options else "")


def role_of(database: str) -> str:
    """The role that the database's service serves as; its owner, as which it is migrated, bears the database's name."""
    return f"{database}_service"


def as_role(admin_url: str, name: str, password: str, *, database: str | None = None) -> str:
    """The same server and options, but role ``name`` and, unless another one is given, the database of its name."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(
        parts._replace(netloc=f"{name}:{quote(password, safe='')}@{host}", path=f"/{_checked(database or name)}")
    )


async def ensure_database(admin_url: str, name: str, password: str, serving: str | None = None) -> None:
    """Make role and database ``name`` where they are missing, and set the role's password. Idempotent.

    ``serving``: likewise the role that the service serves as, with this password; migrations give it its rights.

    Raises StackError when the administrator's role lacks the rights or the server does not answer.
    """
    try:
        connection = await asyncpg.connect(dsn(admin_url), timeout=10)
    except SERVER_ERRORS as error:
        raise StackError(f"PostgreSQL does not let us in ({error}); check DATABASE_URL") from error
    try:
        await _ensure(connection, _checked(name), password, serving)
    except asyncpg.InsufficientPrivilegeError as error:
        raise StackError(
            f"DATABASE_URL's role may not create databases and roles ({error}); "
            "grant it CREATEDB and CREATEROLE, or give a superuser"
        ) from error
    finally:
        await connection.close()


async def _ensure(connection: asyncpg.Connection, name: str, password: str, serving: str | None) -> None:
    # Roles per service: a leaked password opens one service's data only.
    for role, word in ((name, password), (role_of(name), serving)):
        if word is not None:
            secret = await connection.fetchval("select quote_literal($1::text)", word)
            verb = "alter" if await connection.fetchval("select 1 from pg_roles where rolname = $1", role) else "create"
            await connection.execute(f"{verb} role {role} login password {secret}")
    if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
        # An administrator who is no superuser must be a member of the role that is to own the database.
        if not await connection.fetchval("select rolsuper from pg_roles where rolname = current_user"):
            await connection.execute(f"grant {name} to current_user")
        await connection.execute(f"create database {name} owner {name}")
        # Every role may connect to every database unless it is revoked.
        await connection.execute(f"revoke connect on database {name} from public")
    if serving is not None:
        await connection.execute(f"grant connect on database {name} to {role_of(name)}")
    # A rebuild that was killed may have left it shut.
    await connection.execute(f"alter database {name} connection limit -1")


async def let_in(admin_url: str, name: str) -> None:
    """Undo that nobody is let into the database."""
    connection = await asyncpg.connect(dsn(admin_url), timeout=10)
    try:
        await connection.execute(f"alter database {_checked(name)} connection limit -1")
    finally:
        await connection.close()


async def ensure_database_of(admin_url: str, name: str, owner: str) -> None:
    """Make a further database of a role that exists, where it is missing."""
    connection = await asyncpg.connect(dsn(admin_url), timeout=10)
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f"create database {_checked(name)} owner {_checked(owner)}")
            await connection.execute(f"revoke connect on database {name} from public")
    finally:
        await connection.close()


async def create_database(admin_url: str, name: str, *, template: str | None = None) -> str:
    """Make an empty database, or a copy of the template, owned by the administrator; gives its address."""
    connection = await asyncpg.connect(dsn(admin_url), timeout=10)
    try:
        source = f" template {_checked(template)}" if template else ""
        await connection.execute(f"create database {_checked(name)}{source}")
    finally:
        await connection.close()
    return in_database(admin_url, name)


async def drop_database(admin_url: str, name: str) -> None:
    """Drop the database, ending its connections. A database that is gone is no error."""
    connection = await asyncpg.connect(dsn(admin_url), timeout=10)
    try:
        await connection.execute(f"drop database if exists {_checked(name)} with (force)")
    finally:
        await connection.close()


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise StackError(f"{name!r} is no plain database name: lower-case letters, digits and _ only")
    return name
