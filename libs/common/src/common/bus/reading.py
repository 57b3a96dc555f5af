"""What stands in the log, as items: decoded, of another service, dead, refused with its shop, or passed over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from common.bus.broker import Record
from common.bus.dead import MENDED, list_buried
from common.bus.parts import Item, merged
from common.bus.subscriptions import RawSubscription, Subscription
from common.events import InvalidEvent, NewerVersion, decode
from common.events.topics import own_topic
from common.refusals import Refusal
from common.storage.database import Database

Admit = Callable[[set[str]], Awaitable[Mapping[str, Refusal]]]
"""Those of the shops whose events cannot be taken, and why; it may wait a moment for them to become known."""


class Reader:
    """Makes of records what a service's subscriptions can take."""

    def __init__(
        self,
        database: Database,
        subscriptions: Sequence[Subscription],
        raw: Sequence[RawSubscription],
        admit: Admit | None,
    ) -> None:
        self._database = database
        self._own_topic = own_topic(database.service)
        self._types = {t.TYPE for s in subscriptions for t in s.types}
        self._raw_topics = {t for r in raw for t in r.topics}
        self._admit = admit

    async def read(self, records: Sequence[Record], cluster: str) -> list[Item]:
        """The records' items, by time (see `merged`)."""
        items = merged([self.item(r) for r in records])
        await self._refuse_shops(items)
        await self._pass_over_buried(items, cluster)
        return items

    def item(self, record: Record) -> Item:
        """One record, decoded where somebody subscribed to it."""
        item = Item(record)
        if record.topic in self._raw_topics:
            item.raw = True
            return item
        kind = record.headers.get("type", b"").decode("utf-8", "replace")
        if kind and kind not in self._types and not self._is_mended(record, kind):
            return item  # not subscribed to: skipped without decoding
        try:
            event = decode(record.value or b"")
            if event.type in self._types:
                if record.key is not None and record.key.decode("utf-8", "replace") != event.key:
                    raise InvalidEvent("wrong_key", f"the record's key must be {event.key!r}")
                item.event = event
        except NewerVersion as error:
            item.newer = error
        except InvalidEvent as error:
            item.dead = item.died(error.slug, str(error))
        return item

    def _is_mended(self, record: Record, kind: str) -> bool:
        """A dead event that was mended here stands on the service's own topic, for a rebuild to find."""
        return kind == MENDED and record.topic == self._own_topic

    async def _refuse_shops(self, items: Sequence[Item]) -> None:
        """Events of shops that are not admitted are dead; the rest goes on."""
        if self._admit is None:
            return
        refused = await self._admit({item.event.shop for item in items if item.event is not None})
        for item in items:
            if item.event is not None and (refusal := refused.get(item.event.shop)) is not None:
                item.dead = item.died(refusal.slug, refusal.detail)

    async def _pass_over_buried(self, items: Sequence[Item], cluster: str) -> None:
        """An event of a newer version that an operator buried stops nobody."""
        newer = [item for item in items if item.newer is not None]
        if not newer:
            return
        async with self._database.transaction() as tx:
            buried = await list_buried(tx, [item.record for item in newer], cluster)
        for item in newer:
            if item.record in buried:
                item.newer = None
