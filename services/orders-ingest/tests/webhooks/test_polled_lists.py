"""Lists of orders are asked for page by page, by a shop's system that misbehaves, and compared once (L5)."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.archive.vault import Vault
from orders_ingest.jobs.polling import LONGEST_WAIT, MOST_ASKED_FOR, begin_daily, poll_next
from orders_ingest.reconciliation.client import Forbidden, fetch
from orders_ingest.reconciliation.lists.protocol import (
    Answer,
    Asked,
    InvalidSource,
    OrderList,
    Page,
    Source,
    UnreadablePage,
)
from orders_ingest.reconciliation.lists.shopify import ShopifyList
from orders_ingest.reconciliation.lists.woocommerce import WooCommerceList

SINCE = datetime(2026, 2, 1, tzinfo=UTC)
RUNS, LISTS = "/v1/shops/demo/reconciliations", "/v1/shops/demo/order-lists"
TOKEN, KEYS = "shpat_0123456789abcdef", "ck_0123456789abcdef:cs_0123456789abcdef"
Reply = tuple[int, dict[str, str], bytes]


@dataclass
class ShopSystem:
    """A shop's own system on this machine, with its list of orders as Shopify and as WooCommerce page it.

    `orders` as it would tell them; `moods`: what it does instead of answering, one a request, None: it answers.
    """

    orders: list[dict[str, Any]]
    moods: list[Reply | Callable[[], None] | None] = field(default_factory=list)
    per_page: int = 3
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, path: str, headers: dict[str, str]) -> Reply | None:
        """None: it hangs up."""
        self.asked.append(path)
        mood = self.moods.pop(0) if self.moods else None
        if callable(mood):
            mood()
        elif mood is not None:
            return mood if mood[0] else None
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if urlsplit(path).path == "/admin/api/2025-10/orders.json":
            return self._shopify(query) if headers.get("x-shopify-access-token") == TOKEN else (401, {}, b"{}")
        basic = "Basic " + base64.b64encode(KEYS.encode()).decode()
        return self._woocommerce(query) if headers.get("authorization") == basic else (401, {}, b"{}")

    def _shopify(self, query: dict[str, str]) -> Reply:
        def rank(order: dict[str, Any]) -> tuple[str, int]:
            return datetime.fromisoformat(order["updated_at"]).isoformat(), order["id"]

        if cursor := query.get("page_info"):
            if query.keys() != {"limit", "page_info"}:
                return 400, {}, b'{"errors": "nothing beside page_info"}'
            begin = tuple(orjson.loads(base64.urlsafe_b64decode(cursor)))
        else:
            begin = (datetime.fromisoformat(query["updated_at_min"]).isoformat(), 0)
        left = [order for order in sorted(self.orders, key=rank) if rank(order) > begin]
        page = left[: self.per_page]
        links = {}
        if len(left) > len(page):
            after = base64.urlsafe_b64encode(orjson.dumps(rank(page[-1]))).decode()
            before = '<https://elsewhere.example/orders.json?limit=1&page_info=back>; rel="previous"'
            links["link"] = f'{before}, <https://elsewhere.example/o.json?limit=250&page_info={after}>; rel="next"'
        return 200, links, orjson.dumps({"orders": page})

    def _woocommerce(self, query: dict[str, str]) -> Reply:
        begin, changed = query.get("after", ""), query["modified_after"]
        fitting = [
            order
            for order in sorted(self.orders, key=lambda one: (one["date_created_gmt"], one["id"]))
            if order["date_created_gmt"] > begin and order["date_modified_gmt"] > changed
        ]
        first = (int(query.get("page", 1)) - 1) * self.per_page
        pages = {"x-wp-totalpages": str(-(-len(fitting) // self.per_page))}
        return 200, pages, orjson.dumps(fitting[first : first + self.per_page])

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[ShopSystem]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
                reply = self.answer(request.split(" ")[1], headers)
                if reply is not None:
                    status, more, body = reply
                    head = "".join(f"{name}: {value}\r\n" for name, value in more.items())
                    writer.write(f"HTTP/1.1 {status} .\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                    await writer.drain()
            finally:
                writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with server:
            self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self


def woo_order(number: int, created: str = "2026-03-01T16:28:02", **more: Any) -> dict[str, Any]:
    order = {
        "id": number,
        "status": "processing",
        "currency": "USD",
        "date_created_gmt": created,
        "date_modified_gmt": "2026-03-01T16:28:08",
        "total": "29.35",
        "customer_id": 26,
    }
    return order | more


def walk(kind: OrderList, system: ShopSystem, secret: str, during: Callable[[], None] = lambda: None) -> list[str]:
    """The ids of the orders of all pages, as they come; `during` happens after each page."""
    source, place, found = Source("https://shop.example", secret), None, list[str]()
    for _ in range(1_000):
        asked = kind.ask(source, SINCE, place)
        reply = system.answer(asked.url, {name.lower(): value for name, value in asked.headers.items()})
        assert reply is not None
        page = kind.read(Answer(*reply), place)
        found += page.orders
        if page.next is None:
            return found
        place = page.next
        during()
    raise AssertionError("the list has no end")


@given(
    seconds=st.lists(st.integers(0, 12), min_size=1, max_size=30),
    gone=st.lists(st.integers(0, 29), max_size=6),
    per_page=st.integers(1, 5),
)
def test_an_order_that_leaves_the_list_hides_no_other_one(seconds: list[int], gone: list[int], per_page: int) -> None:
    """WooCommerce's pages by number would: whatever moves up is on a page that was read."""
    orders = [woo_order(n, f"2026-03-01T16:00:{second:02d}") for n, second in enumerate(seconds, 1)]
    # Of one second more than a page, numbers are all there is: nothing leaves then.
    fits = max(seconds.count(each) for each in seconds) < per_page
    system, leaving = ShopSystem(orders, per_page=per_page), iter(gone if fits else [])

    def one_goes() -> None:
        number = next(leaving, None)
        system.orders = [order for order in system.orders if order["id"] != number]

    found = walk(WooCommerceList(), system, KEYS, one_goes)
    assert {str(order["id"]) for order in system.orders} <= set(found)


