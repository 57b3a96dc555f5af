"""SQL of people, sessions, invitations, failed attempts and looks, and lists of audit entries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.storage.database import Transaction
from console.access.roles import Role

WINDOW_MINUTES = 15
LOOK_MINUTES = 5
OPENED_MINUTES = 60
"""A call or a ticket is done within it: one entry says that somebody looked, and the next hour has one of its own."""


class Person(NamedTuple):
    """Who is signed in. `shops`: the role in each shop; `provided`: an identity provider says who it is.

    `agreed`: the shops of which they agreed to keep confidential what they see. `closed`: those which an owner has
    closed to sessions as old as this one.
    """

    person_id: int
    name: str
    has_totp: bool
    shops: dict[str, Role]
    provided: bool = False
    agreed: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()


class Credentials(NamedTuple):
    """What a person proves themselves with; `totp` is sealed."""

    person_id: int
    password: str | None
    totp: bytes | None
    totp_step: int | None


def hashed(token: str) -> bytes:
    """What is stored of a random token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def get_credentials(tx: Transaction, name: str) -> Credentials | None:
    # Locked, so that a code of the second factor counts once, whichever replica gets it.
    row = await tx.fetch_one(
        """
        select person_id, password, totp, totp_step from people
        where lower(name) = lower(:name) and left_at is null for update
        """,
        name=name,
    )
    return Credentials(**row._mapping) if row is not None else None


async def insert_person(tx: Transaction, name: str, password: str) -> int | None:
    """The new person's id; None where somebody has the name."""
    found: int | None = await tx.value(
        "insert into people (name, password) values (:name, :password) on conflict do nothing returning person_id",
        name=name,
        password=password,
    )
    return found


async def save_password(tx: Transaction, person_id: int, old: str, new: str) -> bool:
    """Put the new hash in place of the old one; False where another stands there by now."""
    changed = await tx.execute(
        "update people set password = :new where person_id = :id and password = :old", id=person_id, old=old, new=new
    )
    return changed == 1


async def save_provided(tx: Transaction, issuer: str, subject: str, name: str, shops: Mapping[str, Role]) -> int:
    """The person whom a provider names, made at the first time; what it gives takes the place of all roles before.

    Nobody comes into the account of a person who has the same name: another name is made of it.
    """
    # One of two sign-ins at once makes the person; the other finds it.
    person: int | None = await tx.value(
        """
        insert into people (name, issuer, subject)
        select case when exists (select from people where lower(name) = lower(:name) and left_at is null)
                    then :other else :name end,
               :issuer, :subject
        where not exists (select from people where issuer = :issuer and subject = :subject)
        on conflict do nothing returning person_id
        """,
        name=name,
        other=f"{name[:80]} {hashlib.sha256(f'{issuer} {subject}'.encode()).hexdigest()[:12]}",
        issuer=issuer,
        subject=subject,
    )
    if person is None:
        person = await tx.value(
            "select person_id from people where issuer = :issuer and subject = :subject", issuer=issuer, subject=subject
        )
    assert person is not None
    await tx.execute(
        "delete from shops_of_people where person_id = :person and not shop = any(:shops)",
        person=person,
        shops=sorted(shops),
    )
    for shop, role in sorted(shops.items()):
        await save_role(tx, person, shop, role)
    return person


async def save_role(tx: Transaction, person_id: int, shop: str, role: Role, *, agreed: bool = False) -> None:
    """`agreed`: to confidentiality, just now; who agreed before goes on to."""
    await tx.execute(
        """
        insert into shops_of_people (person_id, shop, role, agreed_at)
        values (:person, :shop, :role, case when :agreed then now() end)
        on conflict (person_id, shop) do update
        set role = excluded.role, agreed_at = coalesce(shops_of_people.agreed_at, excluded.agreed_at)
        """,
        person=person_id,
        shop=shop,
        role=role,
        agreed=agreed,
    )


async def save_totp(tx: Transaction, person_id: int, sealed: bytes | None, step: int | None) -> None:
    await tx.execute(
        "update people set totp = :totp, totp_step = :step where person_id = :id", id=person_id, totp=sealed, step=step
    )


async def set_totp(tx: Transaction, person_id: int, sealed: bytes, step: int) -> bool:
    """Keep the secret of somebody who has none; False where there is another, which goes on to count."""
    # Of two at once the second waits for the first's row, and finds a secret there.
    made = await tx.execute(
        "update people set totp = :totp, totp_step = :step where person_id = :id and (totp is null or totp = :totp)",
        id=person_id,
        totp=sealed,
        step=step,
    )
    return made == 1


async def save_mail(tx: Transaction, person_id: int, sealed: bytes | None) -> None:
    """Where reports are sent to the person; None: nowhere."""
    await tx.execute("update people set mail = :mail where person_id = :id", id=person_id, mail=sealed)


async def get_mail(tx: Transaction, person_id: int) -> bytes | None:
    found: bytes | None = await tx.value("select mail from people where person_id = :id", id=person_id)
    return found


async def take_step(tx: Transaction, person_id: int, step: int) -> None:
    """Remember that the code of this step has counted."""
    await tx.execute("update people set totp_step = :step where person_id = :id", id=person_id, step=step)


async def count_people(tx: Transaction) -> int:
    return int(await tx.value("select count(*) from people where left_at is null"))


