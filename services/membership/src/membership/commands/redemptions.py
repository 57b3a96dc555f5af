"""Points are redeemed at a checkout and taken back before the order is paid, once per id (MEM-050)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from common.events.membership import PointsRedeemed, RedemptionReturned
from common.fold.customers import current
from common.fold.working import load_items
from common.people.store import survivor_in
from common.storage.database import Transaction
from membership.commands.recording import carry_out, time_of_command
from membership.fold import MemberFolding
from membership.members.refusals import UnknownMember
from membership.orders.state import ORDER
from membership.points import store
from membership.points.redemption import Asked, check, check_currency, check_repeated, worth
from membership.points.refusals import OrderPaidAlready, RedemptionDiffers, UnknownRedemption
from membership.points.state import REDEMPTION, Points
from membership.programme import store as programmes
from membership.tiers.state import Tiers


async def redeem(tx: Transaction, shop: str, customer: str, asked: Asked) -> Row[Any]:
    """The redemption as it stands. Idempotent by its id.

    Raises UnknownMember, RedemptionDiffers, RedemptionEnded, WrongCurrency, OrderNotOpen, TooLargeShare,
    InsufficientPoints.
    """
    key = (shop, customer)
    rules = await programmes.get_rules(tx, [shop])
    at = await time_of_command(tx, key)
    known = await store.get_redemption(tx, shop, asked.redemption_id)
    if known is not None:
        check_repeated(known, survivor_in(tx, key)[1], asked)
        return known
    check_currency(asked, rules[shop].currency_at(at))
    folding, points = MemberFolding(rules), rules[shop].at(at).points
    state = await current(tx, folding, key, at)
    if Tiers.of(state).enrolled is None:
        raise UnknownMember(customer)
    order, spent = None, 0
    if asked.order_id is not None:
        await load_items(tx, folding, state, key, [ORDER.name(asked.order_id)])
        order = ORDER.get(state, asked.order_id)
        spent = await store.lock_order(tx, shop, asked.order_id)
    check(asked, points, order, spent, Points.of(state).available)
    data = PointsRedeemed(
        redemption_id=asked.redemption_id,
        points=asked.points,
        order_id=asked.order_id,
        order_total=asked.order_total,
        worth=worth(asked.points, points, asked.currency),
        currency=asked.currency,
    )
    if not await carry_out(tx, folding, key, f"redemption-{asked.redemption_id}", at, data):
        # Another customer has taken the id at this moment.
        raise RedemptionDiffers(asked.redemption_id)
    row = await store.get_redemption(tx, shop, asked.redemption_id)
    assert row is not None
    return row


async def return_redemption(tx: Transaction, shop: str, redemption_id: str) -> Row[Any]:
    """The redemption, returned; idempotent. Raises UnknownRedemption, OrderPaidAlready."""
    rules = await programmes.get_rules(tx, [shop])
    row = await store.get_redemption(tx, shop, redemption_id)
    if row is None:
        raise UnknownRedemption(redemption_id)
    key = (shop, row.customer)
    at = await time_of_command(tx, key)
    # Again, now that no other request can be returning it.
    row = await store.get_redemption(tx, shop, redemption_id)
    assert row is not None
    if row.returned_at is not None:
        return row
    folding = MemberFolding(rules)
    state = await current(tx, folding, key, at)
    await load_items(tx, folding, state, key, [REDEMPTION.name(redemption_id)])
    redemption = REDEMPTION.get(state, redemption_id)
    if redemption is not None and redemption.paid_by is not None:
        raise OrderPaidAlready(redemption.paid_by)
    named = (shop, await store.get_origin(tx, row))
    await carry_out(tx, folding, named, f"return-{redemption_id}", at, RedemptionReturned(redemption_id=redemption_id))
    row = await store.get_redemption(tx, shop, redemption_id)
    assert row is not None
    return row
