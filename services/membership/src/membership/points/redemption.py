"""Points spent and given back: soonest expiry burns first, the last burnt lot comes back first (MEM-050)."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.values.currency import minor_per_major
from membership.points.books import Books
from membership.points.earning import make_available
from membership.points.lots import LotOrder
from membership.programme.programme import ONE, PointsRules, ShopRules
from membership.state import Burn, Redemption

MISSING, FORGIVEN = "", "!"


def worth(points: int, rules: PointsRules, currency: str) -> int:
    """What the points are worth, in minor units of the currency, rounded down: 100 points = 1.00."""
    return points * minor_per_major(currency) // rules.per_unit_worth


def most_points(order_total: int, rules: PointsRules, currency: str) -> int:
    """The most points an order of that total (minor units) takes: at most `largest_share` of it (MEM-052)."""
    return order_total * rules.largest_share * rules.per_unit_worth // (ONE * minor_per_major(currency))


def redeem(books: Books, redemption_id: str, points: int, *, clamp: bool) -> None:
    """Spend what was promised; what late news has taken away meanwhile becomes debt or, clamped, a grant."""
    lots = books.state.lots
    redemption = books.state.redemptions[redemption_id] = Redemption(points, [])
    missing = points
    for name, taken in LotOrder.of(books.state).soonest(points):
        lot = lots[name]
        redemption.burns.append(Burn(lot=name, points=taken, expires=lot.expires, since=lot.since))
        books.move(taken, ("available", name), ("redeemed", ""))
        missing -= taken
    if missing:
        books.move(missing, ("issued" if clamp else "debt", ""), ("redeemed", ""))
        redemption.burns.append(Burn(lot=FORGIVEN if clamp else MISSING, points=missing))


def give_back(books: Books, redemption_id: str, total: int, shop: ShopRules, at: datetime) -> None:
    """Raise what has been given back of a redemption to `total`, with the old expiry, but at least seven days of it."""
    redemption = books.state.redemptions[redemption_id]
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
        expires = shop.expiry(at, rules.expiry_months)
        make_available(books, f"|{redemption_id}", points - settled, ("redeemed", ""), expires, at)
    else:
        expires = burn.expires
        if expires < at + timedelta(days=rules.returned_last_days):
            # Whole days: to the end of the day on which the last of them ends.
            expires = shop.start_of(shop.date_of(at) + timedelta(days=rules.returned_last_days + 1))
        make_available(books, burn.lot, points, ("redeemed", ""), expires, burn.since)
