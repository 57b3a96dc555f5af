"""The best combination of coupons for a cart: the lowest price that the rules of combining allow (issue 13).

Each coupon is worth what it takes off the goods it concerns as they cost before any coupon, so the order in which they
are typed in never matters; no line falls below zero: coupons for fewer goods take theirs first. The search branches on
each candidate, used or not, and gives up a branch when what the others could take off at most does not beat the best
so far, which loses nothing: together coupons never take off more than each by itself, nor than their goods cost.
Coupons whose goods overlap may still leave more branches than anybody waits for; the search ends after so much work,
with the best that it found, which is never worse than taking the largest coupon that goes with the others, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from membership.coupons.cart import Buyer, Candidate, Cart, Chosen, Price
from membership.coupons.rules import concerns, taken_off
from membership.programme.programme import ONE

MOST = 5
"""So many coupons an order takes at most."""
WORK = 80_000
"""So many candidates a search looks at, a branch being a look at each: some 30 ms. Twenty coupons take up to 60,000."""


class _Worth(NamedTuple):
    """A candidate against one cart: the places of its lines, what it takes off goods by itself, and of freight."""

    candidate: Candidate
    places: tuple[int, ...]
    goods: int
    freight: int

    @property
    def at_most(self) -> int:
        return self.goods + self.freight


def best_price(cart: Cart, buyer: Buyer, candidates: Iterable[Candidate], most: int = MOST) -> Price:
    """The lowest price of goods and freight; of equal ones the one with fewer coupons, by the tier's price first.

    The candidates are for the buyer and in force. The shop's price for all is weighed too, with every coupon: those
    that do not go with the tier's price, and steps that the tier's price no longer reaches. So a member never pays more
    than somebody who is none (SEC-015).
    """
    given = sorted(set(candidates), key=lambda candidate: candidate.code)
    at_tier = _best(cart, buyer, [each for each in given if each.offer.with_tier_price], most, buyer.price)
    if buyer.price == ONE and all(each.offer.with_tier_price for each in given):
        return at_tier
    at_list = _best(cart, buyer, given, most, ONE, below=at_tier.total)
    return at_list if at_list.total < at_tier.total else at_tier


def _best(
    cart: Cart, buyer: Buyer, candidates: Sequence[Candidate], most: int, price: int, below: int | None = None
) -> Price:
    """The lowest price; where none comes `below` that total, any that does not."""
    amounts = cart.amounts(price)
    worths = [worth for each in candidates if (worth := _worth(each, cart, amounts, buyer)) is not None]
    worths.sort(key=lambda worth: (-worth.at_most, worth.candidate.code))
    enough = 0 if below is None else max(0, sum(amounts) + cart.freight - below)
    found = _Search(cart, amounts, worths, most, enough).run()
    goods, chosen = _use(cart, amounts, found)
    return Price(
        goods=sum(goods),
        freight=cart.freight - sum(each.freight for each in chosen),
        by_tier=sum(line.total for line in cart.lines) - sum(amounts),
        lines=tuple(goods),
        chosen=chosen,
    )


def _worth(candidate: Candidate, cart: Cart, amounts: Sequence[int], buyer: Buyer) -> _Worth | None:
    """None where it takes nothing off this cart."""
    places = tuple(n for n, line in enumerate(cart.lines) if concerns(candidate.offer, line))
    spend = sum(amounts[n] for n in places)
    if not places or spend < candidate.offer.minimum:
        return None
    goods = taken_off(candidate.offer, spend, buyer)
    freight = cart.freight if candidate.offer.free_shipping else 0
    return _Worth(candidate, places, goods, freight) if goods or freight else None


def go_together(candidates: Sequence[Candidate], most: int = MOST) -> bool:
    """Whether these may be used on one order."""
    if len(candidates) > most or (len(candidates) > 1 and any(each.offer.alone for each in candidates)):
        return False
    groups = [each.offer.group for each in candidates if each.offer.group is not None]
    return len(set(groups)) == len(groups)


class _Search:
    """Branch and bound over the candidates, those first that are worth most.

    None are found where all of them save no more than is `enough`.
    """

    def __init__(self, cart: Cart, amounts: Sequence[int], worths: Sequence[_Worth], most: int, enough: int) -> None:
        self._cart, self._amounts, self._worths, self._most = cart, amounts, worths, most
        self._by_goods = sorted(enumerate(worths), key=lambda each: -each[1].goods)
        self._room = {worth.places: sum(amounts[n] for n in worth.places) for worth in worths}
        concerned = {n for worth in worths for n in worth.places}
        self._limit = sum(amounts[n] for n in concerned) + cart.freight
        self._work = 0
        self._best: tuple[_Worth, ...] = ()
        self._saved = enough

    def run(self) -> tuple[_Worth, ...]:
        self._branch(0, (), 0)
        return self._best

    def _branch(self, place: int, used: tuple[_Worth, ...], saved: int) -> None:
        if saved > self._saved:
            self._best, self._saved = used, saved
        if len(used) == self._most or place == len(self._worths) or self._work > WORK:
            return
        self._work += len(self._worths)
        if self._at_most(place, used) <= self._saved:
            return
        more = (*used, self._worths[place])
        if go_together([worth.candidate for worth in more], self._most):
            goods, chosen = _use(self._cart, self._amounts, more)
            off = sum(self._amounts) - sum(goods) + sum(each.freight for each in chosen)
            self._branch(place + 1, more, off)
        self._branch(place + 1, used, saved)

    def _at_most(self, place: int, used: Sequence[_Worth]) -> int:
        """What the used ones and the best of those from `place` on cannot exceed.

        Coupons for the same goods take off no more than these cost; one of a group counts, and freight once.
        """
        left, ships = dict(self._room), any(worth.freight for worth in used)
        sure = 0
        for worth in used:
            taken = min(worth.goods, left[worth.places])
            left[worth.places] -= taken
            sure += taken
        gone = {worth.candidate.offer.group for worth in used} - {None}
        gains, of_group = list[int](), dict[str, int]()
        room = dict(left)
        # The largest first, so that what each adds falls, and the first ones are the most that so many can add.
        for number, worth in self._by_goods:
            offer = worth.candidate.offer
            if number < place or offer.group in gone or (used and offer.alone):
                continue
            ships = ships or bool(worth.freight)
            if offer.group is not None:
                gain = min(worth.goods, left[worth.places])
                of_group[offer.group] = max(of_group.get(offer.group, 0), gain)
            else:
                taken = min(worth.goods, room[worth.places])
                room[worth.places] -= taken
                gains.append(taken)
        gains = sorted([*gains, *of_group.values()], reverse=True)[: self._most - len(used)]
        return min(self._limit, sure + sum(gains) + (self._cart.freight if ships else 0))


def _use(cart: Cart, amounts: Sequence[int], used: Iterable[_Worth]) -> tuple[list[int], tuple[Chosen, ...]]:
    """What remains of each line, and what each coupon takes off: for fewer lines first, freight once."""
    left, freight, chosen = list(amounts), cart.freight, list[Chosen]()
    for worth in sorted(used, key=lambda worth: (len(worth.places), worth.candidate.code)):
        goods = min(worth.goods, sum(left[n] for n in worth.places))
        _spread(left, worth.places, goods)
        shipped = freight if worth.freight else 0
        freight -= shipped
        chosen.append(Chosen(worth.candidate.code, goods, shipped))
    return left, tuple(chosen)


def _spread(left: list[int], places: Sequence[int], amount: int) -> None:
    """Take the amount off these lines in proportion to what is left of them, to the last minor unit."""
    total = sum(left[n] for n in places)
    if not total or not amount:
        return
    shares = [(left[n] * amount // total, -(left[n] * amount % total), n) for n in places]
    over = amount - sum(share for share, _, _ in shares)
    for share, _, n in shares:
        left[n] -= share
    for _, _, n in sorted(shares, key=lambda each: (each[1], each[2]))[:over]:
        left[n] -= 1
