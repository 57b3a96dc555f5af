"""SQL of reports and their mails: made, leased, kept and listed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.storage.database import Transaction
from console.reports.periods import Kind, Period

LEASE_S = 600
TRIES = 60
"""A part that is missing is asked for so often, every ten minutes at first and every two hours at last: four days."""


class Report(NamedTuple):
    """`document` is None until the services were asked."""

    period: Period
    state: str
    document: dict[str, Any] | None
    attempts: int
    made_at: Any
    asked_by: str | None


_COLUMNS = "kind, since, until, state, document, attempts, made_at, asked_by"


def _report(row: Any) -> Report:
    document = json.loads(row.document) if isinstance(row.document, str) else row.document
    return Report(Period(row.kind, row.since, row.until), row.state, document, row.attempts, row.made_at, row.asked_by)


async def list_shops(tx: Transaction) -> list[str]:
    """Shops that anybody looks after here."""
    return [row.shop for row in await tx.fetch("select distinct shop from shops_of_people order by shop")]


async def newest_since(tx: Transaction, shop: str) -> dict[str, date]:
    """Of each kind the beginning of the newest report."""
    # By the primary key; those that people asked for are not the calendar's.
    rows = await tx.fetch(
        "select kind, max(since) as since from reports where shop = :shop and asked_by is null group by kind", shop=shop
    )
    return {row.kind: row.since for row in rows}


async def insert_report(tx: Transaction, shop: str, period: Period, asked_by: str | None = None) -> bool:
    """Note that it is to be made; False where it is there. Two replicas at once: one row."""
    added = await tx.execute(
        """
        insert into reports (shop, kind, since, until, asked_by) values (:shop, :kind, :since, :until, :asked_by)
        on conflict do nothing
        """,
        shop=shop,
        **period._asdict(),
        asked_by=asked_by,
    )
    return added == 1


async def take_over(tx: Transaction, shop: str, period: Period) -> str | None:
    """A report that a person asked for becomes the calendar's; its state, None where there is no such one."""
    found: str | None = await tx.value(
        """
        update reports set asked_by = null
        where shop = :shop and kind = :kind and since = :since and asked_by is not null returning state
        """,
        shop=shop,
        kind=period.kind,
        since=period.since,
    )
    return found


async def lease_report(tx: Transaction, shop: str | None = None) -> tuple[str, Report] | None:
    """The shop and report that is to be made next; nobody else makes it meanwhile."""
    # By the index of what is due. A lease that has run out is of a process that died.
    row = await tx.fetch_one(
        f"""
        update reports r set leased_until = now() + make_interval(secs => :lease), attempts = attempts + 1
        from (
            select shop, kind, since from reports
            where state <> 'whole' and next_try_at <= now() and (leased_until is null or leased_until < now())
              and attempts < :tries and (cast(:shop as text) is null or shop = :shop)
            order by next_try_at, since limit 1 for update skip locked
        ) due
        where r.shop = due.shop and r.kind = due.kind and r.since = due.since
        returning r.shop, {", ".join(f"r.{name}" for name in _COLUMNS.split(", "))}
        """,
        lease=LEASE_S,
        tries=TRIES,
        shop=shop,
    )
    return (row.shop, _report(row)) if row is not None else None


async def save_report(
    tx: Transaction, shop: str, period: Period, document: dict[str, Any], *, whole: bool, again_s: int
) -> bool:
    """Keep what was said; a partial one is taken up again after so many seconds. True where it is the calendar's."""
    asked_by = await tx.value(
        """
        update reports set document = cast(:document as jsonb), state = :state, made_at = now(), leased_until = null,
            next_try_at = now() + make_interval(secs => :again)
        where shop = :shop and kind = :kind and since = :since returning asked_by
        """,
        shop=shop,
        kind=period.kind,
        since=period.since,
        document=json.dumps(document, ensure_ascii=False),
        state="whole" if whole else "partial",
        again=again_s,
    )
    return asked_by is None


async def ask_again(tx: Transaction, shop: str, period: Period) -> None:
    """What is missing is asked for now."""
    await tx.execute(
        """
        update reports set next_try_at = now(), attempts = 0
        where shop = :shop and kind = :kind and since = :since and state <> 'whole'
        """,
        shop=shop,
        kind=period.kind,
        since=period.since,
    )


