"""Asks a shop's system for a page of its orders; a host of a private network is not asked, however it is named."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from urllib.parse import urlsplit

import httpx

from common.values.addresses import is_public_address
from orders_ingest.reconciliation.lists.protocol import Answer, Asked

MOST = 32 << 20
"""Bytes of a page; 250 orders of Shopify's have some four million."""
WITHIN_S = 60.0
# The libraries log each request with its URL.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Unreachable(Exception):
    """No answer came; the message says why."""


class Forbidden(Exception):
    """The host must not be asked; the message says why."""


async def fetch(asked: Asked, *, private: bool) -> Answer:
    """The answer, whatever its status; redirects are not followed. Raises Unreachable, Forbidden.

    The name is looked up once and the connection made to the address that was looked at, so that a name which leads
    elsewhere the second time leads nowhere.
    """
    try:
        url = httpx.URL(asked.url)
        async with asyncio.timeout(WITHIN_S):
            address = await _address_of(url.host, url.port or (443 if url.scheme == "https" else 80), private=private)
            headers = {**asked.headers, "host": urlsplit(asked.url).netloc, "user-agent": "regulars"}
            async with (
                httpx.AsyncClient(trust_env=False, timeout=WITHIN_S) as client,
                client.stream(
                    "GET", url.copy_with(host=address), headers=headers, extensions={"sni_hostname": url.host}
                ) as answer,
            ):
                return Answer(answer.status_code, answer.headers, await _body(answer))
    except TimeoutError:
        raise Unreachable(f"no whole answer within {WITHIN_S:.0f} seconds") from None
    except (httpx.InvalidURL, UnicodeError):
        raise Forbidden("there is no such host") from None
    except (httpx.HTTPError, OSError) as error:
        raise Unreachable(f"{type(error).__name__}: {error}"[:300]) from None


async def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > MOST:
            raise Unreachable(f"the answer is larger than {MOST >> 20} MB")
    return bytes(body)


async def _address_of(host: str, port: int, *, private: bool) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(each[4][0]) for each in found]
    if not private and not all(map(is_public_address, addresses)):
        raise Forbidden(f"{host} is not of the public internet")
    return str(addresses[0])
