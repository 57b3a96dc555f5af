"""Something that goes on step by step, kept a row a revision: the data of each event; `newest` marks how it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from common.crypto.sealing import map_personal
from common.events import CustomerKey, Event, EventData
from common.storage.columns import Columns
from common.storage.database import Transaction

D = TypeVar("D", bound=EventData)
_CUSTOMERS = Columns("w", shop="text", customer="text")


class Standing(NamedTuple, Generic[D]):
    """How one of them stands, texts encrypted; `customer` None: it is the shop's own."""

    customer: str | None
    data: D


@dataclass(frozen=True, slots=True)
class RevisionTable(Generic[D]):
    """The table `name` (shop, customer, `key`, revision, newest, `columns`, type, at, body; the first four are unique).

    `key` and `columns` are fields of `kind` too, which has a `revision`. What is the shop's own has an empty customer.
    """

    name: str
    kind: type[D]
    key: str
    columns: tuple[str, ...]

    async def save(self, tx: Transaction, event: Event[D]) -> None:
        """Keep a revision; its name is held, or its partition read in order. Idempotent, in any order."""
        given: dict[str, Any] = {name: getattr(event.data, name) for name in (self.key, "revision", *self.columns)}
        placed = {"shop": event.shop, "customer": event.subject or "", **given}
        # A repetition, or our own topic read back, brings rows that stand; the newest may have come before.
        added = await tx.execute(
            f"""
            insert into {self.name} ({", ".join(placed)}, newest, type, at, body)
            values ({", ".join(f":{name}" for name in placed)}, not exists (
                select from {self.name} n
                where n.shop = :shop and n.customer = :customer and n.{self.key} = :{self.key}
                  and n.revision > :revision
            ), :type, :at, cast(:body as jsonb))
            on conflict do nothing
            """,
            **placed,
            type=event.type,
            at=event.time,
            body=event.data.as_json(),
        )
        if added and given["revision"] > 1:
            # Those before it stand no more.
            await tx.execute(
                f"""
                update {self.name} set newest = false
                where shop = :shop and customer = :customer and {self.key} = :name and revision < :revision and newest
                """,
                shop=event.shop,
                customer=event.subject or "",
                name=given[self.key],
                revision=given["revision"],
            )

    async def get(self, tx: Transaction, shop: str, name: str) -> Standing[D] | None:
        """How it stands; None where the shop has none of that name."""
        row = await tx.fetch_one(
            f"""
            select customer, cast(body as text) as body from {self.name}
            where shop = :shop and {self.key} = :name and newest
            """,
            shop=shop,
            name=name,
        )
        return None if row is None else Standing(row.customer or None, self.kind.model_validate_json(row.body))

    async def get_first(self, tx: Transaction, shop: str, customer: str | None, name: str) -> D | None:
        """As it began, which is what its first request said; texts encrypted."""
        row = await tx.fetch_one(
            f"""
            select cast(body as text) as body from {self.name}
            where shop = :shop and customer = :customer and {self.key} = :name and revision = 1
            """,
            shop=shop,
            customer=customer or "",
            name=name,
        )
        return None if row is None else self.kind.model_validate_json(row.body)

    async def erase(self, tx: Transaction, customers: Iterable[CustomerKey]) -> None:
        """Forget the texts and photos of erased customers, in all revisions (SEC-006)."""
        rows = await tx.fetch(
            f"""
            select t.shop, t.customer, t.{self.key} as name, t.revision, cast(t.body as text) as body
            from {_CUSTOMERS} join {self.name} t on t.shop = w.shop and t.customer = w.customer
            """,
            **_CUSTOMERS.of(customers),
        )
        for row in rows:
            bare = map_personal(self.kind.model_validate_json(row.body), lambda _text, _path: None)
            await tx.execute(
                f"""
                update {self.name} set body = cast(:body as jsonb)
                where shop = :shop and customer = :customer and {self.key} = :name and revision = :revision
                """,
                shop=row.shop,
                customer=row.customer,
                name=row.name,
                revision=row.revision,
                body=bare.as_json(),
            )
