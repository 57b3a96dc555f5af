"""A process knows every shop and API key that was announced on the topic `shops`, from its first record on."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from common.bus.broker import Outgoing, Producer, Topic, ensure_topics
from common.events import Event
from common.events.shops import ApiKeyIssued, ApiKeyRevoked, ShopSettingsChanged
from common.shops import following
from common.shops.following import Follower, KnownShops, save
from common.shops.settings import SHOPS, get_shop
from common.storage.database import Database
from common.storage.failures import UnitOfWorkTooLong
from regulars.testing import SharedKafka, settings_of

MAY = datetime(2025, 5, 1, tzinfo=UTC)


def settings(shop: str, version: int, since: datetime, zone: str, currency: str) -> Event[ShopSettingsChanged]:
    data = ShopSettingsChanged(version=version, valid_from=since, zone=zone, currency=currency)
    return Event(f"settings-{version}", f"/shops/{shop}/orders-ingest", shop, None, since, data, "settings")


def issued(prefix: str) -> Event[ApiKeyIssued]:
    data = ApiKeyIssued(prefix=prefix, hash="ab" * 32, shop="*", scopes=["events:write"], name="till")
    return Event(f"key-{prefix}-issued", "/shops/every-shop/orders-ingest", "every-shop", None, MAY, data, "api-keys")


def revoked(prefix: str) -> Event[ApiKeyRevoked]:
    data = ApiKeyRevoked(prefix=prefix)
    return Event(f"key-{prefix}-revoked", "/shops/every-shop/orders-ingest", "every-shop", None, MAY, data, "api-keys")


async def rows(db: Database, sql: str, **params: Any) -> list[tuple[Any, ...]]:
    async with db.transaction() as tx:
        return [tuple(row) for row in await tx.fetch(sql, **params)]


async def until(question: Callable[[], Any]) -> None:
    while not await question():
        await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def publish(kafka: SharedKafka, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Any]]:
    """Publishes on a topic of the test's own, which has two partitions."""
    topic = f"shops-{uuid.uuid4().hex[:8]}"
    for kind in (ShopSettingsChanged, ApiKeyIssued, ApiKeyRevoked):
        monkeypatch.setattr(kind, "TOPIC", topic)
    await ensure_topics(kafka.bootstrap_servers, [Topic(topic, 2)])
    producer = Producer(kafka.bootstrap_servers, client="test")

    async def send(*events: Event[Any] | bytes) -> None:
        out = [
            Outgoing(topic, b"x", e) if isinstance(e, bytes) else Outgoing(topic, e.key.encode(), e.encode())
            for e in events
        ]
        assert await producer.send(out) == len(out)

    yield send
    await producer.stop()


async def test_every_process_reads_all_of_it_at_every_start_and_goes_on(
    db: Database, kafka: SharedKafka, publish: Callable[..., Any]
) -> None:
    """A6, F2: two processes of one service; what was announced before the start, and after it."""
    await publish(settings_of("corner"), b"no event at all", issued("aaaaaaaa"))
    forgotten: list[str] = []
    first = Follower(db, kafka.bootstrap_servers, "toy", forgotten.append, folds=True)
    second = Follower(db, kafka.bootstrap_servers, "toy", lambda _: None, folds=True)
    tasks = [asyncio.create_task(follower.run()) for follower in (first, second)]
    try:
        await asyncio.wait_for(asyncio.gather(first.reached.wait(), second.reached.wait()), 60)
        assert await first.lag() == 0
        assert not await KnownShops(db).missing(["corner"])
        await publish(settings("corner", 2, MAY, "Europe/Berlin", "EUR"), revoked("aaaaaaaa"), settings_of("later"))

        async def both() -> bool:
            return [await first.lag(), await second.lag()] == [0, 0]

        await asyncio.wait_for(until(both), 60)
    finally:
        for follower in (first, second):
            await follower.stop()
        await asyncio.gather(*tasks)
    assert forgotten == ["aaaaaaaa", "aaaaaaaa"]
    async with db.transaction() as tx:
        shop = await get_shop(tx, "corner")
    assert [shop.at(at).currency for at in (MAY - timedelta(days=1), MAY)] == ["CNY", "EUR"]
    assert await rows(db, "select prefix, shop, revoked_at from api_keys") == [("aaaaaaaa", "*", MAY)]
    assert await rows(
        db, "select shop, version from shop_settings where shop in ('corner', 'later') order by 1, 2"
    ) == [
        ("corner", 1),
        ("corner", 2),
        ("later", 1),
    ]


