"""Customers are said to be one person, and some not to have been after all."""

from __future__ import annotations

import asyncio

from chaos.answers import ACKED, UNKNOWN
from chaos.door import Door
from chaos.workload import Workload


async def merge(door: Door, workload: Workload) -> None:
    """Each until it is answered, and sometimes once more."""
    for merging in workload.merges:
        await door.until(merging.at / workload.duration_s)
        verb, into = ("unmerge", None) if merging.undone else ("merge", merging.survivor)
        path = f"/v1/shops/{door.shop}/customers/{merging.survivor}/{verb}"
        for _ in range(40):
            answer = await door.send("orders-ingest", path, {"absorbed": merging.absorbed})
            if answer is not None and answer.status_code == 200:
                door.answers.merges[merging.absorbed] = into, ACKED
                if door.rng.random() < 0.3:
                    await door.send("orders-ingest", path, {"absorbed": merging.absorbed})
                break
            # One of them is not known yet, or nobody answered.
            door.answers.merges[merging.absorbed] = into, UNKNOWN
            await asyncio.sleep(0.5)
