"""Offers are set and stopped, and their coupons issued, one or many (MEM-054)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.membership import CouponDeclined, CouponsIssued, IssuedCoupon, OfferSet, OfferStopped
from common.people.store import any_merged, get_people, get_survivors, lock_survivors
from common.storage.database import Transaction
from membership.coupons import store, store_hold_outs, store_offers
from membership.coupons.gifts import unrelated
from membership.coupons.hold_out import is_held_out
from membership.coupons.offer import Offer, offer_of
from membership.coupons.refusals import (
    CodeTaken,
    NoCouponsNeeded,
    OfferDiffers,
    OfferInOtherCurrency,
    OfferMakesNoSense,
    OfferOver,
    UnknownOffer,
)
from membership.coupons.using import currency_of
from membership.programme import store as programmes
from membership.programme.programme import Programme

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Thirty-two, without those that look alike. Eleven of them are 55 bits: nobody guesses one of ten thousand."""
_ALIKE, _APART = 2, 11
"""Codes of one request begin alike, so that they come to lie beside each other in the index, whose pages they fill;
what tells them apart is random."""
_LETTER_OF = bytes(ord(_LETTERS[number % len(_LETTERS)]) for number in range(256))
_AN_EVENT = 500


class Issued(NamedTuple):
    code: str
    customer: str | None


async def set_offer(tx: Transaction, shop: str, offer_id: str, offer: Offer, *, private: bool = False) -> None:
    """Idempotent; terms never change. `private`: one customer's own, of which nobody else is told.

    Raises OfferMakesNoSense, OfferOver, OfferDiffers, CodeTaken.
    """
    known = await store_offers.get_offer(tx, shop, offer_id)
    if known is None:
        now = tx.clock.now()
        _check(offer, (await programmes.read_rules(tx, {shop}))[shop].at(now))
        if offer.ends <= now:
            raise OfferOver(offer_id, offer.ends)
        if await store_offers.insert_offer(tx, shop, offer_id, offer):
            if not private:
                await tx.announce([_set(shop, offer_id, offer, now)])
            if offer.automatic:
                await _issue_automatic(tx, shop, offer_id, offer, now)
            return
        known = await store_offers.get_offer(tx, shop, offer_id)
        assert known is not None
    if Offer.model_validate_json(known.terms) != offer:
        raise OfferDiffers(offer_id)


async def stop_offer(tx: Transaction, shop: str, offer_id: str) -> None:
    """Nothing more is issued or used; what was reserved stays promised. Idempotent. Raises UnknownOffer."""
    known, now = await store_offers.get_offer(tx, shop, offer_id, lock=True), tx.clock.now()
    if known is None:
        raise UnknownOffer(offer_id)
    if known.stopped_at is None:
        await store_offers.stop_offer(tx, shop, offer_id, now)
        await tx.announce([_stopped(shop, offer_id, now)])


def _set(shop: str, offer_id: str, offer: Offer, at: datetime) -> Event[OfferSet]:
    data = OfferSet(offer_id=offer_id, starts=offer.starts, ends=offer.ends, needs_coupons=not offer.automatic)
    name, source = fact_id(f"offer/{offer_id}", data.TYPE, shop, "", 0), f"/shops/{shop}/membership"
    return Event(name, source, shop, None, at, data, partitionkey=f"offer-{offer_id}")


def _stopped(shop: str, offer_id: str, at: datetime) -> Event[OfferStopped]:
    data = OfferStopped(offer_id=offer_id)
    name, source = fact_id(f"offer/{offer_id}", data.TYPE, shop, "", 0), f"/shops/{shop}/membership"
    return Event(name, source, shop, None, at, data, partitionkey=f"offer-{offer_id}")


async def issue_to(
    tx: Transaction, shop: str, offer_id: str, batch: str, customers: Sequence[str], count: int, *, promotes: bool
) -> list[Issued]:
    """Coupons for these customers, or so many for whoever has the code; those that are new.

    Idempotent by batch: a person gets one of a batch, under the identifier that is asked first, and the numbers of a
    batch are given once. `promotes`: it is a promotion, of which nobody is given more than the programme's `promotions`
    says (MEM-083). Raises UnknownOffer, NoCouponsNeeded, OfferOver, OfferInOtherCurrency.
    """
    names, guard = await _one_a_person(tx, shop, offer_id, batch, customers), None
    if promotes:
        now = tx.clock.now()
        allowed = (await programmes.read_rules(tx, {shop}))[shop].at(now).promotions
        guard = None if allowed.coupons is None else (allowed.coupons, now - timedelta(days=allowed.days))
    if guard is not None:
        # What is issued in the shop beside waits until this is committed: of two promotions at once the second sees
        # the first.
        await store.lock_promotions(tx, shop)
    codes = iter(_codes(len(names) + count))
    holders = [(next(codes), customer, customer) for customer in names]
    numbered = [(next(codes), f"#{number:07}", None) for number in range(1, count + 1)]
    return await _issue(tx, shop, offer_id, batch, [*holders, *numbered], 1, guard)


