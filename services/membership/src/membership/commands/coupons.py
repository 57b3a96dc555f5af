"""A coupon is used on an order: reserved at checkout, committed when paid, released when closed or given back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.membership import CouponRedeemed
from common.fold.customers import current
from common.fold.store_customers import read_customer
from common.people.store import get_people, lock_survivors
from common.storage.database import Transaction
from membership.commands.standings import orders_as_they_stand
from membership.coupons import store, store_offers, store_uses
from membership.coupons.cart import Buyer
from membership.coupons.gifts import with_next_gift
from membership.coupons.offer import Offer
from membership.coupons.refusals import (
    CouponNotUsable,
    CouponUseDiffers,
    CouponUseEnded,
    UnknownCoupon,
    UnknownCouponUse,
)
from membership.coupons.settling import Standings, Surroundings, Use, settle
from membership.coupons.using import (
    COUNTED,
    Moment,
    check_equal,
    check_limits,
    check_offer_currency,
    check_usable,
    currency_of,
)
from membership.fold import MemberFolding
from membership.member import Member
from membership.metrics import COUPONS_OVER_LIMIT
from membership.orders.state import Orders
from membership.programme import store as programmes
from membership.programme.programme import Programme
from membership.programme.store import Rulebook
from membership.programme.versions import ShopRules
from membership.tiers.state import Tiers


class Asked(NamedTuple):
    """A use as asked for; `amount`: what the coupon takes off, minor units; `gifts`: SKUs, None: those of the offer."""

    code: str
    order_id: str
    customer: str | None
    amount: int
    gifts: tuple[str, ...] | None = None


def buyer_of(member: Member | None, programme: Programme) -> Buyer:
    """Who is no member has no tier, but may have orders."""
    if member is None:
        return Buyer()
    standing = Tiers.of(member).standing
    orders = Orders.of(member).counting
    if Tiers.of(member).enrolled is None:
        return Buyer(orders=orders)
    level = programme.level_of(standing.tier)
    return Buyer(level, orders, programme.tiers[level].price)


def level_from(offer: Offer, programme: Programme) -> int:
    """The level of the offer's `tier_from`; -1: it is for everybody. A tier that is gone is the top: nobody gains."""
    if offer.tier_from is None:
        return -1
    levels = [level for level, tier in enumerate(programme.tiers) if tier.id == offer.tier_from]
    return levels[0] if levels else len(programme.tiers) - 1


async def reserve(tx: Transaction, shop: str, asked: Asked) -> Row[Any]:
    """The use as it stands; idempotent by code and order. Raises UnknownCoupon, CouponUseDiffers, CouponNotUsable."""
    rules = (await programmes.get_rules(tx, [shop]))[shop]
    buyer, people = await _buyer(tx, shop, asked.customer, rules), await people_of(tx, shop, asked.customer)
    coupon, offer_row = await _lock(tx, shop, asked.code)
    known = await store_uses.get_use(tx, shop, asked.order_id, asked.code)
    if known is not None and known.status != "released":
        if (known.customer, known.amount) != (asked.customer, asked.amount):
            raise CouponUseDiffers(asked.code, asked.order_id)
        return known
    offer, now = Offer.model_validate_json(offer_row.terms), tx.clock.now()
    moment, level = Moment(now, rules.date_of(now)), level_from(offer, rules.at(now))
    check_equal(coupon, offer, equal_offers=rules.at(now).equal_offers)
    own = currency_of(offer, offer_row.recorded_at, rules.currency_at)
    check_offer_currency(asked.code, own, rules.currency_at(now))
    check_usable(coupon, offer, offer_row.stopped_at, people, buyer, level, moment)
    by_customer = await store_uses.count_uses(tx, shop, offer_row.offer_id, people) if people else 0
    check_limits(coupon, offer, offer_row, by_customer, asked.amount)
    gifts = asked.gifts
    if gifts is None:
        gifts = await _gifts(tx, shop, asked.code, offer_row.offer_id, offer, people)
    await store_uses.add_uses(tx, shop, offer_row.offer_id, asked.code, 1, asked.amount, rules.currency_at(now))
    revision = -1 if known is None else known.order_revision
    use = Use(
        shop, asked.order_id, asked.code, offer_row.offer_id, asked.customer, asked.amount, rules.currency_at(now),
        "reserved", None, revision, now, True,
    )  # fmt: skip
    return await _save(tx, use, gifts)


async def _gifts(
    tx: Transaction, shop: str, code: str, offer_id: str, offer: Offer, people: Sequence[str]
) -> tuple[str, ...]:
    """SKUs that come with the offer now. Raises CouponNotUsable where all of a series were given (MEM-064)."""
    given = await store_uses.given_of_series(tx, shop, [offer_id], people) if offer.gift_series else {}
    now = with_next_gift(offer, given.get(offer_id, ()))
    if offer.gifts and not now.gifts and not offer.takes_off:
        raise CouponNotUsable(code, "series_complete", "is of a series of gifts, all of which the customer has.")
    return tuple(gift.sku for gift in now.gifts)


