"""BEHAVIOUR: from a view's acceptance until segmentation answers with it, while orders come in."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bench import machine, paced
from bench.figures import Figure, Result
from bench.living import Living
from bench.servers import Failed
from common.events.envelope import rfc3339
from regulars.stack.errors import Refused

SHOP = "behaving"
LOOK_EVERY_S = 0.1
SEEN_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Size:
    """Orders and views a second, for how many seconds."""

    orders_a_second: float = 300.0
    views_a_second: float = 4.0
    seconds: float = 15.0


async def measure(stack: Living, result: Result, size: Size) -> None:
    """Every order and every view is another customer's, so that one view is looked for by its customer (ORD-019)."""
    await stack.set_up(SHOP, "Asia/Shanghai", "CNY")
    # A shop whose settings have not reached every service yet would be measured otherwise.
    await stack.caught_up(SEEN_WITHIN_S)
    load = machine.load()
    views = int(size.views_a_second * size.seconds)
    orders = int(size.orders_a_second * size.seconds)
    _, accepted = await asyncio.gather(
        paced.send(stack, SHOP, orders, size.orders_a_second, _order),
        _seen(stack, views, size.views_a_second),
    )
    await stack.none_dead()
    cuts = statistics.quantiles(accepted, n=100)
    for name, place, most in (("p50", 49, None), ("p95", 94, 5_000)):
        what = f"a view accepted until segmentation answers with it, at {size.orders_a_second:.0f} orders/s, {name}"
        result.figures.append(Figure("BEHAVIOUR", what, cuts[place], "ms", load, most=most))
    result.notes.append(
        f"BEHAVIOUR: {views} views, {size.views_a_second:.0f} a second, each asked for every {LOOK_EVERY_S:.1f} s from "
        f"its acceptance on; meanwhile {orders:,} orders, each a request of its own. Client and services share the "
        "machine."
    )


async def _seen(stack: Living, views: int, a_second: float) -> list[float]:
    """Milliseconds from each view's answer until it is counted. Raises Failed."""
    waits: list[asyncio.Task[float]] = []
    began = time.perf_counter()
    for number in range(views):
        await asyncio.sleep(began + number / a_second - time.perf_counter())
        (at,) = (await paced.send(stack, SHOP, 1, a_second, partial(_view, number))).values()
        waits.append(asyncio.create_task(_counted(stack, _viewer(number), at)))
    return list(await asyncio.gather(*waits))


async def _counted(stack: Living, customer: str, accepted_at: float) -> float:
    while time.time() < accepted_at + SEEN_WITHIN_S:
        try:
            answer = await stack.services.get("segmentation", f"/v1/shops/{SHOP}/customers/{customer}/activity")
        except Refused:  # nobody knows this customer yet
            answer = {"kinds": {}}
        if "product.viewed" in answer["kinds"]:
            return (time.time() - accepted_at) * 1000
        await asyncio.sleep(LOOK_EVERY_S)
    raise Failed(f"a view was not counted within {SEEN_WITHIN_S:.0f} s")


def _viewer(number: int) -> str:
    return f"viewer-{number}"


def _event(kind: str, name: str, customer: str, data: dict[str, Any]) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": name, "source": f"/shops/{SHOP}/bench", "shop": SHOP, "type": kind}
    return event | {"subject": customer, "time": rfc3339(datetime.now(UTC)), "data": data}


def _order(number: int) -> dict[str, Any]:
    data = {"order_id": f"o{number}", "state": "completed", "currency": "CNY", "goods_paid": 10_000}
    return _event("order.completed", f"order-{number}", f"buyer-{number}", data)


def _view(number: int, _: int) -> dict[str, Any]:
    return _event("product.viewed", f"view-{number}", _viewer(number), {"sku": "longjing-250"})