async def hold_out(
    tx: Transaction, shop: str, offer_id: str, batch: str, customers: Sequence[str], percent: int
) -> list[str]:
    """Those of these customers who are to get a coupon of the batch: a share of them is left out, and kept as that, so
    that the effect can be told. Who was left out stays so, whatever is asked later. Raises UnknownOffer, OfferOver.
    """
    await _open_offer(tx, shop, offer_id)
    if percent:
        survivors = await get_survivors(tx, [(shop, name) for name in customers])
        persons = {name: survivors.get((shop, name), (shop, name))[1] for name in customers}
        drawn = [name for name in customers if is_held_out(shop, offer_id, batch, persons[name], percent)]
        await store_hold_outs.insert_held_out(tx, shop, offer_id, batch, drawn, tx.clock.now())
    elif not await store_hold_outs.any_held_out(tx, shop, offer_id, batch):
        return list(customers)
    held = await store_hold_outs.held_out_among(tx, shop, offer_id, batch, customers)
    return [name for name in customers if name not in held]


async def _one_a_person(tx: Transaction, shop: str, offer_id: str, batch: str, customers: Sequence[str]) -> list[str]:
    """The first identifier of each person who has no coupon of the batch under another one: lists of a shop hold the
    identifiers of before a merge too (ORD-040)."""
    names = list(dict.fromkeys(customers))
    if not names or not await any_merged(tx, shop):
        return names
    people = await get_people(tx, [(shop, name) for name in names])
    persons: dict[CustomerKey, str] = {}
    for name in names:
        persons.setdefault(people[shop, name][0], name)
    # Another list with another identifier of theirs waits, so that one of the two sees the other.
    await tx.lock_customers(person for person, name in persons.items() if len(people[shop, name]) > 1)
    others = [(name, one) for name in persons.values() for _, one in people[shop, name] if one != name]
    having = await store.with_one_of(tx, shop, offer_id, batch, others) if others else set()
    return [name for name in persons.values() if name not in having]


async def held_back(tx: Transaction, shop: str, offer_id: str, batch: str, customers: Sequence[str]) -> list[str]:
    """Who got no coupon of the batch, having been given enough (MEM-083)."""
    return await store.without_coupon(tx, shop, offer_id, batch, customers) if customers else []


