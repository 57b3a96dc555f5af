"""SQL of the one-time links by which a person chooses a new password, and who may make one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from console.access.store import hashed
from console.texts import N_

MINUTES = 60
_OWNS_ALL = """
    not exists (
        select from shops_of_people s where s.person_id = {person} and not exists (
            select from shops_of_people o where o.person_id = {owner} and o.shop = s.shop
              and o.role = 'owner' and o.agreed_at is not null))
"""
"""Every shop of the person is one that the owner owns, and may enter."""
_COUNTS = f"""
    expires_at > now() and (made_by is null or {_OWNS_ALL.format(person="r.person_id", owner="r.made_by")})
"""
"""Of a link `r`: looked at again when it is used, since roles may have changed meanwhile."""


async def why_not(tx: Transaction, owner: int, person: Row[Any]) -> str:
    """Why the owner makes no link for this person of the shop; empty: they may."""
    if person.issuer:
        return N_("They sign in by an identity provider: a password is recovered there.")
    if person.person_id == owner:
        return N_("Your own password is changed on your account's page; a lost second factor another owner takes off.")
    if not await _owns_all(tx, owner, person.person_id):
        return N_(
            "They see shops that you do not own: who owns all of them makes the link, or who runs the console by "
            "`regulars recover`."
        )
    return ""


async def _owns_all(tx: Transaction, owner: int, person: int) -> bool:
    """Else an owner of one shop would get into others by somebody else's account."""
    found = _OWNS_ALL.format(person="cast(:person as bigint)", owner="cast(:owner as bigint)")
    return bool(await tx.value(f"select {found}", person=person, owner=owner))


async def save_link(tx: Transaction, token: str, person: int, made_by: int | None) -> None:
    """The person's link; one that was made before ends. `made_by` None: by the command."""
    await tx.execute(
        """
        insert into recoveries (person_id, token, made_by, expires_at)
        values (:person, :token, :made_by, now() + make_interval(mins => :minutes))
        on conflict (person_id) do update
        set token = excluded.token, made_by = excluded.made_by, expires_at = excluded.expires_at
        """,
        person=person,
        token=hashed(token),
        made_by=made_by,
        minutes=MINUTES,
    )


async def get_link(tx: Transaction, token: str) -> Row[Any] | None:
    """Whose link it is, while it counts."""
    return await tx.fetch_one(
        f"""
        select p.person_id, p.name from recoveries r join people p using (person_id)
        where token = :token and {_COUNTS}
        """,
        token=hashed(token),
    )


async def take_link(tx: Transaction, token: str) -> int | None:
    """Whose link it was, which does not count any more. Of two at once one gets it."""
    found: int | None = await tx.value(
        f"delete from recoveries r where token = :token and {_COUNTS} returning person_id", token=hashed(token)
    )
    return found


async def find_person(tx: Transaction, name: str) -> Row[Any] | None:
    """Who signs in by this name."""
    return await tx.fetch_one(
        "select person_id, name, issuer from people where lower(name) = lower(:name) and left_at is null", name=name
    )


async def begin_anew(tx: Transaction, person: int, password: str) -> list[str]:
    """Another password, no second factor, no session; gives the person's shops."""
    await tx.execute(
        "update people set password = :password, totp = null, totp_step = null where person_id = :person",
        person=person,
        password=password,
    )
    await tx.execute("delete from sessions where person_id = :person", person=person)
    return await list_shops(tx, person)


async def list_shops(tx: Transaction, person: int) -> list[str]:
    rows = await tx.fetch("select shop from shops_of_people where person_id = :person order by shop", person=person)
    return [row.shop for row in rows]
