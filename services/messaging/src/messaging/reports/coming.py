"""Read-only lists of a shop's messages: those still to be decided, soonest first, and those decided, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Row

from common.storage.database import Transaction

Which = Literal["coming", "decided"]


class Place(NamedTuple):
    """Where a page ended: the time that orders the list, and the message."""

    at: datetime
    message_id: str


class Listed(NamedTuple):
    """`upto`: the last message that was looked at, None where the shop has no more behind it."""

    rows: Sequence[Row[Any]]
    upto: Place | None


# Of each list: its condition, its time, its direction, and what is behind a place. Only these literals are ever put
# into a statement.
_LISTS: dict[Which, tuple[str, str, str, str]] = {
    "coming": ("release_at is not null", "release_at", "asc", ">"),
    "decided": ("release_at is null and decided_at is not null", "decided_at", "desc", "<"),
}
# What became of it: as the queue has it, else as the sweep left it.
_STATE = (
    "coalesce(m.state, case w.outcome when 'hold' then 'held' when 'suppress' then 'suppressed' else 'waiting' end)"
)
FILTERS = {"state": _STATE, "reason": "coalesce(m.reason, w.reason)", "flow": "w.flow"}


async def list_messages(
    tx: Transaction, shop: str, which: Which, wanted: Mapping[str, str], after: Place | None, limit: int, look: int
) -> Listed:
    """At most `limit` messages behind `after` that have all wanted values, among the next `look` messages.

    `wanted`: values by the names in FILTERS. The work is bounded by `look` however rare the values are.
    """
    condition, time, direction, behind = _LISTS[which]
    filters = " ".join(f"and {FILTERS[name]} = :{name}" for name in wanted)
    place: dict[str, Any] = {}
    if after is not None:
        condition += f" and ({time}, message_id) {behind} (cast(:at as timestamptz), :id)"
        place = {"at": after.at, "id": after.message_id}
    walk = f"""
        select * from candidates where shop = :shop and {condition}
        order by {time} {direction}, message_id {direction}
    """
    # Walks candidates_open or candidates_decided; stops after `look` messages.
    rows = await tx.fetch(
        f"""
        select w.message_id, w.customer, w.flow, w.purpose, w.channel, w.due_at, w.release_at, w.decided_at,
               {_STATE} as state, coalesce(m.reason, w.reason) as reason, m.sent_at, w.{time} as place
        from ({walk} limit :look) w left join messages m using (shop, customer, message_id)
        where true {filters} order by w.{time} {direction}, w.message_id {direction} limit :limit
        """,
        shop=shop,
        look=look,
        limit=limit,
        **place,
        **wanted,
    )
    if len(rows) == limit:
        return Listed(rows, Place(rows[-1].place, rows[-1].message_id))
    # By the same index: where the walk ended before the shop's messages did.
    end = await tx.fetch_one(f"{walk} offset :n limit 1", shop=shop, n=look - 1, **place)
    return Listed(rows, Place(getattr(end, time), end.message_id) if end is not None else None)


async def get_details(tx: Transaction, shop: str, message_id: str) -> Row[Any] | None:
    """What goes into the text of a message: flow, purpose, channel, template, and its details as JSON."""
    # By the index candidates_message.
    return await tx.fetch_one(
        """
        select flow, purpose, channel, template, cast(details as text) as details from candidates
        where shop = :shop and message_id = :message_id
        """,
        shop=shop,
        message_id=message_id,
    )