async def get_report(tx: Transaction, shop: str, kind: Kind, since: date) -> Report | None:
    # By the primary key.
    row = await tx.fetch_one(
        f"select {_COLUMNS} from reports where shop = :shop and kind = :kind and since = :since",
        shop=shop,
        kind=kind,
        since=since,
    )
    return _report(row) if row is not None else None


async def count_ended(tx: Transaction, shop: str, kind: str, since: date, until: date) -> int:
    """Reports that the calendar made of periods which ended after `since`, and by `until`."""
    # By the primary key, some dozens a year.
    return int(
        await tx.value(
            """
            select count(*) from reports where shop = :shop and kind = :kind and asked_by is null
              and until > :since and until <= :until
            """,
            shop=shop,
            kind=kind,
            since=since,
            until=until,
        )
    )


async def list_reports(tx: Transaction, shop: str, kind: Kind, before: date | None, limit: int) -> list[Report]:
    """Reports of the kind that began before the day, the newest first."""
    # By the primary key, backwards.
    rows = await tx.fetch(
        f"""
        select {_COLUMNS} from reports where shop = :shop and kind = :kind
          and (cast(:before as date) is null or since < :before) order by since desc limit :limit
        """,
        shop=shop,
        kind=kind,
        before=before,
        limit=limit,
    )
    return [_report(row) for row in rows]


async def list_weeks(tx: Transaction, shop: str, period: Period) -> list[Report]:
    """Weekly reports that began within the period, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS} from reports where shop = :shop and kind = 'week' and since >= :since and since < :until
          and document is not null order by since
        """,
        shop=shop,
        since=period.since,
        until=period.until,
    )
    return [_report(row) for row in rows]


async def insert_mails(tx: Transaction, shop: str, period: Period, roles: Sequence[str]) -> int:
    """One mail for each person of these roles who has an address and agreed to confidentiality; how many are new."""
    return await tx.execute(
        """
        insert into report_mails (shop, kind, since, person_id)
        select cast(:shop as text), cast(:kind as text), cast(:since as date), person_id
        from shops_of_people join people using (person_id)
        where shop = :shop and role = any(:roles) and mail is not null and agreed_at is not null
        on conflict do nothing
        """,
        shop=shop,
        kind=period.kind,
        since=period.since,
        roles=list(roles),
    )


async def lease_mail(tx: Transaction) -> Row[Any] | None:
    """The mail that is to be sent next; marked `sending` until it is told of.

    With the person's sealed address and present role in the shop, None for somebody who may not enter it any more: who
    left, and whom an open violation keeps out (SEC-003).
    """
    # A mail in `sending` whose process died may have left: it is never sent again by itself, and shown as unknown.
    await tx.execute(
        "update report_mails set state = 'unknown' where state = 'sending' and next_try_at < now() - interval '1 hour'"
    )
    return await tx.fetch_one(
        """
        update report_mails m set state = 'sending', attempts = attempts + 1, next_try_at = now()
        from (
            select shop, kind, since, person_id from report_mails
            where state = 'waiting' and next_try_at <= now() order by next_try_at limit 1 for update skip locked
        ) due join people p on p.person_id = due.person_id
            left join shops_of_people s
                on s.person_id = due.person_id and s.shop = due.shop and s.agreed_at is not null
        where m.shop = due.shop and m.kind = due.kind and m.since = due.since and m.person_id = due.person_id
        returning m.shop, m.kind, m.since, m.person_id, m.attempts, p.mail, s.role
        """
    )


async def save_mail(tx: Transaction, mail: Row[Any], state: str, reason: str, again_s: int) -> None:
    await tx.execute(
        """
        update report_mails set state = :state, reason = :reason,
            next_try_at = now() + make_interval(secs => :again)
        where shop = :shop and kind = :kind and since = :since and person_id = :person
        """,
        shop=mail.shop,
        kind=mail.kind,
        since=mail.since,
        person=mail.person_id,
        state=state,
        reason=reason[:200],
        again=again_s,
    )


async def list_mails(tx: Transaction, shop: str, kind: Kind, since: date) -> Sequence[Row[Any]]:
    """Rows name, state, reason, attempts: who was sent the report."""
    return await tx.fetch(
        """
        select p.name, m.state, m.reason, m.attempts from report_mails m join people p using (person_id)
        where m.shop = :shop and m.kind = :kind and m.since = :since order by p.name limit 500
        """,
        shop=shop,
        kind=kind,
        since=since,
    )
