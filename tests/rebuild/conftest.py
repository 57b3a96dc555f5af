"""A varied history of a shop in all five services, and a database beside a live one, for the tests of rebuilding."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from common.bus.broker import Outgoing, Producer
from common.process.runtime import Service
from common.process.settings import Settings
from common.service.rebuilding import rebuild
from common.storage.database import Database
from common.storage.migrate import migrate
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.erase_customer import erase_customer
from regulars.compare import compare_rebuilt
from regulars.stack.mailsink import GONE_DOMAIN, MailSink
from regulars.testing import EmptyDatabase, broker_in

SHOP = "rebuilt"
BASE = f"/v1/shops/{SHOP}"
START = datetime(2025, 1, 10, 2, tzinfo=UTC)
CUSTOMERS = ("ann", "bob", "cem", "dia", "eve", "fay")
REFUND: dict[str, Any] = {"order_id": "on-its-way", "amount": 10_000}
OTHERS = ("gus", "hal", "ida", "kit")
"""Who is erased, whose mailbox is not there, who has opted out, who is absorbed by fay."""

_STOP = (
    """
    create function stop() returns trigger language plpgsql as $$ begin
        if (select sum(next) from offsets) >= 10 then perform pg_sleep(3600); end if;
        return null;
    end $$
    """,
    "create trigger stop after insert or update on offsets for each statement execute function stop()",
)
_STANDING = "from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"


class Story:
    """Tells the services of one shop what happened, as its backend does."""

    def __init__(self, stack: Any, mailsink: MailSink) -> None:
        self.stack, self.mailsink = stack, mailsink
        self.now = START
        self._sent = 0

    async def call(self, service: str, method: str, path: str, **more: Any) -> Any:
        answer = await self.stack.call(service, method, f"{BASE}{path}", **more)
        assert answer.is_success, answer.text
        return answer.json()

    async def offers(self) -> None:
        """Coupons, a use of a benefit, and carts of which one is ordered and one is given up (membership)."""
        terms = {"name": "Spring", "percent": 1_000, "starts": "2000-01-01T00:00:00Z", "ends": "2100-01-01T00:00:00Z"}
        await self.call("membership", "PUT", "/offers/spring", json=terms)
        issued = {"batch": "b1", "customers": ["ann", "bob", "eve"]}
        await self.call("membership", "POST", "/offers/spring/coupons", json=issued)
        await self.call("membership", "POST", "/members/eve/benefits/free_shipping/uses", json={"order_id": "eve-9"})
        lines = [{"sku": "tea", "quantity": 1, "price": 80_000}]
        for name in ("ann", "bob"):
            cart = {"customer": name, "currency": "CNY", "lines": lines, "freight": 900}
            await self.call("membership", "POST", f"/checkout/orders/{name}-2/reserve", json=cart)
        await self.call("membership", "POST", "/checkout/orders/bob-2/void")

    async def at(self, day: float) -> None:
        """It is this many days after the start; what fell due by then is done, round by round."""
        self.now = START + timedelta(days=day)
        await self.stack.set_clock(self.now)
        await self.stack.settled()
        while sum([await self.stack.sweep(name) for name in ("membership", "segmentation", "feedback", "messaging")]):
            await self.stack.settled()

    async def order(self, customer: str, order: str, day: float, goods: int, kind: str = "completed") -> None:
        """One version of an order, as it was `day` days after the start."""
        await self.event(customer, f"order.{kind}", day, {"order_id": order, "state": kind, "goods_paid": goods})

    async def event(self, customer: str | None, kind: str, day: float, data: dict[str, Any]) -> None:
        self._sent += 1
        body = self.body(f"e{self._sent}", customer, kind, day, data)
        assert (await self.send(body)).status_code == 202

    def body(self, id_: str, customer: str | None, kind: str, day: float, data: dict[str, Any]) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": id_,
            "source": f"/shops/{SHOP}/backend",
            "shop": SHOP,
            **({"subject": customer} if customer is not None else {}),
            "type": kind,
            "time": (START + timedelta(days=day)).isoformat(),
            "data": {"currency": "CNY", **data} if kind.startswith("order.") else data,
        }

    async def send(self, body: dict[str, Any]) -> httpx.Response:
        headers = {"content-type": "application/cloudevents+json"}
        answer: httpx.Response = await self.stack.call(
            "orders-ingest", "POST", f"{BASE}/events", json=body, headers=headers
        )
        return answer

    def link(self, customer: str, base: str) -> str:
        """The path of the last link below `base` in the customer's mails."""
        address = f"{customer}@example.test"
        texts = [mail["text"] for mail in self.mailsink.mails() if address in mail["to"]]
        last: str = re.findall(rf"{re.escape(base)}(/\S+)", "\n".join(texts))[-1]
        return last.rstrip(").>")

    async def beginning(self) -> None:
        """Three months of ten customers: orders in and out of order, refunds, commands, changed rules, questions,
        a file, dead events that are mended, a merge, an erasure, a mailbox that is not there, opt-outs."""
        await self.stack.set_clock(self.now)
        for part in self.stack.parts.values():
            async with part.runtime.database.transaction() as tx:
                # Those that every test's database has and no topic.
                await tx.execute("delete from shop_settings")
        self.stack.start_all()
        settings = {"zone": "Asia/Shanghai", "currency": "CNY"}
        await self.call("orders-ingest", "PUT", "/settings", json=settings)
        people = [
            {
                "id": name,
                "name": name.title(),
                "email": f"{name}@{GONE_DOMAIN if name == 'hal' else 'example.test'}",
                "registered_at": START.isoformat(),
                "consents": [
                    {"channel": "email", "purpose": "marketing", "granted": name != "dia"},
                    {"channel": "email", "purpose": "survey", "granted": True},
                ],
            }
            for name in (*CUSTOMERS, *OTHERS)
        ]
        await self.call("orders-ingest", "POST", "/customers", json={"customers": people})
        for number, name in enumerate((*CUSTOMERS, *OTHERS)):
            await self.order(name, f"{name}-1", -1, 30_000 + 60_000 * number)
        await self.event(None, "order.paid", -1, {"order_id": "nobodys", "state": "paid", "goods_paid": 9_000})
        lines = (
            " 00004 0001 20241201  2   29.33\n 00021 0002 20250105  3   63.34\n 00021 0002 20250105  1   not a price\n"
        )
        file = {"layout": "cdnow_sample", "currency": "CNY", "zone": "Asia/Shanghai"}
        await self.call("orders-ingest", "POST", "/imports", params=file, content=lines.encode())
        await self.at(1)
        await self.event("bob", "product.viewed", 0.5, {"sku": "tea"})
        # The order was nobody's, until its customer signs in.
        await self.order("bob", "nobodys", 0.9, 9_000)
        await self.call("messaging", "POST", "/opt-outs", json={"customer": "ida", "channel": "email", "via": "shop"})
        await self.call("orders-ingest", "POST", "/customers/fay/merge", json={"absorbed": "kit"})
        await self.order("kit", "kit-2", 0.8, 20_000)
        await self.mended(0.7)
        await self.call("membership", "POST", "/members/ann/check-ins")
        redeemed = {"redemption_id": "r1", "customer": "eve", "points": 100, "order_total": 90_000, "currency": "CNY"}
        await self.call("membership", "POST", "/redemptions", json=redeemed)
        await self.offers()
        await self.call("feedback", "PUT", "/policy", json={"policy": {}})
        await self.at(9)
        for number, name in enumerate(CUSTOMERS[:4]):
            await self.order(name, f"{name}-2", 8 + number / 10, 70_000)
        await self.call("membership", "POST", "/members/ann/check-ins")
        await self.event("cem", "order.refunded", 8.9, {"refund_id": "f1", "order_id": "cem-2", "amount": 70_000})
        review = {"review_id": "v1", "customer": "bob", "stars": 4, "text": "good tea"}
        await self.call("feedback", "POST", "/reviews", json=review)
        await self.call("membership", "POST", "/redemptions/r1/return")
        answer = {"stars": "5", "text": "arrived warm"}
        page = await self.stack.call("feedback", "POST", self.link("ann", "https://feedback.shop.example"), data=answer)
        assert page.status_code == 200, page.text
        page = await self.stack.call("messaging", "POST", self.link("cem", "https://messaging.shop.example"))
        assert page.status_code == 200, page.text
        await self.erase("gus")
        await self.at(25)
        # Late news: between what is known already.
        await self.order("bob", "bob-0", 4, 210_000)
        await self.order("fay", "fay-0", -5, 20_000)
        await self.event("eve", "order.refunded", 3, {"refund_id": "f2", "order_id": "eve-1", "amount": 150_000})
        programme = (await self.call("membership", "GET", "/programme"))["programme"]
        await self.call("membership", "PUT", "/programme", json={"programme": programme | {"window_months": 6}})
        thresholds = (await self.call("segmentation", "GET", "/thresholds"))["thresholds"]
        await self.call("segmentation", "PUT", "/thresholds", json={"thresholds": thresholds | {"lapse_months": 1}})
        await self.call("orders-ingest", "PUT", "/settings", json=settings | {"name": "Rebuilt teas"})
        await self.waiting_refunds(24.8)
        await self.at(26)
        for number, name in enumerate(CUSTOMERS[1:5]):
            await self.order(name, f"{name}-3", 25.5 + number / 10, 40_000)
        await self.at(80)
        await self.order("ann", "ann-4", 40, 500_000)
        await self.at(81)

    async def waiting_refunds(self, day: float) -> None:
        """One of an order that has not come, one in another currency, one that a second event brings anew."""
        early = self.body("early", "bob", "order.refunded", day, {"refund_id": "w1", **REFUND})
        assert (await self.send(early)).status_code == 202
        foreign = {"refund_id": "w2", "order_id": "ann-5", "amount": 500, "currency": "USD"}
        await self.event("ann", "order.refunded", day, foreign)
        await self.order("ann", "ann-5", day, 20_000)
        await self.event("dia", "order.refunded", day, {"refund_id": "w3", "order_id": "mistyped", "amount": 500})
        await self.event("dia", "order.refunded", day, {"refund_id": "w3", "order_id": "dia-1", "amount": 500})
        assert await self.states_of_refunds() == {"f1": "counted", "w1": "held", "w2": "set_aside", "w3": "counted"} | {
            "f2": "counted"
        }

    async def states_of_refunds(self) -> dict[str, str]:
        listed = await self.call("orders-ingest", "GET", "/refunds")
        return {refund["refund_id"]: refund["state"] for refund in listed}

    async def mended(self, day: float) -> None:
        """An order that stands broken on the topic: each service keeps a dead event until it is sent again, mended."""
        data = {"order_id": "dia-m", "state": "completed", "goods_paid": "seven hundred", "revision": 1}
        broken = self.body("broken", "dia", "order.completed", day, data)
        producer = Producer(self.stack.broker, client="a stranger")
        await producer.start()
        key, headers = f"{SHOP}/dia".encode(), {"type": b"order.completed", "shop": SHOP.encode()}
        assert await producer.send([Outgoing("orders", key, orjson.dumps(broken), headers)]) == 1
        await producer.stop(5)
        await self.stack.settled()
        broken["data"]["goods_paid"] = 70_000
        for name in ("membership", "segmentation", "messaging", "feedback"):
            (dead,) = await self.stack.get(name, "/ops/dead")
            sent = {"body": orjson.dumps(broken).decode()}
            again = await self.stack.call(name, "POST", f"/ops/dead/{dead['dead_id']}/resend", json=sent)
            assert again.json()["outcome"] == "new", again.text

    async def erase(self, customer: str) -> None:
        """The command, which has no route yet."""
        runtime = self.stack.parts["orders-ingest"].runtime
        async with runtime.database.transaction() as tx:
            await erase_customer(tx, Vault(runtime.keys), SHOP, customer)

    async def afterwards(self) -> None:
        """Traffic goes on: a new order and late news of everybody, and the order for which a refund waits."""
        early = self.body("early", "bob", "order.refunded", 24.8, {"refund_id": "w1", **REFUND})
        assert (await self.send(early)).json()["status"] == "duplicate"
        await self.order("bob", REFUND["order_id"], 24, 60_000)
        assert (await self.states_of_refunds())["w1"] == "counted"
        for name in CUSTOMERS:
            await self.order(name, f"{name}-9", 81.5, 80_000)
            await self.order(name, f"{name}-8", 30, 15_000)
        await self.at(90)