def test_a_shop_that_lets_fewer_orders_stand_on_a_page_is_read_to_its_end() -> None:
    system = ShopSystem([woo_order(n, f"2026-03-01T16:{n:02d}:00") for n in range(50)], per_page=7)
    assert set(walk(WooCommerceList(), system, KEYS)) == {str(n) for n in range(50)}


def test_an_order_that_changes_while_shopifys_list_is_read_is_read_again() -> None:
    orders = [{"id": n, "updated_at": f"2026-03-01T10:00:0{n}-05:00"} for n in range(1, 8)]
    system = ShopSystem(orders)

    def first_changes() -> None:
        orders[0]["updated_at"] = "2026-03-02T10:00:00-05:00"

    found = walk(ShopifyList(), system, TOKEN, first_changes)
    assert found == ["1", "2", "3", "4", "5", "6", "7", "1"]
    # Filters stand in the first request alone, and the link's host is never asked.
    assert "updated_at_min=2026-02-01T00%3A00%3A00Z" in system.asked[0]
    assert all(each.startswith("https://shop.example/admin/api/2025-10/orders.json?limit=250") for each in system.asked)


@pytest.mark.parametrize(
    ("kind", "address", "secret"),
    [
        (ShopifyList(), "https://teahouse.example", TOKEN),
        (ShopifyList(), "https://teahouse.myshopify.com.evil.example", TOKEN),
        (ShopifyList(), "https://teahouse.myshopify.com/admin", TOKEN),
        (ShopifyList(), "https://teahouse.myshopify.com", "short"),
        (ShopifyList(), "https://teahouse.myshopify.com", TOKEN + "\r\nx: y"),
        (ShopifyList(), "https://ann@teahouse.myshopify.com", TOKEN),
        (WooCommerceList(), "http://shop.example", KEYS),
        (WooCommerceList(), "https://127.0.0.1", KEYS),
        (WooCommerceList(), "https://[::1]", KEYS),
        (WooCommerceList(), "https://169.254.169.254", KEYS),
        (WooCommerceList(), "https://2130706433", KEYS),
        (WooCommerceList(), "https://[64:ff9b::7f00:1]", KEYS),
        (WooCommerceList(), "https://[::ffff:127.0.0.1]", KEYS),
        (WooCommerceList(), "https://shop.example?x=1", KEYS),
        (WooCommerceList(), "https://shop.example", "ck_0123456789abcdef"),
    ],
)
def test_an_address_or_a_secret_that_cannot_be_right_is_refused(kind: OrderList, address: str, secret: str) -> None:
    with pytest.raises(InvalidSource) as refused:
        kind.check(Source(address, secret), private=False)
    assert secret not in str(refused.value)


