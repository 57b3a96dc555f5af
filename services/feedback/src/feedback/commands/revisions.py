"""What staff tasks and content share: held by name, opened, compared with what was told before, announced whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from common.crypto.keys import KeyRing
from common.crypto.sealing import map_personal, personal_fields
from common.events import Event, EventData, fact_id
from common.storage.database import Transaction
from feedback.commands.names import hold_name
from feedback.commands.sealing import is_erased, sealed
from feedback.revisions.table import RevisionTable, Standing

D = TypeVar("D", bound=EventData)


@dataclass(frozen=True, slots=True)
class Steps(Generic[D]):
    """Steps of what `table` keeps; `what` names it where its name is held, `fact` in the ids of its facts."""

    table: RevisionTable[D]
    what: str
    fact: str

    async def hold(self, tx: Transaction, shop: str, name: str) -> Standing[D] | None:
        """How it stands; nobody else takes a step of it before the commit. Called before customers are locked."""
        await hold_name(tx, shop, self.what, name)
        return await self.table.get(tx, shop, name)

    async def begun_as(
        self, tx: Transaction, keys: KeyRing, shop: str, customer: str | None, name: str, new: Any
    ) -> bool:
        """Whether it began as `new`, a dataclass with `says_the_same`; of an erased customer words are not compared."""
        first = await self.table.get_first(tx, shop, customer, name)
        if first is None:
            return False
        known = await self.readable(tx, keys, shop, customer, first)
        if customer is not None and await is_erased(tx, keys, (shop, customer)):
            gone = [field for field in personal_fields(self.table.kind).own if hasattr(new, field)]
            known = known.having(**{field: getattr(new, field) for field in gone})
        return bool(new.says_the_same(known))

    async def readable(self, tx: Transaction, keys: KeyRing, shop: str, customer: str | None, stored: D) -> D:
        """As it is stored, with readable texts; without them for an erased customer."""
        return (await self.readable_all(tx, keys, shop, [Standing(customer, stored)]))[0].data

    async def readable_all(
        self, tx: Transaction, keys: KeyRing, shop: str, stored: Iterable[Standing[D]]
    ) -> list[Standing[D]]:
        """The same of many, in their order; keys are read once."""
        stored = list(stored)
        found = await keys.keys_for(tx, {(shop, one.customer) for one in stored if one.customer is not None})

        def opened(one: Standing[D]) -> Standing[D]:
            if one.customer is None:
                return one
            event = Event(self.fact, f"/shops/{shop}/feedback", shop, one.customer, tx.clock.now(), one.data)
            return one._replace(data=keys.open_event(event, found.get((shop, one.customer))).data)

        return [opened(one) for one in stored]

    async def announce(self, tx: Transaction, keys: KeyRing, shop: str, customer: str | None, data: D) -> None:
        """Keep and announce a revision, texts encrypted. Raises UnknownCustomer, CustomerErased where it has any."""
        event = self.fact_of(shop, customer, data, tx.clock.now())
        if customer is not None:
            texts: list[str] = []
            map_personal(data, lambda text, _path: texts.append(text))
            event = await sealed(tx, keys, event, personal=bool(texts))
        await self.keep(tx, event)

    def fact_of(self, shop: str, customer: str | None, data: D, at: datetime) -> Event[D]:
        """The fact of a revision, texts as they are given."""
        name, revision = getattr(data, self.table.key), getattr(data, "revision")  # noqa: B009  # D has one
        return Event(
            id=fact_id(f"{self.fact}/{name}/{revision}", data.TYPE, shop, customer or "", 0),
            source=f"/shops/{shop}/feedback",
            shop=shop,
            subject=customer,
            time=at,
            data=data,
            partitionkey="" if customer is not None else f"{self.fact}-{name}",
        )

    async def keep(self, tx: Transaction, event: Event[D]) -> None:
        """Keep and announce a fact, whose texts are encrypted, if it has any."""
        await self.table.save(tx, event)
        await tx.announce([event])
