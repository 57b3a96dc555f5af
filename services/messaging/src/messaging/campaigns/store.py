"""Campaigns in rows: versions, how far each has got, and who is in which arm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.storage.database import Transaction
from common.versions.table import lock_saving
from messaging.campaigns.document import CampaignDocument, State


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign by its newest version; `reason`: why it is in its state, `by`: who brought it there."""

    shop: str
    version: int
    at: datetime
    document: CampaignDocument
    state: State
    reason: str | None = None
    by: str | None = None


class Progress(NamedTuple):
    """`total`: customers to look at, counted when it started; 0 after a rebuild. `looked_at`: so many were; `treated`:
    got a message. `done`: all were looked at, or the budget is spent."""

    entered_upto: str = ""
    looked_at: int = 0
    treated: int = 0
    held_out: int = 0
    total: int = 0
    done: bool = False


@lru_cache(1024)
def _read(text: str) -> CampaignDocument:
    return CampaignDocument.model_validate_json(text)


def _campaign(r: Row[Any]) -> Campaign:
    return Campaign(r.shop, r.version, r.at, _read(r.document), r.state, r.reason, r.by)


_COLUMNS = "v.shop, v.version, v.at, cast(v.document as text) as document, v.state, v.reason, v.by"


async def insert_version(tx: Transaction, new: Campaign) -> bool:
    """Add a version; False when that number is there already."""
    # The primary key lets one of two writers of the same next version through.
    count = await tx.execute(
        """
        insert into campaign_versions (shop, version, at, campaign, document, state, reason, by)
        values (:shop, :version, :at, :campaign, cast(:document as jsonb), :state, :reason, :by) on conflict do nothing
        """,
        shop=new.shop,
        version=new.version,
        at=new.at,
        campaign=new.document.campaign,
        document=new.document.model_dump_json(),
        state=new.state,
        reason=new.reason,
        by=new.by,
    )
    # One row of progress a campaign.
    await tx.execute(
        "insert into campaigns (shop, campaign) values (:shop, :campaign) on conflict do nothing",
        shop=new.shop,
        campaign=new.document.campaign,
    )
    await _stand(tx, new.shop, new.document.campaign)
    return count == 1


async def _stand(tx: Transaction, shop: str, campaign: str) -> None:
    """A campaign stands as its newest version says, in whatever order those were read."""
    # By primary key and the index on campaigns.
    await tx.execute(
        """
        update campaigns c set state = v.state, starts_at = cast(v.document ->> 'starts_at' as timestamptz)
        from (select state, document from campaign_versions
              where shop = :shop and campaign = :campaign order by version desc limit 1) v
        where c.shop = :shop and c.campaign = :campaign
        """,
        shop=shop,
        campaign=campaign,
    )


async def lock_versions(tx: Transaction, shop: str) -> None:
    """Save versions of the shop's campaigns one after the other; called before the campaign is read, and before any
    row of `campaigns` is locked."""
    await lock_saving(tx, "campaign_versions", shop)


async def next_version(tx: Transaction, shop: str) -> int:
    """The number of the shop's next version, over all its campaigns; the caller's own after `lock_versions`."""
    # By primary key.
    query = "select coalesce(max(version), 0) + 1 from campaign_versions where shop = :shop"
    return int(await tx.value(query, shop=shop))


async def list_campaigns(tx: Transaction, shop: str, limit: int = 500) -> list[Campaign]:
    """The shop's campaigns by their newest versions, the newest first."""
    # By the index on shop and campaign.
    rows = await tx.fetch(
        f"""
        select {_COLUMNS} from (
            select distinct on (campaign) * from campaign_versions where shop = :shop order by campaign, version desc
        ) v order by v.version desc limit :limit
        """,
        shop=shop,
        limit=limit,
    )
    return [_campaign(r) for r in rows]


