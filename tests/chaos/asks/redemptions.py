"""Points are spent here and there; asked again with the same id they must not be spent twice."""

from __future__ import annotations

from chaos.answers import ACKED
from chaos.door import Door
from chaos.workload import CURRENCY, Workload


async def redeem(door: Door, workload: Workload, count: int) -> None:
    """From the middle on, when there are members with points."""
    answers = door.answers
    for number in range(count):
        await door.until(0.4 + 0.6 * number / count)
        name, customer = f"redeem-{number}", door.rng.choice(workload.customers)
        points = door.rng.randrange(1, 6)
        answers.points[name] = (customer, points)
        body = {
            "redemption_id": name,
            "customer": customer,
            "points": points,
            "order_total": 100_000,
            "currency": CURRENCY,
        }
        answers.redemptions[name], _ = await door.ask("membership", "redemptions", body)
        if answers.redemptions[name] == ACKED:
            # Once more, as a checkout does whose own database was slow.
            await door.send("membership", f"/v1/shops/{door.shop}/redemptions", body)
