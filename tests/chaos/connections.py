"""How are a service's database connections cut while it is in the middle of something?"""

from __future__ import annotations

import asyncio
import time

import asyncpg

from common.migrate import driver_url

_LOOK_EVERY_S = 0.001
_GIVE_UP_AFTER_S = 15.0

# All sessions of the role, at a moment when one of them has written and not yet committed.
_CUT = """
select pg_terminate_backend(pid) from pg_stat_activity
where usename = $1 and backend_type = 'client backend'
  and exists (select from pg_stat_activity where usename = $1 and backend_xid is not null)
"""


async def cut(admin_url: str, role: str) -> int:
    """End the role's sessions inside of a transaction that has written; the number ended, 0 when nothing was written
    for 15 s or the database went away."""
    deadline = time.monotonic() + _GIVE_UP_AFTER_S
    try:
        connection = await asyncpg.connect(driver_url(admin_url), timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return 0
    try:
        while time.monotonic() < deadline:
            if ended := await connection.fetch(_CUT, role, timeout=5):
                return len(ended)
            await asyncio.sleep(_LOOK_EVERY_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return 0
    finally:
        connection.terminate()
    return 0
