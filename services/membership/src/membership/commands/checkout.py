"""A priced cart is reserved, committed and voided by its order: coupons, shipping quota and points as one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.events import fact_id
from common.events.membership import PointsRedeemed
from common.fold.store_customers import read_customer
from common.people.store import lock_survivors
from common.storage.database import Transaction
from membership.checkout import store
from membership.checkout.refusals import (
    CheckoutDiffers,
    CheckoutEnded,
    CodeRefused,
    PointsNeedMember,
    PriceChanged,
    UnknownCheckout,
)
from membership.commands import benefits, coupons, redemptions
from membership.commands.pricing import Answer, Asked, ask, out, points_asked
from membership.coupons import store as coupon_rows
from membership.coupons import store_uses
from membership.points.store import get_redemption


async def reserve(tx: Transaction, shop: str, order_id: str, asked: Asked, expected: int | None) -> str:
    """Reserve all that the price needs, or nothing; the answer as JSON, that of the first time where it is repeated.

    Raises CheckoutDiffers, CheckoutEnded, CodeRefused, PriceChanged, and what coupons, quota and points refuse.
    """
    if asked.customer is not None and await read_customer(tx, (shop, asked.customer)) is not None:
        # The customer before all else, as every writer does.
        await lock_survivors(tx, [(shop, asked.customer)])
    row = await store.lock_checkout(tx, shop, order_id)
    body = json.dumps(asked)
    if row is not None and row.status != "voided":
        if json.loads(row.asked) != json.loads(body):
            raise CheckoutDiffers(order_id)
        await _check_stands(tx, row)
        return str(row.answer)
    answer = await ask(tx, shop, asked)
    if answer.refused:
        raise CodeRefused(*answer.refused[0])
    total = answer.quote.total
    if expected is not None and total != expected:
        raise PriceChanged(expected, total)
    times = 0 if row is None else row.times + 1
    redemption_id = await _reserve_points(tx, shop, order_id, asked, answer, times)
    if answer.quote.by_quota and asked.customer is not None:
        await benefits.reserve(tx, (shop, asked.customer), benefits.Asked("free_shipping", order_id))
    amounts = {each.code: each.goods + each.freight for each in answer.quote.price.chosen}
    amounts |= dict.fromkeys(answer.quote.gift_codes, 0)
    gifts = {code: tuple(gift.sku for by, gift in answer.quote.gifts if by == code) for code in amounts}
    # In order of the offers, as everybody locks them.
    for code in sorted(amounts, key=lambda code: (answer.offers[code][0], code)):
        await coupons.reserve(tx, shop, coupons.Asked(code, order_id, asked.customer, amounts[code], gifts[code]))
    found = json.dumps(out(asked, answer) | {"order_id": order_id, "status": "reserved"})
    await store.save_checkout(
        tx,
        shop=shop,
        order_id=order_id,
        customer=asked.customer,
        times=times,
        asked=body,
        answer=found,
        codes=sorted(amounts),
        redemption_id=redemption_id,
        by_quota=answer.quote.by_quota,
        at=tx.clock.now(),
    )
    return found


async def commit(tx: Transaction, shop: str, order_id: str) -> str:
    """The coupons are used for good, points when the order is paid, the quota when it is shipped. Idempotent.

    Raises UnknownCheckout, CheckoutEnded.
    """
    row = await _row(tx, shop, order_id)
    if row.status == "voided":
        raise CheckoutEnded(order_id, row.status)
    await _check_stands(tx, row)
    for code in await _in_order(tx, shop, row.codes):
        await coupons.commit(tx, shop, code, order_id)
    await store.save_status(tx, shop, order_id, "committed", tx.clock.now())
    return "committed"


async def void(tx: Transaction, shop: str, order_id: str) -> str:
    """All that was reserved is given back uncommitted. Idempotent. Raises CheckoutEnded, OrderPaidAlready."""
    row = await _row(tx, shop, order_id)
    if row.status == "committed":
        raise CheckoutEnded(order_id, row.status)
    if row.status == "voided":
        return "voided"
    if row.redemption_id is not None:
        await redemptions.return_redemption(tx, shop, row.redemption_id)
    if row.by_quota:
        await benefits.release(tx, (shop, row.customer), benefits.Asked("free_shipping", order_id))
    for code in await _in_order(tx, shop, row.codes):
        await coupons.release(tx, shop, code, order_id)
    await store.save_status(tx, shop, order_id, "voided", tx.clock.now())
    return "voided"


async def _check_stands(tx: Transaction, row: Row[Any]) -> None:
    """Whether all that was reserved still is: an order that was closed has given it back. Raises CheckoutEnded."""
    redeemed = None if row.redemption_id is None else await get_redemption(tx, row.shop, row.redemption_id)
    back = redeemed is not None and redeemed.status == "returned"
    if row.by_quota and not back:
        use = await benefits.get_use(tx, (row.shop, row.customer), benefits.Asked("free_shipping", row.order_id))
        back = use is not None and use.status == "released"
    for code in row.codes if not back else ():
        coupon_use = await store_uses.get_use(tx, row.shop, row.order_id, code)
        back = back or (coupon_use is not None and coupon_use.status == "released")
    if back:
        raise CheckoutEnded(row.order_id, "given back")


async def _reserve_points(
    tx: Transaction, shop: str, order_id: str, asked: Asked, answer: Answer, times: int
) -> str | None:
    if not asked.points:
        return None
    if asked.customer is None:
        raise PointsNeedMember
    # Hashed, as an order's id may be as long as a redemption's.
    redemption_id = fact_id(f"checkout/{order_id}", PointsRedeemed.TYPE, shop, asked.customer, times)
    wanted = points_asked(asked, redemption_id, answer.quote.total, order_id)
    await redemptions.redeem(tx, shop, asked.customer, wanted)
    return redemption_id


async def _row(tx: Transaction, shop: str, order_id: str) -> Row[Any]:
    """The checkout, locked after its customer. Raises UnknownCheckout."""
    row = await store.get_checkout(tx, shop, order_id)
    if row is not None and row.customer is not None and await read_customer(tx, (shop, row.customer)) is not None:
        await lock_survivors(tx, [(shop, row.customer)])
    row = await store.lock_checkout(tx, shop, order_id)
    if row is None:
        raise UnknownCheckout(order_id)
    return row


async def _in_order(tx: Transaction, shop: str, codes: Sequence[str]) -> list[str]:
    """The codes in the order in which everybody locks them: by offer."""
    found = [(await coupon_rows.get_coupon(tx, shop, code), code) for code in codes]
    return [code for _, code in sorted((row.offer_id if row is not None else "", code) for row, code in found)]