class Beside:
    """The rebuilds of one service of a stack beside the live one."""

    def __init__(self, stack: Any, database: EmptyDatabase, folder: Path, service: str) -> None:
        self.stack, self._database, self._folder = stack, database, folder
        self.part = stack.parts[service]
        self.service: Service = self.part.service
        self.live = self.part.settings.database_url
        self.settings: Settings = self.part.settings

    async def empty(self) -> None:
        """The next rebuild goes into an empty database."""
        self.settings = self.part.settings.model_copy(update={"database_url": await self._database()})

    async def rebuild(self, *, finish: bool = False) -> int:
        return await rebuild(self.service, self.settings, finish=finish, live=self.live)

    async def kill_midway(self) -> None:
        """Begin a rebuild in a process of its own, and kill it where it stands: at the tenth record of the topics."""
        of = self.settings
        await migrate(of.database_url, self.service.migrations)
        database = Database(of.database_url)
        async with database.transaction() as tx:
            for statement in _STOP:
                await tx.execute(statement)
        environment = os.environ | {
            "DATABASE_URL": of.database_url.replace("+asyncpg", ""),
            "KAFKA_BOOTSTRAP_SERVERS": of.kafka_bootstrap_servers,
            "MASTER_KEY": of.master_key.get_secret_value(),
            "SET_CLOCK": "1",
            "MAX_BATCH": "2",
            "LIVE_DATABASE_URL": self.live.replace("+asyncpg", ""),
        }
        argv = ["-m", f"{self.service.name.replace('-', '_')}.main", "rebuild"]
        process = await asyncio.create_subprocess_exec(sys.executable, *argv, env=environment)
        stands = False
        try:
            while not stands:
                assert process.returncode is None, "it was to be killed before it ended by itself"
                await asyncio.sleep(0.05)
                async with database.transaction() as tx:
                    stands = await tx.value(f"select exists (select {_STANDING})")
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            async with database.transaction() as tx:
                await tx.execute(f"select pg_terminate_backend(pid, 5000) {_STANDING}")
                await tx.execute("drop function stop() cascade")
            await database.close()

    async def differences(self) -> dict[str, int]:
        """Tables that differ from the live one's, with the number of rows."""
        url, masters = self.settings.database_url, self.settings.all_master_keys()
        found = await compare_rebuilt(self.service.name, self.live, url, masters, self._folder)
        return {table: rows for table, rows in found.items() if rows}

    async def stop_live(self) -> None:
        """All that it announced is published, and nothing of it runs any more."""
        await self.stack.settled()
        await self.stack.stop(self.service.name)

    async def switch(self) -> None:
        """The service is served from the rebuilt database."""
        await self.stack.add(self.service, self.settings)
        self.stack.start(self.service.name, "consumer", "relay", "background")
        await self.stack.settled()


@pytest.fixture
def bus(stack_folder: Path) -> Iterator[str]:
    """A Kafka of the test's own: a rebuild reads all that stands on the topics, and every test tells one story."""
    with broker_in(stack_folder / f"kafka-{uuid.uuid4().hex[:8]}") as servers:
        yield servers


@pytest.fixture
def stack(database: EmptyDatabase, stack: Any) -> Any:
    """The stack, stopped before the rebuilt databases that it may be served from are dropped."""
    return stack


@pytest.fixture
def beside(stack: Any, database: EmptyDatabase, tmp_path: Path) -> Callable[[str], Awaitable[Beside]]:
    async def make(service: str) -> Beside:
        made = Beside(stack, database, tmp_path / "compared", service)
        await made.empty()
        return made

    return make


@pytest.fixture
def story(stack: Any, mailsink: MailSink) -> Story:
    return Story(stack, mailsink)
