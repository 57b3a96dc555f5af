"""Members bring friends, who order; some of these orders are given back whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from chaos.answers import ACKED, Referral
from chaos.door import Door
from chaos.workload import CURRENCY, Sending, Workload

Tell = Callable[[list[Sending]], Awaitable[None]]


async def refer(door: Door, workload: Workload, count: int, tell: Tell) -> None:
    """From the middle on; `tell` sends events through orders-ingest until they are answered or given up.

    Who refers is nobody who is merged with somebody (`workload.merges`), so that whose reward it is stays the same.
    """
    apart = {name for merging in workload.merges for name in (merging.survivor, merging.absorbed)}
    members = [name for name in workload.customers if name not in apart]
    for number in range(count):
        await door.until(0.5 + 0.45 * number / count)
        referrer, friend = door.rng.choice(members), f"f{number:03}"
        # Not a member yet: another one.
        answer, given = await door.ask("membership", f"members/{referrer}/referral-code", {})
        if answer != ACKED:
            continue
        noted = door.answers.referrals[friend] = Referral(referrer, friend)
        noted.answer, _ = await door.ask("membership", "referrals", {"code": given["code"], "customer": friend})
        if noted.answer == ACKED:
            await _order(door, workload, friend, number, tell)


async def _order(door: Door, workload: Workload, friend: str, number: int, tell: Tell) -> None:
    """An order of the friend's, after the referral; every third is given back whole, sooner or later."""
    paid = door.rng.randrange(1_000, 20_000)
    order = {"order_id": f"{friend}-o0", "currency": CURRENCY, "goods_paid": paid}
    order["lines"] = [{"sku": "tea", "quantity": 1, "unit_price": paid, "paid": paid}]
    steps: list[tuple[str, dict[str, Any]]] = [
        ("order.paid", order | {"state": "paid"}),
        ("order.completed", order | {"state": "completed"}),
    ]
    if number % 3 == 0:
        refund = {"refund_id": f"{friend}-r0", "order_id": f"{friend}-o0", "currency": CURRENCY, "amount": paid}
        steps.append(("order.refunded", refund))
    for place, (type_, data) in enumerate(steps):
        body: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"{friend}-e{place}",
            "source": workload.source,
            "type": type_,
            "time": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "shop": workload.shop,
            "subject": friend,
            "data": data,
        }
        workload.events[body["id"]] = body
        await tell([Sending(0.0, body)])
