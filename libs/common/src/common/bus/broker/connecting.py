"""Starts and ends aiokafka's clients so that no connection is left open, also when the caller is cancelled."""

import asyncio
from collections.abc import Sequence
from typing import Any

_END_S = 0.5


async def connect(inner: Any) -> None:
    """``inner.start()``, of a consumer, producer or admin client. Raises what it raises.

    aiokafka forgets its first connection when its start is cancelled between connecting and the answer, and nobody can
    close it any more. So the start ends by itself, for at most 0.5 s after the caller was cancelled.
    """
    starting = asyncio.ensure_future(inner.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=_END_S)
        starting.cancel()
        starting.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        raise


async def abandon_consumer(inner: Any) -> None:
    """End the tasks and connections of a consumer without asking anybody. Takes at most 1.5 s, never raises."""
    inner._closed = True
    coordinator, fetcher = inner._coordinator, inner._fetcher
    names = ("_coordination_task", "_heartbeat_task", "_commit_refresh_task", "_reset_committed_task")
    tasks = [*(getattr(coordinator, name, None) for name in names), getattr(fetcher, "_fetch_task", None)]
    tasks += list(getattr(fetcher, "_pending_tasks", ()))
    await end_tasks_and_connections([task for task in tasks if isinstance(task, asyncio.Task)], inner._client)


async def end_tasks_and_connections(tasks: Sequence[asyncio.Task[Any]], client: Any) -> None:
    """Cancel the tasks, and close the client's connections, which wakes whoever still waits for an answer."""
    # A connection's own reading ends some turns of the loop after it was closed; a loop that ends before that says so.
    reading = [getattr(connection, "_read_task", None) for connection in list(getattr(client, "_conns", {}).values())]
    # Before anything is closed: a fetcher or sender asks again, over a new connection, where one is closed beneath it.
    for task in tasks:
        task.cancel()
    await _close(client)
    tasks = [*tasks, *(task for task in reading if isinstance(task, asyncio.Task))]
    for task in tasks:
        task.cancel()
    if tasks:
        done, _ = await asyncio.wait(tasks, timeout=_END_S)
        for task in done:
            if not task.cancelled():
                task.exception()  # retrieved, so that it is not reported as forgotten
    await _close(client)  # one of them may have made a connection meanwhile


async def _close(client: Any) -> None:
    # In a task of its own: closing gathers the connections' reading tasks, and the cancellation of one of those would
    # otherwise be taken for that of the caller, and end the part of the service that closes.
    closing = asyncio.ensure_future(client.close())
    await asyncio.wait({closing}, timeout=_END_S)
    closing.cancel()
    closing.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
