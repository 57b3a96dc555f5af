"""Every process follows the topic `shops`: settings, imports and API keys are known here soon after they are announced.

The topic is read whole at each start, outside of the consumer group, since every process needs all of it; what is
stored by it is idempotent. The service's consumer starts only when the end was reached once.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog

from common.bus.broker import BrokerUnavailable, Reader, Record
from common.events import Event, InvalidEvent, decode
from common.events.shops import ApiKeyIssued, ApiKeyRevoked, ShopSettingsChanged
from common.refusals import Refusal
from common.shops.imports import save_imports
from common.shops.settings import SHOPS, SettingsBody, ShopNotSetUp, find_set_up, lock_shops
from common.storage.database import Database, Transaction
from common.storage.failures import passes

log = structlog.get_logger()
WAIT_S = 5.0
"""How long an event waits for its shop: `shops` is another topic, so its record may come some milliseconds later."""
HURRY_S, HURRY_FOR_S = 0.2, 60.0
"""After a wait in vain others are this short for so long; a shop waited for is not waited for again meanwhile."""
LOOK_S = 0.05


class KnownShops:
    """Which shops are set up. What was found once stays true, so it is asked of the database once a process."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: set[str] = set()
        self._in_vain: dict[str, float] = {}
        self._hurry_until = float("-inf")

    async def missing(self, shops: Iterable[str]) -> set[str]:
        """Those of the shops that are not set up."""
        wanted = set(shops) - self._known
        if wanted:
            async with self._database.transaction() as tx:
                self._known |= await find_set_up(tx, wanted)
        return wanted - self._known

    async def wait_for(self, shops: Iterable[str]) -> set[str]:
        """Those that are still not set up after a bounded wait: at most `WAIT_S` once in `HURRY_FOR_S`."""
        missing = await self.missing(shops)
        if not missing:
            return missing
        began = self._monotonic()
        self._in_vain = {shop: until for shop, until in self._in_vain.items() if until > began}
        deadline = began + (HURRY_S if began < self._hurry_until else WAIT_S)
        while missing - self._in_vain.keys() and self._monotonic() < deadline:
            await asyncio.sleep(LOOK_S)
            missing = await self.missing(missing)
        now = self._monotonic()
        if missing - self._in_vain.keys():
            self._hurry_until = now + HURRY_FOR_S
            self._in_vain.update(dict.fromkeys(missing - self._in_vain.keys(), now + HURRY_FOR_S))
        return missing

    async def refused(self, shops: Iterable[str]) -> dict[str, Refusal]:
        """Those that are still not set up after the wait of ``wait_for``, each with what to do about it."""
        return {shop: ShopNotSetUp(shop) for shop in await self.wait_for(shops)}


