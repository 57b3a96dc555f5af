"""Where lists of orders are asked for: no address of a shop's leads our servers elsewhere (M6)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orders_ingest.reconciliation.client import Forbidden, fetch
from orders_ingest.reconciliation.lists.protocol import (
    Asked,
    InvalidSource,
    OrderList,
    Source,
)
from orders_ingest.reconciliation.lists.shopify import ShopifyList
from orders_ingest.reconciliation.lists.woocommerce import WooCommerceList

from .shop_system import KEYS, TOKEN


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