async def issue_requested(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Issue what flows and campaigns ask for, set-wise by offer and batch, or say why not.

    Whose person has a usable coupon of the offer by now is given no other, and needs no answer (MSG-026): the issue of
    that one lets go on who waits for one, of four orders at once each. A rebuild takes coupons from the live database
    instead.
    """
    asked: dict[tuple[str, str, str], dict[str, Event[Any]]] = {}
    for event in events:
        if event.subject is not None and not tx.rebuilding:
            asked.setdefault((event.shop, event.data.offer_id, event.data.batch), {}).setdefault(event.subject, event)
    # What is asked for the person under another identifier waits, so that one of the two sees the other.
    await lock_survivors(tx, {event.customer for events_of in asked.values() for event in events_of.values()})
    for (shop, offer_id, batch), by_customer in sorted(asked.items()):
        try:
            wanting = await _without_usable(tx, shop, offer_id, batch, list(by_customer))
            await issue_to(tx, shop, offer_id, batch, wanting, 0, promotes=True)
        except (UnknownOffer, NoCouponsNeeded, OfferOver, OfferInOtherCurrency) as refused:
            await tx.announce(_declined(event, _REASONS[type(refused)]) for event in by_customer.values())
        else:
            left = await held_back(tx, shop, offer_id, batch, wanting)
            await tx.announce(_declined(by_customer[customer], "enough_promotions") for customer in left)


async def _without_usable(tx: Transaction, shop: str, offer_id: str, batch: str, customers: Sequence[str]) -> list[str]:
    """Those of these customers whose person has no usable coupon of the offer; of two of one person the first."""
    people = await get_people(tx, [(shop, name) for name in customers])
    persons = {people[shop, name][0]: name for name in reversed(customers)}
    identifiers = [(name, one) for name in persons.values() for _, one in people[shop, name]]
    having = await store.with_usable(tx, shop, offer_id, batch, identifiers, tx.clock.now())
    return [name for name in reversed(persons.values()) if name not in having]


_Reason = Literal["unknown_offer", "no_coupons_needed", "offer_over", "other_currency", "enough_promotions"]
_REASONS: dict[type[Exception], _Reason] = {
    UnknownOffer: "unknown_offer",
    NoCouponsNeeded: "no_coupons_needed",
    OfferOver: "offer_over",
    OfferInOtherCurrency: "other_currency",
}


def _declined(event: Event[Any], reason: _Reason) -> Event[CouponDeclined]:
    data = CouponDeclined(offer_id=event.data.offer_id, batch=event.data.batch, reason=reason)
    name = fact_id(f"{event.source}#{event.id}", data.TYPE, event.shop, event.subject or "", 0)
    source = f"/shops/{event.shop}/membership"
    return Event(name, source, event.shop, event.subject, event.time, data, causationid=event.id)


async def issue_code(tx: Transaction, shop: str, offer_id: str, code: str, use_limit: int | None) -> list[Issued]:
    """A code of the shop's own choice for whoever says it: a secret word, a card in the parcel (MEM-078 to 080).

    Idempotent. Raises UnknownOffer, NoCouponsNeeded, OfferOver, CodeTaken; and OfferMakesNoSense of an offer that a
    customer loses by buying (SEC-015).
    """
    _check_equal(
        await _open_offer(tx, shop, offer_id), (await programmes.read_rules(tx, {shop}))[shop].at(tx.clock.now())
    )
    made = await _issue(tx, shop, offer_id, "code", [(code, code, None)], use_limit)
    known = await store.get_coupon(tx, shop, code)
    if known is None or (known.offer_id, known.batch, known.use_limit) != (offer_id, "code", use_limit):
        raise CodeTaken(code)
    return made


def _codes(count: int) -> list[str]:
    alike, drawn = _letters(_ALIKE), _letters(_APART * count)
    return [alike + drawn[start : start + _APART] for start in range(0, len(drawn), _APART)]


def _letters(count: int) -> str:
    return secrets.token_bytes(count).translate(_LETTER_OF).decode("ascii")


def _check(offer: Offer, programme: Programme) -> None:
    """Raises OfferMakesNoSense."""
    if offer.tier_from is not None and all(tier.id != offer.tier_from for tier in programme.tiers):
        raise OfferMakesNoSense(f"There is no tier {offer.tier_from!r}: `tier_from` is the id of one.")
    if offer.automatic:
        _check_equal(offer, programme)
    wrong = unrelated(offer, programme.related_gifts)
    if wrong is not None:
        raise OfferMakesNoSense(
            f"A gift of the category {wrong[1]!r} has nothing to do with {wrong[0]!r} (MEM-060): see `related_gifts`."
        )


def _check_equal(offer: Offer, programme: Programme) -> None:
    """Of an offer that is everybody's, who comes or says a word. Raises OfferMakesNoSense."""
    if programme.equal_offers and offer.for_the_new_alone:
        raise OfferMakesNoSense(
            "A customer would lose this offer by buying, and pay more than a new one for the same (SEC-015): issue it"
            " as coupons of a welcome pack, leave `orders_to` out, or set the programme's `equal_offers` to false."
        )


async def _issue_automatic(tx: Transaction, shop: str, offer_id: str, offer: Offer, now: datetime) -> None:
    made = await store.insert_coupons(
        tx, shop, offer_id, "", [(offer_id, "", None)], (offer.starts, offer.ends), None, now
    )
    if not made:
        raise CodeTaken(offer_id)


async def _issue(
    tx: Transaction,
    shop: str,
    offer_id: str,
    batch: str,
    holders: Sequence[tuple[str, str, str | None]],
    use_limit: int | None,
    guard: tuple[int, datetime] | None = None,
) -> list[Issued]:
    offer, now = await _open_offer(tx, shop, offer_id), tx.clock.now()
    start, end = max(now, offer.starts), offer.ends
    if offer.valid_days is not None:
        end = min(end, start + timedelta(days=offer.valid_days))
    rows = await store.insert_coupons(tx, shop, offer_id, batch, holders, (start, end), use_limit, now, guard)
    made = [Issued(*row) for row in rows]
    await tx.announce(_facts(shop, offer_id, batch, made, (start, end), now))
    return made


async def _open_offer(tx: Transaction, shop: str, offer_id: str) -> Offer:
    """An offer of which coupons may be issued now. Raises UnknownOffer, NoCouponsNeeded, OfferOver,
    OfferInOtherCurrency."""
    row = await store_offers.get_offer(tx, shop, offer_id)
    if row is None:
        raise UnknownOffer(offer_id)
    offer = offer_of(row.terms)
    if offer.automatic:
        raise NoCouponsNeeded(offer_id)
    ended, now = min(at for at in (row.stopped_at, row.ends) if at is not None), tx.clock.now()
    if ended <= now:
        raise OfferOver(offer_id, ended)
    if offer.in_money:
        rules = (await programmes.read_rules(tx, {shop}))[shop]
        own, used = currency_of(offer, row.recorded_at, rules.currency_at), rules.currency_at(max(now, offer.starts))
        if own is not None and own != used:
            raise OfferInOtherCurrency(offer_id, own, used)
    return offer


def _facts(
    shop: str, offer_id: str, batch: str, made: Sequence[Issued], valid: tuple[datetime, datetime], now: datetime
) -> list[Event[CouponsIssued]]:
    found = []
    for number, start in enumerate(range(0, len(made), _AN_EVENT)):
        some = made[start : start + _AN_EVENT]
        data = CouponsIssued(
            offer_id=offer_id,
            batch=batch,
            valid_from=valid[0],
            valid_until=valid[1],
            coupons=tuple(IssuedCoupon(code=code, customer=customer) for code, customer in some),
        )
        name = fact_id(f"{offer_id}/{batch}@{rfc3339(now)}/{some[0].code}", data.TYPE, shop, offer_id, number)
        found.append(Event(name, f"/shops/{shop}/membership", shop, None, now, data, partitionkey=f"offer-{offer_id}"))
    return found
