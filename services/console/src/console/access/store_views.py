"""SQL of saved views: names that people gave to filters of the list of customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction

MOST = 30


async def list_views(tx: Transaction, shop: str, person_id: int) -> Sequence[Row[Any]]:
    """Rows view_id, name, query, shared: the shop's and the person's own, by name."""
    # By the index on the shop and the name.
    return await tx.fetch(
        """
        select view_id, name, query, person_id is null as shared from views
        where shop = :shop and (person_id is null or person_id = :person)
        order by lower(name), view_id limit :most
        """,
        shop=shop,
        person=person_id,
        most=2 * MOST,
    )


async def save_view(tx: Transaction, shop: str, person_id: int | None, name: str, query: str) -> bool:
    """Keep the filters under the name, in the place of those that had it; False where there are too many."""
    # Counted and added in one statement: two at once may pass the limit by one, which harms nobody.
    count = await tx.execute(
        """
        insert into views (shop, person_id, name, query)
        select :shop, cast(:person as bigint), :name, :query
        where :most > (
            select count(*) from views
            where shop = :shop and coalesce(person_id, 0) = coalesce(cast(:person as bigint), 0)
              and lower(name) <> lower(:name)
        )
        on conflict (shop, coalesce(person_id, 0), lower(name)) do update
        set name = excluded.name, query = excluded.query, made_at = now()
        """,
        shop=shop,
        person=person_id,
        name=name,
        query=query,
        most=MOST,
    )
    return count == 1


async def delete_view(tx: Transaction, shop: str, view_id: int, person_id: int, *, shared: bool) -> str | None:
    """The name of the view that is gone; None where it is not the person's own, nor the shop's while `shared`."""
    # By the primary key.
    found: str | None = await tx.value(
        """
        delete from views where shop = :shop and view_id = :view
          and (person_id = :person or (person_id is null and :shared)) returning name
        """,
        shop=shop,
        view=view_id,
        person=person_id,
        shared=shared,
    )
    return found