async def list_open(tx: Transaction, shop: str) -> list[Campaign]:
    """The shop's campaigns that are neither stopped nor finished, by name, as their newest versions say."""
    # By primary key; of each the newest version by the index on campaigns.
    rows = await tx.fetch(
        f"""
        select {_COLUMNS} from campaigns c cross join lateral (
            select * from campaign_versions where shop = c.shop and campaign = c.campaign order by version desc limit 1
        ) v where c.shop = :shop and v.state not in ('stopped', 'finished') order by c.campaign
        """,
        shop=shop,
    )
    return [_campaign(r) for r in rows]


async def get_campaign(tx: Transaction, shop: str, campaign: str, at: datetime | None = None) -> Campaign | None:
    """A campaign by its newest version, or the newest that was saved by `at`."""
    # By the index on shop and campaign.
    row = await tx.fetch_one(
        f"""
        select {_COLUMNS} from campaign_versions v where v.shop = :shop and v.campaign = :campaign
            and (cast(:at as timestamptz) is null or v.at <= :at)
        order by v.version desc limit 1
        """,
        shop=shop,
        campaign=campaign,
        at=at,
    )
    return None if row is None else _campaign(row)


async def hold_running(tx: Transaction, now: datetime) -> tuple[str, str] | None:
    """A campaign that runs and has customers left, held against other processes until the commit: (shop, campaign)."""
    # The partial index; the one that was looked at longest ago, so that campaigns take turns. An advisory lock, since
    # the row is changed meanwhile by the transactions of its pages.
    r = await tx.fetch_one(
        """
        with running as materialized (
            select shop, campaign from campaigns where state = 'running' and not done and starts_at <= :now
            order by looked_at, shop, campaign limit 100
        )
        select shop, campaign from running
        where pg_try_advisory_xact_lock(hashtextextended('campaign/' || shop || '/' || campaign, 0)) limit 1
        """,
        now=now,
    )
    return None if r is None else (r.shop, r.campaign)


async def lock_page(tx: Transaction, shop: str, campaign: str, entered_upto: str, version: int) -> bool:
    """Lock a campaign that has come so far and no further; False where it has not, or does not run, or was saved
    again since this version."""
    # By primary key. It closes the race of two processes with one page, and of a page and a pause.
    row = await tx.fetch_one(
        """
        select shop from campaigns where shop = :shop and campaign = :campaign
            and state = 'running' and not done and entered_upto = :entered_upto for update
        """,
        shop=shop,
        campaign=campaign,
        entered_upto=entered_upto,
    )
    if row is None:
        return False
    # A statement of its own, which sees what was saved while the lock was waited for. By the index on campaigns.
    query = "select max(version) from campaign_versions where shop = :shop and campaign = :campaign"
    return bool(await tx.value(query, shop=shop, campaign=campaign) == version)


async def hold_watched(tx: Transaction, now: datetime) -> tuple[str, str] | None:
    """A running campaign that is to be watched, held against other processes until the commit: (shop, campaign).

    Every minute while it is young; later each time that a sixtieth of its age has passed since it was started or
    resumed, every hour at the least. So its messages are counted some hundred times, however many weeks it runs.
    """
    # Few run at a time; of each the newest version by the index on campaigns. An advisory lock, since counting takes
    # seconds of a large campaign, and a page of its customers locks the row while it holds them.
    r = await tx.fetch_one(
        """
        with due as materialized (
            select k.shop, k.campaign from campaigns k cross join lateral (
                select v.at from campaign_versions v where v.shop = k.shop and v.campaign = k.campaign
                order by v.version desc limit 1
            ) since
            where k.state = 'running' and (k.watched_at is null or k.watched_at <= cast(:now as timestamptz) - least(
                greatest((cast(:now as timestamptz) - since.at) / 60, interval '1 minute'), interval '1 hour'))
            order by k.watched_at nulls first, k.shop, k.campaign limit 100
        )
        select shop, campaign from due
        where pg_try_advisory_xact_lock(hashtextextended('watch/' || shop || '/' || campaign, 0)) limit 1
        """,
        now=now,
    )
    return None if r is None else (r.shop, r.campaign)