def test_an_address_is_kept_in_one_writing() -> None:
    assert ShopifyList().check(Source("https://TeaHouse.myshopify.com/", TOKEN), private=False) == Source(
        "https://teahouse.myshopify.com", TOKEN
    )
    given = Source("https://shop.example/blog/wp-json/wc/v3/orders", KEYS)
    assert WooCommerceList().check(given, private=False).address == "https://shop.example/blog"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"orders": 1}', b'{"orders": [{"name": "#1"}]}'])
def test_what_is_no_page_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(UnreadablePage):
        ShopifyList().read(Answer(200, {}, body), None)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "127.0.0.1"])
async def test_no_name_leads_into_a_private_network(host: str) -> None:
    with pytest.raises(Forbidden):
        await fetch(Asked(f"https://{host}/", {}), private=False)


@pytest.mark.parametrize("host", ["a..b.example", "a" * 64 + ".example", "999.1.1.1", "xn--a.example"])
async def test_what_is_no_host_is_not_asked(host: str) -> None:
    with pytest.raises(Forbidden):
        await fetch(Asked(f"https://{host}/", {}), private=False)
    with pytest.raises(InvalidSource):
        WooCommerceList().check(Source(f"https://{host}", KEYS), private=False)


@pytest.mark.parametrize(
    ("headers", "order"),
    [
        ({}, woo_order(1, "0001-01-01T00:00:00")),
        ({"x-wp-totalpages": "9" * 5_000}, woo_order(1, "0001-01-01T00:00:00")),
        ({"x-wp-totalpages": "9"}, woo_order(1, "x")),
    ],
)
def test_a_page_beyond_the_calendar_is_said_to_be_none(headers: dict[str, str], order: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePage):
        WooCommerceList().read(Answer(200, headers, orjson.dumps([order] * 100)), None)


