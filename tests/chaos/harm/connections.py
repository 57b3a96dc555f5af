"""Cuts a service's database connections while it is at work."""

from __future__ import annotations

import asyncio
import time

import asyncpg

from common.storage.migrate import driver_url

_LOOK_EVERY_S = 0.001
_AGAIN_AFTER_S = 0.3
_GIVE_UP_AFTER_S = 120.0
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

# All sessions of the role, at a moment when one of them has written and not yet committed.
_CUT = """
select pg_terminate_backend(pid) from pg_stat_activity
where usename = $1 and backend_type = 'client backend'
  and exists (select from pg_stat_activity where usename = $1 and backend_xid is not null)
"""


async def cut(admin_url: str, role: str) -> int:
    """End the role's sessions inside of a transaction that has written; the number ended, 0 when nothing was written
    within two minutes, as on a machine that does ten other things. A database that is away is waited for."""
    deadline = time.monotonic() + _GIVE_UP_AFTER_S
    while time.monotonic() < deadline:
        try:
            connection = await asyncpg.connect(driver_url(admin_url), timeout=5)
        except _AWAY:
            await asyncio.sleep(_AGAIN_AFTER_S)
            continue
        try:
            while time.monotonic() < deadline:
                if ended := await connection.fetch(_CUT, role, timeout=5):
                    return len(ended)
                await asyncio.sleep(_LOOK_EVERY_S)
        except _AWAY:
            await asyncio.sleep(_AGAIN_AFTER_S)
        finally:
            connection.terminate()
    return 0
