"""The price of a cart for one buyer as of now, by all that is stored; nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.fold.customers import advanced
from common.fold.store_customers import read_customer
from common.storage.database import Transaction
from membership.benefits.rules import quota_on
from membership.benefits.state import Benefits
from membership.checkout.quote import Open, Quote, points_earned, quote
from membership.checkout.refusals import PointsNeedMember
from membership.commands import coupons
from membership.coupons import store as coupon_rows
from membership.coupons import store_uses
from membership.coupons.cart import Buyer, Candidate, Cart
from membership.coupons.gifts import with_next_gift
from membership.coupons.offer import Offer, offer_of
from membership.coupons.refusals import CouponNotUsable
from membership.coupons.using import Moment, check_equal, check_limits, check_offer_currency, check_usable, currency_of
from membership.fold import MemberFolding, load
from membership.member import Member
from membership.members.refusals import UnknownMember
from membership.orders.state import Orders
from membership.points.redemption import Asked as Points_asked
from membership.points.redemption import check, check_currency, most_points, worth
from membership.points.state import Points
from membership.programme import store as programmes
from membership.programme.versions import ShopRules
from membership.tiers.state import Tiers

MOST_COUPONS = 100
"""So many of the customer's own coupons are weighed, those that end first."""


class Asked(NamedTuple):
    """A cart as asked for. `codes`: typed in or shown besides the customer's own. `points`: to be used."""

    customer: str | None
    cart: Cart
    currency: str
    codes: tuple[str, ...] = ()
    points: int = 0
    use_quota: bool = True


class Answer(NamedTuple):
    """`offers` by code; `refused`: why each code that was given is not used; `idle`: usable, not in the best price."""

    quote: Quote
    buyer: Buyer
    tier: str | None
    offers: Mapping[str, tuple[str, str]]
    refused: tuple[tuple[str, str], ...]
    idle: tuple[str, ...]
    points_available: int
    points_most: int
    points_worth: int
    earns: int


class _Known(NamedTuple):
    """The buyer as of now; `quota_left` of free shipping."""

    rules: ShopRules
    now: datetime
    member: Member | None
    buyer: Buyer
    quota_left: int


async def ask(tx: Transaction, shop: str, asked: Asked) -> Answer:
    """The best price as of now; nothing is written.

    Raises ShopNotSetUp, WrongCurrency; of points PointsNeedMember, UnknownMember, TooLargeShare, InsufficientPoints.
    """
    rules, now = (await programmes.read_rules(tx, {shop}))[shop], tx.clock.now()
    _check_currency(asked, rules, now)
    folding = MemberFolding({shop: rules}, silent=True)
    row = None if asked.customer is None else await read_customer(tx, (shop, asked.customer))
    known = _known(None if row is None else await advanced(tx, folding, row, now), rules, now)
    people = await coupons.people_of(tx, shop, asked.customer)
    rows = await coupon_rows.usable_coupons(tx, shop, people, asked.codes, now, MOST_COUPONS)
    series = _series(rows)
    given = await store_uses.given_of_series(tx, shop, series, people) if series and people else {}
    return _answer(asked, known, people, rows, given)


async def ask_at_once(tx: Transaction, shop: str, asked: Asked) -> Answer | None:
    """As `ask`, with one statement; None where that is not enough, as nearly never.

    So where the customer has several identifiers, where something fell due since the state was stored, and where gifts
    of a series are open to the customer.
    """
    now = tx.clock.now()
    people = [] if asked.customer is None else [asked.customer]
    rows = await coupon_rows.usable_coupons(
        tx, shop, people, asked.codes, now, MOST_COUPONS, beside=programmes.WITH_CUSTOMER, named=asked.customer
    )
    first = rows[0]
    rules = await programmes.rules_by(tx, shop, first)
    _check_currency(asked, rules, now)
    row = programmes.customer_by((shop, asked.customer), first) if asked.customer is not None else None
    if first.absorbs or (row is not None and row.merged_into is not None):
        return None
    member = None if row is None else load(row.state)
    due = None if member is None else MemberFolding({shop: rules}).next_due(member)
    if due is not None and due.at <= now:
        return None
    found = [each for each in rows if each.code is not None]
    if people and _series(found):
        return None
    return _answer(asked, _known(member, rules, now), people, found, {})


def _check_currency(asked: Asked, rules: ShopRules, now: datetime) -> None:
    check_currency(points_asked(asked, "", 0, None), rules.currency_at(now))


def _series(rows: Sequence[Row[Any]]) -> list[str]:
    """The offers among them whose gifts are collected (MEM-064)."""
    return sorted({row.offer_id for row in rows if offer_of(row.terms).gift_series})


def _known(member: Member | None, rules: ShopRules, now: datetime) -> _Known:
    if member is None:
        return _Known(rules, now, None, Buyer(), 0)
    programme, tiers = rules.at(now), Tiers.of(member)
    if tiers.enrolled is None:
        return _Known(rules, now, None, Buyer(orders=Orders.of(member).counting), 0)
    buyer = coupons.buyer_of(member, programme)
    benefit = programme.tiers[buyer.level].benefit("free_shipping")
    left = 0
    if benefit is not None:
        day, since = rules.date_of(now), rules.date_of(tiers.enrolled)
        left = quota_on(benefit, Benefits.of(member), day, since).remaining
    return _Known(rules, now, member, buyer, left)