async def insert_session(tx: Transaction, token: str, person_id: int, hours: int) -> None:
    await tx.execute("delete from sessions where expires_at < now()")
    await tx.execute(
        """
        insert into sessions (token, person_id, expires_at)
        values (:token, :person, now() + make_interval(hours => :hours))
        """,
        token=hashed(token),
        person=person_id,
        hours=hours,
    )


async def get_person(tx: Transaction, token: str) -> Person | None:
    """Whose session it is; None where there is none, or it has ended."""
    # One row per shop of the person, one with null for a person of no shop.
    rows = await tx.fetch(
        """
        select p.person_id, p.name, p.totp is not null as has_totp, p.issuer is not null as provided,
            s.agreed_at is not null as agreed, s.signed_out_at >= t.began_at as closed, s.shop, s.role
        from sessions t join people p using (person_id) left join shops_of_people s using (person_id)
        where t.token = :token and t.expires_at > now() order by s.shop
        """,
        token=hashed(token),
    )
    if not rows:
        return None
    shops = {row.shop: row.role for row in rows if row.shop is not None}
    first = rows[0]
    agreed = frozenset(row.shop for row in rows if row.agreed)
    closed = frozenset(row.shop for row in rows if row.closed)
    return Person(first.person_id, first.name, first.has_totp, shops, first.provided, agreed, closed)


async def end_session(tx: Transaction, token: str) -> None:
    await tx.execute("delete from sessions where token = :token", token=hashed(token))


async def end_sessions_of(tx: Transaction, person_id: int) -> None:
    await tx.execute("delete from sessions where person_id = :id", id=person_id)


async def count_failures(tx: Transaction, subject: bytes) -> tuple[int, int]:
    """Failed attempts of the last 15 minutes, and the seconds until the oldest of them is forgotten."""
    row = await tx.fetch_one(
        """
        select count(*) as failures,
            coalesce(ceil(extract(epoch from min(at) + make_interval(mins => :minutes) - now())), 0) as wait
        from failed_attempts where subject = :subject and at > now() - make_interval(mins => :minutes)
        """,
        subject=subject,
        minutes=WINDOW_MINUTES,
    )
    assert row is not None
    return int(row.failures), int(row.wait)


async def insert_failure(tx: Transaction, subjects: Sequence[bytes]) -> None:
    await tx.execute(
        "delete from failed_attempts where at < now() - make_interval(mins => :minutes)", minutes=WINDOW_MINUTES
    )
    await tx.execute(
        "insert into failed_attempts (subject) select unnest(cast(:subjects as bytea[]))", subjects=list(subjects)
    )


async def forget_failures(tx: Transaction, subject: bytes) -> None:
    await tx.execute("delete from failed_attempts where subject = :subject", subject=subject)


async def forget_last_failure(tx: Transaction, subject: bytes) -> None:
    # One row, whichever of equal ones.
    await tx.execute(
        """
        delete from failed_attempts where ctid = (
            select ctid from failed_attempts where subject = :subject order by at desc limit 1
        )
        """,
        subject=subject,
    )


async def insert_look(tx: Transaction, session: str, thing: str) -> None:
    """Personal data is shown to this session for five minutes."""
    await tx.execute(
        """
        insert into looks (session, object, until)
        values (:session, :object, now() + make_interval(mins => :minutes))
        on conflict (session, object) do update set until = excluded.until
        """,
        session=hashed(session),
        object=thing,
        minutes=LOOK_MINUTES,
    )


async def begin_look(tx: Transaction, session: str, thing: str) -> bool:
    """False where the session began to look at it within the last OPENED_MINUTES."""
    # Who comes second waits for the first, whose entry is there by then.
    count = await tx.execute(
        """
        insert into looks as l (session, object, until)
        values (:session, :object, now() + make_interval(mins => :minutes))
        on conflict (session, object) do update set until = excluded.until where l.until <= now()
        """,
        session=hashed(session),
        object=thing,
        minutes=OPENED_MINUTES,
    )
    return count == 1


async def list_looks(tx: Transaction, session: str, things: Sequence[str]) -> set[str]:
    """Those of the things that are shown to the session now."""
    # By the primary key.
    rows = await tx.fetch(
        "select object from looks where session = :session and object = any(:objects) and until > now()",
        session=hashed(session),
        objects=list(things),
    )
    return {row.object for row in rows}


async def list_entries(tx: Transaction, shop: str, before: int | None, limit: int) -> Sequence[Row[Any]]:
    """The shop's audit entries before one of them, newest first."""
    # By the index on (shop, entry).
    return await tx.fetch(
        """
        select entry, at, person, action, object, outcome from audit
        where shop = :shop and (cast(:before as bigint) is null or entry < :before)
        order by entry desc limit :limit
        """,
        shop=shop,
        before=before,
        limit=limit,
    )


async def list_who(tx: Transaction, shop: str, action: str) -> dict[str, str]:
    """Who did the action last, by object, of what came of it well."""
    # By the index on (shop, entry); people save a programme some dozen times.
    rows = await tx.fetch(
        """
        select distinct on (object) object, person from audit
        where shop = :shop and action = :action and outcome = 'ok' order by object, entry desc
        """,
        shop=shop,
        action=action,
    )
    return {row.object: row.person for row in rows}


async def was_sent(tx: Transaction, form: str) -> bool:
    """Whether the form was taken before."""
    return bool(await tx.value("select exists (select from audit where form = :form)", form=form))
