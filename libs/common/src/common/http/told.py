"""The customer of a path, of whom something may be told: of who was erased nothing is (SEC-006)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from common.crypto.erasing import NOT_ERASED
from common.events.fields import Identifier, ShopName
from common.http.api import Tx
from common.http.people import Person
from common.refusals import NotFound
from common.storage.database import Transaction


class ErasedCustomer(NotFound):
    """What is kept of them counts in the shop's totals alone."""

    def __init__(self, customer: str) -> None:
        super().__init__(
            "erased_customer",
            f"Customer {customer!r} was erased for ever: what they bought counts in totals, nothing is told of them.",
        )


async def _told(shop: ShopName, customer: Person, tx: Tx) -> str:
    await _refuse_erased(tx, shop, customer)
    return customer


async def _named(shop: ShopName, customer: Identifier, tx: Tx) -> str:
    await _refuse_erased(tx, shop, customer)
    return customer


async def _refuse_erased(tx: Transaction, shop: str, customer: str) -> None:
    # By primary key.
    if not await tx.value(
        f"select {NOT_ERASED} from (select cast(:shop as text) as shop, cast(:customer as text) as customer) w",
        shop=shop,
        customer=customer,
    ):
        raise ErasedCustomer(customer)


Told = Annotated[str, Depends(_told)]
"""For what is read of a person: the survivor of merges. Raises ErasedCustomer."""
Named = Annotated[str, Depends(_named)]
"""As the customer was named, for what is done and what is kept by identifier. Raises ErasedCustomer."""
