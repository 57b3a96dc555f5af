"""Personal fields of what is handed in: sealed with the customer's key, opened to be compared or shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from common.crypto.keys import KeyRing
from common.crypto.sealing import open_sealed
from common.events import CustomerKey, Event, EventData
from common.refusals import Conflict
from common.storage.database import Transaction

D = TypeVar("D", bound=EventData)


class UnknownCustomer(Conflict):
    """The customer's data key has not come, so a text could not be stored encrypted."""

    def __init__(self, customer: str) -> None:
        super().__init__(
            "unknown_customer",
            f"Customer {customer} is not known here yet: send the customer or an order to orders-ingest, "
            "then repeat this.",
        )


class CustomerErased(Conflict):
    """Nothing more is kept of somebody who was erased (SEC-006)."""

    def __init__(self, customer: str) -> None:
        super().__init__(
            "customer_erased", f"Customer {customer} was erased: no text, photo, review or ticket is taken any more."
        )


async def is_erased(tx: Transaction, keys: KeyRing, customer: CustomerKey) -> bool:
    found = await keys.keys_for(tx, [customer])
    return customer in found and found[customer] is None


async def assert_not_erased(tx: Transaction, keys: KeyRing, customer: CustomerKey) -> None:
    """Raises CustomerErased."""
    if await is_erased(tx, keys, customer):
        raise CustomerErased(customer[1])


async def sealed(tx: Transaction, keys: KeyRing, event: Event[D], *, personal: bool) -> Event[D]:
    """The event with its personal fields encrypted (SEC-006).

    `personal`: it has some, so that the key is needed. Raises UnknownCustomer, CustomerErased.
    """
    found = await keys.keys_for(tx, [event.customer])
    if personal and event.customer not in found:
        raise UnknownCustomer(event.customer[1])
    if personal and found[event.customer] is None:
        raise CustomerErased(event.customer[1])
    return keys.seal_event(event, found.get(event.customer))


async def opened(tx: Transaction, keys: KeyRing, event: Event[D]) -> Event[D]:
    """The event with its personal fields readable; without them for an erased customer."""
    found = await keys.keys_for(tx, [event.customer])
    return keys.open_event(event, found.get(event.customer))


async def as_readable(tx: Transaction, keys: KeyRing, event: Event[D]) -> Event[D]:
    """What would be readable had the event been stored: all of it, or no personal field of an erased customer."""
    found = await keys.keys_for(tx, [event.customer])
    erased = event.customer in found and found[event.customer] is None
    return keys.open_event(event, None) if erased else event


async def opener(
    tx: Transaction, keys: KeyRing, customers: Iterable[CustomerKey]
) -> Callable[[CustomerKey, str, str | None], str | None]:
    """A function that opens stored texts: (customer, dotted path of the field in the event, text or None).

    It gives None for None, and for a customer who was erased.
    """
    found = await keys.keys_for(tx, set(customers))

    def open_one(customer: CustomerKey, path: str, text: str | None) -> str | None:
        key = found.get(customer)
        return open_sealed(text, key.key, *customer, path) if text is not None and key is not None else None

    return open_one
