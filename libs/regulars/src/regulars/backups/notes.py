"""Lost facts that the world knows and the databases do not any more: a file for people, and what left for messaging."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, get_args

import asyncpg
import orjson

from common.events.customers import Channel, ConsentChanged, CustomerErased, CustomerMerged, CustomerUnmerged
from common.events.membership import CouponRedeemed, PointsRedeemed
from common.events.messages import ContactOptedIn, ContactOptedOut, MessageFailed, MessageSent

NOTED = frozenset(
    each.TYPE
    for each in (
        *(CustomerErased, CustomerMerged, CustomerUnmerged, ConsentChanged, ContactOptedOut, ContactOptedIn),
        *(PointsRedeemed, CouponRedeemed, MessageSent, MessageFailed),
    )
)
_OWN = frozenset({"inbox", "phone", "parcel"})
"""Channels whose hand-off is a row of messaging's own: gone with the rest, it is made again."""
_DONE_AGAIN = frozenset(each.TYPE for each in (CustomerErased, ConsentChanged, ContactOptedOut))
HELD = "restored"
"""Reason of the pauses under which nothing leaves before erasures and opt-outs were done again."""
_TOGETHER = 5_000


class Notes:
    """Keeps what is noted; memory does not grow with it. `number` of facts; `left`: messages that leave no more;
    `asked`: how many of the facts are erasures, opt-outs and consents, which are to be done again."""

    def __init__(self, file: IO[bytes], messaging: asyncpg.Connection | None) -> None:
        self._file, self._messaging = file, messaging
        self._waiting: list[tuple[str, str, str, str, datetime]] = []
        self.number = self.left = self.asked = 0

    @classmethod
    @asynccontextmanager
    async def into(cls, file: Path, messaging: asyncpg.Connection | None) -> AsyncIterator[Notes]:
        """A file for its owner alone, a CloudEvent a line; `messaging`: its database, None where there is none."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        with file.open("wb") as output:
            notes = cls(output, messaging)
            yield notes
            await notes._flush()
            if notes.asked:
                await notes._hold()

    async def add(self, published: bytes) -> None:
        """A fact as it was published."""
        event = orjson.loads(published)
        self._file.write(published + b"\n")
        self.number += 1
        data = event["data"]
        self.asked += event["type"] in _DONE_AGAIN
        failed = event["type"] == MessageFailed.TYPE
        if event["type"] != MessageSent.TYPE and not (failed and data["reason"] == "unknown"):
            return
        if data["channel"] not in _OWN:
            at = datetime.fromisoformat(event["time"])
            state = "unknown" if failed else "sent"
            self._waiting.append((event["shop"], event["subject"], data["message_id"], state, at))
            if len(self._waiting) == _TOGETHER:
                await self._flush()

    async def _flush(self) -> None:
        if self._messaging is not None and self._waiting:
            # One that was in doubt, and of which it was learnt later that it left, is told twice: the last one counts.
            last = {(shop, customer, id_): (state, at) for shop, customer, id_, state, at in self._waiting}
            rows = await self._messaging.fetch(
                """
                insert into left_before_restore (shop, customer, message_id, state, at)
                select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
                on conflict (shop, customer, message_id) do update set state = excluded.state, at = excluded.at
                returning xmax = 0 as new
                """,
                *map(list, zip(*((*key, *what) for key, what in last.items()), strict=True)),
            )
            self.left += sum(row["new"] for row in rows)
        self._waiting.clear()

    async def _hold(self) -> None:
        """Nothing leaves by any channel until `regulars redo` has ended these pauses, or a person has."""
        if self._messaging is not None:
            await self._messaging.execute(
                """
                insert into pauses (channel, shop, since, until, pause_s, stage, reason, reply)
                select channel, '', now(), now() + interval '10 years', 1, 'restore', $2,
                       'erasures and opt-outs of after the instant are to be done again: regulars redo'
                from unnest($1::text[]) channel
                -- One of the provider's may stand there as of the instant, over or soon to be: this one is longer.
                on conflict (channel, shop, address) do update set since = excluded.since, until = excluded.until,
                    pause_s = excluded.pause_s, stage = excluded.stage, reason = excluded.reason, reply = excluded.reply
                """,
                [each for each in get_args(Channel) if each not in _OWN],
                HELD,
            )