@pytest.mark.parametrize(
    ("mood", "waits"),
    [
        ((429, {"retry-after": "99999999999999999999"}, b""), MOST_ASKED_FOR),
        ((429, {"retry-after": "1e300"}, b""), MOST_ASKED_FOR),
        ((429, {"retry-after": "-1e300"}, b""), timedelta(0)),
        ((429, {"retry-after": "inf"}, b""), LONGEST_WAIT),
    ],
)
async def test_whatever_a_system_says_holds_up_its_own_run_alone(
    api: httpx.AsyncClient,
    db: Database,
    vault: Vault,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
    mood: Reply,
    waits: timedelta,
) -> None:
    monkeypatch.setenv("ORDER_LISTS_PRIVATE_HOSTS", "true")
    async with ShopSystem([], [mood]).listening() as system:
        await api.put(f"{LISTS}/shopify", json={"address": system.address, "secret": TOKEN})
        await begin(api, "r", "shopify")
        assert await poll_next(db, vault, private=True)
        waiting = (await api.get(f"{RUNS}/r")).json()
        assert (waiting["pages"], waiting["ended_at"]) == (0, None)
        clock.set(clock.now() + waits)
        assert (await to_the_end(api, db, vault, clock, "r"))["trouble"] is None


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Names and what they lead to, one answer a look-up, the last one for good; other hosts are looked up as ever."""
    known, ask = dict[str, list[list[str]]](), socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in known:
            return ask(host, port, *args, **kwargs)
        answers = known[name]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found for each in addresses for found in ask(each, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["10.0.0.1"], ["169.254.169.254"], ["fe80::1"], ["fec0::1"], ["::ffff:127.0.0.1"],
     ["::ffff:169.254.169.254"], ["64:ff9b::7f00:1"], ["2002:7f00:1::"], ["224.0.0.1"], ["0.0.0.0"],
     ["8.8.8.8", "127.0.0.1"], ["2606:4700:4700::1111", "fe80::1"]],
)  # fmt: skip
async def test_no_public_name_leads_to_an_address_that_is_not(
    names: dict[str, list[list[str]]], addresses: list[str]
) -> None:
    """M6: by name, by one of several addresses, mapped into IPv6 or translated on the way."""
    names["shop.example"] = [addresses]
    with pytest.raises(Forbidden):
        await fetch(Asked("https://shop.example/", {}), private=False)


async def test_a_name_that_leads_elsewhere_the_second_time_leads_nowhere(names: dict[str, list[list[str]]]) -> None:
    """M6, DNS rebinding: the address that was looked at is the one that is asked, under the shop's name."""
    seen, elsewhere = list[str](), list[str]()

    def taking(asked: list[str]) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
            writer.write(b"HTTP/1.1 200 .\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            await writer.drain()
            writer.close()

        return talk

    shop = await asyncio.start_server(taking(seen), "127.0.0.1", 0)
    port = shop.sockets[0].getsockname()[1]
    other = await asyncio.start_server(taking(elsewhere), "127.0.0.2", port)
    async with shop, other:
        names["shop.example"] = [["127.0.0.1"], ["127.0.0.2"]]
        answer = await fetch(Asked(f"http://shop.example:{port}/orders", {}), private=True)
        assert (answer.status, answer.body, elsewhere) == (200, b"{}", [])
        assert f"host: shop.example:{port}\r\n" in seen[0]
        assert names["shop.example"] == [["127.0.0.2"]], "looked up once"


@pytest.mark.parametrize("kind", [ShopifyList(), WooCommerceList()])
def test_an_order_that_is_nested_too_deep_stops_no_list(kind: OrderList) -> None:
    orders = b'[{"id":1},{"id":2,"note":%s%s},{"id":3}]' % (b"[" * 300, b"]" * 300)
    body = b'{"orders":%s}' % orders if kind.name == "shopify" else orders
    page = kind.read(Answer(200, {}, body), None)
    assert page.orders == {"1": b'{"id":1}', "2": b"", "3": b'{"id":3}'}


async def test_an_order_that_is_nested_too_deep_is_refused_by_itself(
    api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDER_LISTS_PRIVATE_HOSTS", "true")
    good = orjson.dumps(woo_order(2)).decode()
    body = f'[{{"id": 1, "note": {"[" * 300}{"]" * 300}}}, {good}]'.encode()
    async with ShopSystem([], [(200, {}, body)]).listening() as system:
        await api.put(f"{LISTS}/woocommerce", json={"address": system.address, "secret": KEYS})
        await begin(api, "r", "woocommerce")
        report = await to_the_end(api, db, vault, clock, "r")
    assert (report["refused"], report["missed"], report["trouble"]) == (1, 1, None)


async def test_a_page_that_cannot_be_taken_is_asked_for_again(
    api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: ShopifyList, answer: Answer, place: object) -> Page:
        raise TypeError("of ours")

    monkeypatch.setenv("ORDER_LISTS_PRIVATE_HOSTS", "true")
    async with ShopSystem([]).listening() as system:
        await api.put(f"{LISTS}/shopify", json={"address": system.address, "secret": TOKEN})
        await begin(api, "r", "shopify")
        with monkeypatch.context() as patched:
            patched.setattr(ShopifyList, "read", fails)
            assert await poll_next(db, vault, private=True)
        assert (await api.get(f"{RUNS}/r")).json()["ended_at"] is None
        clock.set(clock.now() + LONGEST_WAIT)
        assert (await to_the_end(api, db, vault, clock, "r"))["trouble"] is None


async def to_the_end(api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, run: str) -> dict[str, Any]:
    """Poll until the run has ended; an hour passes where a page is waited for."""
    for _ in range(100):
        report: dict[str, Any] = (await api.get(f"{RUNS}/{run}")).json()
        if report["ended_at"] is not None:
            return report
        if not await poll_next(db, vault, private=True):
            clock.set(clock.now() + timedelta(hours=1))
    raise AssertionError("the run does not end")


async def begin(api: httpx.AsyncClient, run: str, polled: str) -> httpx.Response:
    until = "2026-03-05T12:00:00Z"
    return await api.post(RUNS, json={"run_id": run, "since": "2026-02-01T00:00:00Z", "until": until, "polled": polled})


async def test_what_shopifys_webhooks_did_not_bring_is_found_whatever_the_system_does(
    api: httpx.AsyncClient,
    db: Database,
    vault: Vault,
    clock: FixedClock,
    delivering: Any,
    shopify_order: Any,
    published: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """L5: patience asked for, failures, a page that is no JSON, a page that comes twice, a change while paging."""
    monkeypatch.setenv("ORDER_LISTS_PRIVATE_HOSTS", "true")
    listed = [{**shopify_order, "id": n, "updated_at": f"2026-03-01T10:0{n}:00-05:00"} for n in range(1, 9)]
    refund = {
        "id": 9,
        "order_id": 2,
        "created_at": "2026-03-01T10:02:00-05:00",
        "transactions": [{"kind": "refund", "status": "success", "amount": "5.00", "currency": "USD"}],
    }
    for order in listed[:3]:  # these came by webhook; the refund of the second did not
        await delivering.shopify("orders/updated", order)
    listed[1]["refunds"] = [refund]
    await delivering.shopify("orders/updated", {**shopify_order, "id": 99})  # ours alone
    told = len(await published())
    assert (await begin(api, "r", "shopify")).status_code == 404  # nothing is connected yet

    def first_ships() -> None:
        listed[0] |= {"fulfillment_status": "fulfilled", "updated_at": "2026-03-02T10:00:00-05:00"}

    again = ShopSystem(listed).answer(
        "/admin/api/2025-10/orders.json?limit=250&updated_at_min=2026-02-01T00:00:00Z",
        {"x-shopify-access-token": TOKEN},
    )
    moods: list[Any] = [
        None,
        (429, {"retry-after": "2.0"}, b""),
        (502, {}, b""),
        first_ships,
        again,
        (0, {}, b""),
        (200, {}, b"<!doctype html>"),
    ]
    async with ShopSystem(listed, moods).listening() as system:
        await api.put(f"{LISTS}/shopify", json={"address": system.address, "secret": TOKEN})
        assert (await begin(api, "r", "shopify")).status_code == 201
        assert await poll_next(db, vault, private=True)
        assert await poll_next(db, vault, private=True)
        waiting = (await api.get(f"{RUNS}/r")).json()
        assert (waiting["pages"], waiting["trouble"]) == (1, "the shop's system asked for patience (429)")
        assert not await poll_next(db, vault, private=True)  # not before it said
        clock.set(clock.now() + timedelta(seconds=2))
        report = await to_the_end(api, db, vault, clock, "r")
        events = await published()
        for event in events[told:]:
            assert event.source == "/shops/demo/shopify"
        counts = {name: report[name] for name in ("same", "missed", "behind", "ahead", "refused", "absent", "trouble")}
        # The first was the same when its page was read, and had shipped when it was read again.
        assert counts == {
            "same": 2, "missed": 5, "behind": 2, "ahead": 0, "refused": 0, "absent": 1, "trouble": None
        }  # fmt: skip
        found = (await api.get(f"{RUNS}/r/findings", params={"kind": "behind"})).json()["items"]
        assert [one["order_id"] for one in found] == ["1", "2"]
        assert found[1]["detail"] == "refund 9 not known here"
        assert (await api.get("/v1/shops/demo/orders/1")).json()["state"] == "shipped"
        assert [r["amount"] + r["freight"] for r in (await api.get("/v1/shops/demo/refunds")).json()] == [500]
        paid = [e.data.order_id for e in events if e.type == "order.paid" and not e.data.again]
        assert sorted(paid) == sorted([*map(str, range(1, 9)), "99"])  # each once
        await begin(api, "next", "shopify")
        report = await to_the_end(api, db, vault, clock, "next")
        assert (report["same"], report["absent"], len(await published())) == (8, 1, len(events))


async def test_a_list_that_cannot_be_read_ends_its_run_and_says_why(
    api: httpx.AsyncClient, db: Database, vault: Vault, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person must do something: the report says what, by WooCommerce's list as well."""
    wanted = {"address": "http://127.0.0.1:9", "secret": KEYS, "daily": True}
    refused = await api.put(f"{LISTS}/woocommerce", json=wanted)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid_order_list")
    monkeypatch.setenv("ORDER_LISTS_PRIVATE_HOSTS", "true")
    orders = [woo_order(n, f"2026-03-01T16:{n:02d}:00") for n in range(4)]
    orders[3] |= {"status": "checkout-draft"}
    moods: list[Any] = [(401, {}, b"{}"), (301, {"location": "http://169.254.169.254/"}, b"")]
    async with ShopSystem(orders, moods, per_page=2).listening() as system:
        answer = await api.put(f"{LISTS}/woocommerce", json={**wanted, "address": system.address})
        assert KEYS not in answer.text
        [connected] = (await api.get(LISTS)).json()
        assert (connected["address"], connected["daily"]) == (system.address, True)
        for run, why in (("key", "refuses the secret (401)"), ("moved", "answers with a redirect (301)")):
            await begin(api, run, "woocommerce")
            assert why in (await to_the_end(api, db, vault, clock, run))["trouble"]
        await begin(api, "by-hand", "woocommerce")
        sent = {"order_id": "1", "state": "paid", "time": "2026-03-01T10:00:00Z", "currency": "USD", "goods_paid": 1}
        assert (await api.post(f"{RUNS}/by-hand/orders", json={"orders": [sent]})).status_code == 409
        stopped = (await api.post(f"{RUNS}/by-hand/end")).json()
        assert (stopped["trouble"], stopped["absent"]) == ("stopped by request", 0)
        async with db.transaction() as tx:
            assert [await begin_daily(tx, tx.clock.now()) for _ in range(2)] == [1, 0]
        [daily] = [run for run in (await api.get(RUNS)).json()["items"] if run.startswith("woocommerce-2026-03-")]
        report = await to_the_end(api, db, vault, clock, daily)
        assert (report["missed"], report["trouble"]) == (0, None)  # of the last three days nothing changed
        await begin(api, "all", "woocommerce")
        report = await to_the_end(api, db, vault, clock, "all")
        # Each page begins with the last order of the one before; the draft is no order.
        assert (report["missed"], report["pages"], report["trouble"]) == (3, 3, None)
    await begin(api, "away", "woocommerce")
    report = await to_the_end(api, db, vault, clock, "away")
    assert "was not reached" in report["trouble"]
    assert report["trouble"].endswith("asked 30 times")
    assert (await api.delete(f"{LISTS}/woocommerce")).status_code == 204
    assert (await begin(api, "none", "woocommerce")).status_code == 404
