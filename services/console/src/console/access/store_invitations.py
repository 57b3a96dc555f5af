"""SQL of invitations: one-time links by which people come in; the token's hash alone is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from console.access.roles import Role
from console.access.store import hashed


async def insert_invitation(
    tx: Transaction, token: str, role: Role, shop: str | None, hours: int, made_by: int | None = None
) -> None:
    """`made_by`: the owner whose link it is, and with whose role in the shop it ends."""
    await tx.execute(
        """
        insert into invitations (token, role, shop, expires_at, made_by)
        values (:token, :role, :shop, now() + make_interval(hours => :hours), :made_by)
        """,
        token=hashed(token),
        role=role,
        shop=shop,
        hours=hours,
        made_by=made_by,
    )


_COUNTS = """
    used_at is null and expires_at > now() and (made_by is null or exists (
        select from shops_of_people s
        where s.person_id = i.made_by and s.shop = i.shop and s.role = 'owner' and s.agreed_at is not null
    ))
"""
"""Of an invitation `i`: who made it still owns the shop, and has not broken confidentiality."""


async def list_invitations(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    """Links into the shop that still count, newest first."""
    # Few at any time.
    return await tx.fetch(
        f"""
        select i.number, i.role, i.expires_at, m.name as made_by from invitations i
        left join people m on m.person_id = i.made_by where i.shop = :shop and {_COUNTS} order by i.number desc
        """,
        shop=shop,
    )


async def delete_invitation(tx: Transaction, shop: str, number: int) -> bool:
    """Take a link back; False where it was used or there is none."""
    return bool(
        await tx.execute(
            "delete from invitations where shop = :shop and number = :number and used_at is null",
            shop=shop,
            number=number,
        )
    )


async def get_invitation(tx: Transaction, token: str, *, take: bool = False) -> Row[Any] | None:
    """Role and shop of an invitation that still counts; with `take` it does not any more. Two at once: one gets it."""
    if take:
        return await tx.fetch_one(
            f"update invitations i set used_at = now() where token = :token and {_COUNTS} returning role, shop",
            token=hashed(token),
        )
    return await tx.fetch_one(
        f"select role, shop from invitations i where token = :token and {_COUNTS}",
        token=hashed(token),
    )


async def drop_first_invitations(tx: Transaction) -> None:
    """Links of the first owner that were printed before do not count any more."""
    await tx.execute("delete from invitations where shop is null and used_at is null")