async def test_a_process_that_stood_still_amid_a_transaction_goes_on(
    db: Database, kafka: SharedKafka, publish: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3: a lid that was closed for a minute ends no process."""
    await publish(settings_of("corner"))
    stored, late = following.save, [True]

    async def slow(*arguments: Any, **how: Any) -> None:
        if late:
            late.pop()
            raise UnitOfWorkTooLong("a unit of work took longer than 60 s")
        await stored(*arguments, **how)

    monkeypatch.setattr(following, "save", slow)
    follower = Follower(db, kafka.bootstrap_servers, "toy", lambda _: None, folds=True)
    task = asyncio.create_task(follower.run())
    try:
        async with asyncio.timeout(60):
            while not await rows(db, "select shop from shop_settings where shop = 'corner'"):
                assert not task.done()
                await asyncio.sleep(0.02)
    finally:
        await follower.stop()
        await task


async def test_a_change_marks_who_was_folded_before_it_and_a_repetition_nobody(db: Database) -> None:
    async def late() -> list[str]:
        async with db.transaction() as tx:
            return await SHOPS.late_shops(tx)

    async with db.transaction() as tx:
        await save(tx, [settings_of("corner"), settings("empty", 1, MAY, "UTC", "USD")], folds=True)
        await tx.execute("insert into customers (shop, customer) values ('corner', 'ann')")
    assert await late() == [], "nobody was folded before a shop's first settings"
    change = settings("corner", 2, MAY, "Europe/Berlin", "EUR")
    async with db.transaction() as tx:
        await save(tx, [change, settings("empty", 2, MAY, "UTC", "EUR")], folds=True)
    assert await late() == ["corner"], "and nobody is there to be folded in the other"
    async with db.transaction() as tx:
        await tx.execute("update shop_settings set refold_after = null")
        await save(tx, [settings_of("corner"), change], folds=True)
    assert await late() == []
    async with db.transaction() as tx:
        await save(tx, [settings("corner", 3, MAY, "UTC", "USD")], folds=False)
    assert await late() == [], "a service that folds nobody has nobody to fold anew, live and rebuilt alike"


async def test_a_storm_of_unknown_shops_waits_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A6: what is not set up holds nobody up for longer than the bound, however many events and shops there are."""
    seconds = [0.0]

    async def sleep(delay: float) -> None:
        seconds[0] += delay

    monkeypatch.setattr(asyncio, "sleep", sleep)
    shops = KnownShops(db, lambda: seconds[0])
    assert await shops.wait_for(["tea", "nowhere"]) == {"nowhere"}
    waited = seconds[0]
    assert following.WAIT_S <= waited < following.WAIT_S + 1
    for _ in range(1000):
        assert await shops.wait_for(["tea", "nowhere"]) == {"nowhere"}
    assert seconds[0] == waited, "it is not waited for again"
    await shops.wait_for(["elsewhere"])
    assert seconds[0] < waited + 2 * following.HURRY_S, "and another shop not for long"
    async with db.transaction() as tx:
        await save(tx, [settings_of("nowhere")], folds=True)
    assert await shops.wait_for(["nowhere"]) == set(), "once it is set up it is known"


async def test_a_shop_whose_settings_come_a_moment_later_is_waited_for(db: Database) -> None:
    shops = KnownShops(db)
    waiting = asyncio.create_task(shops.wait_for(["corner"]))
    await asyncio.sleep(0)
    async with db.transaction() as tx:
        await save(tx, [settings_of("corner")], folds=True)
    assert await waiting == set()
