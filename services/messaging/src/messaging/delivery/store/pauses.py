"""Pauses of a channel, for all shops, one, or an address, after a provider refused us; shared by all processes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.events.customers import Channel
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.contacts.state import Address
from messaging.delivery.state import Place

ALL_SHOPS = ""
_PLACES = Columns("w", shop="text", address="bytea")
_PAUSE = """p.channel, p.shop, p.address, p.since, p.until, p.stage, p.reason, p.reply,
            p.until <= clock_timestamp() as over,
            cast(greatest(0, extract(epoch from p.until - clock_timestamp())) as double precision) as left_s"""


@dataclass(frozen=True, slots=True)
class Pause:
    """`shop` is '' for all shops, `address` empty for all addresses.

    `left_s`: seconds until it is over. `over`: its time is up, and the next hand-off ends it or doubles it.
    """

    channel: Channel
    shop: str
    address: bytes
    since: datetime
    until: datetime
    stage: str
    reason: str
    reply: str
    over: bool
    left_s: float


async def list_pauses(tx: Transaction, channel: Channel | None = None, *, addresses: bool = False) -> list[Pause]:
    """All pauses, also those whose time is up and that no hand-off has ended yet; with `addresses` those of addresses
    too."""
    # One row a shop at the most, and only of those in trouble.
    rows = await tx.fetch(
        f"""
        select {_PAUSE} from pauses p where p.channel = coalesce(:channel, p.channel) and (:addresses or p.address = '')
        order by p.channel, p.shop, p.address
        """,
        channel=channel,
        addresses=addresses,
    )
    return [_pause(r) for r in rows]


async def get_address_pauses(tx: Transaction, channel: Channel, addresses: Collection[Address]) -> dict[Address, Pause]:
    """The pauses of these addresses, also those whose time is up."""
    if not addresses:
        return {}
    # By primary key.
    rows = await tx.fetch(
        f"select {_PAUSE} from {_PLACES} join pauses p using (shop, address) where p.channel = :channel",
        **_PLACES.of(sorted(addresses)),
        channel=channel,
    )
    return {(r.shop, r.address): _pause(r) for r in rows}


async def save_pause(
    tx: Transaction,
    channel: Channel,
    place: Place,
    stage: str,
    reason: str,
    reply: str,
    first_s: float,
    longest_s: float,
) -> float | None:
    """Begin a pause, or double one whose time is up; returns its seconds, None while one is running already."""
    # Several workers meet one refusal at once: the first to record it begins the pause, the others add nothing.
    return await tx.value(  # type: ignore[no-any-return]
        """
        insert into pauses as p (channel, shop, address, since, until, pause_s, stage, reason, reply)
        values (:channel, :shop, :address, clock_timestamp(), clock_timestamp() + make_interval(secs => :first_s),
            :first_s, :stage, :reason, :reply)
        on conflict (channel, shop, address) do update set pause_s = least(p.pause_s * 2, :longest_s),
            until = clock_timestamp() + make_interval(secs => least(p.pause_s * 2, :longest_s)),
            stage = excluded.stage, reason = excluded.reason, reply = excluded.reply
        where p.until <= clock_timestamp()
        returning pause_s
        """,
        channel=channel,
        shop=place.shop,
        address=place.address,
        stage=stage,
        reason=reason,
        reply=reply,
        first_s=float(first_s),
        longest_s=float(longest_s),
    )


async def end_pauses(tx: Transaction, channel: str, shops: Sequence[str], *, running: bool = False) -> int:
    """End pauses of shops whose time is up, and with `running` the others too; returns how many."""
    # What was in flight when the pause began says nothing of what is refused since.
    return await tx.execute(
        """
        delete from pauses where channel = :channel and shop = any(:shops) and address = ''
            and (:running or until <= clock_timestamp())
        """,
        channel=channel,
        shops=list(shops),
        running=running,
    )


async def end_trials(tx: Transaction, channel: Channel, places: Collection[Place]) -> None:
    """End the pauses of these addresses whose time is up: one of their messages was accepted."""
    await tx.execute(
        f"""
        delete from pauses p using {_PLACES}
        where p.channel = :channel and p.shop = w.shop and p.address = w.address and p.until <= clock_timestamp()
        """,
        **_PLACES.of(sorted(places)),
        channel=channel,
    )


async def end_address_pause(tx: Transaction, channel: str, place: Place) -> int:
    """End the pause of an address, running or not, and have what waits for it tried at once; returns how many."""
    about = {"channel": channel, "shop": place.shop, "address": place.address}
    ended = await tx.execute(
        "delete from pauses where channel = :channel and shop = :shop and address = :address", **about
    )
    # Those who have the address now, by its index; a message itself bears it only where a cap counts it.
    await tx.execute(
        """
        update messages m set next_try_at = '-infinity'
        from contact_addresses a join contacts c using (shop, customer, revision, at)
        where a.shop = :shop and a.address = :address and a.channel = :channel
            and m.shop = c.shop and m.customer = c.customer and m.channel = :channel and m.state = 'queued'
        """,
        **about,
    )
    return ended


async def forget_address_pauses(tx: Transaction) -> int:
    """Remove the pauses of addresses that nothing was sent to for a day after; returns how many."""
    # Few rows: addresses in trouble alone.
    return await tx.execute("delete from pauses where address <> '' and until < clock_timestamp() - interval '1 day'")


def _pause(r: Any) -> Pause:
    return Pause(r.channel, r.shop, r.address, r.since, r.until, r.stage, r.reason, r.reply, r.over, r.left_s)