def _answer(
    asked: Asked, known: _Known, people: Sequence[str], rows: Sequence[Row[Any]], given: Mapping[str, Collection[str]]
) -> Answer:
    """`given`: SKUs of gifts that the customer has, by the offer of the series (MEM-064)."""
    programme = known.rules.at(known.now)
    usable, offers, reasons = list[Open](), dict[str, tuple[str, str]](), dict.fromkeys(asked.codes, "unknown")
    moment = Moment(known.now, known.rules.date_of(known.now))
    for row in rows:
        offer = offer_of(row.terms)
        offers[row.code] = (row.offer_id, offer.name)
        try:
            check_equal(row, offer, equal_offers=programme.equal_offers)
            level = coupons.level_from(offer, programme)
            check_offer_currency(row.code, currency_of(offer, row.recorded_at, known.rules.currency_at), asked.currency)
            check_usable(row, offer, row.stopped_at, people, known.buyer, level, moment)
            check_limits(row, offer, _OfferRow(row.offer_uses, row.spent), row.used_by_customer, 0)
        except CouponNotUsable as refused:
            reasons[row.code] = str(refused.more["reason"])
            continue
        reasons.pop(row.code, None)
        usable.append(_open(row, offer))
    # Codes that were typed in come first where the uses of an offer do not suffice for all of its coupons.
    usable.sort(key=lambda each: (each.candidate.code not in asked.codes, each.candidate.code))
    usable, complete = _in_series(usable, given)
    reasons |= dict.fromkeys(complete, "series_complete")
    made = quote(asked.cart, known.buyer, usable, known.quota_left if asked.use_quota else 0)
    reasons |= dict.fromkeys(made.beyond_budget, "budget") | dict.fromkeys(made.beyond_uses, "limit")
    used = {each.code for each in made.price.chosen} | set(made.gift_codes)
    points, unit = programme.points, known.rules.unit_at(known.now)
    available = 0 if known.member is None else Points.of(known.member).available
    if asked.points:
        _check_points(asked, known, made.total, available)
    worth_ = worth(asked.points, points, asked.currency)
    earns = programme.enrolment == "first_order" or known.member is not None
    tier = programme.tiers[max(known.buyer.level, 0)]
    return Answer(
        quote=made,
        buyer=known.buyer,
        tier=None if known.member is None else tier.name,
        offers=offers,
        refused=tuple((code, reasons[code]) for code in dict.fromkeys(asked.codes) if code in reasons),
        idle=tuple(sorted(each.candidate.code for each in usable if each.candidate.code not in used)),
        points_available=available,
        points_most=min(available, most_points(made.total, points, asked.currency)),
        points_worth=worth_,
        earns=points_earned(made.price.goods, worth_, tier.factor * points.per_unit, unit) if earns else 0,
    )


def _in_series(usable: Sequence[Open], given: Mapping[str, Collection[str]]) -> tuple[list[Open], list[str]]:
    """Those that give a series with its next gift, one coupon of each; codes that have nothing left to give."""
    found, complete, giving = list[Open](), list[str](), set[str]()
    for each in usable:
        code, offer = each.candidate
        if offer.gift_series:
            now = with_next_gift(offer, given.get(each.offer_id, ()))
            if not offer.takes_off and (not now.gifts or each.offer_id in giving):
                complete.append(code)
                continue
            now = now if each.offer_id not in giving else now.model_copy(update={"gifts": ()})
            giving.add(each.offer_id)
            each = each._replace(candidate=Candidate(code, now))
        found.append(each)
    return found, complete


def _open(row: Row[Any], offer: Offer) -> Open:
    """The coupon with what is left of its offer, for this customer."""
    uses = [
        most - used
        for most, used in ((offer.use_limit, row.offer_uses), (offer.per_customer, row.used_by_customer))
        if most is not None
    ]
    budget = None if offer.budget is None else offer.budget - row.spent
    return Open(Candidate(row.code, offer), row.offer_id, budget, min(uses, default=None))


def _check_points(asked: Asked, known: _Known, total: int, available: int) -> None:
    """Points are refused by a quote as they would be by its reservation.

    Raises PointsNeedMember, UnknownMember, TooLargeShare, InsufficientPoints.
    """
    if asked.customer is None:
        raise PointsNeedMember
    if known.member is None:
        raise UnknownMember(asked.customer)
    check(points_asked(asked, "", total, None), known.rules.at(known.now).points, None, 0, available)


class _OfferRow(NamedTuple):
    uses: int
    spent: int


def points_asked(asked: Asked, redemption_id: str, total: int, order_id: str | None) -> Points_asked:
    return Points_asked(redemption_id, asked.points, total, asked.currency, order_id)


def out(asked: Asked, answer: Answer) -> dict[str, Any]:
    """What the checkout is told, as JSON has it; amounts in minor units."""
    found, price = answer.quote, answer.quote.price
    return {
        "currency": asked.currency,
        "tier": answer.tier,
        "listed": found.listed,
        "tier_discount": price.by_tier,
        "goods": price.goods,
        "freight": price.freight,
        "shipping_by_quota": found.by_quota,
        "total": found.total,
        "lines": [
            {"sku": line.sku, "quantity": line.quantity, "total": total}
            for line, total in zip(asked.cart.lines, price.lines, strict=True)
        ],
        "coupons": [
            {"code": c.code, "offer_id": answer.offers[c.code][0], "name": answer.offers[c.code][1], "goods": c.goods,
             "freight": c.freight}
            for c in price.chosen
        ],
        "gifts": [
            {"code": code, "sku": gift.sku, "kind": gift.kind, "quantity": gift.quantity} for code, gift in found.gifts
        ],
        "refused": [{"code": code, "reason": reason} for code, reason in answer.refused],
        "not_used": list(answer.idle),
        "points": {
            "available": answer.points_available,
            "most": answer.points_most,
            "used": asked.points,
            "worth": answer.points_worth,
            "earned": answer.earns,
        },
        "to_pay": found.total - answer.points_worth,
    }  # fmt: skip