async def save_watched(tx: Transaction, shop: str, campaign: str, now: datetime) -> None:
    """It was watched at this time."""
    # By primary key; last of all, so that the row is locked for no longer than a commit takes.
    await tx.execute(
        "update campaigns set watched_at = :now where shop = :shop and campaign = :campaign",
        now=now,
        shop=shop,
        campaign=campaign,
    )


async def save_progress(
    tx: Transaction, shop: str, campaign: str, upto: str, looked_at: int, treated: int, held_out: int, *, done: bool
) -> None:
    """So many more customers were looked at, up to this one; the parts may be read in any order in a rebuild."""
    # By primary key.
    await tx.execute(
        """
        insert into campaigns as c (shop, campaign, entered_upto, looked_at, treated, held_out, done)
        values (:shop, :campaign, :upto, :looked_at, :treated, :held_out, :done)
        on conflict (shop, campaign) do update set entered_upto = greatest(c.entered_upto, excluded.entered_upto),
            looked_at = c.looked_at + excluded.looked_at, treated = c.treated + excluded.treated,
            held_out = c.held_out + excluded.held_out, done = c.done or excluded.done
        """,
        shop=shop,
        campaign=campaign,
        upto=upto,
        looked_at=looked_at,
        treated=treated,
        held_out=held_out,
        done=done,
    )


async def save_total(tx: Transaction, shop: str, campaign: str, total: int) -> None:
    """How many customers there are to look at, for the progress."""
    # By primary key.
    await tx.execute(
        "update campaigns set total = :total where shop = :shop and campaign = :campaign",
        shop=shop,
        campaign=campaign,
        total=total,
    )


async def save_members(
    tx: Transaction, shop: str, campaign: str, at: datetime, members: Iterable[tuple[str, str]]
) -> None:
    """Who is in which arm, (customer, arm), since when. Idempotent."""
    rows = list(members)
    # Read back in any order, each customer once.
    await tx.execute(
        """
        insert into campaign_members (shop, campaign, customer, arm, at)
        select :shop, :campaign, customer, arm, :at
        from unnest(cast(:customers as text[]), cast(:arms as text[])) as n(customer, arm) on conflict do nothing
        """,
        shop=shop,
        campaign=campaign,
        at=at,
        customers=[c for c, _ in rows],
        arms=[a for _, a in rows],
    )


async def list_inside(tx: Transaction, shop: str, campaign: str, customers: Sequence[str]) -> set[str]:
    """Those of these customers who are in an arm already."""
    # By primary key.
    rows = await tx.fetch(
        """
        select customer from campaign_members
        where shop = :shop and campaign = :campaign and customer = any(cast(:customers as text[]))
        """,
        shop=shop,
        campaign=campaign,
        customers=list(customers),
    )
    return {r.customer for r in rows}


async def get_progress(tx: Transaction, shop: str, campaign: str) -> Progress:
    """How far it has got."""
    # By primary key.
    r = await tx.fetch_one(
        """
        select entered_upto, looked_at, treated, held_out, total, done from campaigns
        where shop = :shop and campaign = :campaign
        """,
        shop=shop,
        campaign=campaign,
    )
    return Progress() if r is None else Progress(r.entered_upto, r.looked_at, r.treated, r.held_out, r.total, r.done)


async def is_over(tx: Transaction, shop: str, campaign: str, came_by: datetime) -> bool:
    """Whether all its customers were looked at, and nobody came in after that instant."""
    # By primary key; its members are read to the first who came in later.
    return bool(
        await tx.value(
            """
            select done and not exists (
                select from campaign_members m
                where m.shop = c.shop and m.campaign = c.campaign and m.at > :came_by
            ) from campaigns c where shop = :shop and campaign = :campaign
            """,
            shop=shop,
            campaign=campaign,
            came_by=came_by,
        )
    )


async def count_due(tx: Transaction, now: datetime) -> int:
    """Campaigns that have customers left to look at."""
    # The partial index.
    return int(
        await tx.value(
            "select count(*) from campaigns where state = 'running' and not done and starts_at <= :now", now=now
        )
    )
