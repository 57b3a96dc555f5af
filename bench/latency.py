"""P4: from an order's acceptance to the hand-off of its notice to the mail server."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bench import machine, paced
from bench.figures import Figure, Result
from bench.hops import hops
from bench.living import Living
from bench.servers import Failed
from common.events.envelope import rfc3339

SHOP = "latency"
IDLE_A_SECOND = 2.0
IN_A_REQUEST = 500
ARRIVED_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Size:
    """Orders a second, for how many seconds; and before, of how many while nothing else happens."""

    a_second: float = 300.0
    seconds: float = 15.0
    idle: int = 20
    before: tuple[float, ...] = (100.0, 200.0)
    """Lower rates, for some seconds each: where the way begins to be too narrow."""


BEFORE_S = 5.0


async def measure(stack: Living, result: Result, size: Size) -> None:
    """Every customer orders once, so that an address tells the order."""
    await stack.set_up(SHOP, "Asia/Shanghai", "CNY")
    loaded = int(size.a_second * size.seconds)
    earlier = [(rate, int(rate * BEFORE_S)) for rate in size.before]
    await _register(stack, size.idle + sum(orders for _, orders in earlier) + loaded)
    await stack.caught_up(ARRIVED_WITHIN_S)
    idle, first = await _send(stack, result, 0, size.idle, IDLE_A_SECOND), size.idle
    for rate, orders in earlier:
        await _send(stack, result, first, orders, rate)
        await stack.caught_up(ARRIVED_WITHIN_S)
        first += orders
    load = machine.load()
    under_load = await _send(stack, result, first, loaded, size.a_second)
    await stack.none_dead()
    for name, place, most in (("p50", 49, 300), ("p99", 98, 1_500)):
        result.figures.append(
            Figure(
                "P4",
                f"order accepted until its notice is handed off, at {size.a_second:.0f} orders/s, {name}; "
                "baseline idle",
                _cut(under_load, place),
                "ms",
                load,
                baseline=_cut(idle, place),
                most=most,
            )
        )
    result.notes.append(
        f"P4: {loaded:,} orders, each a request of its own, {size.a_second:.0f} a second whether answered or not; idle "
        f"{size.idle} orders, {IDLE_A_SECOND:.0f} a second. Client and mail sink share the machine. Where the rate is "
        "beyond what P3 sustains, orders wait for each other and this is a queue's length."
    )


def _cut(latencies_ms: list[float], place: int) -> float:
    return statistics.quantiles(latencies_ms, n=100)[place]


def _customer(number: int) -> str:
    return f"p{number:06d}"


async def _register(stack: Living, customers: int) -> None:
    path = f"/v1/shops/{SHOP}/customers"
    for first in range(0, customers, IN_A_REQUEST):
        names = map(_customer, range(first, min(first + IN_A_REQUEST, customers)))
        given = [{"id": name, "name": name, "email": f"{name}@example.test"} for name in names]
        await stack.services.call("orders-ingest", "POST", path, json={"customers": given})


async def _send(stack: Living, result: Result, first: int, orders: int, a_second: float) -> list[float]:
    """Milliseconds from each order's answer to its mail's line in the sink's file; hops and CPU are noted.

    Raises Failed.
    """
    load, cpu = machine.load(), stack.cpu()
    sent = await paced.send(stack, SHOP, orders, a_second, lambda n: _order(first + n))
    accepted = {event.removeprefix("e-"): at for event, at in sent.items()}
    deadline = time.monotonic() + ARRIVED_WITHIN_S
    while True:
        arrived = await asyncio.to_thread(_arrivals, stack)
        if accepted.keys() <= arrived.keys():
            found = await hops(stack, SHOP, accepted, arrived)
            spent = {name: (after - cpu[name]) / orders * 1000 for name, after in stack.cpu().items()}
            result.notes.append(
                f"P4 at {a_second:.0f}/s, load {load}: ms of each hop, p50 (p99): "
                + ", ".join(f"{name} {half:,.0f} ({most:,.0f})" for name, (half, most) in found.items())
                + f"; CPU ms an order {sum(spent.values()):.2f}: "
                + ", ".join(f"{name} {ms:.2f}" for name, ms in sorted(spent.items(), key=lambda s: -s[1]) if ms > 0.05)
            )
            # A mail can be there before the answer to its order is.
            return [max(0.0, arrived[customer] - at) * 1000 for customer, at in accepted.items()]
        if time.monotonic() > deadline:
            missing = len(accepted.keys() - arrived.keys())
            raise Failed(f"{missing} notices did not arrive within {ARRIVED_WITHIN_S:.0f} s")
        await asyncio.sleep(0.5)


def _order(number: int) -> dict[str, Any]:
    """The only order of the customer of this number, paid now."""
    now = rfc3339(datetime.now(UTC))
    data = {"order_id": f"o{number:06d}", "state": "paid", "currency": "CNY", "goods_paid": 10_000, "paid_at": now}
    event = {"specversion": "1.0", "id": f"e-{_customer(number)}", "source": f"/shops/{SHOP}/bench", "shop": SHOP}
    return event | {"type": "order.paid", "subject": _customer(number), "time": now, "data": data}


def _arrivals(stack: Living) -> dict[str, float]:
    """When the first mail to each customer was taken, in seconds since 1970."""
    found: dict[str, float] = {}
    with stack.mails_file.open(encoding="utf-8") as lines:
        for line in lines:
            mail = json.loads(line)
            for address in mail["to"]:
                found.setdefault(address.partition("@")[0], datetime.fromisoformat(mail["at"]).timestamp())
    return found
