"""Cuts a service's database connections while it is at work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import asyncpg

from common.storage.migrate import driver_url

_LOOK_S = 2.0
"""So long the server looks by itself. Who asked may be gone meanwhile, and it must not cut what comes much later."""
_AGAIN_AFTER_S = 0.3
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

# Looks every millisecond, within the server: a transaction lasts for some milliseconds only, and on a busy machine that
# is how long a round trip takes. Ends all sessions of the role when one of them has written and not yet committed, that
# one first. Without the clearing a transaction would see the same sessions for ever.
_CUTTER = """
create or replace function pg_temp.cut_in_mid_work(the_role name, look_s float) returns int language plpgsql as $$
declare
  ends timestamptz := clock_timestamp() + make_interval(secs => look_s);
  ended int;
begin
  loop
    perform pg_stat_clear_snapshot();
    if exists (select from pg_stat_activity where usename = the_role and backend_xid is not null) then
      select count(pg_terminate_backend(pid)) into ended from (
        select pid from pg_stat_activity where usename = the_role and backend_type = 'client backend'
        order by backend_xid is null
      ) as sessions;
      return ended;
    end if;
    if clock_timestamp() >= ends then
      return 0;
    end if;
    perform pg_sleep(0.001);
  end loop;
end
$$
"""


async def cut(admin_url: str, role: str, within_s: float, looking: Callable[[], None] = lambda: None) -> int:
    """End the role's sessions inside of a transaction that has written; the number ended, 0 when nothing was written
    within so many seconds. A database that is away is waited for. `looking` is called each time a look begins."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            connection = await asyncpg.connect(driver_url(admin_url), timeout=5)
        except _AWAY:
            await asyncio.sleep(_AGAIN_AFTER_S)
            continue
        try:
            await connection.execute(_CUTTER, timeout=5)
            looking()
            while (left := deadline - time.monotonic()) > 0:
                look_s = min(_LOOK_S, left)
                ended = await connection.fetchval(
                    "select pg_temp.cut_in_mid_work($1, $2)", role, look_s, timeout=look_s + 5
                )
                if ended:
                    return int(ended)
        except _AWAY:
            await asyncio.sleep(_AGAIN_AFTER_S)
        finally:
            connection.terminate()
    return 0
