"""Points spent and given back: soonest expiry burns first, the last burnt lot comes back first (MEM-050)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from common.values.currency import minor_per_major
from membership.orders.state import Order
from membership.points.books import Books
from membership.points.earning import make_available
from membership.points.refusals import (
    InsufficientPoints,
    OrderNotOpen,
    RedemptionDiffers,
    RedemptionEnded,
    TooLargeShare,
    WrongCurrency,
)
from membership.points.state import LOT, REDEMPTION, Burn
from membership.programme.programme import ONE, PointsRules
from membership.programme.versions import ShopRules

MISSING, FORGIVEN = "", "!"


class Asked(NamedTuple):
    """A redemption as asked for; `order_total` in minor units of the currency, before the points."""

    redemption_id: str
    points: int
    order_total: int
    currency: str
    order_id: str | None


def check_repeated(known: Any, customer: str, asked: Asked) -> None:
    """A redemption asked for again is the same and still stands. Raises RedemptionDiffers, RedemptionEnded.

    `known` is the row that is kept of it.
    """
    kept = Asked(known.redemption_id, known.points, known.order_total, known.currency, known.order_id)
    if known.customer != customer or kept != asked:
        raise RedemptionDiffers(asked.redemption_id)
    if known.status == "returned":
        raise RedemptionEnded(asked.redemption_id, known.returned_at)


def check_currency(asked: Asked, currency: str) -> None:
    """Points are worth the shop's currency alone. Raises WrongCurrency."""
    if asked.currency != currency:
        raise WrongCurrency(asked.currency, currency)


def check(asked: Asked, rules: PointsRules, order: Order | None, spent: int, available: int) -> None:
    """Points are redeemed on an open order, up to a share of it, as far as they are available (MEM-052).

    `order`: what is known of the order; `spent`: points redeemed on it so far. Raises OrderNotOpen, TooLargeShare,
    InsufficientPoints.
    """
    ended = None if order is None else _ended(order)
    if ended is not None:
        raise OrderNotOpen(asked.order_id or "", ended)
    most = max(0, most_points(asked.order_total, rules, asked.currency) - spent)
    if asked.points > most:
        raise TooLargeShare(most)
    if asked.points > available:
        raise InsufficientPoints(asked.points, available)


def _ended(order: Order) -> str | None:
    """Why no points are redeemed on the order any more; None: it is open."""
    if order.refunded_whole:
        return "refunded"
    if order.closed:
        return "closed"
    if order.completed_at is not None:
        return "completed"
    return "paid" if order.paid_at is not None else None


def worth(points: int, rules: PointsRules, currency: str) -> int:
    """What the points are worth, in minor units of the currency, rounded down: 100 points = 1.00."""
    return points * minor_per_major(currency) // rules.per_unit_worth


def most_points(order_total: int, rules: PointsRules, currency: str) -> int:
    """The most points an order of that total (minor units) takes: at most `largest_share` of it (MEM-052)."""
    return order_total * rules.largest_share * rules.per_unit_worth // (ONE * minor_per_major(currency))


def redeem(books: Books, redemption_id: str, points: int, *, clamp: bool) -> None:
    """Spend what was promised; what late news has taken away meanwhile becomes debt or, clamped, a grant."""
    redemption = REDEMPTION.change(books.member, redemption_id)
    redemption.points = missing = points
    for name, taken in books.lots.soonest(points):
        lot = LOT.change(books.member, name)
        redemption.burns.append(Burn(lot=name, points=taken, expires=lot.expires, since=lot.since))
        books.move(taken, ("available", name), ("redeemed", ""))
        missing -= taken
    books.lots.look_again()
    if missing:
        books.move(missing, ("issued" if clamp else "debt", ""), ("redeemed", ""))
        redemption.burns.append(Burn(lot=FORGIVEN if clamp else MISSING, points=missing))


def give_back(books: Books, redemption_id: str, total: int, shop: ShopRules, at: datetime) -> None:
    """Raise what has been given back of a redemption to `total`, with the old expiry, but at least seven days of it."""
    redemption = REDEMPTION.change(books.member, redemption_id)
    points = min(total, redemption.points) - redemption.returned
    redemption.returned += max(0, points)
    while points > 0 and redemption.burns:
        burn = redemption.burns[-1]
        taken = min(points, burn.points)
        points -= taken
        burn.points -= taken
        _restore(books, redemption_id, burn, taken, shop, at)
        if not burn.points:
            redemption.burns.pop()
    if redemption.returned == redemption.points:
        redemption.ended = redemption.ended or at


def _restore(books: Books, redemption_id: str, burn: Burn, points: int, shop: ShopRules, at: datetime) -> None:
    rules = shop.at(at).points
    if burn.lot == FORGIVEN:
        books.move(points, ("redeemed", ""), ("issued", ""))
    elif burn.lot == MISSING or burn.expires is None or burn.since is None:
        settled = min(points, books.state.debt)
        books.move(settled, ("redeemed", ""), ("debt", ""))
        # The debt was paid meanwhile with points of which nobody knows the expiry any more: they come back as new ones.
        expires = shop.expiry(at)
        make_available(books, f"|{redemption_id}", points - settled, ("redeemed", ""), expires, at)
    else:
        expires = burn.expires
        # At the instant of their expiry that is done already, so they need another one, however few days are asked for.
        if expires < at + timedelta(days=rules.returned_last_days) or expires <= at:
            # Whole days: to the end of the day on which the last of them ends.
            expires = shop.start_of(shop.date_of(at) + timedelta(days=rules.returned_last_days + 1))
        make_available(books, burn.lot, points, ("redeemed", ""), expires, burn.since)
