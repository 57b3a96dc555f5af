"""A large file through the real service: sent in parts, read, taken; killed in the middle of each, every order once.

`python -m bench.large_import --megabytes 512` starts PostgreSQL, Kafka and orders-ingest, makes the file as it sends
it, kills the process with SIGKILL while parts are sent, while they are read and while orders are taken, starts it again
each time, and prints how long each took and the most memory that the service and its reader held. `--small-disk DIR`
begins with the service's temporary files in a folder whose disk is too small, such as a tmpfs of some megabytes, until
the import says so. `make bench` does not run it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench.large_files import HEADING, OTHER, WIDER, two_rows
from bench.servers import API_KEY, Failed, Servers, make_topics, servers, serving
from bench.workload import SHOP
from common.storage.migrate import driver_url
from regulars.stack.usage import memory_mb

PART = 8 << 20
UPLOAD = f"/v1/shops/{SHOP}/uploads/large"
PHASES = ("sending", "reading", "taking")
WITHIN_S = 3_600.0
EVERY_S = 0.1


def parts_of(orders: int) -> Iterator[bytes]:
    """The file of so many orders, part by part; the same each time it is asked for."""
    buffer, number = bytearray((",".join(HEADING) + "\n").encode()), 0
    while number < orders:
        number += 1
        buffer += two_rows(number, OTHER * WIDER)
        while len(buffer) >= PART:
            yield bytes(buffer[:PART])
            del buffer[:PART]
    if buffer:
        yield bytes(buffer)


class Watched:
    """The service's process, started anew after each kill, and what it and its reader held at most."""

    def __init__(self, where: Servers, env: dict[str, str]) -> None:
        self._where, self._env = where, env
        self.kills = 0
        self.held_mb = 0

    @contextmanager
    def serving(self, **more: str) -> Iterator[tuple[httpx.Client, int]]:
        argv = ["orders_ingest.main", "serve"]
        with serving(self._where.folder, f"orders-ingest-{self.kills}", argv, {**self._env, **more}) as (url, pid):
            headers = {"authorization": f"Bearer {API_KEY}"}
            with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
                yield client, pid

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self.kills += 1

    def look(self, pid: int) -> None:
        """Note what is held now."""
        self.held_mb = max(self.held_mb, round(memory_mb(pid)))


def send(service: Watched, orders: int, size: int) -> None:
    """Send the parts; killed when half of them are there, then what is missing."""
    half = size // PART // 2
    with service.serving() as (client, pid):
        put(client, UPLOAD, json={"size": size})
        for number, part in enumerate(parts_of(orders), 1):
            if number > half:
                break
            put(client, f"{UPLOAD}/parts/{number}", content=part)
        service.look(pid)
        service.kill(pid)
    with service.serving() as (client, pid):
        missing: list[int] = []
        for number, part in enumerate(parts_of(orders), 1):
            if not missing:  # the answer names the first of them
                missing = put(client, UPLOAD, json={"size": size})["missing"]
            if number in missing:
                missing.remove(number)
                put(client, f"{UPLOAD}/parts/{number}", content=part)
                service.look(pid)


def put(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = client.put(path, **body)
    if answer.status_code != 200:
        raise Failed(f"PUT {path}: {answer.status_code} {answer.text}")
    found: dict[str, Any] = answer.json()
    return found


def follow(service: Watched, job: str, until: Any, **more: str) -> dict[str, Any]:
    """Serve until the import's state fits, then kill the process, unless it is done."""
    deadline = time.monotonic() + WITHIN_S
    with service.serving(**more) as (client, pid):
        while time.monotonic() < deadline:
            found: dict[str, Any] = client.get(f"/v1/shops/{SHOP}/imports/{job}").json()
            service.look(pid)
            if found["state"] == "failed":
                raise Failed(str(found))
            if until(found):
                if found["state"] != "done":
                    service.kill(pid)
                return found
            time.sleep(EVERY_S)
    raise Failed(f"the import does not go on: {found}")


async def counted(url: str) -> tuple[int, int, int]:
    """Completed orders, numbers of completed orders, and completions that were announced."""
    connection = await asyncpg.connect(driver_url(url))
    try:
        [row] = await connection.fetch(
            """
            select (select count(*) from orders where state = 'completed'), (select count(*) from completed_orders),
                (select count(*) from outbox where type = 'order.completed')
            """
        )
    finally:
        await connection.close()
    return row[0], row[1], row[2]


async def measure(megabytes: int, small_disk: str | None) -> None:
    """Print what was seen. Raises Failed where an order is missing or doubled."""
    orders = max(1, (megabytes << 20) // len(two_rows(1, OTHER * WIDER)))
    size = sum(map(len, parts_of(orders)))
    with servers() as where, tempfile.TemporaryDirectory(prefix="regulars-large-") as folder:
        await make_topics(where.kafka)
        url = await where.database("orders-ingest")
        service = Watched(where, where.settings("orders-ingest", url, TMPDIR=folder))
        began = time.monotonic()
        times: list[float] = []

        def timed() -> None:
            times.append(time.monotonic() - began - sum(times))

        send(service, orders, size)
        timed()
        with service.serving() as (client, pid):
            answer = client.post(f"{UPLOAD}/import", params={"layout": "orders", "currency": "EUR", "name": "large"})
            if answer.status_code >= 300:
                raise Failed(answer.text)
            job = answer.json()["id"]
            service.kill(pid)
        if small_disk:
            said = follow(service, job, lambda found: "no room" in str(found["detail"] or ""), TMPDIR=small_disk)
            print(f"on the small disk: {said['detail']}", flush=True)
        follow(service, job, lambda found: found["state"] != "reading" or found["read"] > size // 2)
        follow(service, job, lambda found: found["state"] in ("running", "done"))
        timed()
        follow(service, job, lambda found: found["accepted"] > orders // 2)
        found = follow(service, job, lambda found: found["state"] == "done")
        timed()
        counts = await counted(url)
        left = [each.name for each in Path(folder).iterdir()]
    if (found["accepted"], found["duplicates"], found["refused"]) != (orders, 0, 0) or set(counts) != {orders} or left:
        raise Failed(f"of {orders} orders: {found}, stored {counts}, left on disk {left}")
    spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in zip(PHASES, times, strict=True))
    print(
        f"{size / 2**20:,.0f} MB, {orders:,} orders, killed {service.kills} times: {spent}; "
        f"the service and its reader held {service.held_mb} MB at most; each order once",
        flush=True,
    )


def main() -> None:
    """Measure one size."""
    parser = argparse.ArgumentParser(prog="python -m bench.large_import", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--small-disk", help="a folder on a disk that is too small")
    given = parser.parse_args()
    asyncio.run(measure(given.megabytes, given.small_disk))


if __name__ == "__main__":
    main()
