"""Who uses offers, under whichever identifiers: for coupons that are bound, and offers that count by customer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.events import CustomerKey
from common.people.store import get_people
from common.storage.columns import Columns
from common.storage.database import Transaction

_USERS = Columns("w", shop="text", offer_id="text", person="text", customer="text")


@dataclass(slots=True)
class Users:
    """`persons`: by customer, all identifiers of that person, the survivor first.

    `counts`: uses that stand, by shop, offer and survivor; of offers that do not count by customer there are none.
    """

    persons: Mapping[CustomerKey, tuple[str, ...]] = field(default_factory=dict)
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def people(self, shop: str, customer: str | None) -> Collection[str]:
        """Everybody who is one person with the customer; nobody for a guest."""
        return () if customer is None else self.persons.get((shop, customer), (customer,))

    def count(self, use: Any) -> int:
        return self.counts.get(self._name(use), 0)

    def add(self, use: Any, uses: int) -> None:
        """So many more uses by the use's customer, or fewer, where they are counted."""
        if (name := self._name(use)) in self.counts:
            self.counts[name] += uses

    def _name(self, use: Any) -> tuple[str, str, str]:
        return use.shop, use.offer_id, next(iter(self.people(use.shop, use.customer)), "")


async def read_users(
    tx: Transaction,
    customers: Collection[CustomerKey],
    offers: Mapping[tuple[str, str], Any],
    coupons: Mapping[tuple[str, str], Any],
) -> Users:
    """Of these customers; the offers are locked, so nobody adds a use meanwhile. Reads only where it is asked for."""
    counting = [name for name, offer in offers.items() if offer.per_customer is not None]
    by_person = counting or any(offer.gift_series for offer in offers.values())
    if not by_person and all(coupon.customer is None for coupon in coupons.values()):
        return Users()
    found = await get_people(tx, set(customers))
    persons = {key: tuple(name for _, name in people) for key, people in found.items()}
    wanted = sorted(
        (shop, offer_id, people[0], name)
        for shop, offer_id in counting
        for (of_shop, people) in {(key[0], people) for key, people in persons.items()}
        if of_shop == shop
        for name in people
    )
    counts = {(shop, offer_id, person): 0 for shop, offer_id, person, _ in wanted}
    if wanted:
        # By the index of uses by offer and customer.
        rows = await tx.fetch(
            f"""
            select w.shop, w.offer_id, w.person, count(*) as uses
            from {_USERS} join coupon_uses u
              on u.shop = w.shop and u.offer_id = w.offer_id and u.customer = w.customer
            where u.status in ('reserved', 'committed') group by w.shop, w.offer_id, w.person
            """,
            **_USERS.of(wanted),
        )
        counts |= {(row.shop, row.offer_id, row.person): row.uses for row in rows}
    return Users(persons, counts)
