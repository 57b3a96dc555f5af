"""Carts are reserved with a coupon of which there are too few, and with a use of free shipping; then committed, voided
or left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chaos.answers import ACKED, Checkout
from chaos.door import Door
from chaos.workload import CURRENCY, Workload

OFFER, CODE = "too-few", "TOOFEW"
SCARCITY = 3
"""Every third cart may have the coupon."""


async def check_out(door: Door, workload: Workload, count: int) -> None:
    """`count` carts from the first third on, each of a customer by lot."""
    uses = count // SCARCITY
    if not await _offer(door, uses):
        return
    for number in range(count):
        await door.until(0.3 + 0.7 * number / count)
        order_id, customer = f"k{number}", door.rng.choice(workload.customers)
        cart = {
            "customer": customer,
            "currency": CURRENCY,
            "lines": [{"sku": "tea", "quantity": 1, "price": 5_000}],
            "freight": 490,
            "codes": [CODE] if door.rng.random() < 0.8 else [],
        }
        noted = door.answers.checkouts[order_id] = Checkout()
        path = f"checkout/orders/{order_id}"
        noted.answer, promised = await door.ask("membership", f"{path}/reserve", cart)
        if noted.answer != ACKED:
            continue
        noted.coupon = any(each["code"] == CODE for each in promised["coupons"])
        noted.quota = promised["shipping_by_quota"]
        noted.ended = door.rng.choice(("commit", "commit", "void", None))
        if noted.ended is not None:
            noted.end, _ = await door.ask("membership", f"{path}/{noted.ended}", None)
            if noted.end == ACKED and door.rng.random() < 0.3:
                await door.send("membership", f"/v1/shops/{door.shop}/{path}/{noted.ended}", None)


async def _offer(door: Door, uses: int) -> bool:
    """Set the offer and its one code; False where nobody answered, so that there are no checkouts in this run."""
    now = datetime.now(UTC)
    terms = {
        "name": "Too few of them",
        "amount": 500,
        "starts": (now - timedelta(days=1)).isoformat(),
        "ends": (now + timedelta(days=30)).isoformat(),
        "use_limit": uses,
    }
    path = f"offers/{OFFER}"
    set_, _ = await door.ask("membership", path, terms, "PUT", tries=60)
    given, _ = await door.ask("membership", f"{path}/coupons", {"code": CODE, "use_limit": uses}, tries=60)
    return set_ == given == ACKED