class Follower:
    """Reads the topic into the database until stopped; `forget` drops the copy of a key that changed.

    `folds`: the service has folded customers by the settings, so that later ones fold them anew.
    """

    def __init__(
        self, database: Database, servers: str, service: str, forget: Callable[[str], None], *, folds: bool
    ) -> None:
        self._database = database
        self._reader = Reader(servers, ShopSettingsChanged.TOPIC, client=f"{service}-shops")
        self._forget = forget
        self._folds = folds
        self._stopping = asyncio.Event()
        self._pending = 0
        self._changed = asyncio.Event()
        self.running = False
        self.reached = asyncio.Event()
        """The end of the topic was reached once since the start."""
        self.paused: str | None = None

    async def run(self) -> None:
        """Until `stop`. A lost database or broker pauses it, without limit."""
        self.running = True
        wait, records = 0.1, list[Record]()
        while not self._stopping.is_set():
            try:
                if not records:
                    if not self.reached.is_set() and await self._reader.at_end():
                        self.reached.set()
                    records = await self._reader.read(0.5)
                    self._pending = len(records)
                if records:
                    await self._take(records)
                    records, self._pending = [], 0
                self.paused, wait = None, 0.1
            except Exception as error:
                if not passes(error):
                    raise
                self.paused = type(error).__name__
                log.warning("shops_paused", reason=self.paused, detail=str(error)[:300])
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), wait)
                wait = min(wait * 2, 5)
        await self._reader.close()

    async def stop(self) -> None:
        self._stopping.set()

    @property
    def behind(self) -> bool:
        """Whether this process is known not to have read all that was announced."""
        return not self.reached.is_set() or self.paused is not None

    async def more(self, within_s: float) -> None:
        """Returns when something more was read and stored, or after so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), within_s)

    async def lag(self) -> int:
        """Records on the topic that are not in the database yet; 1 while Kafka does not say."""
        try:
            return await self._reader.lag() + self._pending
        except BrokerUnavailable:
            return 1

    async def _take(self, records: Sequence[Record]) -> None:
        events = [event for record in records if (event := _read(record)) is not None]
        async with self._database.transaction() as tx:
            await save(tx, events, folds=self._folds)
        self._changed.set()  # wakes who waits now; who comes later waits for the next
        self._changed = asyncio.Event()
        for event in events:
            if isinstance(event.data, ApiKeyIssued | ApiKeyRevoked):
                self._forget(event.data.prefix)


def _read(record: Record) -> Event[Any] | None:
    """The event; None for what is none: it stands in nobody's way, and is read again at the next start."""
    try:
        event = decode(record.value or b"")
    except InvalidEvent as error:
        log.error("shops_unreadable", partition=record.partition, offset=record.offset, slug=error.slug)
        return None
    return event if event.data.TOPIC == ShopSettingsChanged.TOPIC else None


async def save(tx: Transaction, events: Sequence[Event[Any]], *, folds: bool) -> None:
    """Store what is new of these; any of them may have been stored before. `folds`: see Follower."""
    await _save_settings(tx, [event for event in events if isinstance(event.data, ShopSettingsChanged)], folds=folds)
    await save_imports(tx, events)
    for event in events:
        data = event.data
        if isinstance(data, ApiKeyIssued):
            # Whoever reads first stores it.
            await tx.execute(
                """
                insert into api_keys (prefix, hash, shop, scopes, name, created_at, expires_at)
                values (:prefix, :hash, :shop, cast(:scopes as text[]), :name, :at, :expires_at)
                on conflict (prefix) do nothing
                """,
                prefix=data.prefix,
                hash=bytes.fromhex(data.hash),
                shop=data.shop,
                scopes=data.scopes,
                name=data.name,
                at=event.time,
                expires_at=data.expires_at,
            )
        elif isinstance(data, ApiKeyRevoked):
            # For good: an issue that is read again changes nothing of it.
            await tx.execute(
                "update api_keys set revoked_at = :at where prefix = :prefix and revoked_at is null",
                at=event.time,
                prefix=data.prefix,
            )


async def _save_settings(tx: Transaction, events: Sequence[Event[Any]], *, folds: bool) -> None:
    if not events:
        return
    # Nearly all of them are there already, whenever the topic is read anew.
    rows = await tx.fetch(
        "select shop, version from shop_settings where shop = any(:shops)", shops=sorted({e.shop for e in events})
    )
    stored = {(row.shop, row.version) for row in rows}
    fresh = [event for event in events if (event.shop, event.data.version) not in stored]
    if any(event.data.version > 1 for event in fresh):
        # Before the first version nobody of the shop was folded; a later one changes what folds have read.
        await lock_shops(tx)
    for event in fresh:
        data: ShopSettingsChanged = event.data
        body = SettingsBody(name=data.name, zone=data.zone, currency=data.currency)
        late = folds and data.version > 1 and await _has_customers(tx, event.shop)
        await SHOPS.insert(tx, event.shop, data.version, data.valid_from, body, late=late)


async def _has_customers(tx: Transaction, shop: str) -> bool:
    # The first of them is enough.
    return bool(await tx.value("select exists (select from customers where shop = :shop)", shop=shop))
