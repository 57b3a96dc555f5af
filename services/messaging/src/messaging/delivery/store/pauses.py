"""Pauses of a channel, for all shops or for one, after a provider refused us; shared by all processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from common.events.customers import Channel
from common.storage.database import Transaction

ALL_SHOPS = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """`shop` is '' for all shops. `over`: its time is up, and the next hand-off ends it or doubles it."""

    channel: Channel
    shop: str
    since: datetime
    until: datetime
    stage: str
    reason: str
    reply: str
    over: bool


async def list_pauses(tx: Transaction, channel: Channel | None = None) -> list[Pause]:
    """All pauses, also those whose time is up and that no hand-off has ended yet."""
    # One row a shop at the most, and only of those in trouble.
    rows = await tx.fetch(
        """
        select channel, shop, since, until, stage, reason, reply, until <= clock_timestamp() as over
        from pauses where channel = coalesce(:channel, channel) order by channel, shop
        """,
        channel=channel,
    )
    return [Pause(r.channel, r.shop, r.since, r.until, r.stage, r.reason, r.reply, r.over) for r in rows]


async def save_pause(
    tx: Transaction, channel: Channel, shop: str, stage: str, reason: str, reply: str, first_s: float, longest_s: float
) -> float | None:
    """Begin a pause, or double one whose time is up; returns its seconds, None while one is running already."""
    # Several workers meet one refusal at once: the first to record it begins the pause, the others add nothing.
    return await tx.value(  # type: ignore[no-any-return]
        """
        insert into pauses as p (channel, shop, since, until, pause_s, stage, reason, reply)
        values (:channel, :shop, clock_timestamp(), clock_timestamp() + make_interval(secs => :first_s), :first_s,
            :stage, :reason, :reply)
        on conflict (channel, shop) do update set pause_s = least(p.pause_s * 2, :longest_s),
            until = clock_timestamp() + make_interval(secs => least(p.pause_s * 2, :longest_s)),
            stage = excluded.stage, reason = excluded.reason, reply = excluded.reply
        where p.until <= clock_timestamp()
        returning pause_s
        """,
        channel=channel,
        shop=shop,
        stage=stage,
        reason=reason,
        reply=reply,
        first_s=float(first_s),
        longest_s=float(longest_s),
    )


async def end_pauses(tx: Transaction, channel: Channel, shops: Sequence[str], *, running: bool = False) -> int:
    """End pauses whose time is up, and with `running` the others too; returns how many."""
    # What was in flight when the pause began says nothing of what is refused since.
    return await tx.execute(
        """
        delete from pauses where channel = :channel and shop = any(:shops)
            and (:running or until <= clock_timestamp())
        """,
        channel=channel,
        shops=list(shops),
        running=running,
    )
