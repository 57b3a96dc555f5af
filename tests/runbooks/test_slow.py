"""What is slow: a query, a lock, a process without CPU. Each is found as the page says, and ended."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from .pages import query
from .watched import ON_REQUEST, Watched

pytestmark = ON_REQUEST
AT_WORK = "What a database is at"


@contextmanager
def again_and_again(do: object, at_once: int = 1) -> Iterator[list[int]]:
    """Do it in so many threads, until the end of the block; the list has a number for each time."""
    done: list[int] = []
    over = threading.Event()

    def run(_: int) -> None:
        while not over.is_set():
            do()  # type: ignore[operator]
            done.append(1)

    with ThreadPoolExecutor(at_once) as pool:
        running = [pool.submit(run, number) for number in range(at_once)]
        try:
            yield done
        finally:
            over.set()
    for each in running:
        each.result()


SLOW = (
    "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.4); return new; end $$",
    "create trigger slow before insert on history for each row execute function slow()",
)


def test_events_count_late(stack: Watched) -> None:
    """Somebody's trigger makes each input of membership slow: the lag says that it is no import, `pg_stat_activity`
    which statement it is."""
    stack.until_it_is_quiet("EventsCountLate", "membership")
    before, numbers = stack.orders(), itertools.count(100)
    for statement in SLOW:
        stack.sql("membership", statement)
    try:
        with again_and_again(lambda: stack.order(next(numbers))) as told:
            stack.until_it_fires("EventsCountLate", "membership")
            stack.until(lambda: _lag(stack) > 0, "a lag was to be seen")
            stack.until(
                lambda: any(
                    row["wait_event"] == "PgSleep" and "history" in row["query"]
                    for row in stack.sql("membership", query(AT_WORK))
                ),
                "the slow statement was to be seen",
            )
    finally:
        stack.sql("membership", "drop function slow cascade")
    stack.until_it_is_quiet("EventsCountLate", "membership")
    stack.until_orders(before + len(told))
    assert _lag(stack) == 0


def _lag(stack: Watched) -> int:
    """Events that membership has yet to read."""
    return int(stack.call("membership", "GET", "/ops/settled").json()["lag"])


def test_database_pool_full(stack: Watched) -> None:
    """Somebody's session holds a table: requests pile up in the pool. The page's query names it, and it is ended."""

    def read() -> None:
        try:
            stack.call("membership", "GET", "/v1/shops/tea/members/ann")
        except httpx.TransportError:
            time.sleep(0.5)

    async def hold() -> None:
        holder, other = await stack.connect("membership"), await stack.connect("membership")
        pid = holder.get_server_pid()
        await holder.execute("begin; lock table customers in access exclusive mode")
        with again_and_again(read, at_once=40):
            await asyncio.to_thread(stack.until_it_fires, "DatabasePoolFull", "membership")
            waiting = [row for row in await other.fetch(query(AT_WORK)) if row["waits_for"]]
            assert {each for row in waiting for each in row["waits_for"]} >= {pid}
            await other.execute("select pg_terminate_backend($1)", pid)
            await asyncio.to_thread(stack.until_it_is_quiet, "DatabasePoolFull", "membership")
        await other.close()
        holder.terminate()

    asyncio.run(hold())
    assert stack.call("membership", "GET", "/v1/shops/tea/members/ann").status_code == 200


def test_event_loop_held(stack: Watched) -> None:
    """A process that its host seldom gives a turn; then it has a CPU of its own."""
    stack.until_it_is_quiet("EventLoopHeld", "segmentation")
    pid = stack.state.processes["segmentation"].pid

    def starve() -> None:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.9)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.3)

    with again_and_again(starve):
        stack.until_it_fires("EventLoopHeld", "segmentation")
    stack.until_it_is_quiet("EventLoopHeld", "segmentation")