async def commit(tx: Transaction, shop: str, code: str, order_id: str) -> Row[Any]:
    """The use is for good; idempotent. Raises UnknownCoupon, UnknownCouponUse, CouponUseEnded."""
    return await _move(tx, shop, code, order_id, "committed")


async def release(tx: Transaction, shop: str, code: str, order_id: str) -> Row[Any]:
    """The use is given back uncommitted; idempotent. Raises UnknownCoupon, UnknownCouponUse, CouponUseEnded."""
    return await _move(tx, shop, code, order_id, "released")


async def void(tx: Transaction, shop: str, code: str) -> Row[Any]:
    """The coupon is taken back; what was reserved stays promised. Idempotent. Raises UnknownCoupon."""
    await _lock(tx, shop, code)
    await store.void_coupon(tx, shop, code, tx.clock.now())
    coupon = await store.get_coupon(tx, shop, code)
    assert coupon is not None
    return coupon


async def settle_orders(tx: Transaction, events: Iterable[Event[Any]], rules: Rulebook) -> None:
    """Move uses on with their orders, which are folded, and announce it.

    A rebuild takes them from the live database instead.
    """
    if not tx.rebuilding:
        folding = MemberFolding(rules)

        async def standings(wanted: Sequence[tuple[CustomerKey, str]]) -> Standings:
            found = await orders_as_they_stand(tx, folding, wanted)
            return {(key[0], name): order for (key, name), order in found.items()}

        around = Surroundings(lambda shop, at: rules[shop].currency_at(at), standings)
        moved = await settle(tx, list(events), around)
        COUPONS_OVER_LIMIT.inc(sum(use.status == "over_limit" for use in moved))
        await tx.announce(_fact(tx, use) for use in moved)


async def _buyer(tx: Transaction, shop: str, customer: str | None, rules: ShopRules) -> Buyer:
    """What is known of the customer, who is locked: facts about one are in order. Nobody's row is made."""
    row = None if customer is None else await read_customer(tx, (shop, customer))
    if row is None or customer is None:
        return Buyer()
    member = await current(tx, MemberFolding({shop: rules}, silent=True), (shop, customer), now := tx.clock.now())
    return buyer_of(member, rules.at(now))


async def people_of(tx: Transaction, shop: str, customer: str | None) -> list[str]:
    """All identifiers of the person whom this one stands for; none where nobody is named."""
    if customer is None:
        return []
    return [name for _, name in (await get_people(tx, [(shop, customer)]))[shop, customer]]


async def _lock(tx: Transaction, shop: str, code: str) -> tuple[Row[Any], Row[Any]]:
    """The coupon and its offer, locked, the offer first. Raises UnknownCoupon."""
    coupon = await store.get_coupon(tx, shop, code)
    if coupon is None:
        raise UnknownCoupon(code)
    offer = await store_offers.get_offer(tx, shop, coupon.offer_id, lock=True)
    coupon = await store.get_coupon(tx, shop, code, lock=True)
    assert offer is not None
    assert coupon is not None
    return coupon, offer


async def _move(tx: Transaction, shop: str, code: str, order_id: str, status: Any) -> Row[Any]:
    known = await store_uses.get_use(tx, shop, order_id, code)
    if known is not None and known.customer is not None and await read_customer(tx, (shop, known.customer)):
        await lock_survivors(tx, [(shop, known.customer)])
    await _lock(tx, shop, code)
    known = await store_uses.get_use(tx, shop, order_id, code)
    if known is None:
        raise UnknownCouponUse(code, order_id)
    if known.status == status:
        return known
    if known.status != "reserved":
        raise CouponUseEnded(code, order_id, known.status)
    use = Use(*(getattr(known, name) for name in Use.__dataclass_fields__))
    use.status, use.moved_at = status, tx.clock.now()
    if status not in COUNTED:
        await store_uses.add_uses(tx, shop, use.offer_id, code, -1, -use.amount, use.currency)
    return await _save(tx, use)


async def _save(tx: Transaction, use: Use, gifts: Sequence[str] | None = None) -> Row[Any]:
    fields = {name: getattr(use, name) for name in Use.__dataclass_fields__ if name != "moved_at"}
    await store_uses.save_use(tx, gifts, **fields, at=use.moved_at)
    await tx.announce([_fact(tx, use)])
    row = await store_uses.get_use(tx, use.shop, use.order_id, use.code)
    assert row is not None
    return row


def _fact(tx: Transaction, use: Use) -> Event[CouponRedeemed]:
    data = CouponRedeemed(
        offer_id=use.offer_id,
        code=use.code,
        order_id=use.order_id,
        status=use.status,
        amount=use.amount,
        currency=use.currency,
        refused=use.refused,
    )
    at = use.moved_at or tx.clock.now()
    cause = f"{use.code}/{use.order_id}/{use.order_revision}/{use.status}@{rfc3339(at)}"
    name = fact_id(cause, data.TYPE, use.shop, use.customer or "", 0)
    key = "" if use.customer else f"order-{use.order_id}"
    return Event(name, f"/shops/{use.shop}/membership", use.shop, use.customer, at, data, partitionkey=key)
