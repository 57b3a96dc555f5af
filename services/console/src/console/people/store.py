"""SQL of the people of a shop: roles, the agreement of confidentiality, and violations of it (SEC-003)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from console.access.roles import Role

_OPEN = """exists (
    select from violations v where v.person_id = s.person_id and v.shop = s.shop and v.handled_at is null)"""


async def list_people(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    """Everybody who has a role in the shop, by name. A shop has few people."""
    return await tx.fetch(
        f"""
        select p.person_id, p.name, s.role, p.totp is not null as has_totp, p.issuer, s.agreed_at, {_OPEN} as violated,
            (select max(began_at) from sessions t where t.person_id = p.person_id) as signed_in_at
        from shops_of_people s join people p using (person_id) where s.shop = :shop order by lower(p.name)
        """,
        shop=shop,
    )


async def get_person_of(tx: Transaction, shop: str, person_id: int) -> Row[Any] | None:
    """One of them."""
    return next((each for each in await list_people(tx, shop) if each.person_id == person_id), None)


async def lock_people(tx: Transaction, shop: str) -> dict[int, Role]:
    """Who has which role in the shop; nobody else changes it before the commit."""
    rows = await tx.fetch(
        "select person_id, role from shops_of_people where shop = :shop order by person_id for update", shop=shop
    )
    return {row.person_id: row.role for row in rows}


async def list_owners_let_in(tx: Transaction, shop: str) -> set[int]:
    """Owners who may see the shop: they agreed to confidentiality, and no violation of theirs is open."""
    rows = await tx.fetch(
        f"""
        select s.person_id from shops_of_people s join people p using (person_id)
        where s.shop = :shop and s.role = 'owner' and s.agreed_at is not null and not {_OPEN}
        """,
        shop=shop,
    )
    return {row.person_id for row in rows}


async def delete_role(tx: Transaction, person_id: int, shop: str) -> None:
    """With the last role their sessions end, and what signs them in: the name is free for somebody else.

    Sessions and roles in other shops are not this shop's. Whom an identity provider names stays known to it.
    """
    await tx.execute("delete from shops_of_people where person_id = :id and shop = :shop", id=person_id, shop=shop)
    gone = "not exists (select from shops_of_people where person_id = :id)"
    await tx.execute(f"delete from sessions where person_id = :id and {gone}", id=person_id)
    await tx.execute(f"delete from recoveries where person_id = :id and {gone}", id=person_id)
    await tx.execute(
        f"""
        update people set left_at = now(), password = null, totp = null, totp_step = null, mail = null
        where person_id = :id and issuer is null and {gone}
        """,
        id=person_id,
    )


async def close_to_sessions(tx: Transaction, person_id: int, shop: str) -> None:
    """Sessions of the person that are open now open this shop no more; they end where it is the only one."""
    await tx.execute(
        "update shops_of_people set signed_out_at = clock_timestamp() where person_id = :id and shop = :shop",
        id=person_id,
        shop=shop,
    )
    await tx.execute(
        """
        delete from sessions where person_id = :id
          and not exists (select from shops_of_people where person_id = :id and shop <> :shop)
        """,
        id=person_id,
        shop=shop,
    )


async def agree(tx: Transaction, person_id: int) -> bool:
    """Note that the person agrees for each of their shops; False where violations stand against it in all of them."""
    await tx.execute(
        f"update shops_of_people s set agreed_at = now() where person_id = :id and agreed_at is null and not {_OPEN}",
        id=person_id,
    )
    return bool(
        await tx.value(
            """
            select exists (select from shops_of_people where person_id = :id and agreed_at is not null)
                or not exists (select from shops_of_people where person_id = :id)
            """,
            id=person_id,
        )
    )


async def insert_violation(tx: Transaction, person_id: int, shop: str, by: str, what: str) -> None:
    """From now on the person sees nothing of this shop: the agreement is over."""
    await tx.execute(
        "insert into violations (person_id, shop, noted_by, what) values (:person, :shop, :by, :what)",
        person=person_id,
        shop=shop,
        by=by,
        what=what,
    )
    await tx.execute(
        "update shops_of_people set agreed_at = null where person_id = :id and shop = :shop", id=person_id, shop=shop
    )


async def list_violations(tx: Transaction, shop: str, person_id: int) -> Sequence[Row[Any]]:
    """Newest first, those of this shop."""
    return await tx.fetch(
        """
        select violation, noted_at, noted_by, what, handled_at, handled_by, outcome from violations
        where person_id = :person and shop = :shop order by violation desc
        """,
        person=person_id,
        shop=shop,
    )


async def handle_violation(tx: Transaction, shop: str, person_id: int, violation: int, by: str, outcome: str) -> bool:
    """What came of it; False where there is no such one, or it was handled before."""
    return bool(
        await tx.execute(
            """
            update violations set handled_at = now(), handled_by = :by, outcome = :outcome
            where violation = :violation and shop = :shop and person_id = :person and handled_at is null
            """,
            violation=violation,
            shop=shop,
            person=person_id,
            by=by,
            outcome=outcome,
        )
    )
